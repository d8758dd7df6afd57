import { ApiProperty } from '@nestjs/swagger';
import type { SettingState } from '../settings/settings';

const SOURCES = ['default', 'env', 'database'] as const;

export class SettingView {
  /** What holds now */
  @ApiProperty({ type: 'object', additionalProperties: true })
  value: unknown;
  /** What holds where nobody says anything else */
  @ApiProperty({ type: 'object', additionalProperties: true })
  default: unknown;
  /** Who says so: `database` is a change made here */
  @ApiProperty({ enum: SOURCES })
  source: string;
  /** False: the environment alone decides, at the next start */
  editable: boolean;
  description: string;
  /** The environment variable, where there is one */
  variable: string | null;
  /** What the value may be (JSON Schema) */
  @ApiProperty({ type: 'object', additionalProperties: true })
  schema: Record<string, unknown>;
}

export function toSettingsView(states: readonly SettingState[]): Record<string, SettingView> {
  return Object.fromEntries(
    states.map(({ key, value, source, declaration: { byDefault, editable, description, environment, type } }) => [
      key,
      {
        ...{ value, default: byDefault, source, editable, description },
        variable: environment?.variable ?? null,
        schema: type.schema,
      },
    ]),
  );
}
