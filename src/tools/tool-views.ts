import { toTimestamp } from '../common/clock';
import type { ToolDefaults } from '../supervisor/supervised-tool';
import type { ToolSnapshot } from '../supervisor/tool-snapshot';
import { FOLLOWING } from './tool-definition.types';
import { masked } from './tool-secrets';
import type { ToolStatusView } from './tool-status.dto';
import type { Tool } from './tool.entity';
import type { ToolView } from './tools.dto';

/** A tool as answers show it: named field by field, so that nothing gets out by accident. */
export function toToolView(tool: Tool, effective: ToolDefaults, snapshot: ToolSnapshot): ToolView {
  return {
    id: tool.id,
    name: tool.name,
    description: tool.description,
    tags: tool.tags,
    transport: tool.transport,
    command: tool.command,
    args: tool.args,
    cwd: tool.cwd,
    env: masked(tool.env),
    url: tool.url,
    headers: masked(tool.headers),
    enabled: tool.enabled,
    autoStart: tool.autoStart,
    restartPolicy: tool.restartPolicy,
    maxRetries: effective.maxRetries,
    timeoutMs: effective.timeoutMs,
    followsSettings: FOLLOWING.filter((field) => tool[field] === null),
    startTimeoutMs: tool.startTimeoutMs,
    recordPayloads: tool.recordPayloads,
    sharing: tool.sharing,
    memoryLimitBytes: tool.memoryLimitBytes,
    version: tool.version,
    createdAt: toTimestamp(tool.createdAt),
    updatedAt: toTimestamp(tool.updatedAt),
    status: toStatusView(tool, snapshot),
  };
}

export function toStatusView(tool: Tool, snapshot: ToolSnapshot): ToolStatusView {
  const { identity, usage, lastError, lastExit } = snapshot;
  return {
    state: snapshot.state,
    desired: tool.desired,
    pid: snapshot.pid,
    startedAt: toTimestamp(snapshot.startedAt),
    uptimeSeconds: snapshot.uptimeMs === null ? null : Math.round(snapshot.uptimeMs / 100) / 10,
    restarts: snapshot.restarts,
    nextRetryAt: toTimestamp(snapshot.nextRetryAt),
    restartRequired: snapshot.restartRequired,
    protocolVersion: identity?.protocolVersion ?? null,
    serverInfo: identity?.serverInfo ? { name: identity.serverInfo.name, version: identity.serverInfo.version } : null,
    cpuPercent: usage?.cpuPercent ?? null,
    memoryBytes: usage?.memoryBytes ?? null,
    processes: usage?.processes ?? 0,
    pingMs: snapshot.pingMs,
    lastSeenAt: toTimestamp(snapshot.lastSeenAt),
    inFlight: snapshot.inFlight,
    counters: { ...snapshot.counters },
    lastError: lastError && { ...lastError, at: toTimestamp(lastError.at) },
    lastExit: lastExit && { ...lastExit, at: toTimestamp(lastExit.at) },
  };
}
