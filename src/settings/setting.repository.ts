import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { In, Repository } from 'typeorm';
import type { Tx } from '../database/transactions';
import { SettingRow } from './setting.entity';

@Injectable()
export class SettingRepository {
  constructor(@InjectRepository(SettingRow) private readonly rows: Repository<SettingRow>) {}

  all(): Promise<SettingRow[]> {
    return this.rows.find();
  }

  async save(rows: SettingRow[], tx: Tx): Promise<void> {
    if (rows.length > 0) await tx.upsert(SettingRow, rows, ['key']);
  }

  async remove(keys: string[], tx: Tx): Promise<void> {
    if (keys.length > 0) await tx.delete(SettingRow, { key: In(keys) });
  }
}
