import { Injectable, Logger } from '@nestjs/common';
import type { FactName, Facts } from './facts';

type Listener<N extends FactName> = (fact: Facts[N]) => void;

/**
 * Tells facts to whoever listens, at once and in the order of listening. A listener that fails is logged and never the
 * teller's trouble; one that has long work to do begins it and returns.
 */
@Injectable()
export class Events {
  private readonly logger = new Logger('Events');
  private readonly listeners = new Map<FactName, Set<Listener<FactName>>>();

  /** Call the result to stop listening. */
  on<N extends FactName>(name: N, listener: Listener<N>): () => void {
    const all = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, all);
    // Wrapped, so that the same function can listen twice.
    const entry = ((fact: Facts[N]) => listener(fact)) as Listener<FactName>;
    all.add(entry);
    return () => void all.delete(entry);
  }

  tell<N extends FactName>(name: N, fact: Facts[N]): void {
    const all = this.listeners.get(name);
    // Of those who listened when it was told: a listener may begin or stop to listen, also others.
    for (const listener of [...(all ?? [])]) {
      if (all?.has(listener) !== true) continue;
      try {
        listener(fact);
      } catch (error) {
        this.logger.error(`A listener of ${name} has failed`, error);
      }
    }
  }
}
