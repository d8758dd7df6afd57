import { DynamicModule, Global, Module } from '@nestjs/common';
import { AppLogger } from './app-logger';
import { Clock, SystemClock } from './clock';
import { Maintenance } from './maintenance';
import { SecretCipher } from './secret-cipher';

/**
 * Owns: what every module needs and no domain explains: clock, ids, errors, pages, the request's context, secrets at rest,
 * whether the service is closed for maintenance.
 * Does not own: anything with a table or a route.
 */
@Global()
@Module({})
export class CommonModule {
  static with(logger: AppLogger): DynamicModule {
    return {
      module: CommonModule,
      providers: [
        { provide: Clock, useClass: SystemClock },
        { provide: AppLogger, useValue: logger },
        SecretCipher,
        Maintenance,
      ],
      exports: [Clock, AppLogger, SecretCipher, Maintenance],
    };
  }
}
