import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import { newId } from '../common/ids';
import { SecretKeys } from '../config/secret-keys';
import { describePart, packFile, readHeader, unpackFile, type UnpackOptions } from './backup-file';
import { type BackupHeader, encodeHeader, headerDigest } from './backup-header';
import { ChunkSeal, sealedChunks } from './chunk-seal';

const KEYS = new SecretKeys('a key of the tests, long enough');
const keyring = (keys: SecretKeys) => new Map([[keys.keyId, keys.backups]]);

/** Two parts and an empty one; the first is longer than some chunks. */
const CONTENT = {
  'main.db': Buffer.concat([randomBytes(150_000), Buffer.alloc(300_000, 'x')]),
  'empty.db': Buffer.alloc(0),
  'logs.db': Buffer.from('the end'),
};

let folder: string;
let file: string;

beforeEach(() => {
  folder = temporaryFolder();
  file = join(folder, 'made.mcpsbak');
  for (const [name, content] of Object.entries(CONTENT)) writeFileSync(join(folder, name), content);
});

afterEach(removeTemporaryFolders);

async function aHeader(given: Partial<BackupHeader> = {}): Promise<BackupHeader> {
  const parts = await Promise.all(Object.keys(CONTENT).map((name) => describePart(folder, name)));
  return {
    id: newId(),
    createdAt: 1_700_000_000_000,
    trigger: 'manual',
    note: null,
    appVersion: '1.0.0',
    databaseType: 'sqlite',
    format: 'sqlite',
    includesLogs: true,
    compression: 'gzip',
    encryption: 'aes-256-gcm',
    keyId: KEYS.keyId,
    salt: randomBytes(16).toString('base64url'),
    originalBytes: parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    parts,
    tables: [{ name: 'tools', rows: 3 }],
    migrations: ['One'],
    logMigrations: null,
    ...given,
  };
}

async function unpack(options: Partial<UnpackOptions> = {}) {
  const target = join(folder, `unpacked-${newId()}`);
  mkdirSync(target);
  const result = await unpackFile(file, { folder: target, keys: keyring(KEYS), maxBytes: 2 ** 30, ...options });
  return { ...result, target };
}

/** A file whose packed content is made by hand and sealed as it should be. */
async function craft(packed: Buffer, given: Partial<BackupHeader> = {}): Promise<void> {
  const header = await aHeader(given);
  const encoded = encodeHeader(header);
  const chunks = [encoded];
  async function* source() {
    yield packed;
  }
  for await (const chunk of sealedChunks(source(), new ChunkSeal(KEYS.backups, header, headerDigest(encoded)))) {
    chunks.push(chunk);
  }
  writeFileSync(file, Buffer.concat(chunks));
}

const all = Buffer.concat(Object.values(CONTENT));
const change = (position: number) => {
  const bytes = readFileSync(file);
  const at = position < 0 ? bytes.length + position : position;
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  writeFileSync(file, bytes);
};
const refused = (code: string) => expect.objectContaining({ kind: 'unprocessable', code });

