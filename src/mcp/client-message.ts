import type { TraceContext } from '../common/trace-context';
import { isRecord, META_PROTOCOL_VERSION } from './call-params';
import { isNestedDeeperThan } from './json-depth';
import { kindOf, RPC_CODES, type RpcId, type RpcKind, type RpcMessage, type RpcParams } from './json-rpc.types';
import { elementTexts, ObjectCursor, skipSpace } from './json-text';

/** Messages that nest deeper are refused, as from servers. */
const MAX_DEPTH = 1000;

/** What a client sent is no message; `rpcCode` is the answer's. */
export class MalformedMessageError extends Error {
  constructor(
    readonly rpcCode: number,
    message: string,
  ) {
    super(message);
    this.name = 'MalformedMessageError';
  }
}

/** How the `_meta` of a request is changed on its way; texts are JSON. */
export type MetaEdit =
  /** Members that are put in front of those that are there; and, maybe, some that are put into the parameters. */
  | { insert: string; params?: string }
  /** Another object in its place, made of its text and of the id on the wire. */
  | { replace: (metaText: string, idText: string) => string };

class Places {
  idStart = -1;
  idEnd = -1;
  paramsStart = -1;
  paramsEnd = -1;
  metaStart = -1;
  metaEnd = -1;
  tokenStart = -1;
  tokenEnd = -1;
}

/**
 * One message of a client: parsed for us to decide by, and as text with the places that are exchanged on its way to a
 * server. All else passes byte for byte, so unknown members, numbers of any length and white space survive.
 *
 * Where a name stands twice or is written with escapes, two readers could understand two things; such a message is
 * written anew as we understood it.
 */
export class ClientMessage {
  /** Stands where there was a message that is of no use any more. */
  static readonly NONE = ClientMessage.of({ jsonrpc: '2.0', method: '' }, '{"jsonrpc":"2.0","method":""}');

  readonly kind: RpcKind;
  readonly method: string;
  readonly params: RpcParams | undefined;
  private places: Places;

  private constructor(
    readonly message: RpcMessage,
    private source: string,
  ) {
    const kind = kindOf(message);
    if (kind === null) throw new MalformedMessageError(RPC_CODES.invalidRequest, 'This is no JSON-RPC 2.0 message');
    this.kind = kind;
    this.method = typeof message.method === 'string' ? message.method : '';
    this.params = isRecord(message.params) ? message.params : undefined;
    if (kind === 'request' && !isId(message.id)) {
      throw new MalformedMessageError(RPC_CODES.invalidRequest, 'The id of a request is a string or a number');
    }
    const places = placesIn(source);
    if (places !== null) {
      this.places = places;
      return;
    }
    this.source = JSON.stringify(message);
    this.places = placesIn(this.source) ?? new Places();
  }

