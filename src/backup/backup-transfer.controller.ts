import '@fastify/multipart';
import { Controller, Get, Headers, HttpCode, Param, Post, Req, Res, StreamableFile } from '@nestjs/common';
import {
  ApiBody,
  type ApiBodyOptions,
  ApiConsumes,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiProduces,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Audited } from '../audit/audited.decorator';
import { RequireRole } from '../auth/access.decorator';
import { ApiProblems } from '../common/api-problems.decorator';
import { DomainError, ValidationFailedError } from '../common/domain-error';
import { BackupView } from './backup.dto';
import { BackupPresenter } from './backup-presenter';
import { BackupTransferService, RangeNotSatisfiableError } from './backup-transfer.service';

const TYPE = 'application/octet-stream';
const FILE_BODY: ApiBodyOptions = {
  schema: { type: 'object', required: ['file'], properties: { file: { type: 'string', format: 'binary' } } },
};

@ApiTags('Backups')
@Controller('system/backups')
@RequireRole('admin')
export class BackupTransferController {
  constructor(
    private readonly transfers: BackupTransferService,
    private readonly presenter: BackupPresenter,
  ) {}

  /** Upload a backup; it is proven before it is listed */
  @Post('upload')
  @HttpCode(201)
  @Audited('backup.upload')
  @ApiOperation({ operationId: 'uploadBackup' })
  @ApiConsumes('multipart/form-data')
  @ApiBody(FILE_BODY)
  @ApiProblems({
    409: 'It is here already, or another one is being uploaded',
    413: 'It is larger than BACKUP_MAX_UPLOAD_BYTES',
    415: 'The body is not multipart/form-data',
    422: 'It is no backup that can be used here; `code` says why',
  })
  async upload(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<BackupView> {
    if (!request.isMultipart()) {
      throw new DomainError('unsupported-media-type', 'unsupported_media_type', 'Send the file as multipart/form-data');
    }
    const part = await request.file().catch(refuseForm);
    if (part?.fieldname !== 'file') {
      throw new ValidationFailedError([{ path: 'file', message: 'must be the one part of the form, with the backup' }]);
    }
    const backup = await this.transfers.upload(part.file, request.server.server);
    void reply.header('location', request.url.replace(/upload(\?.*)?$/, backup.id));
    return this.presenter.view(backup);
  }

  /** Download the file of a backup, or a range of it */
  @Get(':id/download')
  @Audited('backup.download')
  @ApiOperation({ operationId: 'downloadBackup' })
  @ApiProduces(TYPE)
  @ApiHeader({ name: 'Range', required: false, description: 'One range of bytes, such as bytes=1000-' })
  @ApiOkResponse({ schema: { type: 'string', format: 'binary' } })
  @ApiProblems({
    409: 'It is not completed',
    416: 'The range begins behind its end',
    422: 'Its file is gone or changed',
  })
  async download(
    @Param('id') id: string,
    @Headers('range') range: string | undefined,
    @Headers('if-range') ifRange: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    const wanted = { ...(range === undefined ? {} : { range }), ...(ifRange === undefined ? {} : { ifRange }) };
    const found = await this.transfers.download(id, wanted).catch((error: unknown) => {
      if (error instanceof RangeNotSatisfiableError) void reply.header('content-range', `bytes */${error.sizeBytes}`);
      throw error;
    });
    const { stream, etag, sizeBytes, fileName, range: part } = found;
    void reply.headers({ etag, 'accept-ranges': 'bytes' });
    if (part !== null) {
      void reply.status(206).header('content-range', `bytes ${part.start}-${part.end}/${sizeBytes}`);
    }
    const length = part === null ? sizeBytes : part.end - part.start + 1;
    return new StreamableFile(stream, { type: TYPE, disposition: `attachment; filename="${fileName}"`, length });
  }
}

/** Errors of the plugin about limits have a status; all else is a form that cannot be read. */
function refuseForm(error: unknown): never {
  if (error instanceof Error && 'statusCode' in error) throw error;
  throw new DomainError('invalid', 'malformed_form', 'The body is no form that can be read: is it cut?', {
    cause: error,
  });
}
