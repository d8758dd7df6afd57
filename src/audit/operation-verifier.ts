import { Injectable } from '@nestjs/common';
import { SecretKeys } from '../config/secret-keys';
import { readChainKeys } from '../database/chain-keys';
import { Transactions } from '../database/transactions';
import { type ChainVerdict, isSound, verifyChain } from './operation-chain';
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
    for (;;) {
      const [chainKeys, anchors] = await this.transactions.run(async (tx) => {
        return [await readChainKeys(tx, this.keys), await this.operations.anchors(tx)] as const;
      });
      const page = (after: number, limit: number) => this.operations.after(after, limit);
      const verdict = await verifyChain({ ...chainKeys, page, anchors });
      if (isSound(verdict)) return verdict;
      // Retention may have deleted rows under our hands: then the chain begins elsewhere now.
      const now = await this.transactions.run((tx) => this.operations.anchors(tx));
      if (now.start?.seq === anchors.start?.seq) return verdict;
    }
  }
}
