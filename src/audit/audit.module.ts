import { Global, Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { StrictInputInterceptor } from '../common/strict-input.interceptor';
import { AuditInterceptor } from './audit.interceptor';
import { Operation } from './operation.entity';
import { OperationListRepository } from './operation-list.repository';
import { OperationLog } from './operation-log';
import { OperationAnchor } from './operation-anchor.entity';
import { OperationPruner } from './operation-pruner';
import { OperationVerifier } from './operation-verifier';
import { OperationRepository } from './operation.repository';
import { Refusals } from './refusals';

/**
 * Owns: the operation log's table, its hash chain and who writes to it.
 * Does not own: its routes, they are in logs/.
 */
@Global()
@Module({
  imports: [TypeOrmModule.forFeature([Operation, OperationAnchor])],
  providers: [
    OperationLog,
    OperationRepository,
    OperationListRepository,
    OperationVerifier,
    OperationPruner,
    Refusals,
    { provide: APP_INTERCEPTOR, useClass: AuditInterceptor },
    // Inside of the one before: what it refuses gets its row too.
    { provide: APP_INTERCEPTOR, useClass: StrictInputInterceptor },
  ],
  exports: [OperationLog, OperationListRepository, OperationRepository, OperationPruner, OperationVerifier, Refusals],
})
export class AuditModule {}
