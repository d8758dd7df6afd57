import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import { BeatFile } from './run-beat';

const beat = (at: number, ...ids: string[]) => ({ life: 'this one', at, ids: new Set(ids) });

describe('the file of when leaders were last seen alive', () => {
  let path: string;
  let file: BeatFile;
  beforeEach(() => {
    path = join(temporaryFolder(), 'alive');
    file = new BeatFile(path);
  });
  afterEach(async () => {
    await file.close();
    removeTemporaryFolders();
  });
  const inode = () => statSync(path).ino;
  /** As a later life finds it. */
  const found = () => new BeatFile(path).read();

  it('has only its time written over while the same leaders live, for us alone', async () => {
    await file.write(beat(9_999, 'a', 'b'));
    const [first, text] = [inode(), readFileSync(path, 'utf8')];
    expect(await found()).toEqual(beat(9_999, 'a', 'b'));
    await file.write(beat(10_000, 'a', 'b'));
    expect(await found()).toEqual(beat(10_000, 'a', 'b'));
    expect([inode(), readFileSync(path, 'utf8').length]).toEqual([first, text.length]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(path, '..'))).toEqual(['alive']);
  });

  it('is a new one as soon as others live: what it says of them is never mixed', async () => {
    await file.write(beat(1, 'a', 'b'));
    const first = inode();
    await file.write(beat(2, 'a'));
    expect([await found(), inode() === first]).toEqual([beat(2, 'a'), false]);
    await file.write(beat(3, 'a', 'c'));
    expect(await found()).toEqual(beat(3, 'a', 'c'));
  });

  it('comes back within a minute when somebody took it away', async () => {
    await file.write(beat(1, 'a'));
    rmSync(path);
    for (let at = 2; at <= 13; at++) await file.write(beat(at, 'a'));
    expect(await found()).toEqual(beat(13, 'a'));
  });

  it('is begun anew after it could not be written', async () => {
    await file.write(beat(1, 'a'));
    rmSync(join(path, '..'), { recursive: true });
    await file.close();
    await expect(file.write(beat(2, 'a'))).rejects.toThrow('ENOENT');
    expect(await found()).toBeNull();
  });
});
