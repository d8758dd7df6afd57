import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Operation {
  operationId?: string;
  summary?: string;
  security?: object[];
  'x-required-role'?: string;
  responses: Record<string, { description?: string; content?: Record<string, { schema?: object }> }>;
}

/** The committed document; CI proves that it is what the program generates. */
const document = JSON.parse(readFileSync(join(__dirname, '../docs/openapi.json'), 'utf8')) as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { properties?: object }> };
};
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ route: `${method.toUpperCase()} ${path}`, operation })),
);

/** Routes that answer without a token; a new one has to be added here on purpose. */
const PUBLIC = [
  'GET /health',
  'GET /health/live',
  'GET /health/ready',
  'GET /health/startup',
  'POST /api/v1/auth/login',
  'POST /api/v1/auth/refresh',
];

describe('the OpenAPI document is complete enough to generate a client', () => {
  it.each(operations)('$route has an id, a summary, a success schema, errors and security', ({ operation }) => {
    expect(operation.operationId).toMatch(/^[a-z][A-Za-z]+$/);
    expect(operation.summary).toMatch(/\w{3,}/);
    expect(operation.security).toBeInstanceOf(Array);
    const success = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'));
    expect(success).toHaveLength(1);
    for (const [status, response] of success) {
      const schemas = Object.values(response.content ?? {}).map(({ schema }) => schema);
      expect(status === '204' || (schemas.length > 0 && !schemas.includes(undefined))).toBe(true);
    }
    for (const status of ['400', '500']) {
      expect(operation.responses[status]?.content).toHaveProperty('application/problem+json');
    }
  });

  it('names each operation once', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('refers only to schemas that it has, and none of them is empty', () => {
    const text = JSON.stringify(document);
    for (const [, name] of text.matchAll(/#\/components\/schemas\/(\w+)/g)) {
      expect(document.components.schemas).toHaveProperty(name ?? '');
    }
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      expect({ name, empty: schema.properties !== undefined && Object.keys(schema.properties).length === 0 }).toEqual({
        name,
        empty: false,
      });
    }
  });

  it('opens no route but the listed ones, and says for each other one which role it needs', () => {
    const open = operations
      .filter(({ operation }) => !JSON.stringify(operation.security).includes('"bearer"'))
      .map(({ route }) => route);
    expect(open.sort()).toEqual(PUBLIC);
    for (const { route, operation } of operations) {
      if (PUBLIC.includes(route)) continue;
      expect({ route, role: operation['x-required-role'] }).toEqual({
        route,
        role: expect.stringMatching(/^(viewer|operator|admin)$/) as string,
      });
    }
  });
});
