/** An upstream that speaks HTTP/1.1, reads trailers, and answers with some. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Cleanup } from './sluice.ts';

export interface Seen {
  readonly body: string;
  readonly trailers: IncomingHttpHeaders;
}

/** Without the symbol that Node adds. */
export const plain = (fields: IncomingHttpHeaders): IncomingHttpHeaders =>
  Object.fromEntries(Object.entries(fields));

/** Trailers that it answers with. */
export const ANSWERED = { 'x-answered': 'yes' };

/** Resolves to its port; what it has seen goes to `seen`. */
export async function startTrailingOrigin(t: Cleanup, seen: Seen[]): Promise<number> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    seen.push({ body, trailers: request.trailers });
    response.writeHead(200, { Trailer: Object.keys(ANSWERED) });
    response.write('answer');
    response.addTrailers(ANSWERED);
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}
