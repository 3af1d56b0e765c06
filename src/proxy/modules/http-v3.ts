/** https://nginx.org/en/docs/http/ngx_http_v3_module.html */
import { HTTP_SERVER, ONE } from '../conf/contexts.ts';
import type { ReadContext } from '../conf/read-context.ts';
import type { Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import type { ModuleConf } from '../plan/http.ts';
import { choice, directive, flag, number, size } from './directive.ts';
import { constants, type HttpModule } from './module.ts';
import { readNamedFile } from './named-file.ts';

const http3 = flag('http3', HTTP_SERVER, true);
const hq = flag('http3_hq', HTTP_SERVER, false);
const maxConcurrentStreams = number('http3_max_concurrent_streams', HTTP_SERVER, 128);
const streamBufferSize = size('http3_stream_buffer_size', HTTP_SERVER, 64 * 1024);
const activeConnectionIdLimit = number('quic_active_connection_id_limit', HTTP_SERVER, 2);
const gso = flag('quic_gso', HTTP_SERVER, true);
const hostKey = directive({ name: 'quic_host_key', contexts: HTTP_SERVER, args: ONE, read: readHostKey });
const retry = flag('quic_retry', HTTP_SERVER, false);
/** Ours. */
const advertise = flag('http3_advertise', HTTP_SERVER, false);
const congestionControl = choice('quic_congestion_control', HTTP_SERVER, ['cubic', 'bbr', 'reno'], 'cubic');

/** As early versions of nginx, which has made constants of them: what QPACK (RFC 9204) may keep for a client. */
const maxTableCapacity = size('http3_max_table_capacity', HTTP_SERVER, 4096, { least: 0, most: 64 * 1024 });
const maxBlockedStreams = number('http3_max_blocked_streams', HTTP_SERVER, 16);

/** RFC 9000, 18.2: fewer than two make no sense. */
const LEAST_CONNECTION_IDS = 2;

export const httpV3: HttpModule = {
  name: 'http_v3',
  directives: [
    http3,
    hq,
    maxConcurrentStreams,
    streamBufferSize,
    maxTableCapacity,
    maxBlockedStreams,
    activeConnectionIdLimit,
    gso,
    hostKey,
    retry,
    advertise,
    congestionControl,
  ],
  variables: constants('http3', 'quic'),
  compileBlock,
};

function compileBlock(scope: Scope): ModuleConf {
  const key = scope.find(hostKey)?.value;
  return {
    enabled: scope.get(http3),
    ...(scope.get(hq) && { hq: true }),
    maxConcurrentStreams: scope.get(maxConcurrentStreams),
    streamBufferSize: scope.get(streamBufferSize),
    maxTableCapacity: scope.get(maxTableCapacity),
    maxBlockedStreams: scope.get(maxBlockedStreams),
    activeConnectionIdLimit: Math.max(scope.get(activeConnectionIdLimit), LEAST_CONNECTION_IDS),
    gso: scope.get(gso),
    ...(scope.get(retry) && { retry: true }),
    ...(scope.get(advertise) && { advertise: true }),
    ...(key && { hostKey: key }),
    congestionControl: scope.get(congestionControl),
  };
}

/** Any secret bytes; nginx's own keys have 32 or more. */
function readHostKey(statement: Statement, { paths }: ReadContext): Uint8Array {
  const name = paths.besideConfiguration(statement.word(1));
  const key = readNamedFile(name, statement);
  if (key.length === 0) throw statement.fail(`"${name}" is empty`, 1);
  return key;
}
