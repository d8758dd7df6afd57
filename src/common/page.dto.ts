import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';

/** Query parameters that every list takes. */
export class PageQuery {
  /** How many entries to answer at most */
  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: 500, default: 50 })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(500)
  limit: number = 50;

  /** `nextCursor` of the page before */
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  cursor?: string;
}

/** PageQuery of lists that can be read from either end. */
export class OrderedPageQuery extends PageQuery {
  /** Newest first (desc) or oldest first (asc) */
  @ApiPropertyOptional({ enum: ['asc', 'desc'], default: 'desc' })
  @IsOptional()
  @IsIn(['asc', 'desc'])
  order: 'asc' | 'desc' = 'desc';
}

/** Reads `true` and `false` of a query; anything else is left for the validator to refuse. */
export function QueryBoolean(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value));
}
