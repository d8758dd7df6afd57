import { endOfString } from './json-depth';

const NUMBER_ID = /^\s*:\s*"?(\d{1,15})"?\s*[,}]/;
/** The brace at the end closes the message, so an id right before it is the message's own. */
const LAST_MEMBER_ID = /"id"\s*:\s*"?(\d{1,15})"?\s*\}\s*$/;

/**
 * The message's own numeric id, read from the two ends of a message too big to be parsed; null if it stands in neither.
 * An `id` inside `result` or `params` is somebody else's and is never taken.
 */
export function visibleId(head: string, tail = ''): number | null {
  const last = LAST_MEMBER_ID.exec(tail);
  return last ? Number(last[1]) : idInHead(head);
}

function idInHead(head: string): number | null {
  let depth = 0;
  let index = 0;
  while (index < head.length) {
    const char = head[index];
    if (char === '"') {
      const end = endOfString(head, index + 1);
      const found = depth === 1 && head.slice(index, end) === '"id"' ? NUMBER_ID.exec(head.slice(end, end + 40)) : null;
      if (found) return Number(found[1]);
      index = end;
      continue;
    }
    if (char === '{' || char === '[') depth += 1;
    if (char === '}' || char === ']') depth -= 1;
    index += 1;
  }
  return null;
}
