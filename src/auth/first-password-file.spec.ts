import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import { loadConfig } from '../config/load-config';
import { FirstPasswordFile } from './first-password-file';

describe('the file of the first password', () => {
  afterEach(removeTemporaryFolders);

  const aFile = () => new FirstPasswordFile(loadConfig({ DATA_DIR: temporaryFolder() }));

  it('is for its owner alone, also where another one lay open in its place', () => {
    const file = aFile();
    writeFileSync(file.path, 'old', { mode: 0o644 });
    file.write('new password');
    expect(readFileSync(file.path, 'utf8')).toBe('new password\n');
    expect(statSync(file.path).mode & 0o777).toBe(0o600);
  });

  it('is gone once its password is changed, not when another one is, and a second time does no harm', () => {
    const file = aFile();
    file.write('password');
    file.removeIfIts('another password');
    expect(file.exists()).toBe(true);
    file.removeIfIts('password');
    file.removeIfIts('password');
    expect(file.exists()).toBe(false);
  });
});
