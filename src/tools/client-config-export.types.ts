import { ToolTransport } from './tool-definition.types';

export const EXPORT_CLIENTS = ['claude-desktop', 'claude-code', 'cursor', 'vscode', 'windsurf'] as const;
export type ExportClient = (typeof EXPORT_CLIENTS)[number];

export const EXPORT_TARGETS = ['gateway', 'direct'] as const;
export type ExportTarget = (typeof EXPORT_TARGETS)[number];

/** A tool as an export sees it: of secrets only the names, so that none can get out this way. */
export interface ExportedTool {
  name: string;
  transport: ToolTransport;
  command: string | null;
  args: string[];
  cwd: string | null;
  env: string[];
  url: string | null;
  headers: string[];
}

export interface ExportOptions {
  client: ExportClient;
  target: ExportTarget;
  /** Where clients reach us, without `/mcp`. */
  gatewayUrl: string;
}

export interface ClientConfig {
  fileName: string;
  config: Record<string, unknown>;
  /** What a human has to know or do before it works. */
  notes: string[];
}
