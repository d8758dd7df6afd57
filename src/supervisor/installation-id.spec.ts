import { cpSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import { installationId } from './installation-id';

afterEach(removeTemporaryFolders);

describe('the id of an installation', () => {
  it('is made once, for its owner alone, and stays', () => {
    const file = join(temporaryFolder(), 'installation-id');
    const id = installationId(file);
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(installationId(file)).toBe(id);
  });

  it('is another one in a copy of the folder: the children of the original are none of its leftovers', () => {
    const [original, copy] = [temporaryFolder(), temporaryFolder()];
    const id = installationId(join(original, 'installation-id'));
    cpSync(original, copy, { recursive: true });
    expect(installationId(join(copy, 'installation-id'))).not.toBe(id);
    expect(installationId(join(original, 'installation-id'))).toBe(id);
  });

  it('is made anew where the file is damaged', () => {
    const file = join(temporaryFolder(), 'installation-id');
    writeFileSync(file, 'half');
    expect(installationId(file)).toMatch(/^[0-9a-f-]{36}$/);
  });
});
