import { createMigratedDatabase, type MigratedDatabase } from '../../test/support/migrated-database';
import { anOperationLog } from '../../test/support/an-operation-log';
import { FakeClock } from '../../test/support/fake-clock';
import { Operation } from '../audit/operation.entity';
import { loadConfig } from '../config/load-config';
import { Events } from '../events/events';
import { SettingRow } from './setting.entity';
import { SettingRepository } from './setting.repository';
import { Settings } from './settings';

let db: MigratedDatabase;
let events: Events;

async function openSettings(env: Record<string, string> = {}): Promise<Settings> {
  const repository = new SettingRepository(db.dataSource.getRepository(SettingRow));
  const operations = anOperationLog(db);
  const settings = new Settings(repository, db.transactions, operations, events, loadConfig(env), new FakeClock());
  await settings.reload();
  return settings;
}

const stateOf = (settings: Settings, key: string) => {
  const found = settings.list().find((state) => state.key === key);
  return found && [found.value, found.source];
};

const operationRows = () => db.dataSource.getRepository(Operation).find({ order: { seq: 'ASC' } });

beforeAll(async () => {
  db = await createMigratedDatabase();
});
beforeEach(async () => {
  events = new Events();
  await db.dataSource.getRepository(SettingRow).clear();
  await db.dataSource.getRepository(Operation).clear();
});
afterAll(() => db.drop());

