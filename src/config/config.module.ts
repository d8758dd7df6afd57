import { DynamicModule, Global, Module } from '@nestjs/common';
import { AppConfig } from './app-config';
import { SecretKeys } from './secret-keys';

/**
 * Owns: the environment variables and the keys derived from SECRET_KEY; nothing else reads process.env.
 * Does not own: settings that change at run time.
 */
@Global()
@Module({})
export class ConfigModule {
  /** The module around a configuration that `main.ts` (or a test) has loaded. */
  static with(config: AppConfig): DynamicModule {
    return {
      module: ConfigModule,
      providers: [
        { provide: AppConfig, useValue: config },
        { provide: SecretKeys, useFactory: () => SecretKeys.load(config) },
      ],
      exports: [AppConfig, SecretKeys],
    };
  }
}
