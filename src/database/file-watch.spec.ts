import { appendFileSync, closeSync, openSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import { FileWatch, type WatchedFile } from './file-watch';

describe('F51: a database file under our hands', () => {
  let path: string;
  let held: number;
  beforeEach(() => {
    path = join(temporaryFolder(), 'mcps.db');
    writeFileSync(path, 'x'.repeat(10_000));
    // As the database has it: so its inode is given to no other file.
    held = openSync(path, 'r');
  });
  afterEach(() => {
    closeSync(held);
    removeTemporaryFolders();
  });

  const watching = async (size: WatchedFile['size']): Promise<FileWatch> => {
    const watch = new FileWatch([{ path, size }]);
    expect(await watch.look()).toBeNull();
    return watch;
  };

  it('may grow and be written', async () => {
    const watch = await watching('grows');
    appendFileSync(path, 'more');
    expect(await watch.look()).toBeNull();
  });

  it('is damaged when it is deleted, replaced by another one, or cut', async () => {
    const watch = await watching('grows');
    truncateSync(path, 4_096);
    expect(await watch.look()).toEqual({ file: path, what: 'truncated' });
    rmSync(path);
    expect(await watch.look()).toEqual({ file: path, what: 'deleted' });
    writeFileSync(`${path}.other`, 'x'.repeat(20_000));
    renameSync(`${path}.other`, path);
    expect(await watch.look()).toEqual({ file: path, what: 'replaced' });
  });

  it('may shrink where that is our own doing, but not to nothing', async () => {
    const watch = await watching('shrinks');
    truncateSync(path, 4_096);
    expect(await watch.look()).toBeNull();
    truncateSync(path, 0);
    expect(await watch.look()).toEqual({ file: path, what: 'truncated' });
  });

  it('may have any size where it is a log that is reset', async () => {
    const watch = await watching('any');
    truncateSync(path, 0);
    expect(await watch.look()).toBeNull();
  });

  it('is looked at anew after it was exchanged by ourselves, and one that is made later is no damage', async () => {
    const watch = await watching('grows');
    rmSync(path);
    watch.forget();
    expect(await watch.look()).toBeNull();
    writeFileSync(path, 'x');
    expect(await watch.look()).toBeNull();
  });
});
