import { Injectable } from '@nestjs/common';
import { isId } from '../common/ids';
import { TOOL_NAME_PATTERN } from './tool-definition.types';
import { ToolRepository } from './tool.repository';

/** Which tool goes by which name: for those who remember tools by id and show them by name. */
@Injectable()
export class ToolDirectory {
  constructor(private readonly tools: ToolRepository) {}

  /** Of a tool given by id or name; null: there is none. */
  async idOf(idOrName: string): Promise<string | null> {
    if (isId(idOrName)) return (await this.tools.findById(idOrName))?.id ?? null;
    return TOOL_NAME_PATTERN.test(idOrName) ? ((await this.tools.findByName(idOrName))?.id ?? null) : null;
  }

  /** Id -> name of all there are. */
  names(): Promise<Map<string, string>> {
    return this.tools.names();
  }

  /** Id -> name of those that still exist. */
  namesOf(ids: readonly string[]): Promise<Map<string, string>> {
    return ids.length === 0 ? Promise.resolve(new Map<string, string>()) : this.tools.namesOf(ids);
  }
}
