import { ApiExtension } from '@nestjs/swagger';

/** Where the OpenAPI document holds them until `app.openapi.ts` has made responses of them. */
export const PROBLEMS_EXTENSION = 'x-problems';

/**
 * Documents the errors that are particular to a route: status -> when. Those every route shares (400, 401, 403, 404 where
 * there is an id, 413, 415, 500) are added to the OpenAPI document in one place.
 */
export const ApiProblems = (problems: Record<number, string>) => ApiExtension(PROBLEMS_EXTENSION, problems);
