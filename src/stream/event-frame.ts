/** An event on the wire (HTML Living Standard, "Server-sent events"); JSON has no line ends in it. */
export function eventFrame(event: string, data: object, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Says nothing, but where the stream stands: shows both sides that the other is there. */
export function heartbeatFrame(id?: string): string {
  return id === undefined ? ': keep-alive\n\n' : `: keep-alive\nid: ${id}\n\n`;
}

/** How long a client waits before it connects again, in milliseconds. */
export const retryFrame = (ms: number): string => `retry: ${ms}\n\n`;
