import { Injectable } from '@nestjs/common';

/** Gives the id of the tool that has a name now; null where none has. */
export type FindToolId = (name: string) => Promise<string | null>;

/** The joint to the registry of tools, which knows what a tool is called now: it connects itself at boot. */
@Injectable()
export class ToolNames {
  private find: FindToolId = () => Promise.resolve(null);

  connect(find: FindToolId): void {
    this.find = find;
  }

  idOf(name: string): Promise<string | null> {
    return this.find(name);
  }
}
