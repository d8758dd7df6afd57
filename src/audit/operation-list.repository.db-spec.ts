import { createMigratedDatabase, type MigratedDatabase, readerOf } from '../../test/support/migrated-database';
import type { Reader } from '../database/reader';
import { newId } from '../common/ids';
import { Operation } from './operation.entity';
import { type OperationFilter, OperationListRepository } from './operation-list.repository';

const anOperation = (seq: number, given: Partial<Operation> = {}): Operation =>
  Object.assign(new Operation(), {
    seq,
    id: newId(),
    at: seq * 1_000,
    actorType: 'user',
    actorId: 'u-1',
    actorName: 'anna',
    action: 'tool.start',
    targetType: 'tool',
    targetId: 't-1',
    targetName: 'weather',
    outcome: 'success',
    status: null,
    ip: null,
    requestId: null,
    changes: null,
    prevHash: '0'.repeat(64),
    hash: '0'.repeat(64),
    ...given,
  });

let db: MigratedDatabase;
let reader: Reader;
let repository: OperationListRepository;

const list = async (filter: Partial<OperationFilter>): Promise<number[]> =>
  (await repository.list({ order: 'asc', limit: 100, ...filter })).map(({ seq }) => seq);

beforeAll(async () => {
  db = await createMigratedDatabase();
  reader = readerOf(db);
  repository = new OperationListRepository(reader);
  await db.dataSource.manager.insert(Operation, [
    anOperation(1),
    anOperation(2, { action: 'tool.stop', actorId: 'u-2', actorName: 'bert' }),
    anOperation(3, { outcome: 'refused', targetId: 't-2', targetName: 'snake_case' }),
    anOperation(4, { outcome: 'failure', changes: '{"disk":"100% full","code":"Disk!"}' }),
    anOperation(5, { actorId: null, actorName: 'u-1', actorType: 'anonymous', targetName: 'snakeXcase' }),
    anOperation(6, { changes: '{"disk":"1000 full"}', targetName: 'GRÜSSE an Ärzte' }),
  ]);
});

afterAll(async () => {
  await reader.close();
  await db.drop();
});

describe('the list of operations', () => {
  it.each<[string, Partial<OperationFilter>, number[]]>([
    ['everything', {}, [1, 2, 3, 4, 5, 6]],
    ['from a time on, that time included', { from: 4_000 }, [4, 5, 6]],
    ['up to a time, that time excluded', { to: 3_000 }, [1, 2]],
    ['an action', { action: 'tool.stop' }, [2]],
    ['a target', { targetId: 't-2' }, [3]],
    ['an outcome', { outcome: 'failure' }, [4]],
    ['an actor by id or by name', { actor: 'u-1' }, [1, 3, 4, 5, 6]],
    ['an actor by name', { actor: 'bert' }, [2]],
    ['several at once', { actor: 'anna', outcome: 'success', from: 2_000 }, [6]],
    ['nothing where nothing fits', { action: 'tool.delete' }, []],
    ['a text in the action, case ignored', { search: 'TOOL.STO' }, [2]],
    ["a text in the actor's name", { search: 'ber' }, [2]],
    ["a text in the target's name, _ taken as it is", { search: 'Snake_Case' }, [3]],
    ['a text in the changes, % taken as it is', { search: '100% F' }, [4]],
    ['a text in the changes, ! taken as it is', { search: 'disk!' }, [4]],
    ['letters beyond ASCII as they were written', { search: 'GRÜSSE an Ä' }, [6]],
    ['a text together with another filter', { search: 'weather', outcome: 'failure' }, [4]],
  ])('finds %s', async (_, filter, expected) => {
    expect(await list(filter)).toEqual(expected);
  });

  it('goes on behind a sequence number in either order, with one row more than asked for', async () => {
    expect(await list({ order: 'asc', limit: 2 })).toEqual([1, 2, 3]);
    expect(await list({ order: 'asc', limit: 2, after: 2 })).toEqual([3, 4, 5]);
    expect(await list({ order: 'desc', limit: 2 })).toEqual([6, 5, 4]);
    expect(await list({ order: 'desc', limit: 2, after: 3 })).toEqual([2, 1]);
    expect(await list({ order: 'desc', limit: 2, after: 1 })).toEqual([]);
  });

  it('has numbers where the database has 64-bit integers', async () => {
    const [row] = await repository.list({ order: 'asc', limit: 1 });
    expect([row?.seq, row?.at]).toEqual([1, 1_000]);
  });
});
