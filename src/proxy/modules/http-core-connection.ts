import { HTTP_SERVER } from '../conf/contexts.ts';
import type { Scope } from '../conf/scope.ts';
import type { ConnectionPlan } from '../plan/http.ts';
import { buffers, flag, number, size, structural, time } from './directive.ts';

/** http_core's settings of a server's connections and request heads: in force before a location is known. */
const clientHeaderTimeout = structural(time('client_header_timeout', HTTP_SERVER, 60_000));
const clientHeaderBufferSize = structural(size('client_header_buffer_size', HTTP_SERVER, 1024));
const largeClientHeaderBuffers = structural(
  buffers('large_client_header_buffers', HTTP_SERVER, { number: 4, size: 8192 }),
);
const maxHeaders = structural(number('max_headers', HTTP_SERVER, 1000));
const ignoreInvalidHeaders = structural(flag('ignore_invalid_headers', HTTP_SERVER, true));
const underscoresInHeaders = structural(flag('underscores_in_headers', HTTP_SERVER, false));
const mergeSlashes = structural(flag('merge_slashes', HTTP_SERVER, true));

export const CONNECTION_DIRECTIVES = [
  clientHeaderTimeout,
  clientHeaderBufferSize,
  largeClientHeaderBuffers,
  maxHeaders,
  ignoreInvalidHeaders,
  underscoresInHeaders,
  mergeSlashes,
];

export function connectionPlan(scope: Scope): ConnectionPlan {
  const large = scope.get(largeClientHeaderBuffers);
  return {
    clientHeaderTimeout: scope.get(clientHeaderTimeout),
    clientHeaderBufferSize: scope.get(clientHeaderBufferSize),
    largeClientHeaderBuffers: [large.number, large.size],
    ignoreInvalidHeaders: scope.get(ignoreInvalidHeaders),
    underscoresInHeaders: scope.get(underscoresInHeaders),
    mergeSlashes: scope.get(mergeSlashes),
    maxHeaders: scope.get(maxHeaders),
  };
}
