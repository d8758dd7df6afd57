import { QueryFailedError } from 'typeorm';
import { ToolNotFoundError } from '../tools/tools.errors';
import { DatabaseUnavailableError, translateDatabaseError } from './database-errors';

const withCode = (code: string, message = 'x') => Object.assign(new Error(message), { code });
const failed = (code: string) => new QueryFailedError('SELECT 1', [], withCode(code));

describe('errors of a database', () => {
  it.each(['ECONNREFUSED', 'ECONNRESET', '08006', '57P01', '57P03', '53300', 'SQLITE_BUSY', 'SQLITE_BUSY_SNAPSHOT'])(
    'that is away or busy (%s) are a 503, however they come',
    (code) => {
      for (const error of [withCode(code), failed(code)]) {
        const translated = translateDatabaseError(error);
        expect(translated).toBeInstanceOf(DatabaseUnavailableError);
        expect(translated).toMatchObject({ code: 'database_unavailable', kind: 'unavailable', cause: error });
      }
    },
  );

  it('whose connection broke in the middle are a 503', () => {
    expect(translateDatabaseError(new Error('Connection terminated unexpectedly'))).toMatchObject({
      kind: 'unavailable',
    });
  });

  it.each(['SQLITE_FULL', '53100'])('that is full (%s) say so', (code) => {
    expect(translateDatabaseError(failed(code))).toMatchObject({ code: 'database_full', kind: 'unavailable' });
  });

  it('that tell of a bug, and all other errors, stay what they are', () => {
    for (const error of [
      failed('SQLITE_ERROR'),
      failed('42601'),
      new Error('x'),
      new ToolNotFoundError('x'),
      'text',
      null,
    ]) {
      expect(translateDatabaseError(error)).toBe(error);
    }
  });
});
