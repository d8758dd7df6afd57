import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Audited } from '../audit/audited.decorator';
import { RequireRole } from '../auth/access.decorator';
import { PageQuery } from '../common/page.dto';
import { ApiKeyPageView, ApiKeyRequest, NewApiKeyView } from './api-keys.dto';
import { ApiKeysService } from './api-keys.service';

@ApiTags('API keys')
@Controller('api-keys')
@RequireRole('admin')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeysService) {}

  /** List API keys, without the keys themselves */
  @Get()
  @ApiOperation({ operationId: 'listApiKeys' })
  list(@Query() query: PageQuery): Promise<ApiKeyPageView> {
    return this.keys.list(query);
  }

  /** Make an API key; it is in this answer and never shown again */
  @Post()
  @Audited('api-key.create')
  @ApiOperation({ operationId: 'createApiKey' })
  create(@Body() body: ApiKeyRequest): Promise<NewApiKeyView> {
    return this.keys.create(body);
  }

  /** Revoke an API key; its next request is refused */
  @Delete(':id')
  @HttpCode(204)
  @Audited('api-key.delete')
  @ApiOperation({ operationId: 'deleteApiKey' })
  @ApiResponse({ status: 204, description: 'It is revoked' })
  revoke(@Param('id') id: string): Promise<void> {
    return this.keys.revoke(id);
  }
}
