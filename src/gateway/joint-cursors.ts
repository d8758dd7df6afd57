import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { RPC_CODES } from '../mcp/json-rpc.types';
import { RpcRefusal } from '../mcp/rpc-answers';

/** Where the next page of a joint list begins. */
export interface ListPlace {
  /** Id of the tool. */
  toolId: string;
  /** How many of its entries came on pages before. */
  index: number;
}

/**
 * Cursors of the joint lists. Signed, so that nobody can ask for what no page has led to; the key dies with the process,
 * as the lists do. A cursor belongs to one list.
 */
export class JointCursors {
  private readonly key = randomBytes(32);

  write(list: string, { toolId, index }: ListPlace): string {
    const body = Buffer.from(JSON.stringify([toolId, index])).toString('base64url');
    return `${body}.${this.signature(list, body)}`;
  }

  /** @throws RpcRefusal (-32602) for anything that this list has not given out */
  read(list: string, cursor: unknown): ListPlace {
    const [body = '', signature = '', ...rest] = typeof cursor === 'string' ? cursor.split('.') : [];
    const [given, expected] = [Buffer.from(signature), Buffer.from(this.signature(list, body))];
    if (rest.length > 0 || given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new RpcRefusal(RPC_CODES.invalidParams, `This is no cursor of ${list}; begin again without one`);
    }
    const [toolId, index] = JSON.parse(Buffer.from(body, 'base64url').toString()) as [string, number];
    return { toolId, index };
  }

  private signature(list: string, body: string): string {
    return createHmac('sha256', this.key).update(`${list}\n${body}`).digest('base64url').slice(0, 22);
  }
}
