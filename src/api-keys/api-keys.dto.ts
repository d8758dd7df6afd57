import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
} from 'class-validator';
import { ROLES, type Role } from '../auth/roles';

/** RFC 3339 with its offset: an end of a credential must not depend on anybody's time zone. */
const TIMESTAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

export class ApiKeyRequest {
  /**
   * What people know it by
   * @example "continuous integration"
   */
  @Matches(/^[^\p{Cc}]{1,100}$/u, { message: '$property must be 1 to 100 printable characters' })
  name: string;

  @ApiProperty({ enum: ROLES, enumName: 'Role' })
  @IsIn(ROLES)
  role: Role;

  /** Names of the only tools that it sees and calls; null: all of them */
  @ApiPropertyOptional({ type: [String], nullable: true, default: null })
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(1000)
  @ArrayUnique()
  @IsString({ each: true })
  @MaxLength(64, { each: true })
  tools?: string[] | null;

  /** When it ends, as "2027-01-31T00:00:00Z"; null: never */
  @ApiPropertyOptional({ type: String, format: 'date-time', nullable: true, default: null })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => readTime(value))
  @IsInt({ message: '$property must be a time such as 2027-01-31T00:00:00Z' })
  expiresAt?: number | null;
}

export class ApiKeyView {
  id: string;
  name: string;
  /** How the key begins */
  @ApiProperty({ example: 'mcps_a1B2c3D4' })
  prefix: string;
  @ApiProperty({ enum: ROLES, enumName: 'Role' })
  role: Role;
  /** Names of the only tools that it sees and calls, but for those that are deleted; null: all of them */
  @ApiProperty({ type: [String], nullable: true })
  tools: string[] | null;
  @ApiProperty({ format: 'date-time' })
  createdAt: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  expiresAt: string | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  lastUsedAt: string | null;
}

export class NewApiKeyView extends ApiKeyView {
  /** The key itself: here and never again */
  key: string;
}

export class ApiKeyPageView {
  items: ApiKeyView[];
  /** Pass it as `cursor` for the next page; null on the last */
  nextCursor: string | null;
  total: number;
}

/** Epoch milliseconds; what is no time is left for the validator to refuse. */
function readTime(value: unknown): unknown {
  if (typeof value !== 'string' || !TIMESTAMP.test(value)) return value === null || value === undefined ? value : NaN;
  return Date.parse(value);
}
