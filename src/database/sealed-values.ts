import type { DataSource } from 'typeorm';
import type { SecretCipher } from '../common/secret-cipher';
import { secretPlace } from '../common/secret-place';
import type { SealedColumns } from './data-source';
import type { Tx } from './transactions';

/** One sealed value of the database. */
export interface SealedValue {
  /** Row, column and entry, as it is bound to them. */
  place: string;
  envelope: string;
}

type Row = Record<string, unknown>;

/** Every sealed value there is, by the columns that the composition root names. */
export async function listSealedValues(
  tx: Tx,
  dataSource: DataSource,
  columns: readonly SealedColumns[],
): Promise<SealedValue[]> {
  const values: SealedValue[] = [];
  await eachMap(tx, dataSource, columns, (_row, map, placeOf) => {
    for (const [entry, envelope] of Object.entries(map)) values.push({ place: placeOf(entry), envelope });
  });
  return values;
}

/** Seals every value anew. Returns how many there were. @throws SecretUnreadableError for the first that does not open */
export async function resealValues(
  tx: Tx,
  dataSource: DataSource,
  columns: readonly SealedColumns[],
  ciphers: { from: SecretCipher; to: SecretCipher },
): Promise<number> {
  let count = 0;
  await eachMap(tx, dataSource, columns, async (write, map, placeOf) => {
    const entries = Object.entries(map);
    if (entries.length === 0) return;
    count += entries.length;
    await write(
      Object.fromEntries(
        entries.map(([entry, envelope]) => {
          const place = placeOf(entry);
          return [entry, ciphers.to.seal(ciphers.from.open(envelope, place), place)];
        }),
      ),
    );
  });
  return count;
}

/** Visits each map of sealed values with the way to write it and the places of its entries. */
async function eachMap(
  tx: Tx,
  dataSource: DataSource,
  columns: readonly SealedColumns[],
  visit: (
    write: (map: Record<string, string>) => Promise<void>,
    map: Record<string, string>,
    placeOf: (entry: string) => string,
  ) => void | Promise<void>,
): Promise<void> {
  for (const { entity, id, maps } of columns) {
    const { tableName } = dataSource.getMetadata(entity);
    for (const row of (await tx.find(entity)) as Row[]) {
      const rowId = String(row[id]);
      for (const column of maps) {
        const map = (row[column] ?? {}) as Record<string, string>;
        const write = async (sealed: Record<string, string>) => {
          await tx.update(entity, { [id]: rowId }, { [column]: sealed });
        };
        await visit(write, map, (entry) => secretPlace(tableName, rowId, column, entry));
      }
    }
  }
}
