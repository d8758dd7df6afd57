import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Audited } from '../audit/audited.decorator';
import { RequireRole, WhileRestoring } from '../auth/access.decorator';
import { CurrentPrincipal, type Principal } from '../auth/principal';
import { ApiProblems } from '../common/api-problems.decorator';
import { PageQuery } from '../common/page.dto';
import { decodeCursor, encodeCursor, toPage } from '../common/pagination';
import { BackupPageView, BackupRequest, BackupView } from './backup.dto';
import type { BackupManifest } from './backup-manifest';
import { BackupPresenter } from './backup-presenter';
import { BackupService } from './backup.service';
import { RestoreService } from './restore.service';

const LIST = 'backups';
const BUSY = 'Another backup, verification, upload or restore is under way';

@ApiTags('Backups')
@Controller('system/backups')
@RequireRole('admin')
export class BackupController {
  constructor(
    private readonly backups: BackupService,
    private readonly restores: RestoreService,
    private readonly presenter: BackupPresenter,
  ) {}

  /** Make a backup; how far it is stands in the backup itself */
  @Post()
  @HttpCode(202)
  @Audited('backup.create')
  @ApiOperation({ operationId: 'createBackup' })
  @ApiProblems({ 409: BUSY })
  create(@Body() body: BackupRequest): BackupView {
    return this.view(this.backups.create('manual', body.note ?? null).backup);
  }

  /** List backups, newest first */
  @Get()
  @RequireRole('viewer')
  @ApiOperation({ operationId: 'listBackups' })
  list(@Query() { limit, cursor }: PageQuery): BackupPageView {
    const all = this.backups.list();
    const last = cursor === undefined ? null : decodeCursor(LIST, cursor, 'string');
    const start = last === null ? 0 : all.findIndex((backup) => keyOf(backup) < last);
    const rows = start === -1 ? [] : all.slice(start, start + limit + 1);
    const { items, nextCursor } = toPage(rows, limit, (backup) => encodeCursor(LIST, keyOf(backup)));
    return { items: items.map((backup) => this.view(backup)), nextCursor, total: all.length };
  }

  /** Read a backup; whoever asked for its restore can do so also while that is under way */
  @Get(':id')
  @RequireRole('viewer')
  @WhileRestoring()
  @ApiOperation({ operationId: 'getBackup' })
  get(@Param('id') id: string): BackupView {
    return this.view(this.backups.get(id));
  }

  /** Check a backup once more: checksum, seal, unpacking, integrity and counts of what is in it */
  @Post(':id/verify')
  @HttpCode(202)
  @Audited('backup.verify')
  @ApiOperation({ operationId: 'verifyBackup' })
  @ApiProblems({ 409: `${BUSY}, or it is not completed` })
  verify(@Param('id') id: string): BackupView {
    return this.view(this.backups.verify(id).backup);
  }

  /** Put a backup into the place of the live data; after any failure the old data is back. Everyone has to log in again */
  @Post(':id/restore')
  @HttpCode(202)
  @Audited('backup.restore')
  @ApiOperation({ operationId: 'restoreBackup' })
  @ApiProblems({ 409: `${BUSY}, or it is not completed`, 422: 'It can not be restored here; `code` says why' })
  restore(@Param('id') id: string, @CurrentPrincipal() caller: Principal, @Req() request: FastifyRequest): BackupView {
    return this.view(this.restores.restore(id, caller, request.headers).backup);
  }

  /** Remove a backup */
  @Delete(':id')
  @HttpCode(204)
  @Audited('backup.delete')
  @ApiOperation({ operationId: 'deleteBackup' })
  @ApiProblems({ 409: 'It is being made, or a backup is being restored' })
  remove(@Param('id') id: string): Promise<void> {
    return this.backups.remove(id);
  }

  private view(backup: BackupManifest): BackupView {
    return this.presenter.view(backup);
  }
}

/** Orders as the list does: by time, then by id. */
function keyOf({ createdAt, id }: BackupManifest): string {
  return `${String(createdAt).padStart(16, '0')} ${id}`;
}
