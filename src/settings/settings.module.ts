import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { OperationLog } from '../audit/operation-log';
import { Clock } from '../common/clock';
import { AppConfig } from '../config/app-config';
import { Transactions } from '../database/transactions';
import { Events } from '../events/events';
import { SettingRow } from './setting.entity';
import { SettingRepository } from './setting.repository';
import { Settings } from './settings';

/**
 * Owns: the settings that change at run time: what there is, what holds now, who is told of a change.
 * Does not own: the environment (config/), the routes (system/), what follows from a setting.
 */
@Global()
@Module({
  imports: [TypeOrmModule.forFeature([SettingRow])],
  providers: [
    SettingRepository,
    {
      provide: Settings,
      inject: [SettingRepository, Transactions, OperationLog, Events, AppConfig, Clock],
      // Whoever is given the settings can read them at once.
      useFactory: async (...given: ConstructorParameters<typeof Settings>) => {
        const settings = new Settings(...given);
        await settings.reload();
        return settings;
      },
    },
  ],
  exports: [Settings],
})
export class SettingsModule {}
