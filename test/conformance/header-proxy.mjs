/**
 * The official suite can send no header of ours, so this stands between: it adds the API key and changes nothing else,
 * Host and Origin included.
 */
import { createServer, request as ask } from 'node:http';

export async function startHeaderProxy(target, headers) {
  const { hostname, port } = new URL(target);
  const server = createServer((request, response) => {
    const onward = ask(
      { hostname, port, method: request.method, path: request.url, headers: { ...request.headers, ...headers } },
      (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        // The head of a stream has to go out before its first event.
        response.flushHeaders();
        answer.pipe(response);
        answer.on('error', () => response.destroy());
      },
    );
    onward.on('error', () => response.destroy());
    // A client that hangs up means it.
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
