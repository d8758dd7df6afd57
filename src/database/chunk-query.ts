/** Which messages of a chunk are wanted, and in which order. What is not said does not matter. */
export interface ChunkQuery {
  order?: 'asc' | 'desc';
  /** Numbers, both included. */
  first?: number;
  last?: number;
  /** Epoch milliseconds, `to` not included. */
  from?: number;
  to?: number;
  id?: string;
  toolId?: string;
  toolName?: string;
  /** Only those of these tools. */
  scope?: string[];
  /** Null: those of no session. */
  sessionId?: string | null;
  direction?: string;
  kinds?: string[];
  method?: string;
  target?: string;
  /** As it is stored: JSON. */
  rpcId?: string;
  minDurationMs?: number;
  /** Printable ASCII that the payload has, the case of letters ignored. */
  search?: string;
  /** False: `payload` is null whatever it is; most of the time goes into making it a text. */
  payload?: boolean;
}
