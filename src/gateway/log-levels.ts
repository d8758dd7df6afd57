/** RFC 5424, least severe first. */
const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/** Whether a message of `level` is severe enough for who asked for `least`; unknown levels pass, null wants everything. */
export function isLogWanted(level: unknown, least: string | null): boolean {
  if (least === null || typeof level !== 'string') return true;
  const [given, wanted] = [LEVELS.indexOf(level), LEVELS.indexOf(least)];
  return given < 0 || wanted < 0 || given >= wanted;
}
