import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength, MinLength } from 'class-validator';

export class EventsQuery {
  /**
   * Only these events, separated by commas: `tool.status`, `log.system`, `log.operation`, `log.mcp`, `backup`,
   * `system.status`. Without it all, with `tool` those that are about tools
   */
  @ApiPropertyOptional({ example: 'tool.status,log.mcp' })
  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(500)
  types?: string;

  /** Id or name of the tool that tool states, messages and operations must be about */
  @IsOptional()
  @IsString()
  @MaxLength(64)
  tool?: string;
}
