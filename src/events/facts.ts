/**
 * Everything that one part of MCPS.ONE tells others, in the past tense: a fact is told after it is true (after the commit,
 * where there is one). Facts name things by their ids; whoever wants more asks their owner.
 */
export interface Facts {
  /** Settings have other values now. */
  'settings.changed': { keys: readonly string[] };
  /** What `GET /tools/{tool}/status` answers may be different now. */
  'tool.status-changed': { toolId: string };
  /** A tool was registered, or its definition is another one. */
  'tool.defined': { toolId: string };
  'tool.removed': { toolId: string; toolName: string };
  /** A row of the operation log is committed. */
  'operation.recorded': { seq: number };
  /** A backup, its verification or its restore has got further. */
  'backup.changed': { backupId: string };
}

export type FactName = keyof Facts;
