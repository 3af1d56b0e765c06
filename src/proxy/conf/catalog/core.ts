import type { CatalogRow } from '../catalog.ts';
import {
  EVENTS,
  HTTP_SERVER_LOCATION,
  MAIL,
  MAIL_SERVER,
  MAIN,
  NO_ARGS,
  ONE,
  ONE_OR_MORE,
  ONE_OR_TWO,
  STREAM,
  STREAM_SERVER,
} from '../contexts.ts';

/** nginx 1.31's directives of the main and events contexts. */
export const CORE: readonly CatalogRow[] = [
  [
    'core',
    EVENTS,
    ONE,
    `accept_mutex accept_mutex_delay debug_connection multi_accept use worker_aio_requests
    worker_connections`,
  ],
  [
    'core',
    MAIN,
    ONE,
    `daemon debug_points env load_module lock_file master_process pcre_jit pid ssl_engine
    ssl_object_cache_inheritable timer_resolution worker_priority worker_processes worker_rlimit_core
    worker_rlimit_nofile worker_shutdown_timeout working_directory`,
  ],
  [
    'core',
    MAIN | HTTP_SERVER_LOCATION | STREAM | STREAM_SERVER | MAIL | MAIL_SERVER,
    ONE_OR_MORE,
    `error_log`,
  ],
  ['core', MAIN, NO_ARGS, 'events', 'block'],
  ['core', MAIN, [2, 3], 'thread_pool'],
  ['core', MAIN, ONE_OR_TWO, 'user'],
  ['core', MAIN, ONE_OR_MORE, 'worker_cpu_affinity'],
  ['devpoll', EVENTS, ONE, 'devpoll_changes devpoll_events'],
  ['epoll', EVENTS, ONE, 'epoll_events'],
  ['event_quic_bpf', MAIN, ONE, 'quic_bpf'],
  ['eventport', EVENTS, ONE, 'eventport_events'],
  ['google_perftools', MAIN, ONE, 'google_perftools_profiles'],
  ['iocp', EVENTS, ONE, 'acceptex_read iocp_threads post_acceptex'],
  ['kqueue', EVENTS, ONE, 'kqueue_changes kqueue_events'],
];
