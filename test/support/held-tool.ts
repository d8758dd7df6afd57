import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aFaultyTool } from './tool-under-test';

/** A tool whose calls, but for those of `add`, are answered when the test says so: what a test does to calls in flight has all the time it takes. */
export class HeldTool {
  private readonly folder = mkdtempSync(join(tmpdir(), 'mcps-held-'));
  private readonly file = join(this.folder, 'open');
  /** Of the faulty server. */
  readonly flags = ['--in-call', `held:${this.file}`];
  readonly definition = aFaultyTool({ name: 'held', flags: this.flags });

  constructor() {
    afterAll(() => rmSync(this.folder, { recursive: true }));
  }

  /** Answers all calls, those to come as well. */
  letGo(): void {
    writeFileSync(this.file, '');
  }
}
