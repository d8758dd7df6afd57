import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';

/** Where the first administrator's random password waits to be read (mode 0600) until it is changed. */
@Injectable()
export class FirstPasswordFile {
  readonly path: string;

  constructor(config: AppConfig) {
    this.path = join(config.dataDir, 'initial-admin-password');
  }

  exists(): boolean {
    return existsSync(this.path);
  }

  write(password: string): void {
    // Removed first: writing over a file keeps its old mode.
    this.remove();
    writeFileSync(this.path, password + '\n', { mode: 0o600, flag: 'wx' });
  }

  /** Removes it once the password in it has been changed; whoever changes another one leaves it alone. */
  removeIfIts(password: string): void {
    if (this.exists() && readFileSync(this.path, 'utf8').trim() === password) this.remove();
  }

  private remove(): void {
    rmSync(this.path, { force: true });
  }
}
