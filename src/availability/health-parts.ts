import { Injectable } from '@nestjs/common';

/** What one part of MCPS.ONE says of itself at `/system/health`. */
export interface PartHealth {
  status: 'up' | 'down';
  /** What is wrong, in a sentence that says what to do; shown where it is down. */
  message?: string;
  [detail: string]: unknown;
}

export interface HealthPart {
  /** Such as `backup`. */
  name: string;
  check: () => PartHealth | Promise<PartHealth>;
}

/** Those who have something to say at `/system/health` beside what that route knows itself. They change no probe. */
@Injectable()
export class HealthParts {
  private readonly parts: HealthPart[] = [];

  register(part: HealthPart): void {
    this.parts.push(part);
  }

  get all(): readonly HealthPart[] {
    return this.parts;
  }
}