  /** The messages of one body: mostly one, more where it is a batch. @throws MalformedMessageError */
  static readAll(text: string): ClientMessage[] {
    if (isNestedDeeperThan(text, MAX_DEPTH)) {
      throw new MalformedMessageError(RPC_CODES.invalidRequest, `The message nests deeper than ${MAX_DEPTH} levels`);
    }
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      throw new MalformedMessageError(RPC_CODES.parseError, 'The body is not valid JSON');
    }
    if (!Array.isArray(parsed)) return [ClientMessage.of(parsed, text)];
    if (parsed.length === 0)
      throw new MalformedMessageError(RPC_CODES.invalidRequest, 'A batch holds a message at least');
    const texts = elementTexts(text);
    return parsed.map((member, index) => ClientMessage.of(member, texts[index] ?? JSON.stringify(member)));
  }

  private static of(parsed: unknown, text: string): ClientMessage {
    if (!isRecord(parsed)) throw new MalformedMessageError(RPC_CODES.invalidRequest, 'A message is a JSON object');
    return new ClientMessage(parsed, text);
  }

  /** The whole message, as the client wrote it. */
  get text(): string {
    return this.source;
  }

  /** The id as it stands in the text: an answer carries the very same. */
  get idText(): string {
    return this.source.slice(this.places.idStart, this.places.idEnd);
  }

  get id(): RpcId {
    const { id } = this.message;
    return isId(id) ? id : '';
  }

  get meta(): RpcParams | undefined {
    const meta = this.params?._meta;
    return isRecord(meta) ? meta : undefined;
  }

  /** The revision that a modern request says of itself. */
  get modernVersion(): unknown {
    return this.meta?.[META_PROTOCOL_VERSION];
  }

  /** The progress token as it stands in the text; null: none was given. */
  get tokenText(): string | null {
    const { tokenStart, tokenEnd } = this.places;
    return tokenStart < 0 ? null : this.source.slice(tokenStart, tokenEnd);
  }

  /** The text of `params`, or null. */
  get paramsText(): string | null {
    const { paramsStart, paramsEnd } = this.places;
    return paramsStart < 0 ? null : this.source.slice(paramsStart, paramsEnd);
  }

  get metaText(): string | null {
    const { metaStart, metaEnd } = this.places;
    return metaStart < 0 ? null : this.source.slice(metaStart, metaEnd);
  }

  /** The message under another id, which also takes the place of the progress token. */
  toWire(id: number, edit?: MetaEdit): string {
    const { source, places } = this;
    const { idStart, idEnd, tokenStart } = places;
    if (tokenStart < 0) {
      if (edit === undefined) return source.slice(0, idStart) + String(id) + source.slice(idEnd);
      const { paramsStart, metaStart } = places;
      // What most requests over the bridge of the eras are: an id, then parameters without `_meta`.
      if ('insert' in edit && edit.params === undefined && metaStart < 0 && idEnd <= paramsStart) {
        const at = skipSpace(source, paramsStart + 1);
        const comma = source.charCodeAt(at) === 0x7d ? '' : ',';
        return `${source.slice(0, idStart)}${id}${source.slice(idEnd, at)}"_meta":{${edit.insert}}${comma}${source.slice(at)}`;
      }
    }
    return this.spliced(String(id), edit);
  }

  /** The same request with the caller's trace in its `_meta` (2026-07-28, basic); one that says its own is left as it is. */
  traced({ traceparent, tracestate }: TraceContext): ClientMessage {
    const hasPlace = this.params !== undefined || this.message.params === undefined;
    if (this.kind !== 'request' || !hasPlace || this.meta?.traceparent !== undefined) return this;
    const state = tracestate === null ? '' : `,"tracestate":${JSON.stringify(tracestate)}`;
    const insert = `"traceparent":${JSON.stringify(traceparent)}${state}`;
    const text = this.withSplices(this.metaSplices({ insert }, this.idText));
    return ClientMessage.of(JSON.parse(text), text);
  }

  private spliced(idText: string, edit: MetaEdit | undefined): string {
    const { idStart, idEnd, tokenStart, tokenEnd } = this.places;
    const splices: Splice[] = [{ start: idStart, end: idEnd, text: idText }];
    const replacesMeta = edit !== undefined && 'replace' in edit;
    if (tokenStart >= 0 && !replacesMeta) splices.push({ start: tokenStart, end: tokenEnd, text: idText });
    if (edit !== undefined) splices.push(...this.metaSplices(edit, idText));
    return this.withSplices(splices);
  }

  private withSplices(splices: Splice[]): string {
    splices.sort((a, b) => a.start - b.start);
    let wire = '';
    let from = 0;
    for (const { start, end, text } of splices) {
      wire += this.source.slice(from, start) + text;
      from = end;
    }
    return wire + this.source.slice(from);
  }

  private metaSplices(edit: MetaEdit, idText: string): Splice[] {
    const { source } = this;
    const { idEnd, metaStart, metaEnd, paramsStart } = this.places;
    const whole = 'replace' in edit ? edit.replace('{}', idText) : `{${edit.insert}}`;
    const more = 'insert' in edit && edit.params !== undefined ? edit.params : '';
    const comma = more === '' ? '' : ',';
    if (paramsStart < 0) {
      return [{ start: idEnd, end: idEnd, text: `,"params":{"_meta":${whole}${comma}${more}}` }];
    }
    if (metaStart < 0) return [this.insertion(paramsStart, `"_meta":${whole}${comma}${more}`)];
    if ('replace' in edit) {
      return [{ start: metaStart, end: metaEnd, text: edit.replace(source.slice(metaStart, metaEnd), idText) }];
    }
    const meta = this.insertion(metaStart, edit.insert);
    return more === '' ? [meta] : [this.insertion(paramsStart, more), meta];
  }

  /** Members at the beginning of the object that begins at `start`. */
  private insertion(start: number, members: string): Splice {
    const at = skipSpace(this.source, start + 1);
    return { start: at, end: at, text: this.source[at] === '}' ? members : `${members},` };
  }
}

