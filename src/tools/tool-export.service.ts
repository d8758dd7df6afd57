import { Injectable } from '@nestjs/common';
import { exportClientConfig } from './client-config-export';
import type { ExportQuery, ExportView } from './tool-transfer.dto';
import { ToolRepository } from './tool.repository';

/** Writes configuration files for MCP clients; of secrets only the names. */
@Injectable()
export class ToolExportService {
  constructor(private readonly tools: ToolRepository) {}

  /** All enabled tools; `gatewayUrl` is where the caller reached us. */
  async run({ client = 'claude-code', target = 'gateway' }: ExportQuery, gatewayUrl: string): Promise<ExportView> {
    const tools = await this.tools.list({ enabled: true });
    const exported = tools.map(({ name, transport, command, args, cwd, url, env, headers }) => ({
      ...{ name, transport, command, args, cwd, url },
      env: Object.keys(env),
      headers: Object.keys(headers),
    }));
    return exportClientConfig(exported, { client, target, gatewayUrl });
  }
}
