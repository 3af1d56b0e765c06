/** WebTransport sessions that are served by handlers on workers' control threads. Sluice's own. */
import { HTTP_SERVER, HTTP_SERVER_LOCATION, LOCATION, ONE } from '../conf/contexts.ts';
import type { ReadContext } from '../conf/read-context.ts';
import type { Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import type { ModuleConf } from '../plan/http.ts';
import { directive, local, number, size, time } from './directive.ts';
import type { HttpModule } from './module.ts';
import { readNamedFile } from './named-file.ts';

const handler = local(
  directive({ name: 'webtransport_handler', contexts: LOCATION, args: ONE, read: readHandler }),
);
const acceptTimeout = time('webtransport_accept_timeout', HTTP_SERVER_LOCATION, 60_000);
const bufferSize = size('webtransport_buffer_size', HTTP_SERVER_LOCATION, 64 * 1024);
const datagramQueue = number('webtransport_datagram_queue', HTTP_SERVER_LOCATION, 64);
const maxSessions = number('webtransport_max_sessions', HTTP_SERVER, 16, { least: 1 });
const maxStreams = number('webtransport_max_streams', HTTP_SERVER, 128, { least: 1 });

export const httpWebtransport: HttpModule = {
  name: 'http_webtransport',
  directives: [handler, acceptTimeout, bufferSize, datagramQueue, maxSessions, maxStreams],
  handler: { directive: handler },
  compileBlock,
  // Connections get ready for sessions where any location has them.
  compileMain: (http) => (http.within(handler).length > 0 ? {} : undefined),
};

function compileBlock(scope: Scope): ModuleConf {
  const file = scope.find(handler)?.value;
  return {
    ...(file !== undefined && { handler: file }),
    acceptTimeout: scope.get(acceptTimeout),
    bufferSize: scope.get(bufferSize),
    datagramQueue: scope.get(datagramQueue),
    maxSessions: scope.get(maxSessions),
    maxStreams: scope.get(maxStreams),
  };
}

/** Workers load it, with their own rights; that it is there can be said now. */
function readHandler(statement: Statement, { paths }: ReadContext): string {
  const name = paths.besideConfiguration(statement.word(1));
  readNamedFile(name, statement);
  return name;
}