interface Splice {
  start: number;
  end: number;
  text: string;
}

/** Null: a name stands twice or in disguise. The text is known to be valid JSON. */
function placesIn(text: string): Places | null {
  const places = new Places();
  const cursor = new ObjectCursor(text, skipSpace(text, 0));
  let methods = 0;
  while (cursor.nextKey()) {
    const start = cursor.valueStart;
    const end = cursor.skip();
    if (cursor.isKey('jsonrpc')) continue;
    if (cursor.isKey('id')) {
      if (places.idStart >= 0) return null;
      places.idStart = start;
      places.idEnd = end;
    } else if (cursor.isKey('params')) {
      if (places.paramsStart >= 0 || !findMeta(text, start, places)) return null;
      if (text.charCodeAt(start) !== 0x7b) continue;
      places.paramsStart = start;
      places.paramsEnd = end;
    } else if (cursor.isKey('method')) {
      methods += 1;
      if (methods > 1) return null;
    } else if (cursor.isKeyEscaped) return null;
  }
  return places;
}

/** The members that we decide by; any of them twice makes the message ambiguous. */
const DECISIVE = ['_meta', 'name', 'uri', 'taskId', 'requestId'] as const;

function findMeta(text: string, paramsStart: number, places: Places): boolean {
  if (text.charCodeAt(paramsStart) !== 0x7b) return true;
  const cursor = new ObjectCursor(text, paramsStart);
  let seen = 0;
  while (cursor.nextKey()) {
    const start = cursor.valueStart;
    const end = cursor.skip();
    const decisive = decisiveAt(cursor);
    if (decisive < 0) {
      if (cursor.isKeyEscaped) return false;
      continue;
    }
    const bit = 1 << decisive;
    if ((seen & bit) !== 0) return false;
    seen |= bit;
    if (decisive !== 0) continue;
    if (!findToken(text, start, places)) return false;
    if (text.charCodeAt(start) !== 0x7b) continue;
    places.metaStart = start;
    places.metaEnd = end;
  }
  return true;
}

function decisiveAt(cursor: ObjectCursor): number {
  for (let index = 0; index < DECISIVE.length; index += 1) if (cursor.isKey(DECISIVE[index] ?? '')) return index;
  return -1;
}

function findToken(text: string, metaStart: number, places: Places): boolean {
  if (text.charCodeAt(metaStart) !== 0x7b) return true;
  const cursor = new ObjectCursor(text, metaStart);
  const seen = new Set<string>();
  while (cursor.nextKey()) {
    if (cursor.isKeyEscaped) return false;
    const key = text.slice(cursor.keyStart, cursor.keyEnd);
    if (seen.has(key)) return false;
    seen.add(key);
    const end = cursor.skip();
    if (!cursor.isKey('progressToken')) continue;
    const first = text.charCodeAt(cursor.valueStart);
    const isToken = first === 0x22 || first === 0x2d || (first >= 0x30 && first <= 0x39);
    if (!isToken) continue;
    places.tokenStart = cursor.valueStart;
    places.tokenEnd = end;
  }
  return true;
}

function isId(id: unknown): id is RpcId {
  return typeof id === 'string' || typeof id === 'number';
}
