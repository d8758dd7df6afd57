import * as fc from 'fast-check';
import { readClientConfig } from './client-config-import';
import { unresolvedPlaceholders } from './config-variables';
import { ImportError } from './import.errors';
import { toolNameProblem } from './tool-definition.types';

describe('readClientConfig', () => {
  it('throws nothing but ImportError for any JSON, as value or as text', () => {
    expect.hasAssertions();
    const key = fc.constantFrom(
      ...['command', 'args', 'env', 'url', 'type', 'headers', 'cwd', 'timeout', 'name', 'packages', 'remotes'],
      ...['value', 'default', 'isRequired', 'variables', 'identifier', 'registryType', 'transport', '__proto__', 'a b'],
      ...['environmentVariables', 'packageArguments', 'runtimeArguments', 'registryBaseUrl', 'runtimeHint'],
    );
    const words = ['npm', 'oci', 'stdio', 'http', 'sse', 'named', '${A:-b}', '{x}', '', 'https://x/${', '}'];
    const leaf = fc.oneof(fc.constantFrom<unknown>(...words, 1, true, null), fc.string());
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 6 }),
      ),
    }));
    const config = fc.oneof(
      fc.jsonValue(),
      fc.record({ mcpServers: fc.dictionary(fc.oneof(key, fc.string()), tree), projects: tree, inputs: tree }),
      fc.record({ servers: tree, inputs: fc.array(tree), mcp: tree }),
      fc.record({ server: tree, name: fc.string(), packages: fc.array(tree), remotes: fc.array(tree) }),
      fc.string(),
    );
    fc.assert(
      fc.property(config, (value) => {
        for (const input of [value, JSON.stringify(value)]) {
          try {
            const { entries } = readClientConfig(input);
            const names = entries.map(({ draft }) => draft.name);
            expect(new Set(names).size).toBe(names.length);
            expect(names.filter((name) => toolNameProblem(name) !== null)).toEqual([]);
            for (const { draft, missing } of entries) {
              expect(missing).toEqual(unresolvedPlaceholders(draft));
              if (missing.length > 0) expect(draft.enabled).toBe(false);
            }
          } catch (error) {
            if (!(error instanceof ImportError)) throw error;
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
