/** Groups of peers: `upstream` blocks, and the implicit group of a `proxy_pass http://host:port`. */
import type { ModuleConf } from './http.ts';
import type { Index, Template } from './plan.ts';

export interface UpstreamPlan {
  /** Of the `upstream` block; or the host, without its port. */
  readonly name: string;
  /** Of an implicit group only. */
  readonly port?: number;
  readonly balancer: 'round_robin' | (string & {});
  readonly peers: readonly PeerPlan[];
  /** Shared memory that holds the peers' state for all workers: position in `fds`. */
  readonly zone?: Index;
  readonly keepalive?: KeepalivePlan;
  /** The resolver for peers with `resolve`. */
  readonly resolver?: ResolverText;
}

/** A ResolverPlan as JSON: the data thread hands it back to the control thread with each question. */
export type ResolverText = string;

export interface PeerPlan {
  /** As configured: `backend1.example.com:8080`. */
  readonly server: string;
  /** Resolved at configuration time: `127.0.0.1:8080`, `[::1]:8080`, `unix:/path`. Several for one name. */
  readonly addresses: readonly string[];
  readonly weight: number;
  /** 0: no limit. */
  readonly maxConns: number;
  readonly maxFails: number;
  readonly failTimeout: number;
  readonly slowStart?: number;
  readonly backup?: boolean;
  readonly down?: boolean;
  /** Resolved again by TTL while running. */
  readonly resolve?: { readonly name: string; readonly port: number; readonly service?: string };
  readonly route?: string;
}

export interface KeepalivePlan {
  readonly connections: number;
  readonly requests: number;
  /** Total life of a connection. */
  readonly time: number;
  /** Idle time. */
  readonly timeout: number;
  readonly local?: boolean;
}

/** A client's TLS context, as native/tls/settings.h reads it. */
export interface TlsClientPlan extends ModuleConf {
  readonly client: true;
}

/** How a block secures its connections to upstreams. */
export interface UpstreamTlsPlan {
  /** Position in `tlsClients`. */
  readonly context: Index;
  /** The name that the certificate is to have, and that the peer is told; absent: the upstream's. */
  readonly name?: Template;
  readonly serverName: boolean;
  readonly verify: boolean;
  readonly sessionReuse: boolean;
  /** Certificate and key, where their names have variables. */
  readonly certificateTemplates?: readonly (readonly Template[])[];
  readonly certificateCache?:
    | { readonly max: number; readonly inactive: number; readonly valid: number }
    | undefined;
  /** Where names that don't begin with `/` are. */
  readonly folder?: string;
  readonly tls?: { readonly passwords?: readonly string[] | undefined };
}

export interface ResolverPlan {
  /** `address:port`. */
  readonly servers: readonly string[];
  /** Overrides the TTL; absent: the TTL of the answer. */
  readonly valid?: number;
  readonly timeout: number;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}
