/**
 * Reads what faulty-mcp-server.mjs writes with --diary: how many of the servers were on their way up at once, from their
 * first line of code to their answer to initialize. They see less than the whole of a start, never more.
 */
export function mostAtOnce(diary: string): number {
  const entries = diary
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([word]) => word === 'start' || word === 'ready')
    .map(([word, , at]) => ({ change: word === 'start' ? 1 : -1, at: Number(at) }))
    // In the same millisecond one may have made room for the other.
    .sort((a, b) => a.at - b.at || a.change - b.change);
  let now = 0;
  let most = 0;
  for (const { change } of entries) {
    now += change;
    most = Math.max(most, now);
  }
  return most;
}

/** The pids of everything that the servers have started besides themselves. */
export function childrenIn(diary: string): number[] {
  return [...diary.matchAll(/^child (\d+) /gm)].map(([, pid]) => Number(pid));
}
