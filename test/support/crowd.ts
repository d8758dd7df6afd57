/** Many clients at once that all number their requests alike, and look closely at what they get (A13). */
import { Agent, request } from 'node:http';
import { aSession, modernRequest, type Reach } from './mcp-clients';

export interface CrowdResult {
  answered: number;
  /** Answers to somebody else's request, or to another of the client's own. */
  crossed: string[];
  /** Requests without a proper answer: the JSON-RPC error, or how the connection ended. */
  failed: string[];
}

export interface CrowdOptions {
  clients: number;
  calls: number;
  /** What each call asks for; its answer has to hold the text. */
  call?: (text: string) => { name: string; arguments: Record<string, unknown> };
  /** Told after each answer. */
  onAnswer?: (answered: number) => void;
}

/** Every second client has a session, the others speak 2026-07-28; each has one call after another. */
export async function crowd(reach: Reach, options: CrowdOptions): Promise<CrowdResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
  const result: CrowdResult = { answered: 0, crossed: [], failed: [] };
  const { call = (text: string) => ({ name: 'echo', arguments: { text } }) } = options;
  const perClient = Math.ceil(options.calls / options.clients);
  const sessions = await Promise.all(
    Array.from({ length: options.clients }, (_, index) => (index % 2 === 0 ? aSession(reach) : null)),
  );
  await Promise.all(
    sessions.map(async (session, client) => {
      for (let id = 0; id < perClient; id += 1) {
        const text = `client ${client} call ${id}`;
        const params = call(text);
        const modern = modernRequest(id, 'tools/call', params);
        const body = session === null ? modern.body : { jsonrpc: '2.0', id, method: 'tools/call', params };
        try {
          const answer = await post(agent, reach, body, session ?? modern.headers);
          if (answer.error !== undefined) result.failed.push(`${text}: ${JSON.stringify(answer.error)}`);
          else if (answer.id !== id || !JSON.stringify(answer.result).includes(text))
            result.crossed.push(`${text}: ${JSON.stringify(answer)}`);
          else {
            result.answered += 1;
            options.onAnswer?.(result.answered);
          }
        } catch (error) {
          result.failed.push(`${text}: ${String(error)}`);
        }
      }
    }),
  );
  agent.destroy();
  return result;
}

function post(
  agent: Agent,
  { origin, key, tool }: Reach,
  body: unknown,
  headers: Record<string, string>,
): Promise<any> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${origin}/mcp/${tool}`,
      {
        agent,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          authorization: `Bearer ${key}`,
          ...headers,
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => (text += chunk));
        response.on('error', reject);
        response.on('end', () => {
          const data = text.startsWith('{') ? text : (/data: (.*)\n/.exec(text)?.[1] ?? '');
          try {
            resolve(JSON.parse(data));
          } catch {
            reject(new Error(`status ${response.statusCode}: ${text.slice(0, 200)}`));
          }
        });
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}
