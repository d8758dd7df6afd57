import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { PrincipalRevocations, type Revocation } from '../auth/principal-revocations';
import { DomainError } from '../common/domain-error';
import type { EntryWriter } from './export-format';
import { TooManyExportsError } from './logs.errors';

/** Exports at once: each holds a page of rows for as long as its reader takes. */
const MAX_OPEN = 10;
/** Text that is made before the event loop gets its turn. */
const PIECE_CHARACTERS = 32 * 1024;

interface OpenExport {
  principal: Principal;
  stream: Readable;
}

/** The exports under way: as fast as their readers read, ended with the right to them and with the program. */
@Injectable()
export class ExportStreams implements OnModuleDestroy {
  private readonly logger = new Logger(ExportStreams.name);
  private readonly open = new Set<OpenExport>();
  private starting = 0;

  constructor(revocations: PrincipalRevocations) {
    revocations.onRevoked((revocation) => this.endThoseOf(revocation));
  }

  /** Exports that are being read. */
  get openCount(): number {
    return this.open.size;
  }

  onModuleDestroy(): void {
    for (const { stream } of this.open) stream.destroy(new Error('MCPS.ONE is shutting down'));
  }

  /**
   * The text of all pages. The first page is read before anything is answered, so that a question that can't be answered is
   * refused as such. @throws TooManyExportsError, and what the first page does
   */
  async start(pages: AsyncGenerator<Iterable<object>>, writer: EntryWriter, principal: Principal): Promise<Readable> {
    if (this.open.size + this.starting >= MAX_OPEN) throw new TooManyExportsError();
    this.starting++;
    try {
      const first = await pages.next();
      const stream = Readable.from(this.textOf(first, pages, writer), { objectMode: false });
      const entry = { principal, stream };
      this.open.add(entry);
      stream.once('close', () => this.open.delete(entry));
      return stream;
    } finally {
      this.starting--;
    }
  }

  private async *textOf(
    first: IteratorResult<Iterable<object>, unknown>,
    pages: AsyncGenerator<Iterable<object>>,
    writer: EntryWriter,
  ): AsyncGenerator<Buffer> {
    try {
      let text = writer.begin;
      for (let page = first; page.done !== true; page = await pages.next()) {
        for (const entry of page.value) {
          text += writer.line(entry);
          if (text.length < PIECE_CHARACTERS) continue;
          yield Buffer.from(text);
          text = '';
          await turn();
        }
      }
      if (text !== '') yield Buffer.from(text);
    } catch (error) {
      // The status is sent: the reader is told by a last line, and by a body that ends before its end.
      const { code, message } = said(error);
      this.logger.error('An export has failed', { code, reason: message });
      const failure = writer.failure(code, message);
      if (failure !== '') yield Buffer.from(failure);
      throw error;
    } finally {
      await pages.return(undefined);
    }
  }

  private endThoseOf({ type, id }: Revocation): void {
    for (const { principal, stream } of this.open) {
      const isMeant = type === 'session' ? principal.sessionId === id : principal.type === type && principal.id === id;
      if (isMeant) stream.destroy(new Error('The right to this export has ended'));
    }
  }
}

function said(error: unknown): { code: string; message: string } {
  return error instanceof DomainError
    ? { code: error.code, message: error.message }
    : { code: 'internal', message: 'The export could not be finished' };
}
