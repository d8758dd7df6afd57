import { AnswerText } from './answer-text';

describe('an answer as text', () => {
  it('finds the id, the result and whether the tool failed, wherever they stand', () => {
    const text =
      ' {"x":{"id":5,"isError":true},"result": {"content":[{"text":"\\"id\\":9}"}],"isError" : true } , "id" : 12,"jsonrpc":"2.0"}';
    const answer = AnswerText.read(text)!;
    expect([answer.id, answer.isError, answer.isToolError]).toEqual([12, false, true]);
    expect(answer.resultText).toBe('{"content":[{"text":"\\"id\\":9}"}],"isError" : true }');
    expect(answer.withId('"mine"')).toBe(text.replace('12', '"mine"'));
  });

  it('knows errors', () => {
    const answer = AnswerText.read('{"jsonrpc":"2.0","error":{"code":-1,"message":"no"},"id":3}')!;
    expect([answer.id, answer.isError, answer.errorText]).toEqual([3, true, '{"code":-1,"message":"no"}']);
  });

  it.each([
    ['a request', '{"id":1,"method":"m","result":{}}'],
    ['no id', '{"result":{}}'],
    ['both', '{"id":1,"result":{},"error":{}}'],
    ['neither', '{"id":1}'],
    ['an id twice', '{"id":1,"id":2,"result":{}}'],
    ['a result twice', '{"id":1,"result":{},"result":{}}'],
    ['a name in disguise', '{"\\u0069d":1,"id":2,"result":{}}'],
    ['no end', '{"id":1,"result":{"a":[1,2}'],
    ['a string without an end', '{"id":1,"result":{"a":"b}}'],
    ['more after the end', '{"id":1,"result":{}} {}'],
    ['no object', '[]'],
    ['nothing', ''],
  ])('leaves %s to who parses it', (_what, text) => {
    expect(AnswerText.read(text)).toBeNull();
  });

  it('is no id of ours where it is no number', () => {
    expect(AnswerText.read('{"id":"7","result":null}')?.id).toBeNull();
    expect(AnswerText.read('{"id":1.5,"result":null}')?.id).toBeNull();
  });

  it.each([
    ['{"resultType":"complete"}', '{}'],
    ['{ "resultType" : "complete" }', '{  }'],
    ['{"resultType":"complete","a":12345678901234567890}', '{"a":12345678901234567890}'],
    ['{"resultType":"complete" , "a":1 }', '{"a":1 }'],
    ['{"a":1.0 ,"ttlMs":5}', '{"a":1.0}'],
    ['{"a":1,"cacheScope":"public", "b" : 2}', '{"a":1, "b" : 2}'],
    ['{"ttlMs":1,"a":{"ttlMs":2},"cacheScope":"x","b":[ 1 ],"resultType":"complete"}', '{"a":{"ttlMs":2},"b":[ 1 ]}'],
    ['{"a":{"resultType":1}}', '{"a":{"resultType":1}}'],
    ['{"content":[{"text":"\\"ttlMs\\":1"}]}', '{"content":[{"text":"\\"ttlMs\\":1"}]}'],
    ['"ttlMs"', '"ttlMs"'],
  ])('for an older client, %s becomes %s', (result, expected) => {
    const answer = AnswerText.read(`{"jsonrpc":"2.0","id":7,"result":${result}}`)!;
    expect(answer.isInputRequired).toBe(false);
    expect(answer.forLegacy('"x"')).toBe(`{"jsonrpc":"2.0","id":"x","result":${expected}}`);
  });

  it('says that a server wants to know something first', () => {
    const read = (type: string) => AnswerText.read(`{"id":1,"result":{"resultType":${type},"a":1}}`)?.isInputRequired;
    expect(['"input_required"', '"input_required_not"', '"complete"', '1'].map(read)).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});
