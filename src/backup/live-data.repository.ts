import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { holdConnection } from '../database/sqlite-serializer';
import { type Entitled, readEntitled } from './staging.repository';

/** The data as it is live. */
@Injectable()
export class LiveData {
  constructor(private readonly dataSource: DataSource) {}

  entitled(): Promise<Entitled> {
    return readEntitled(this.dataSource);
  }

  /** Everybody else waits for the connection until the result is called. */
  hold(): Promise<() => void> {
    return holdConnection(this.dataSource);
  }
}
