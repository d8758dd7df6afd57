import { ExportClient } from './client-config-export.types';

/** VS Code asks for the value once and keeps it in its secret storage. */
interface PromptInput {
  type: 'promptString';
  id: string;
  description: string;
  password: true;
}

/** Writes placeholders as one client reads them, and remembers what its user has to provide. */
export interface PlaceholderWriter {
  /** `what` tells a user what to enter; `owner` is the tool, where the variable's name is not unique by itself. */
  write(variable: string, what: string, owner?: string): string;
  inputs(): PromptInput[];
  notes(): string[];
}

export function placeholderWriter(client: ExportClient): PlaceholderWriter {
  return client === 'vscode' ? new PromptingWriter() : new VariableWriter(client);
}

/** `${input:id}`, with an entry in `inputs` for each. */
class PromptingWriter implements PlaceholderWriter {
  private readonly prompts = new Map<string, PromptInput>();

  write(variable: string, what: string, owner?: string): string {
    const id = owner === undefined ? variable : `${owner}.${variable}`;
    this.prompts.set(id, { type: 'promptString', id, description: what, password: true });
    return `\${input:${id}}`;
  }

  inputs(): PromptInput[] {
    return [...this.prompts.values()];
  }

  notes(): string[] {
    return this.prompts.size === 0 ? [] : ['VS Code asks for the secrets when it starts a server for the first time.'];
  }
}

/** `${NAME}` or `${env:NAME}`: a variable of the environment that the client was started with. */
class VariableWriter implements PlaceholderWriter {
  private readonly owners = new Map<string, Set<string>>();
  private readonly meanings = new Map<string, string>();

  constructor(private readonly client: Exclude<ExportClient, 'vscode'>) {}

  write(variable: string, what: string, owner = ''): string {
    this.meanings.set(variable, what);
    this.owners.set(variable, (this.owners.get(variable) ?? new Set()).add(owner));
    return this.client === 'cursor' || this.client === 'windsurf' ? `\${env:${variable}}` : `\${${variable}}`;
  }

  inputs(): PromptInput[] {
    return [];
  }

  notes(): string[] {
    const isByHand = this.client === 'claude-desktop';
    return [...this.meanings].map(([variable, what]) => {
      if (isByHand) return `Replace \${${variable}} by hand, Claude Desktop knows no variables. ${what}.`;
      const owners = [...(this.owners.get(variable) ?? [])];
      const shared = owners.length > 1 ? ` ${owners.join(', ')} will all get the same value.` : '';
      return `Set ${variable} in the environment of the client. ${what}.${shared}`;
    });
  }
}
