import { type DataSource, type EntityManager, QueryFailedError } from 'typeorm';
import { Transactions } from './transactions';

const failed = (code: string) => new QueryFailedError('COMMIT', [], Object.assign(new Error('failed'), { code }));

/** Transactions over a database that fails as told: in the work, or in the commit that follows it. */
function aDatabase(faults: { code: string; in: 'work' | 'commit' }[]) {
  let works = 0;
  const transaction = async (work: (tx: EntityManager) => Promise<unknown>) => {
    const fault = faults.shift();
    if (fault?.in === 'work') {
      works += 1;
      throw failed(fault.code);
    }
    const result = await work({} as EntityManager);
    if (fault?.in === 'commit') throw failed(fault.code);
    return result;
  };
  const transactions = new Transactions({ transaction } as unknown as DataSource);
  const run = () =>
    transactions.run(() => {
      works += 1;
      return Promise.resolve('done');
    });
  return { run, works: () => works };
}

describe('F56: a transaction that PostgreSQL gives up', () => {
  it.each(['40001', '40P01', '57P01', '08006', 'ECONNRESET'])('with %s is done again', async (code) => {
    const { run, works } = aDatabase([
      { code, in: 'work' },
      { code, in: 'work' },
    ]);
    expect(await run()).toBe('done');
    expect(works()).toBe(3);
  });

  it.each(['40001', '40P01'])('in its commit with %s is done again: nothing of it was kept', async (code) => {
    const { run, works } = aDatabase([{ code, in: 'commit' }]);
    expect(await run()).toBe('done');
    expect(works()).toBe(2);
  });

  it.each(['57P01', '08006', 'ECONNRESET'])(
    'in its commit with %s is not done again: it may be stored',
    async (code) => {
      const { run, works } = aDatabase([{ code, in: 'commit' }]);
      await expect(run()).rejects.toMatchObject({ driverError: { code } });
      expect(works()).toBe(1);
    },
  );

  it.each(['57014', '23505', '25006', 'ECONNREFUSED', 'SQLITE_FULL'])('with %s is not done again', async (code) => {
    const { run, works } = aDatabase([{ code, in: 'work' }]);
    await expect(run()).rejects.toMatchObject({ driverError: { code } });
    expect(works()).toBe(1);
  });

  it('again and again is done four times and no more', async () => {
    const { run, works } = aDatabase(Array.from({ length: 9 }, () => ({ code: '40001', in: 'work' as const })));
    await expect(run()).rejects.toMatchObject({ driverError: { code: '40001' } });
    expect(works()).toBe(4);
  });
});