describe.each(['aes-256-gcm', 'none'] as const)('a backup file (%s)', (encryption) => {
  it('gives back what was packed, and says what it is', async () => {
    const header = await aHeader({ encryption });
    const packed = await packFile(file, header, folder, KEYS.backups);
    const bytes = readFileSync(file);
    expect(packed).toEqual({ sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
    const { target, header: read, ...result } = await unpack();
    expect(result).toEqual(packed);
    expect(read).toEqual(header);
    expect(readdirSync(target).sort()).toEqual(Object.keys(CONTENT).sort());
    for (const [name, content] of Object.entries(CONTENT)) {
      expect(readFileSync(join(target, name)).equals(content)).toBe(true);
    }
  });

  it('F61: with any bit changed, cut off anywhere or with something behind it, is refused', async () => {
    await packFile(file, await aHeader({ encryption }), folder, KEYS.backups);
    const whole = readFileSync(file);
    const codes = new Set<string>();
    for (let round = 0; round < 60; round++) {
      writeFileSync(file, whole);
      if (round % 3 === 0) truncateSync(file, Math.floor((whole.length * (round + 1)) / 62));
      else change(round % 3 === 1 ? Math.floor((whole.length * round) / 60) : -1 - round * 3);
      const failure: unknown = await unpack({ folder: null }).catch((error: unknown) => error);
      expect(failure).toMatchObject({ kind: 'unprocessable', code: expect.stringMatching(/^backup_/) });
      codes.add((failure as { code: string }).code);
    }
    expect(codes.has('backup_corrupt') && codes.has('backup_truncated')).toBe(true);
    writeFileSync(file, Buffer.concat([whole, Buffer.from('x')]));
    await expect(unpack()).rejects.toEqual(refused('backup_trailing_data'));
    writeFileSync(file, Buffer.concat([whole, whole]));
    await expect(unpack()).rejects.toEqual(refused('backup_trailing_data'));
  });
});

describe('a file that is no sound backup (F61, A17)', () => {
  it('of somebody else is called foreign', async () => {
    for (const bytes of [
      Buffer.from('SQLite format 3\0 and more'),
      gzipSync('x'),
      Buffer.from('PGDMP'),
      Buffer.from('x'),
    ]) {
      writeFileSync(file, bytes);
      await expect(unpack()).rejects.toEqual(refused('backup_foreign'));
    }
  });

  it('of a newer format, with a head that is cut or damaged, says so', async () => {
    await packFile(file, await aHeader(), folder, KEYS.backups);
    const whole = readFileSync(file);
    const newer = Buffer.from(whole);
    newer.write('2', 7);
    writeFileSync(file, newer);
    await expect(unpack()).rejects.toEqual(refused('backup_format_newer'));
    for (const length of [0, 5, 10, 40]) {
      writeFileSync(file, whole.subarray(0, length));
      await expect(unpack()).rejects.toEqual(refused('backup_truncated'));
    }
    change(12);
    writeFileSync(file, Buffer.concat([whole.subarray(0, 12), Buffer.from('!'), whole.subarray(13)]));
    await expect(unpack()).rejects.toEqual(refused('backup_header_invalid'));
  });

  it.each([
    [
      'a part outside of the folder',
      { parts: [{ name: '../main.db', sizeBytes: 0, sha256: '0'.repeat(64) }], originalBytes: 0 },
    ],
    [
      'a part with an absolute name',
      { parts: [{ name: '/etc/passwd', sizeBytes: 0, sha256: '0'.repeat(64) }], originalBytes: 0 },
    ],
    ['a part with a backslash', { parts: [{ name: 'a\\b', sizeBytes: 0, sha256: '0'.repeat(64) }], originalBytes: 0 }],
    ['sizes that do not add up', { originalBytes: 5 }],
    ['a negative size', { originalBytes: -1 }],
    ['an id that is a path', { id: '../../x' }],
    ['a database that its format is not of', { databaseType: 'postgres' as const }],
  ])('A16: with %s in its head is refused', async (_, given) => {
    await craft(gzipSync(all), given);
    await expect(unpack()).rejects.toEqual(refused('backup_header_invalid'));
  });

  it('under another key is told from one that is damaged, and names both keys', async () => {
    await packFile(file, await aHeader(), folder, KEYS.backups);
    const other = new SecretKeys('another key of the tests');
    const failure = unpack({ keys: keyring(other) });
    await expect(failure).rejects.toEqual(refused('backup_wrong_key'));
    await expect(failure).rejects.toThrow(new RegExp(`${KEYS.keyId}.*${other.keyId}`));
  });

  it('whose key claims to be ours, but is not, is damaged', async () => {
    await packFile(file, await aHeader(), folder, new SecretKeys('another').backups);
    await expect(unpack()).rejects.toEqual(refused('backup_corrupt'));
  });

  it('with a second gzip member, or rubbish behind the first, is refused', async () => {
    const half = Math.floor(all.length / 2);
    for (const packed of [
      Buffer.concat([gzipSync(all.subarray(0, half)), gzipSync(all.subarray(half))]),
      Buffer.concat([gzipSync(all), gzipSync('')]),
      Buffer.concat([gzipSync(all), Buffer.from('rubbish')]),
    ]) {
      await craft(packed);
      await expect(unpack()).rejects.toMatchObject({
        code: expect.stringMatching(/^backup_(trailing_data|truncated)$/),
      });
    }
  });

  it('that unpacks to more or less than it says is refused', async () => {
    await craft(gzipSync(Buffer.concat([all, Buffer.alloc(10)])));
    await expect(unpack()).rejects.toEqual(refused('backup_bomb'));
    await craft(gzipSync(all.subarray(0, -1)));
    await expect(unpack()).rejects.toEqual(refused('backup_truncated'));
    await craft(gzipSync(all).subarray(0, -20));
    await expect(unpack()).rejects.toEqual(refused('backup_truncated'));
    await craft(gzipSync(Buffer.from(all).fill('y', 20, 30)));
    await expect(unpack()).rejects.toEqual(refused('backup_corrupt'));
    await craft(Buffer.from('not packed at all'));
    await expect(unpack()).rejects.toEqual(refused('backup_corrupt'));
  });

  it('that promises more than it could hold, or than there is room for, is refused before it is unpacked', async () => {
    const zeros = gzipSync(Buffer.alloc(100 * 1024 * 1024));
    const sha256 = '0'.repeat(64);
    await craft(zeros, { originalBytes: 2 ** 36, parts: [{ name: 'main.db', sizeBytes: 2 ** 36, sha256 }] });
    await expect(unpack()).rejects.toEqual(refused('backup_bomb'));
    await craft(zeros, { originalBytes: 2 ** 20, parts: [{ name: 'main.db', sizeBytes: 2 ** 20, sha256 }] });
    await expect(unpack({ maxBytes: 2 ** 19 })).rejects.toEqual(refused('backup_too_large'));
  });

  it('A17: that is a bomb is refused in constant memory and leaves no more than it announced', async () => {
    await craft(gzipSync(Buffer.alloc(300 * 1024 * 1024)), {
      originalBytes: 1000,
      parts: [{ name: 'main.db', sizeBytes: 1000, sha256: '0'.repeat(64) }],
    });
    const before = process.memoryUsage().rss;
    await expect(unpack()).rejects.toEqual(refused('backup_corrupt'));
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * 1024 * 1024);
  });

  it('A16: that is a link, a folder, or not there, is told', async () => {
    const real = file;
    await packFile(real, await aHeader(), folder, KEYS.backups);
    file = join(folder, 'link.mcpsbak');
    symlinkSync(real, file);
    await expect(unpack()).rejects.toEqual(refused('backup_not_a_file'));
    file = folder;
    await expect(unpack()).rejects.toEqual(refused('backup_not_a_file'));
    file = join(folder, 'nowhere');
    await expect(unpack()).rejects.toEqual(refused('backup_file_missing'));
  });

  it('in clear, is read without its key where that is asked for, and an encrypted one is not', async () => {
    const header = await aHeader({ encryption: 'none' });
    await packFile(file, header, folder, KEYS.backups);
    await expect(unpack({ keys: new Map(), withoutKey: true })).resolves.toMatchObject({ header });
    expect(await readHeader(file)).toEqual(header);
    file = join(folder, 'sealed');
    await packFile(file, await aHeader(), folder, KEYS.backups);
    await expect(unpack({ keys: new Map(), withoutKey: true })).rejects.toEqual(refused('backup_wrong_key'));
  });

  it('never shows what is in it when it is encrypted', async () => {
    writeFileSync(join(folder, 'logs.db'), 'the canary sings');
    const compressed = gzipSync('the canary sings').subarray(10, -8);
    await packFile(file, await aHeader(), folder, KEYS.backups);
    const bytes = readFileSync(file);
    expect([bytes.includes('the canary sings'), bytes.includes(compressed)]).toEqual([false, false]);
  });
});
