import { Injectable, Logger } from '@nestjs/common';

/** Whose right to be here has ended, or has changed so that it must be looked at anew. */
export interface Revocation {
  type: 'user' | 'session' | 'apiKey';
  id: string;
}

/**
 * Tells at once what has been revoked: who remembers a principal (a cache, an open stream, a gateway session) listens here
 * and lets go of it. Announced after the commit, so that whoever asks the database then gets the new answer.
 */
@Injectable()
export class PrincipalRevocations {
  private readonly logger = new Logger(PrincipalRevocations.name);
  private readonly listeners = new Set<(revocation: Revocation) => void>();

  /** Call the result to stop listening. */
  onRevoked(listener: (revocation: Revocation) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  announce(revocations: readonly Revocation[]): void {
    for (const revocation of revocations) {
      for (const listener of this.listeners) this.tell(listener, revocation);
    }
  }

  /** One listener that fails must not keep the others from hearing of it. */
  private tell(listener: (revocation: Revocation) => void, revocation: Revocation): void {
    try {
      listener(revocation);
    } catch (error) {
      this.logger.error('A listener could not carry out a revocation', error);
    }
  }
}
