import { Injectable } from '@nestjs/common';
import { addressKey } from '../common/client-address';
import { Clock } from '../common/clock';
import { KeyedMutex } from '../common/keyed-mutex';
import { FailureTable } from './failure-table';
import { TooManyAttemptsError } from './limits.errors';

/** Wrong passwords that cost nothing. */
const FREE = 5;
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 5 * 60_000;
/** Entries of each of the three tables; about 3 MB in all when they are full. */
const MAX_KEYS = 10_000;

/**
 * Slows down guessing of passwords, by address and by account, and locks nobody out for good: who could lock an account
 * could lock out the only administrator.
 *
 * - An address has five wrong passwords free; from then on each next try waits 1, 2, 4 ... 300 seconds.
 * - An account that got five wrong passwords, from wherever, is guarded: an address that has failed at it before waits as
 *   if all of them had been its own, and counts the time from its own last try. An address that has not failed at it may
 *   try at once. So the owner gets in from a calm address while others guess, and a thousand addresses have one guess
 *   each, not five.
 *
 * A try counts from its beginning, so that a thousand at once are no way around, and is taken back when it was right.
 */
@Injectable()
export class GuessThrottle {
  private readonly addresses: FailureTable;
  private readonly accounts: FailureTable;
  private readonly pairs: FailureTable;
  /** One try an address at a time: a burst of right ones must not look like guessing. */
  private readonly turns = new KeyedMutex();

  constructor(clock: Clock) {
    this.addresses = new FailureTable(clock, MAX_KEYS);
    this.accounts = new FailureTable(clock, MAX_KEYS);
    this.pairs = new FailureTable(clock, MAX_KEYS);
  }

  /**
   * Lets `verify` decide about a password; null means that it was wrong. Whether there is such an account makes no
   * difference here. @throws TooManyAttemptsError instead of asking it
   */
  attempt<T>(account: string, address: string, verify: () => Promise<T | null>): Promise<T | null> {
    const from = addressKey(address);
    const whose = account.normalize('NFKC').toLowerCase();
    const pair = `${from} ${whose}`;
    return this.turns.run(from, async () => {
      this.requirePatience(from, whose, pair);
      for (const [table, key] of this.entries(from, whose, pair)) table.add(key);
      let result: T | null;
      try {
        result = await verify();
      } catch (error) {
        // Nobody has learnt anything about the password.
        for (const [table, key] of this.entries(from, whose, pair)) table.takeBack(key);
        throw error;
      }
      if (result !== null) this.forgive(from, whose, pair);
      return result;
    });
  }

  private requirePatience(from: string, whose: string, pair: string): void {
    const owed = Math.max(
      delayMs(this.addresses.count(from)) - this.addresses.calmForMs(from),
      delayMs(this.accounts.count(whose)) - this.pairs.calmForMs(pair),
    );
    if (owed > 0) throw new TooManyAttemptsError(owed);
  }

  /** The address keeps its other failures: a guesser may have a right password of his own to mix in. */
  private forgive(from: string, whose: string, pair: string): void {
    this.addresses.takeBack(from);
    this.accounts.forget(whose);
    this.pairs.forget(pair);
  }

  private entries(from: string, whose: string, pair: string): [FailureTable, string][] {
    return [
      [this.addresses, from],
      [this.accounts, whose],
      [this.pairs, pair],
    ];
  }
}

function delayMs(failures: number): number {
  if (failures < FREE) return 0;
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - FREE));
}
