/** All modules, in nginx's order: that of their filters and handlers, see native/modules/registry.cc. */
import { core } from './core.ts';
import { events } from './events.ts';
import { fstack } from './fstack.ts';
import { httpAccess } from './http-access.ts';
import { httpAddition } from './http-addition.ts';
import { httpAuthRequest } from './http-auth-request.ts';
import { httpCore } from './http-core.ts';
import { httpHeaders } from './http-headers.ts';
import { httpIndex } from './http-index.ts';
import { httpLog } from './http-log.ts';
import { httpMap } from './http-map.ts';
import { httpMirror } from './http-mirror.ts';
import { httpProxy } from './http-proxy.ts';
import { httpRewrite } from './http-rewrite.ts';
import { httpSsl } from './http-ssl.ts';
import { httpStatus } from './http-status.ts';
import { httpTryFiles } from './http-try-files.ts';
import { httpUpstream } from './http-upstream.ts';
import { httpV2 } from './http-v2.ts';
import { httpV3 } from './http-v3.ts';
import { httpWebtransport } from './http-webtransport.ts';
import type { HttpModule, Module } from './module.ts';
import { openssl } from './pem-files.ts';
import { quic } from './quic.ts';

export const CORE_MODULES: readonly Module[] = [core, events, openssl, fstack, quic];

export const HTTP_MODULES: readonly HttpModule[] = [
  httpCore,
  httpSsl,
  httpV2,
  httpV3,
  httpLog,
  httpUpstream,
  httpTryFiles,
  httpMirror,
  httpStatus,
  httpIndex,
  httpAccess,
  httpAuthRequest,
  httpMap,
  httpRewrite,
  httpProxy,
  httpAddition,
  httpHeaders,
  httpWebtransport,
];
