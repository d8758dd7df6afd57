import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { toTimestamp } from '../common/clock';
import {
  type BackupManifest,
  type Failure,
  RESTORE_PHASES,
  type RestoreState,
  type Verification,
} from './backup-manifest';
import { type Compression, COMPRESSIONS, type DatabaseType, type Trigger, TRIGGERS } from './backup-header';

const STATES = ['running', 'completed', 'failed'] as const;
const VERIFICATION_STATES = ['running', 'passed', 'failed'] as const;

export class BackupRequest {
  /** What it is for */
  @ApiPropertyOptional({ example: 'before the migration to 2.0' })
  @IsOptional()
  @IsString()
  @MaxLength(500)
  note?: string;
}

export class FailureView {
  /** A stable word, such as `disk_full` or `backup_corrupt` */
  code: string;
  message: string;
}

export class VerificationView {
  @ApiProperty({ enum: VERIFICATION_STATES })
  state: string;
  @ApiProperty({ type: FailureView, nullable: true })
  error: FailureView | null;
  @ApiProperty({ type: String, format: 'date-time' })
  at: string;
  @ApiProperty({ type: 'integer', nullable: true })
  durationMs: number | null;
}

export class RestoreView {
  @ApiProperty({ enum: STATES })
  state: string;
  @ApiProperty({ enum: RESTORE_PHASES })
  phase: string;
  /** From 0 to 1 */
  progress: number;
  @ApiProperty({ type: FailureView, nullable: true })
  error: FailureView | null;
  /** What was live before: restoring it undoes this restore */
  @ApiProperty({ type: String, nullable: true })
  safetyBackupId: string | null;
  @ApiProperty({ type: String, format: 'date-time' })
  at: string;
  @ApiProperty({ type: 'integer', nullable: true })
  durationMs: number | null;
  /** How long the service was closed */
  @ApiProperty({ type: 'integer', nullable: true })
  downtimeMs: number | null;
}

export class BackupView {
  id: string;
  @ApiProperty({ type: String, format: 'date-time' })
  createdAt: string;
  @ApiProperty({ enum: TRIGGERS })
  trigger: Trigger;
  @ApiProperty({ enum: STATES })
  state: string;
  /** From 0 to 1 */
  progress: number;
  @ApiProperty({ enum: ['sqlite', 'postgres'], nullable: true, type: String })
  databaseType: DatabaseType | null;
  /** The newest migration that it has */
  @ApiProperty({ type: String, nullable: true })
  schemaVersion: string | null;
  @ApiProperty({ type: String, nullable: true })
  appVersion: string | null;
  /** Whether MCP messages and the system log are in it */
  @ApiProperty({ type: Boolean, nullable: true })
  includesLogs: boolean | null;
  @ApiProperty({ enum: COMPRESSIONS, nullable: true, type: String })
  compression: Compression | null;
  @ApiProperty({ type: Boolean, nullable: true })
  encrypted: boolean | null;
  /** Which SECRET_KEY it was made under, and whether that one is here */
  @ApiProperty({ type: String, nullable: true })
  keyId: string | null;
  @ApiProperty({ type: Boolean, nullable: true })
  keyAvailable: boolean | null;
  /** Of the file */
  @ApiProperty({ type: 'integer', nullable: true })
  sizeBytes: number | null;
  /** Of the data in it */
  @ApiProperty({ type: 'integer', nullable: true })
  originalBytes: number | null;
  /** Of the file */
  @ApiProperty({ type: String, nullable: true })
  sha256: string | null;
  /** When it was last proven by opening it and counting what is in it */
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  verifiedAt: string | null;
  @ApiProperty({ type: VerificationView, nullable: true })
  verification: VerificationView | null;
  /** The last restore of it */
  @ApiProperty({ type: RestoreView, nullable: true })
  restore: RestoreView | null;
  @ApiProperty({ type: String, nullable: true })
  note: string | null;
  @ApiProperty({ type: FailureView, nullable: true })
  error: FailureView | null;
  /** How long it took to make */
  @ApiProperty({ type: 'integer', nullable: true })
  durationMs: number | null;
}

export class BackupPageView {
  @ApiProperty({ type: [BackupView] })
  items: BackupView[];
  @ApiProperty({ type: String, nullable: true })
  nextCursor: string | null;
  @ApiProperty({ type: 'integer' })
  total: number;
}

export function toBackupView(manifest: BackupManifest, hasKey: (keyId: string) => boolean): BackupView {
  const { id, createdAt, trigger, state, progress, header, sizeBytes, sha256, verifiedAt, note, error } = manifest;
  return {
    ...{ id, createdAt: toTimestamp(createdAt), trigger, state, progress },
    databaseType: header?.databaseType ?? null,
    schemaVersion: header?.migrations.at(-1) ?? null,
    appVersion: header?.appVersion ?? null,
    includesLogs: header?.includesLogs ?? null,
    compression: header?.compression ?? null,
    encrypted: header === null ? null : header.encryption !== 'none',
    keyId: header?.keyId ?? null,
    keyAvailable: header === null ? null : hasKey(header.keyId),
    ...{ sizeBytes, originalBytes: header?.originalBytes ?? null, sha256, verifiedAt: toTimestamp(verifiedAt) },
    verification: toVerificationView(manifest.verification),
    restore: toRestoreView(manifest.restore),
    ...{ note, error: toFailureView(error), durationMs: manifest.durationMs },
  };
}

function toVerificationView(verification: Verification | null): VerificationView | null {
  if (verification === null) return null;
  const { state, error, at, durationMs } = verification;
  return { state, error: toFailureView(error), at: toTimestamp(at), durationMs };
}

function toRestoreView(restore: RestoreState | null): RestoreView | null {
  if (restore === null) return null;
  const { state, phase, progress, error, safetyBackupId, at, durationMs, downtimeMs } = restore;
  return {
    state,
    phase,
    progress,
    error: toFailureView(error),
    safetyBackupId,
    at: toTimestamp(at),
    durationMs,
    downtimeMs,
  };
}

function toFailureView(failure: Failure | null): FailureView | null {
  return failure === null ? null : { code: failure.code, message: failure.message };
}
