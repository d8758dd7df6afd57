import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module';
import { ToolsModule } from '../tools/tools.module';
import { ApiKeysController } from './api-keys.controller';
import { ApiKeysService } from './api-keys.service';

/**
 * Owns: the management of API keys: routes, which tools a scope names, what is shown of a key.
 * Does not own: their table and how a key is checked (auth/), the names of tools (tools/).
 */
@Module({ imports: [AuthModule, ToolsModule], controllers: [ApiKeysController], providers: [ApiKeysService] })
export class ApiKeysModule {}
