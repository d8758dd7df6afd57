/** Members of bodies that go to an MCP server as they are, or are read by a parser of their own. */
export const FREE_FORM: ReadonlySet<string> = new Set(['arguments', 'params', 'config']);
