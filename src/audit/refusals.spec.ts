import { FakeClock } from '../../test/support/fake-clock';
import { type Actor, currentRequest, runInRequest } from '../common/request-context';
import { DatabaseWriters } from '../database/database-writers';
import type { OperationEntry, OperationLog } from './operation-log';
import { Refusals } from './refusals';

const MINUTE_MS = 60_000;
const ATTACKER = '203.0.113.7';

function theRefusals() {
  const clock = new FakeClock();
  const rows: OperationEntry[] = [];
  const operations = { append: (entry: OperationEntry) => Promise.resolve(void rows.push(entry)) };
  const writers = new DatabaseWriters();
  const refusals = new Refusals(operations as unknown as OperationLog, writers, clock);
  const refuse = (times: number, ip = ATTACKER, actor?: Actor): Promise<void> =>
    runInRequest({ requestId: 'r-1', ip }, async () => {
      const request = currentRequest();
      if (request && actor) request.actor = actor;
      for (let n = 0; n < times; n++) await refusals.record({ action: 'tool.create', status: 401, changes: {} });
    });
  /** How many refusals without a row each row tells of. */
  const told = () => rows.map(({ changes }) => changes?.['notRecordedBefore'] ?? 0);
  return { clock, refusals, rows, refuse, told, writers };
}

describe('refused requests in the operation log', () => {
  it('are ten rows of an address in a minute; the rest is counted', async () => {
    const { refuse, rows } = theRefusals();
    await refuse(13);
    expect(rows).toHaveLength(10);
    expect(rows[0]).toEqual({ action: 'tool.create', status: 401, outcome: 'refused', changes: {} });
  });

  it('tell in the first row of the next minute how many got none', async () => {
    const { clock, refuse, told } = theRefusals();
    await refuse(13);
    clock.advance(MINUTE_MS - 1);
    await refuse(1);
    clock.advance(1);
    await refuse(2);
    expect(told().slice(10)).toEqual([4, 0]);
  });

  it('are told of in a row of their own when the address does not come back', async () => {
    const { clock, refuse, refusals, rows } = theRefusals();
    await refuse(13);
    await refuse(5, '203.0.113.8');
    await refusals.flushEnded();
    expect(rows).toHaveLength(15);
    clock.advance(MINUTE_MS);
    await refusals.flushEnded();
    expect(rows.slice(15)).toEqual([
      {
        ...{ action: 'http.refused', outcome: 'refused', changes: { notRecordedBefore: 3 } },
        ...{ actor: { type: 'anonymous', id: null, name: 'anonymous' }, ip: ATTACKER },
      },
    ]);
  });

  it('are told of before the database closes', async () => {
    const { refuse, refusals, told, writers } = theRefusals();
    refusals.onModuleInit();
    await refuse(12);
    refusals.onModuleDestroy();
    await writers.flushAll();
    expect(told().slice(10)).toEqual([2]);
  });

  it('of one caller use up no rows of another: addresses, users and keys have their own', async () => {
    const { refuse, rows } = theRefusals();
    await refuse(20);
    await refuse(1, '203.0.113.8');
    await refuse(20, ATTACKER, { type: 'user', id: 'u-1', name: 'anna' });
    await refuse(1, ATTACKER, { type: 'apiKey', id: 'k-1', name: 'a key' });
    expect(rows).toHaveLength(10 + 1 + 10 + 1);
  });

  it('of ten thousand callers are remembered; of what is forgotten the number stays', async () => {
    const { refuse, refusals, rows, told } = theRefusals();
    await refuse(12, 'oldest');
    for (let n = 0; n < 10_000; n++) await refuse(1, `address ${n}`);
    await refusals.flushEnded();
    expect(rows).toHaveLength(10 + 10_000 + 1);
    expect(told().filter((missed) => missed !== 0)).toEqual([2]);
  });
});
