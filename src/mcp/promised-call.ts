import { CallCancelledError } from './peer.errors';
import type { CallHandle, CallSink, PeerCall, PeerTool } from './peer.types';
import type { RpcParams } from './json-rpc.types';

export interface PeerRequest extends PeerCall {
  signal?: AbortSignal;
  onProgress?: (params: RpcParams) => void;
}

/** A call as a promise of its result, cancelled with its signal; rejects with a PeerCallError. `send` does not throw. */
export function promisedCall(
  call: PeerRequest,
  tool: PeerTool,
  send: (call: PeerCall, sink: CallSink) => CallHandle,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const { signal, onProgress } = call;
    if (signal?.aborted) {
      reject(new CallCancelledError(tool.name, call.method));
      return;
    }
    const onAbort = (): void => handle.cancel();
    signal?.addEventListener('abort', onAbort, { once: true });
    const handle = send(call, {
      onProgress,
      onResult: (result) => {
        signal?.removeEventListener('abort', onAbort);
        resolve(result);
      },
      onError: (error) => {
        signal?.removeEventListener('abort', onAbort);
        reject(error);
      },
    });
  });
}
