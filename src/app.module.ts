import { type DynamicModule, Module } from '@nestjs/common';
import { SCHEMA } from './app.schema';
import { ApiKeysModule } from './api-keys/api-keys.module';
import { AuditModule } from './audit/audit.module';
import { AuthModule } from './auth/auth.module';
import { AvailabilityModule } from './availability/availability.module';
import { BackupModule } from './backup/backup.module';
import { recoverRestore } from './backup/restore-recovery';
import type { AppLogger } from './common/app-logger';
import { CommonModule } from './common/common.module';
import type { AppConfig } from './config/app-config';
import { ConfigModule } from './config/config.module';
import { DatabaseModule } from './database/database.module';
import { EventsModule } from './events/events.module';
import { GatewayModule } from './gateway/gateway.module';
import { HealthModule } from './health/health.module';
import { LogsModule } from './logs/logs.module';
import { MetricsModule } from './metrics/metrics.module';
import { SchedulerModule } from './scheduler/scheduler.module';
import { SettingsModule } from './settings/settings.module';
import { StreamModule } from './stream/stream.module';
import { SystemModule } from './system/system.module';
import { ToolsModule } from './tools/tools.module';
import { UsersModule } from './users/users.module';

/** The composition root: which modules there are, and around which configuration. */
@Module({})
export class AppModule {
  static with(config: AppConfig, logger: AppLogger): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.with(config),
        CommonModule.with(logger),
        AvailabilityModule,
        DatabaseModule.with(SCHEMA, recoverRestore),
        EventsModule,
        AuditModule,
        SettingsModule,
        SchedulerModule,
        AuthModule,
        MetricsModule,
        UsersModule,
        ApiKeysModule,
        LogsModule,
        ToolsModule,
        BackupModule,
        SystemModule,
        GatewayModule,
        HealthModule,
        StreamModule,
      ],
    };
  }
}
