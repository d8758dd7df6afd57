import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { Settings } from '../settings/settings';
import { StreamsExhaustedError, TooManyStreamsError } from './stream.errors';

/** How many streams there may be: of one caller, and in all. */
@Injectable()
export class StreamPlaces {
  private readonly taken = new Map<string, number>();
  private total = 0;

  constructor(private readonly settings: Settings) {}

  /** Call the result, once, to give the place back. @throws TooManyStreamsError, StreamsExhaustedError */
  take({ type, id }: Principal): () => void {
    const caller = `${type} ${id}`;
    const own = this.taken.get(caller) ?? 0;
    const most = this.settings.get('events.maxStreamsPerCaller');
    if (own >= most) throw new TooManyStreamsError(most);
    if (this.total >= this.settings.get('events.maxStreams')) throw new StreamsExhaustedError();
    this.taken.set(caller, own + 1);
    this.total++;
    return () => this.giveBack(caller);
  }

  private giveBack(caller: string): void {
    const left = (this.taken.get(caller) ?? 0) - 1;
    if (left > 0) this.taken.set(caller, left);
    else this.taken.delete(caller);
    this.total--;
  }
}
