import { Injectable } from '@nestjs/common';
import { SecretKeys } from '../config/secret-keys';
import { readChainKeys } from '../database/chain-keys';
import { Transactions } from '../database/transactions';
import { type ChainVerdict, verifyChain } from './operation-chain';
import { OperationRepository } from './operation.repository';

/** Tells whether anybody has changed, removed or reordered rows of the operation log behind our back. */
@Injectable()
export class OperationVerifier {
  constructor(
    private readonly operations: OperationRepository,
    private readonly transactions: Transactions,
    private readonly keys: SecretKeys,
  ) {}

  /** Reads the whole log, a thousand rows at a time; what is written meanwhile is checked as well. */
  async verify(): Promise<ChainVerdict> {
    const keyOf = await this.transactions.run((tx) => readChainKeys(tx, this.keys));
    return verifyChain((after, limit) => this.operations.after(after, limit), keyOf);
  }
}
