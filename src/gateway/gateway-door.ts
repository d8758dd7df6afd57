import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { ExchangeDesk } from './exchange-desk';
import { GatewayFront } from './gateway-front';
import { GatewaySessions } from './gateway-sessions';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** What is in flight when MCPS.ONE is stopped has so long to be answered: most of the phase. */
const DRAIN_MS = 4_800;

/** Puts the gateway in front of the application's HTTP server, and takes it off in order. */
@Injectable()
export class GatewayDoor {
  constructor(
    private readonly front: GatewayFront,
    private readonly sessions: GatewaySessions,
    private readonly desk: ExchangeDesk,
  ) {}

  /** Takes the requests that are the gateway's; the others go on to who would have got them. */
  attach(server: Server): void {
    const next = server.listeners('request') as Handler[];
    server.removeAllListeners('request');
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      if (this.front.handle(request, response)) return;
      for (const listener of next) listener.call(server, request, response);
    });
  }

  /** First of all at a shutdown: new work is refused, and what would never end by itself is ended. */
  close(): void {
    this.front.isClosing = true;
    this.desk.endOpenEnded();
  }

  /** What is in flight is answered, then sessions end: before the first child is stopped. */
  async drain(): Promise<void> {
    await this.desk.drain(DRAIN_MS);
    this.sessions.endAll();
  }
}
