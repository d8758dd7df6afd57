import { headerParametersOf, parameterHeaders } from './parameter-headers';

const object = (properties: object, more: object = {}): object => ({ type: 'object', properties, ...more });
const region = { type: 'string', 'x-mcp-header': 'Region' };

describe('headerParametersOf', () => {
  it('finds annotated arguments at any depth of properties', () => {
    const schema = object({ region, where: object({ zone: { type: 'integer', 'x-mcp-header': 'Zone' } }), plain: {} });
    expect(headerParametersOf(schema)).toEqual([
      { path: ['region'], header: 'mcp-param-region' },
      { path: ['where', 'zone'], header: 'mcp-param-zone' },
    ]);
  });

  it('finds none where there is none', () => {
    for (const schema of [undefined, null, true, object({ a: { type: 'string' } })])
      expect(headerParametersOf(schema)).toEqual([]);
  });

  it('takes what only looks like an annotation in a value for data', () => {
    const schema = object({ a: { type: 'object', default: { 'x-mcp-header': '' } } });
    expect(headerParametersOf(schema)).toEqual([]);
  });

  it('takes an argument that is called like the annotation for an argument', () => {
    expect(headerParametersOf(object({ 'x-mcp-header': { type: 'string' } }))).toEqual([]);
  });

  it.each([
    ['an empty name', object({ a: { type: 'string', 'x-mcp-header': '' } })],
    ['a name that is no text', object({ a: { type: 'string', 'x-mcp-header': 1 } })],
    ['a space in the name', object({ a: { type: 'string', 'x-mcp-header': 'My Region' } })],
    ['a colon in the name', object({ a: { type: 'string', 'x-mcp-header': 'Region:Primary' } })],
    ['a line break in the name', object({ a: { type: 'string', 'x-mcp-header': 'Region\r\nX-Evil: 1' } })],
    ['a letter outside of ASCII', object({ a: { type: 'string', 'x-mcp-header': 'Région' } })],
    ['an object', object({ a: { type: 'object', 'x-mcp-header': 'A' } })],
    ['a number, which has no one notation', object({ a: { type: 'number', 'x-mcp-header': 'A' } })],
    ['no type', object({ a: { 'x-mcp-header': 'A' } })],
    ['the same name twice', object({ a: region, b: { ...region, 'x-mcp-header': 'rEGION' } })],
    ['an annotation of the whole', { type: 'object', 'x-mcp-header': 'A' }],
    ['an annotation within a list', object({ a: { type: 'array', items: region } })],
    ['an annotation within a choice', object({}, { anyOf: [object({ region })] })],
    ['an annotation in a definition', object({ a: { $ref: '#/$defs/r' } }, { $defs: { r: region } })],
  ])('refuses %s', (_what, schema) => {
    expect(headerParametersOf(schema)).toBeNull();
  });
});

describe('parameterHeaders', () => {
  const header = (value: unknown): string | undefined =>
    parameterHeaders([{ path: ['in', 'side'], header: 'mcp-param-x' }], { in: { side: value } })['mcp-param-x'];

  it('writes what a header can carry as it is', () => {
    expect(['us west 1', 42, -0, false, true].map(header)).toEqual(['us west 1', '42', '0', 'false', 'true']);
  });

  it('encodes what a header can not carry', () => {
    const decode = (text = ''): string =>
      Buffer.from(/^=\?base64\?(.*)\?=$/.exec(text)?.[1] ?? '', 'base64').toString();
    for (const value of ['', ' padded ', 'Hello, 世界', 'a\r\nX-Evil: 1', '\tindented', '=?base64?eA==?='])
      expect(decode(header(value))).toBe(value);
  });

  it('leaves out what is missing, null, no plain value or no exact number', () => {
    for (const value of [undefined, null, {}, [1], 2 ** 60, 1.5, Number.NaN]) expect(header(value)).toBeUndefined();
    expect(parameterHeaders([{ path: ['a', 'b'], header: 'mcp-param-x' }], { a: 'text' })).toEqual({});
    expect(parameterHeaders([{ path: ['a'], header: 'mcp-param-x' }], undefined)).toEqual({});
  });
});
