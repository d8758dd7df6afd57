import { Injectable } from '@nestjs/common';
import { Recorder } from './recorder.service';
import { SystemLogWriter } from './system-log.writer';

/** What was said before a question is in its answer: waits until it is stored, for half a second at most. */
@Injectable()
export class LogSettling {
  constructor(
    private readonly recorder: Recorder,
    private readonly systemWriter: SystemLogWriter,
  ) {}

  mcp(): Promise<void> {
    return this.recorder.settled();
  }

  system(): Promise<void> {
    return this.systemWriter.settled();
  }

  async all(): Promise<void> {
    await Promise.all([this.mcp(), this.system()]);
  }
}
