import { openLogStore } from '../../test/support/log-stores';
import { createMigratedDatabase, type MigratedDatabase, readerOf } from '../../test/support/migrated-database';
import { newId } from '../common/ids';
import type { Reader } from '../database/reader';
import type { SystemLogRow } from './system-log.entity';
import { type SystemLogFilter, SystemLogRepository } from './system-log.repository';

const aRow = (seq: number, given: Partial<SystemLogRow> = {}): SystemLogRow => ({
  seq,
  id: newId(),
  at: seq * 1_000,
  severity: 1,
  context: 'Tools',
  message: 'Tool started',
  requestId: null,
  data: null,
  ...given,
});

const ROWS = [
  aRow(1, { severity: 0, context: null, message: 'SELECT 100% of snake_case' }),
  aRow(2, { context: 'Database', message: 'SELECT 1000 of snakeXcase' }),
  aRow(3, { severity: 2, data: '{"path":"/var/lib/my_data"}' }),
  aRow(4, { severity: 3, message: 'Größe ÜBER dem Limit!' }),
  aRow(5, { severity: 4, context: 'Main', requestId: 'r-1' }),
];

describe("the system's own log", () => {
  let db: MigratedDatabase;
  let reader: Reader;
  let repository: SystemLogRepository;

  const list = async (filter: Partial<SystemLogFilter>): Promise<number[]> =>
    (await repository.list({ order: 'asc', limit: 100, ...filter })).map(({ seq }) => seq);

  beforeAll(async () => {
    db = await createMigratedDatabase();
    reader = readerOf(db);
    repository = new SystemLogRepository(reader);
    const store = openLogStore(db);
    await store.insertSystem(ROWS);
    await store.close();
  });

  afterAll(async () => {
    await reader.close();
    await db.drop();
  });

  it.each<[string, Partial<SystemLogFilter>, number[]]>([
    ['everything', {}, [1, 2, 3, 4, 5]],
    ['from a time on, that time included', { from: 4_000 }, [4, 5]],
    ['up to a time, that time excluded', { to: 2_000 }, [1]],
    ['a severity and worse', { minSeverity: 3 }, [4, 5]],
    ['all severities', { minSeverity: 0 }, [1, 2, 3, 4, 5]],
    ['a context', { context: 'Database' }, [2]],
    ['a text in the message, case ignored', { search: 'TOOL STARTED' }, [3, 5]],
    ['a text in the facts', { search: 'MY_DATA' }, [3]],
    ['a text with % as it is', { search: '100%' }, [1]],
    ['a text with _ as it is', { search: 'snake_case' }, [1]],
    ['a text with ! as it is', { search: 'limit!' }, [4]],
    ['letters beyond ASCII as they were written', { search: 'ÜBER' }, [4]],
    ['a text together with other filters', { search: 'tool', minSeverity: 3, context: 'Main' }, [5]],
    ['nothing where nothing fits', { context: 'main' }, []],
  ])('finds %s', async (_, filter, expected) => {
    expect(await list(filter)).toEqual(expected);
  });

  it('goes on behind a sequence number in either order, with one row more than asked for', async () => {
    expect(await list({ order: 'asc', limit: 2 })).toEqual([1, 2, 3]);
    expect(await list({ order: 'asc', limit: 2, after: 3 })).toEqual([4, 5]);
    expect(await list({ order: 'desc', limit: 2 })).toEqual([5, 4, 3]);
    expect(await list({ order: 'desc', limit: 2, after: 2 })).toEqual([1]);
  });

  it('gives rows back as they were stored', async () => {
    expect(await repository.list({ order: 'asc', limit: 100 })).toEqual(ROWS);
  });
});
