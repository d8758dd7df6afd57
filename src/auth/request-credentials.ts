import type { IncomingHttpHeaders } from 'node:http';
import { KEY_MARK } from './api-key-text';

const BEARER = /^bearer +(\S+) *$/i;

/**
 * The API key of a request, or null where it brings none (and perhaps an access token). The Authorization header decides
 * where there is one; X-API-Key is for clients that can't set it. Never from the URL: those are logged everywhere.
 */
export function apiKeyIn(headers: IncomingHttpHeaders): string | null {
  if (headers.authorization !== undefined) {
    const text = BEARER.exec(headers.authorization)?.[1];
    return text?.startsWith(KEY_MARK) === true ? text : null;
  }
  const given = headers['x-api-key'];
  return typeof given === 'string' ? given : null;
}
