import { ClientMessage, type MalformedMessageError } from './client-message';

const one = (text: string): ClientMessage => ClientMessage.readAll(text)[0]!;

describe('the trace of a caller', () => {
  const trace = {
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    tracestate: 'a="b"',
    traceId: '',
  };
  const carried = `"traceparent":"${trace.traceparent}","tracestate":"a=\\"b\\""`;
  const traced = (text: string) => ClientMessage.readAll(text).map((message) => message.traced(trace).text)[0];

  it.each([
    ['{"jsonrpc":"2.0","id":1,"method":"a"}', `{"jsonrpc":"2.0","id":1,"params":{"_meta":{${carried}}},"method":"a"}`],
    [
      '{"id":1,"method":"a","jsonrpc":"2.0","params":{"n":1e400}}',
      `{"id":1,"method":"a","jsonrpc":"2.0","params":{"_meta":{${carried}},"n":1e400}}`,
    ],
    [
      '{"jsonrpc":"2.0","id":1,"method":"a","params":{"_meta":{"x":1}}}',
      `{"jsonrpc":"2.0","id":1,"method":"a","params":{"_meta":{${carried},"x":1}}}`,
    ],
  ])('is put into the _meta of %s, and all else stays', (text, expected) => {
    expect(traced(text)).toBe(expected);
  });

  it.each([
    '{"jsonrpc":"2.0","id":1,"method":"a","params":{"_meta":{"traceparent":"mine"}}}',
    '{"jsonrpc":"2.0","method":"notifications/a"}',
    '{"jsonrpc":"2.0","id":1,"method":"a","params":[1]}',
  ])('is not put into %s', (text) => {
    expect(traced(text)).toBe(text);
  });
});

describe('a message of a client', () => {
  it('passes byte for byte but for the id and the progress token', () => {
    const text =
      '{ "vendor": [1.0, 12345678901234567890] ,"method":"tools/call","params":{"name":"a","arguments":{"id":7,"big":1e400},"_meta":{"progressToken" : "t\\u0041" ,"x/y":null}},"id": "abc\\n", "jsonrpc":"2.0","id2":0}';
    const message = one(text);
    expect(message.idText).toBe('"abc\\n"');
    expect(message.tokenText).toBe('"t\\u0041"');
    expect(message.toWire(42)).toBe(text.replace('"abc\\n"', '42').replace('"t\\u0041"', '42'));
  });

  it.each([
    [
      'no parameters',
      '{"jsonrpc":"2.0","id":1,"method":"m"}',
      '{"jsonrpc":"2.0","id":9,"params":{"_meta":{"e":1}},"method":"m"}',
    ],
    ['empty parameters', '{"id":1,"method":"m","params":{ }}', '{"id":9,"method":"m","params":{ "_meta":{"e":1}}}'],
    ['parameters', '{"params":{"a":1},"id":1,"method":"m"}', '{"params":{"_meta":{"e":1},"a":1},"id":9,"method":"m"}'],
    [
      'an empty _meta',
      '{"id":1,"method":"m","params":{"_meta":{}}}',
      '{"id":9,"method":"m","params":{"_meta":{"e":1}}}',
    ],
    [
      'a _meta with a token',
      '{"id":1,"method":"m","params":{"_meta":{"progressToken":5,"k":0},"a":1}}',
      '{"id":9,"method":"m","params":{"_meta":{"e":1,"progressToken":9,"k":0},"a":1}}',
    ],
  ])('takes further _meta members where it has %s', (_what, text, expected) => {
    expect(one(text).toWire(9, { insert: '"e":1' })).toBe(expected);
  });

  it('takes further parameters, whatever is there', () => {
    const edit = { insert: '"e":1', params: '"more":true' };
    for (const [text, params] of [
      ['{"id":1,"method":"m"}', { _meta: { e: 1 }, more: true }],
      ['{"id":1,"method":"m","params":{}}', { _meta: { e: 1 }, more: true }],
      ['{"id":1,"method":"m","params":{"a":[]}}', { _meta: { e: 1 }, more: true, a: [] }],
      ['{"id":1,"method":"m","params":{"_meta":{"k":0},"a":[]}}', { _meta: { e: 1, k: 0 }, more: true, a: [] }],
    ] as const) {
      expect(JSON.parse(one(text).toWire(9, edit)).params).toEqual(params);
    }
  });

  it.each([
    ['a method twice', '{"id":1,"method":"tools/call","method":"tools/list"}'],
    ['an id twice', '{"id":1,"id":2,"method":"m"}'],
    ['a name in disguise', '{"id":1,"\\u006dethod":"m","params":{}}'],
    ['_meta twice', '{"id":1,"method":"m","params":{"_meta":{"progressToken":1},"_meta":{"progressToken":2}}}'],
    ['a token twice', '{"id":1,"method":"m","params":{"_meta":{"progressToken":1,"progressToken":2}}}'],
    ['what is named twice', '{"id":1,"method":"tools/call","params":{"name":"a","name":"b"}}'],
  ])('is written anew as we understood it where it has %s', (_what, text) => {
    const message = one(text);
    const understood = JSON.parse(text);
    const token = understood.params?._meta?.progressToken === undefined ? {} : { progressToken: 9 };
    const wire = message.toWire(9);
    expect(wire).toBe(JSON.stringify(JSON.parse(wire)));
    expect(JSON.parse(wire)).toEqual({
      ...understood,
      id: 9,
      ...(understood.params?._meta ? { params: { _meta: token } } : {}),
    });
  });

  it('reads each member of a batch as it was written', () => {
    const [first, second] = ClientMessage.readAll(' [ {"id":1,"method":"a","params":{"n":1.0}} , {"method":"b"} ] ');
    expect([first?.text, second?.text]).toEqual(['{"id":1,"method":"a","params":{"n":1.0}}', '{"method":"b"}']);
  });

  it.each([
    ['{', -32700],
    ['[]', -32600],
    ['null', -32600],
    ['{"id":1}', -32600],
    ['{"id":true,"method":"x"}', -32600],
    ['[1]', -32600],
    ['['.repeat(3000), -32600],
  ])('refuses %s', (text, code) => {
    expect(() => ClientMessage.readAll(text)).toThrow(
      expect.objectContaining<Partial<MalformedMessageError>>({ rpcCode: code }),
    );
  });
});
