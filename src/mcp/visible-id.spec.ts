import { visibleId } from './visible-id';

describe('visibleId', () => {
  it('reads the id at the beginning', () => {
    expect(visibleId('{"jsonrpc":"2.0","id":17,"result":{"content":[{"text":"xxx')).toBe(17);
    expect(visibleId('{ "id" : "17" , "result":"xxx')).toBe(17);
  });

  it('F19: never takes the id of an inner object, which could be that of another call', () => {
    expect(visibleId('{"result":{"id":5,"items":[{"id":6},"id",')).toBeNull();
    expect(visibleId('{"jsonrpc":"2.0","result":{"text":"{\\"id\\":5,', '"id":6}]}}')).toBeNull();
  });

  it('reads the id at the end, where the TypeScript SDK writes it', () => {
    expect(visibleId('{"result":{"id":5,', 'xxx"}]},"jsonrpc":"2.0","id":42}')).toBe(42);
    expect(visibleId('{"result":{}', '\\"id\\":6}')).toBeNull();
  });

  it('takes no number that may be cut off', () => {
    expect(visibleId('{"id":12')).toBeNull();
  });
});
