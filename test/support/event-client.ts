import { waitUntil } from './process-tree';

/** A server-sent event as its reader got it; `id` is the last one given so far, as browsers keep it. */
export interface ReceivedEvent {
  id: string;
  event: string;
  data: any;
}

export interface EventClient {
  readonly status: number;
  readonly headers: Headers;
  /** What came so far, the oldest first. */
  readonly events: ReceivedEvent[];
  /** Id to go on from. */
  readonly lastId: string;
  /** Data of the events of a kind. */
  data(event: string): any[];
  /** Waits for an event that has come or comes. */
  next(event: string, matches?: (data: any) => boolean): Promise<any>;
  /** Resolves when the server has ended it. */
  readonly ended: Promise<void>;
  /** The body where it was no stream. */
  readonly problem: any;
  close(): Promise<void>;
}

export interface EventRequest {
  token: string;
  query?: string;
  lastEventId?: string;
  headers?: Record<string, string>;
}

/** Reads `GET /events` as a dashboard does: with fetch and the Authorization header. */
export async function readEvents(origin: string, request: EventRequest): Promise<EventClient> {
  const { token, query = '', lastEventId, headers = {} } = request;
  const leave = new AbortController();
  const response = await fetch(`${origin}/api/v1/events${query}`, {
    signal: leave.signal,
    headers: {
      authorization: `Bearer ${token}`,
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      ...headers,
    },
  });
  const events: ReceivedEvent[] = [];
  const state = { id: lastEventId ?? '', isOver: false };
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const { status } = response;
  const problem = isStream ? null : await response.json();
  const take = (block: string) => {
    const fields = new Map(
      block.split('\n').map((line) => [line.split(': ')[0] ?? '', line.slice(line.indexOf(': ') + 2)]),
    );
    state.id = fields.get('id') ?? state.id;
    const data = fields.get('data');
    if (data !== undefined) {
      events.push({ id: state.id, event: fields.get('event') ?? 'message', data: JSON.parse(data) });
    }
  };
  const ended = (isStream ? readBlocks(response, take) : Promise.resolve()).finally(() => (state.isOver = true));
  const data = (event: string) => events.filter((each) => each.event === event).map((each) => each.data);
  return {
    status,
    headers: response.headers,
    events,
    get lastId() {
      return state.id;
    },
    data,
    async next(event, matches = () => true) {
      const found = await waitUntil(
        () => {
          const found = events.find((each) => each.event === event && matches(each.data));
          // What does not come any more is not waited for.
          return found?.data ?? (state.isOver && `an end with ${status} in place of it: ${JSON.stringify(problem)}`);
        },
        { what: `the event ${event}` },
      );
      if (typeof found === 'string') throw new Error(`Waited for ${event}, got ${found}`);
      return found;
    },
    ended,
    problem,
    async close() {
      leave.abort();
      await ended;
    },
  };
}

async function readBlocks(response: Response, take: (block: string) => void): Promise<void> {
  if (response.body === null) return;
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const chunk of response.body) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) take(block);
    }
  } catch {
    // Cut by us or by the server: what came, came.
  }
}
