import type { ProcessRow } from './process-table';
import { parseRunRecord, provenMembers, type RunRecord } from './run-record';

const RECORD: RunRecord = {
  id: 'run-1',
  toolId: 'tool-1',
  pid: 500,
  startTicks: 1_000,
  life: 'this',
  marker: 'here:tool-1',
  container: null,
};

function row(pid: number, startTicks: number, given: Partial<ProcessRow> = {}): ProcessRow {
  return { pid, ppid: 1, pgrp: 500, session: 500, state: 'S', cpuTicks: 0, startTicks, rssPages: 1, ...given };
}

/** Pids of those that are provably of the run, when its leader was last seen alive at tick 2,000. */
const proven = (...rows: ProcessRow[]) => provenMembers(RECORD, 2_000, rows).map(({ pid }) => pid);

describe('what provably belongs to a run', () => {
  it('is the whole session of a leader that still is the recorded process', () => {
    const other = row(502, 9_000, { pgrp: 502 });
    expect(proven(row(500, 1_000), row(501, 1_001), other, row(700, 1_000, { session: 700, pgrp: 700 }))).toEqual([
      500, 501, 502,
    ]);
  });

  it('is still that when the leader is a zombie, which itself counts as dead', () => {
    expect(proven(row(500, 1_000, { state: 'Z' }), row(501, 5_000))).toEqual([501]);
  });

  it('F30: is nobody, when the number of the leader belongs to somebody else now', () => {
    expect(proven(row(500, 3_000), row(501, 3_001), row(502, 1_500))).toEqual([]);
  });

  it('F30: is nobody, when the same process has not the session that every child of ours leads', () => {
    expect(proven(row(500, 1_000, { session: 1, pgrp: 1 }), row(501, 1_500))).toEqual([]);
  });

  it('is the whole session, its youngest too, when one member was born while the leader was seen alive', () => {
    expect(proven(row(501, 1_999), row(502, 8_000))).toEqual([501, 502]);
  });

  it('F30: is nobody, when the leader is gone and all members are younger than it was last seen', () => {
    expect(proven(row(501, 2_000), row(502, 8_000))).toEqual([]);
  });

  it('F30: is nobody, when the members are older than the leader', () => {
    expect(proven(row(501, 999))).toEqual([]);
  });

  it('is nobody, where start times are not known', () => {
    expect(provenMembers({ ...RECORD, startTicks: null }, Infinity, [row(500, 1_000)])).toEqual([]);
  });
});

describe('a run record', () => {
  const container = { command: '/bin/docker', globals: [], env: {}, cidFile: '/c', installation: 'i', toolId: 't' };

  it('is read as it was written', () => {
    for (const record of [RECORD, { ...RECORD, startTicks: null, life: null }, { ...RECORD, container }]) {
      expect(parseRunRecord(JSON.stringify(record))).toEqual(record);
    }
  });

  it.each([
    '',
    'null',
    '[]',
    '{"id": "run-1"',
    JSON.stringify({ ...RECORD, pid: 0 }),
    JSON.stringify({ ...RECORD, pid: 1 }),
    JSON.stringify({ ...RECORD, pid: -500 }),
    JSON.stringify({ ...RECORD, pid: '500' }),
    JSON.stringify({ ...RECORD, pid: 1.5 }),
    JSON.stringify({ ...RECORD, startTicks: '1000' }),
    JSON.stringify({ ...RECORD, life: 5 }),
    JSON.stringify({ ...RECORD, container: { command: '/bin/docker' } }),
    JSON.stringify({ ...RECORD, container: { ...container, env: { PATH: 5 } } }),
  ])('is nothing when it is damaged: %s', (text) => {
    expect(parseRunRecord(text)).toBeNull();
  });
});
