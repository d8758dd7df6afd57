import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Brackets, In, Repository } from 'typeorm';
import { isUniqueViolation } from '../database/database-errors';
import { searchPattern } from '../database/search-pattern';
import type { Tx } from '../database/transactions';
import type { DesiredState, ToolTransport } from './tool-definition.types';
import type { Wish } from './tool-drift';
import { ToolOffering } from './tool-offering.entity';
import { Tool } from './tool.entity';
import { ToolNameTakenError } from './tools.errors';

export interface ToolFilter {
  transport?: ToolTransport;
  tag?: string;
  enabled?: boolean;
  search?: string;
}

/** SQLite has no booleans. */
interface StoredWish extends Omit<Wish, 'enabled'> {
  enabled: boolean | 0 | 1;
}

@Injectable()
export class ToolRepository {
  /** Grows with every change of a tool: who keeps a copy compares. */
  revision = 0;

  constructor(
    @InjectRepository(Tool) private readonly tools: Repository<Tool>,
    @InjectRepository(ToolOffering) private readonly offerings: Repository<ToolOffering>,
  ) {}

  findById(id: string, tx?: Tx): Promise<Tool | null> {
    return (tx ?? this.tools.manager).findOneBy(Tool, { id });
  }

  findByName(name: string, tx?: Tx): Promise<Tool | null> {
    return (tx ?? this.tools.manager).findOneBy(Tool, { name });
  }

  /** Id -> name of all. */
  async names(): Promise<Map<string, string>> {
    const rows = await this.tools.find({ select: { id: true, name: true } });
    return new Map(rows.map(({ id, name }) => [id, name]));
  }

  /** Id -> name of those that exist. */
  async namesOf(ids: readonly string[]): Promise<Map<string, string>> {
    const rows = await this.tools.find({ select: { id: true, name: true }, where: { id: In(ids) } });
    return new Map(rows.map(({ id, name }) => [id, name]));
  }

  /** All that match, in the order they were made: there are dozens of tools, not millions. */
  async list(filter: ToolFilter): Promise<Tool[]> {
    const query = this.tools.createQueryBuilder('t').orderBy('t.id', 'ASC');
    if (filter.transport !== undefined) query.andWhere('t.transport = :transport', { transport: filter.transport });
    if (filter.enabled !== undefined) query.andWhere('t.enabled = :enabled', { enabled: filter.enabled });
    if (filter.search !== undefined) {
      const search = searchPattern(filter.search);
      query.andWhere(
        new Brackets((or) => {
          for (const column of ['name', 'description', 'tags']) {
            or.orWhere(`LOWER(t.${column}) LIKE LOWER(:search) ESCAPE '!'`, { search });
          }
        }),
      );
    }
    const rows = await query.getMany();
    const { tag } = filter;
    return tag === undefined ? rows : rows.filter((row) => row.tags.includes(tag));
  }

  /** Those that are to run whenever MCPS.ONE does. */
  listDesiredRunning(): Promise<Tool[]> {
    return this.tools.find({ where: { enabled: true, desired: 'running' }, order: { id: 'ASC' } });
  }

  /** What is wished of every tool, and nothing else: it is asked for every few seconds, hence without TypeORM's rows. */
  async listWishes(): Promise<Wish[]> {
    const rows = await this.tools.query<StoredWish[]>('SELECT id, enabled, desired FROM tools ORDER BY id');
    return rows.map(({ id, enabled, desired }) => ({ id, enabled: Boolean(enabled), desired }));
  }

  /** @throws ToolNameTakenError */
  async insert(tool: Tool, tx: Tx): Promise<void> {
    this.revision++;
    await tx.insert(Tool, tool).catch((error: unknown) => {
      throw isUniqueViolation(error) ? new ToolNameTakenError(tool.name) : error;
    });
  }

  /** Writes the whole row. @throws ToolNameTakenError */
  async update(tool: Tool, tx: Tx): Promise<void> {
    const { id, ...columns } = tool;
    this.revision++;
    await tx.update(Tool, { id }, columns).catch((error: unknown) => {
      throw isUniqueViolation(error) ? new ToolNameTakenError(tool.name) : error;
    });
  }

  async setDesired(id: string, desired: DesiredState): Promise<void> {
    this.revision++;
    await this.tools.update({ id }, { desired });
    this.revision++;
  }

  async remove(id: string, tx: Tx): Promise<void> {
    this.revision++;
    await tx.delete(ToolOffering, { toolId: id });
    await tx.delete(Tool, { id });
  }

  findOffering(toolId: string): Promise<ToolOffering | null> {
    return this.offerings.findOneBy({ toolId });
  }

  /** Keeps what a tool offers, in the place of what it offered before. */
  async keepOffering(offering: ToolOffering): Promise<void> {
    await this.offerings.upsert(offering, ['toolId']);
  }
}
