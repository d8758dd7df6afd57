import { Injectable, type OnModuleInit } from '@nestjs/common';
import { AppLogger } from '../common/app-logger';
import { Settings } from '../settings/settings';

/** Lets the setting `logLevel` decide at once what is said, on the console, in the file and in the database. */
@Injectable()
export class LogLevelSetting implements OnModuleInit {
  constructor(
    private readonly settings: Settings,
    private readonly log: AppLogger,
  ) {}

  onModuleInit(): void {
    // What the environment says holds from the first line on.
    if (this.settings.list().some(({ key, source }) => key === 'logLevel' && source === 'database')) this.apply();
    this.settings.onChange(['logLevel'], () => this.apply());
  }

  private apply(): void {
    this.log.setLevel(this.settings.get('logLevel'));
  }
}
