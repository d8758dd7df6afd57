/** CPU that this process takes for a piece of work, in milliseconds: unlike time, a busy or stalling machine doesn't change it. */
export function cpuMsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  return ended(before);
}

/** The same for work that threads of this process do. */
export async function cpuMsOfThreads(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  return ended(before);
}

function ended(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
