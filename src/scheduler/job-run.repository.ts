import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { JobRun } from './job-run.entity';

@Injectable()
export class JobRunRepository {
  constructor(@InjectRepository(JobRun) private readonly rows: Repository<JobRun>) {}

  all(): Promise<JobRun[]> {
    return this.rows.find();
  }

  /** In the place of the run before. */
  async save({ name, startedAt, endedAt, outcome, error }: JobRun): Promise<void> {
    await this.rows.upsert({ name, startedAt, endedAt, outcome, error }, ['name']);
  }
}
