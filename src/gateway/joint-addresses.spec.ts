import { JointAddresses, withShownAddresses } from './joint-addresses';

const owners = new JointAddresses([
  { tool: 'a', uris: ['test://one', 'file:///x'], templates: ['note://{id}', 'deep://a/{id}/data'] },
  { tool: 'b', uris: ['file:///x', 'test://two'], templates: ['note://{id}', 'deep://a/b/{id}/data'] },
]);

describe('JointAddresses', () => {
  it('leaves addresses alone that one tool has, and marks those of the second', () => {
    expect(owners.shown('a', 'test://one')).toBe('test://one');
    expect(owners.shown('b', 'test://two')).toBe('test://two');
    expect(owners.shown('a', 'file:///x')).toBe('file:///x');
    expect(owners.shown('b', 'file:///x')).toBe('mcps-b+file:///x');
    expect(owners.shown('b', 'note://{id}')).toBe('mcps-b+note://{id}');
  });

  it('leads every shown address back to its tool, listed or not', () => {
    const addresses = ['test://one', 'file:///x', 'note://7', 'deep://a/b/1/data', 'never:listed', 'a b\nc', '?'];
    for (const tool of ['a', 'b']) {
      for (const uri of addresses) expect(owners.route(owners.shown(tool, uri))).toEqual({ tool, uri });
    }
  });

  it('finds the tool whose template fits best', () => {
    expect(owners.route('deep://a/7/data')).toEqual({ tool: 'a', uri: 'deep://a/7/data' });
    expect(owners.route('deep://a/b/7/data')).toEqual({ tool: 'b', uri: 'deep://a/b/7/data' });
  });

  it('finds the only tool that knows the scheme, and does not guess between two', () => {
    const some = new JointAddresses([
      { tool: 'a', uris: ['db://tables/1'], templates: [] },
      { tool: 'b', uris: ['file:///x'], templates: [] },
    ]);
    expect(some.route('DB://tables/2')).toEqual({ tool: 'a', uri: 'DB://tables/2' });
    expect(some.route('http://elsewhere')).toBeNull();
    expect(owners.route('test://three')).toBeNull();
  });

  it('takes a mark with the name of no tool for part of the address', () => {
    const one = new JointAddresses([{ tool: 'a', uris: ['mcps-gone+x://y'], templates: [] }]);
    expect(one.route('mcps-gone+x://y')).toEqual({ tool: 'a', uri: 'mcps-gone+x://y' });
  });

  it('answers a hostile template and address in linear time', () => {
    const evil = new JointAddresses([{ tool: 'a', uris: [], templates: [`x://${'{a}'.repeat(20_000)}`] }]);
    expect(evil.route(`x://${'/'.repeat(200_000)}!`)).toMatchObject({ tool: 'a' });
  });
});

describe('withShownAddresses', () => {
  const show = (uri: string): string => (uri === 'file:///x' ? 'mcps-b+file:///x' : uri);

  it('marks links and embedded resources, and keeps all else byte for byte', () => {
    const text =
      '{ "content": [{"type":"text","text":"\\"uri\\":\\"file:///x\\""}, {"type":"resource_link","uri":"file:///x","size":12345678901234567890},' +
      '{"type":"resource","resource":{"uri":"file:\\/\\/\\/x","text":"t"}}], "structuredContent": {"uri":"file:///x"} }';
    expect(withShownAddresses(text, show)).toBe(
      '{ "content": [{"type":"text","text":"\\"uri\\":\\"file:///x\\""},{"type":"resource_link","uri":"mcps-b+file:///x","size":12345678901234567890},' +
        '{"type":"resource","resource":{"uri":"mcps-b+file:///x","text":"t"}}], "structuredContent": {"uri":"file:///x"} }',
    );
  });

  it('marks what was read and what a prompt embeds', () => {
    expect(withShownAddresses('{"contents":[{"uri":"file:///x","text":"t"}]}', show)).toBe(
      '{"contents":[{"uri":"mcps-b+file:///x","text":"t"}]}',
    );
    const one = '{"role":"user","content":{"type":"resource","resource":{"uri":"file:///x"}}}';
    const list = '{"role":"user","content":[{"type":"resource_link","uri":"file:///x"},{"type":"text","text":"t"}]}';
    expect(JSON.parse(withShownAddresses(`{"messages":[${one},${list}]}`, show))).toMatchObject({
      messages: [
        { content: { resource: { uri: 'mcps-b+file:///x' } } },
        { content: [{ uri: 'mcps-b+file:///x' }, { type: 'text' }] },
      ],
    });
  });

  it.each([
    ['nothing to mark', '{"content":[{"type":"resource_link","uri":"test://other"}]}'],
    ['no lists', '{"content":"uri","contents":{"uri":1},"messages":[1,null,{"content":7}],"x":"\\"uri\\""}'],
    ['no object', '["uri"]'],
    [
      'addresses that are no text',
      '{"content":[{"type":"resource_link","uri":["file:///x"]},{"type":"resource","uri":1}]}',
    ],
  ])('hands on a result with %s as it is', (_what, text) => {
    expect(withShownAddresses(text, show)).toBe(text);
  });
});
