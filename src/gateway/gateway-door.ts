import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { ExchangeDesk } from './exchange-desk';
import { GatewayFront } from './gateway-front';
import { GatewaySessions } from './gateway-sessions';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** What is in flight when MCPS.ONE is stopped has so long to be answered. */
const DRAIN_MS = 8_000;

/** Puts the gateway in front of the application's HTTP server, and takes it off in order. */
@Injectable()
export class GatewayDoor implements OnModuleDestroy {
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

  /** New work is refused, what is in flight is answered, streams are ended: all before the first child is stopped. */
  async onModuleDestroy(): Promise<void> {
    this.front.isClosing = true;
    this.desk.endOpenEnded();
    await this.desk.drain(DRAIN_MS);
    this.sessions.endAll();
  }
}
