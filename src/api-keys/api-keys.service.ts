import { Injectable } from '@nestjs/common';
import { OperationLog } from '../audit/operation-log';
import { ApiKey } from '../auth/api-key.entity';
import { apiKeyHash, apiKeyPrefix, newApiKey } from '../auth/api-key-text';
import { ApiKeyUsage } from '../auth/api-key-usage';
import { ApiKeyRepository } from '../auth/api-key.repository';
import { PrincipalRevocations } from '../auth/principal-revocations';
import { Clock, toTimestamp } from '../common/clock';
import { type FieldError, ValidationFailedError } from '../common/domain-error';
import { isId, newId } from '../common/ids';
import type { PageQuery } from '../common/page.dto';
import { decodeCursor, encodeCursor, toPage } from '../common/pagination';
import { noteTarget } from '../common/request-context';
import { Transactions, type Tx } from '../database/transactions';
import { ToolDirectory } from '../tools/tool-directory';
import type { ApiKeyPageView, ApiKeyRequest, ApiKeyView, NewApiKeyView } from './api-keys.dto';
import { ApiKeyNotFoundError } from './api-keys.errors';

const CURSOR = 'api-keys';

/** Keys are made and revoked, never changed: who holds one knows what it is good for. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly usage: ApiKeyUsage,
    private readonly tools: ToolDirectory,
    private readonly revocations: PrincipalRevocations,
    private readonly operations: OperationLog,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  async list({ limit, cursor }: PageQuery): Promise<ApiKeyPageView> {
    const after = cursor === undefined ? null : decodeCursor(CURSOR, cursor, 'string');
    const [rows, total] = await Promise.all([this.keys.list({ after, limit }), this.keys.count()]);
    const { items, nextCursor } = toPage(rows, limit, ({ id }) => encodeCursor(CURSOR, id));
    const names = await this.tools.namesOf([...new Set(items.flatMap(({ toolIds }) => toolIds ?? []))]);
    return { items: items.map((key) => this.view(key, names)), nextCursor, total };
  }

  /** @throws ValidationFailedError */
  async create({ name, role, tools = null, expiresAt = null }: ApiKeyRequest): Promise<NewApiKeyView> {
    noteTarget({ type: 'api-key', id: null, name });
    const now = this.clock.now();
    if (expiresAt !== null && expiresAt <= now) {
      throw new ValidationFailedError([{ path: 'expiresAt', message: 'must be in the future' }]);
    }
    const toolIds = tools === null ? null : await this.idsOf(tools);
    const text = newApiKey();
    const shown = { id: newId(), name, prefix: apiKeyPrefix(text), role, toolIds, createdAt: now, expiresAt };
    const key = Object.assign(new ApiKey(), shown, { hash: apiKeyHash(text), lastUsedAt: null });
    const changes = { prefix: key.prefix, role, tools, expiresAt: toTimestamp(expiresAt) };
    await this.transactions.run(async (tx) => {
      await this.keys.insert(key, tx);
      await this.record('api-key.create', key, changes, tx);
    });
    const view = this.view(key, await this.tools.namesOf(toolIds ?? []));
    return Object.assign(view, { key: text });
  }

  /** Its next request is refused, and what it holds open is told to end. @throws ApiKeyNotFoundError */
  async revoke(id: string): Promise<void> {
    if (!isId(id)) throw new ApiKeyNotFoundError();
    noteTarget({ type: 'api-key', id, name: null });
    await this.transactions.run(async (tx) => {
      const key = await this.keys.findById(id, tx);
      if (key === null) throw new ApiKeyNotFoundError();
      await this.keys.remove(id, tx);
      await this.record('api-key.delete', key, { prefix: key.prefix, role: key.role }, tx);
    });
    this.revocations.announce([{ type: 'apiKey', id }]);
  }

  private async idsOf(tools: readonly string[]): Promise<string[]> {
    const ids = await Promise.all(tools.map((tool) => this.tools.idOf(tool)));
    const errors = ids.flatMap((id, index): FieldError[] =>
      id === null ? [{ path: `tools.${index}`, message: 'names no tool' }] : [],
    );
    if (errors.length > 0) throw new ValidationFailedError(errors);
    return [...new Set(ids.filter((id) => id !== null))];
  }

  private view(key: ApiKey, names: ReadonlyMap<string, string>): ApiKeyView {
    const { id, name, prefix, role, toolIds, createdAt, expiresAt } = key;
    return {
      ...{ id, name, prefix, role },
      tools: toolIds === null ? null : toolIds.flatMap((toolId) => names.get(toolId) ?? []),
      createdAt: toTimestamp(createdAt),
      expiresAt: toTimestamp(expiresAt),
      lastUsedAt: toTimestamp(this.usage.lastUsedAt(id) ?? key.lastUsedAt),
    };
  }

  private record(action: string, key: ApiKey, changes: Record<string, unknown>, tx: Tx): Promise<void> {
    const target = { type: 'api-key', id: key.id, name: key.name };
    return this.operations.append({ action, outcome: 'success', target, changes }, tx);
  }
}