describe('the settings', () => {
  it('come from the database, else from the environment, else from their defaults', async () => {
    const settings = await openSettings({ MCP_TIMEOUT: '45', MCP_MAX_RETRIES: '9' });
    expect(stateOf(settings, 'mcp.timeoutSeconds')).toEqual([45, 'env']);
    expect(stateOf(settings, 'logs.mcpRetentionDays')).toEqual([14, 'default']);
    await settings.update({ 'mcp.timeoutSeconds': 60, 'logs.mcpRetentionDays': 3 });
    expect(stateOf(settings, 'mcp.timeoutSeconds')).toEqual([60, 'database']);
    expect(stateOf(settings, 'logs.mcpRetentionDays')).toEqual([3, 'database']);
    expect(settings.get('mcp.timeoutSeconds')).toBe(60);
    await settings.update({ 'mcp.timeoutSeconds': null });
    expect(stateOf(settings, 'mcp.timeoutSeconds')).toEqual([45, 'env']);
    expect(stateOf(settings, 'mcp.maxRetries')).toEqual([9, 'env']);
  });

  it('survive a restart', async () => {
    await (await openSettings()).update({ logLevel: 'warn', 'backup.enabled': false });
    const settings = await openSettings({ LOG_LEVEL: 'error' });
    expect(settings.get('logLevel')).toBe('warn');
    expect(settings.get('backup.enabled')).toBe(false);
  });

  it('change all or none, and name every mistake', async () => {
    const settings = await openSettings();
    const heard = jest.fn();
    events.on('settings.changed', heard);
    const given = { 'mcp.maxRetries': 5, 'mcp.timeoutSeconds': 'long', nonsense: 1, port: 80, __proto_: 1 };
    await expect(settings.update(given)).rejects.toMatchObject({
      code: 'validation_failed',
      errors: [
        { path: 'mcp.timeoutSeconds', message: 'must be a whole number from 1 to 3600' },
        { path: 'nonsense', message: 'is not known here; GET /system/config lists what there is' },
        { path: 'port', message: "can't be changed at run time; set PORT and restart" },
        { path: '__proto_', message: 'is not known here; GET /system/config lists what there is' },
      ],
    });
    expect(settings.get('mcp.maxRetries')).toBe(3);
    expect(await operationRows()).toEqual([]);
    expect(heard).not.toHaveBeenCalled();
  });

  it('stay as they are when the change cannot be stored', async () => {
    const settings = await openSettings();
    jest.spyOn(db.transactions, 'run').mockRejectedValueOnce(new Error('the database is away'));
    await expect(settings.update({ 'mcp.maxRetries': 5 })).rejects.toThrow('the database is away');
    expect(settings.get('mcp.maxRetries')).toBe(3);
  });

  it('are what is stored, also when a change was made whose answer got lost', async () => {
    const settings = await openSettings();
    const run = db.transactions.run.bind(db.transactions);
    jest.spyOn(db.transactions, 'run').mockImplementationOnce(async (work) => {
      await run(work);
      throw new Error('the connection broke');
    });
    await expect(settings.update({ 'mcp.maxRetries': 5 })).rejects.toThrow('the connection broke');
    const heard: string[] = [];
    events.on('settings.changed', ({ keys }) => heard.push(...keys));
    await settings.update({ 'mcp.timeoutSeconds': 60 });
    expect([settings.get('mcp.maxRetries'), settings.get('mcp.timeoutSeconds')]).toEqual([5, 60]);
    expect(heard).toEqual(['mcp.maxRetries', 'mcp.timeoutSeconds']);
  });

  it('are changed one after another by many at once: the last is what holds, and each row tells what was before', async () => {
    const settings = await openSettings();
    const values = Array.from({ length: 20 }, (_, index) => index + 1);
    await Promise.all(values.map((value) => settings.update({ 'backup.keep': value })));
    expect(settings.get('backup.keep')).toBe(20);
    expect(stateOf(await openSettings(), 'backup.keep')).toEqual([20, 'database']);
    const changes = (await operationRows()).map((row) => JSON.parse(row.changes ?? '')['backup.keep']);
    expect(changes).toEqual(values.map((value) => ({ before: value === 1 ? 7 : value - 1, after: value })));
  });

  it('take no keys that every object has, and answer a flood of unknown ones with the first hundred', async () => {
    const settings = await openSettings();
    const given = JSON.parse('{"__proto__": 1, "constructor": null, "hasOwnProperty": true}') as Record<
      string,
      unknown
    >;
    await expect(settings.update(given)).rejects.toMatchObject({
      errors: ['__proto__', 'constructor', 'hasOwnProperty'].map((path) => ({ path })),
    });
    const flood = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`${index} ${'x'.repeat(500)}`, 1]));
    const error = await settings.update(flood).catch((thrown: unknown) => thrown as { errors: { path: string }[] });
    expect(error?.errors).toHaveLength(100);
    expect(error?.errors.every(({ path }) => path.length === 100)).toBe(true);
  });

  it('are audited with what they were and what they are, a reset too, nothing where nothing is asked', async () => {
    const settings = await openSettings();
    await settings.update({ 'mcp.maxRetries': 5, 'cleanup.schedule': '0 4 * * *' });
    await settings.update({ 'mcp.maxRetries': null });
    await settings.update({});
    const rows = await operationRows();
    expect(rows.map(({ action, changes }) => [action, JSON.parse(changes ?? '')])).toEqual([
      [
        'config.update',
        {
          'mcp.maxRetries': { before: 3, after: 5 },
          'cleanup.schedule': { before: '30 3 * * *', after: '0 4 * * *' },
        },
      ],
      ['config.update', { 'mcp.maxRetries': { before: 5, after: 3 } }],
    ]);
  });

  it('tell who listens of what is different now, and of nothing else', async () => {
    const settings = await openSettings();
    const heard: string[] = [];
    events.on('settings.changed', ({ keys }) => heard.push(...keys));
    const stop = settings.onChange(['logLevel'], () => heard.push(`the level is ${settings.get('logLevel')}`));
    await settings.update({ logLevel: 'debug', 'mcp.maxRetries': 3 });
    await settings.update({ 'backup.keep': 8 });
    stop();
    await settings.update({ logLevel: 'info' });
    expect(heard).toEqual(['logLevel', 'the level is debug', 'backup.keep', 'logLevel']);
  });

  it('are read anew when other data has come in the place of theirs', async () => {
    const settings = await openSettings();
    await settings.update({ 'mcp.maxRetries': 5 });
    await (await openSettings()).update({ 'mcp.maxRetries': null, 'backup.keep': 9 });
    const heard: string[] = [];
    events.on('settings.changed', ({ keys }) => heard.push(...keys));
    await settings.reload();
    expect([settings.get('mcp.maxRetries'), settings.get('backup.keep')]).toEqual([3, 9]);
    expect(heard).toEqual(['backup.keep', 'mcp.maxRetries']);
  });

  it('pass over what another version has stored, and keep it', async () => {
    const rows = db.dataSource.getRepository(SettingRow);
    await rows.insert([
      { key: 'of.the.future', value: '1', updatedAt: 1 },
      { key: 'mcp.maxRetries', value: '"many"', updatedAt: 1 },
      { key: 'port', value: '1', updatedAt: 1 },
      { key: 'backup.keep', value: 'no JSON', updatedAt: 1 },
      { key: 'logLevel', value: '"warn"', updatedAt: 1 },
    ]);
    const settings = await openSettings();
    expect(
      settings
        .list()
        .filter(({ source }) => source === 'database')
        .map(({ key }) => key),
    ).toEqual(['logLevel']);
    expect(await rows.count()).toBe(5);
  });
});
