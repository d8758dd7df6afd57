import { SetMetadata } from '@nestjs/common';

export const AUDITED = 'mcps:audited';

/**
 * Names the action of a route in the operation log (`noun.verb`). Every try gets a row: refused by the guard, failed, or
 * done. Services write the row of a database change in its transaction; for all else the interceptor does.
 */
export const Audited = (action: string) => SetMetadata(AUDITED, action);
