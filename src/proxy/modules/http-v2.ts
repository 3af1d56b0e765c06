/** https://nginx.org/en/docs/http/ngx_http_v2_module.html */
import { type Contexts, HTTP, HTTP_SERVER, HTTP_SERVER_LOCATION, ONE } from '../conf/contexts.ts';
import type { Scope } from '../conf/scope.ts';
import { parseSize } from '../conf/units.ts';
import type { ModuleConf } from '../plan/http.ts';
import { type Directive, directive, flag, number, type Setting, setting, size } from './directive.ts';
import type { HttpModule } from './module.ts';

/** RFC 9113, 6.9.1: the largest window. */
const MAX_WINDOW = 2 ** 31 - 1;
/** RFC 9113, 6.5.2: the largest frame. */
const MAX_FRAME_SIZE = 2 ** 24 - 1;

const http2 = flag('http2', HTTP_SERVER, false);
const maxConcurrentStreams = number('http2_max_concurrent_streams', HTTP_SERVER, 128);
const bodyPrereadSize = boundedSize('http2_body_preread_size', HTTP_SERVER, 64 * 1024, {
  most: MAX_WINDOW,
  tooMuch: `the maximum body preread buffer size is ${MAX_WINDOW}`,
});
const chunkSize = boundedSize('http2_chunk_size', HTTP_SERVER_LOCATION, 8 * 1024, {
  most: MAX_FRAME_SIZE,
  tooMuch: `the maximum http2 chunk size is ${MAX_FRAME_SIZE}`,
  zero: 'the http2 chunk size cannot be zero',
});
const recvBufferSize = size('http2_recv_buffer_size', HTTP, 256 * 1024);
const poolSize = size('http2_pool_size', HTTP_SERVER, 4096);
const streamsIndexSize = powerOfTwo('http2_streams_index_size', HTTP_SERVER, 32);
/** Sluice's own: how often within ten seconds a client may do what brings it nothing. */
const maxResets = number('http2_max_resets', HTTP_SERVER, 256, { least: 1 });
const maxControlFrames = number('http2_max_control_frames', HTTP_SERVER, 1024, { least: 1 });

export const httpV2: HttpModule = {
  name: 'http_v2',
  directives: [
    http2,
    maxConcurrentStreams,
    bodyPrereadSize,
    chunkSize,
    recvBufferSize,
    poolSize,
    streamsIndexSize,
    maxResets,
    maxControlFrames,
    obsolete('http2_max_requests', HTTP_SERVER, 'keepalive_requests'),
    obsolete('http2_recv_timeout', HTTP_SERVER, 'client_header_timeout'),
    obsolete('http2_idle_timeout', HTTP_SERVER, 'keepalive_timeout'),
    obsolete('http2_max_field_size', HTTP_SERVER, 'large_client_header_buffers'),
    obsolete('http2_max_header_size', HTTP_SERVER, 'large_client_header_buffers'),
    obsolete('http2_push', HTTP_SERVER_LOCATION),
    obsolete('http2_push_preload', HTTP_SERVER_LOCATION),
    obsolete('http2_max_concurrent_pushes', HTTP_SERVER),
  ],
  variables: [{ name: 'http2' }],
  compileBlock,
};

function compileBlock(scope: Scope): ModuleConf {
  return {
    ...(scope.get(http2) && { enabled: true }),
    maxConcurrentStreams: scope.get(maxConcurrentStreams),
    bodyPrereadSize: scope.get(bodyPrereadSize),
    chunkSize: scope.get(chunkSize),
    recvBufferSize: scope.get(recvBufferSize),
    maxResets: scope.get(maxResets),
    maxControlFrames: scope.get(maxControlFrames),
  };
}

interface Bounds {
  readonly most: number;
  readonly tooMuch: string;
  readonly zero?: string;
}

function boundedSize(name: string, contexts: Contexts, fallback: number, bounds: Bounds): Setting<number> {
  return setting({
    name,
    contexts,
    args: ONE,
    fallback,
    unit: 'bytes',
    read: (statement) => {
      const bytes = parseSize(statement.word(1));
      if (bytes === undefined) throw statement.failDirective('invalid value', 1);
      if (bytes > bounds.most) throw statement.fail(bounds.tooMuch, 1);
      if (bytes === 0 && bounds.zero) throw statement.fail(bounds.zero, 1);
      return bytes;
    },
  });
}

function powerOfTwo(name: string, contexts: Contexts, fallback: number): Setting<number> {
  const plain = number(name, contexts, fallback);
  return {
    ...plain,
    read: (statement, context) => {
      const value = plain.read(statement, context);
      if (value === 0 || (value & (value - 1)) !== 0)
        throw statement.failDirective('must be a power of two', 1);
      return value;
    },
  };
}

/** Accepted with nginx's warning, and nothing else. */
function obsolete(name: string, contexts: Contexts, successor?: string): Directive<void> {
  return directive({
    name,
    contexts,
    args: ONE,
    repeats: true,
    read: (statement, context) => {
      const advice = successor ? `use the "${successor}" directive instead` : 'ignored';
      context.warn(statement, `the "${name}" directive is obsolete, ${advice}`);
    },
  });
}
