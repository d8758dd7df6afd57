import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiBody, ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags, getSchemaPath } from '@nestjs/swagger';
import { Audited } from '../audit/audited.decorator';
import { RequireRole } from '../auth/access.decorator';
import { ValidationFailedError } from '../common/domain-error';
import { noteTarget } from '../common/request-context';
import { Settings } from '../settings/settings';
import { SettingView, toSettingsView } from './system-config.dto';

const MAP_OF_SETTINGS = {
  schema: { type: 'object', additionalProperties: { $ref: getSchemaPath(SettingView) } },
} as const;

@ApiTags('System')
@ApiExtraModels(SettingView)
@Controller('system/config')
export class SystemConfigController {
  constructor(private readonly settings: Settings) {}

  /** Every setting with its value, where that comes from, and what it may be */
  @Get()
  @RequireRole('viewer')
  @ApiOperation({ operationId: 'getSystemConfig' })
  @ApiOkResponse(MAP_OF_SETTINGS)
  read(): Record<string, SettingView> {
    return toSettingsView(this.settings.list());
  }

  /** Change settings: all that are named or none; null gives one back to the environment and its default; in force at once */
  @Put()
  @RequireRole('admin')
  @Audited('config.update')
  @ApiOperation({ operationId: 'updateSystemConfig' })
  @ApiBody({
    schema: {
      type: 'object',
      additionalProperties: true,
      example: { logLevel: 'debug', 'logs.mcpRetentionDays': 30, 'backup.schedule': null },
    },
  })
  @ApiOkResponse(MAP_OF_SETTINGS)
  async update(@Body() changes: Record<string, unknown> | undefined): Promise<Record<string, SettingView>> {
    noteTarget({ type: 'settings', id: null, name: null });
    if (changes === undefined) throw new ValidationFailedError([{ path: 'body', message: 'must be a JSON object' }]);
    await this.settings.update(changes);
    return toSettingsView(this.settings.list());
  }
}
