/** The `http` part of the Plan: servers, locations, rewrite programs and each module's configurations. */
import type { Index, Template } from './plan.ts';

export interface HttpPlan {
  /** By module name (`http_core`, `http_proxy` …): its distinct configurations. */
  readonly modules: Readonly<Record<string, readonly ModuleConf[]>>;
  /** One per server, location, `if`, `limit_except`: for each module the position of its configuration. */
  readonly blocks: readonly BlockPlan[];
  readonly servers: readonly ServerPlan[];
  /** Per-module data of the whole `http` block: `maps`, `split_clients`, `limit_req_zone` … by module name. */
  readonly main: Readonly<Record<string, unknown>>;
}

/** A module's configuration of a block: plain data, its shape known to the module's two halves only. */
export type ModuleConf = Readonly<Record<string, unknown>>;

export interface BlockPlan {
  readonly confs: Readonly<Record<string, Index>>;
}

export interface ServerPlan {
  /** The first name, as `$server_name` shows it. */
  readonly name: string;
  readonly block: Index;
  readonly locations: LocationTreePlan;
  /** Server-level rewrite program. */
  readonly rewrite?: RewriteProgram;
  /** Connection-level settings, used before a request's server is known. */
  readonly connection: ConnectionPlan;
}

/** http_core settings that belong to the connection, or hold until the request's location is known. */
export interface ConnectionPlan {
  readonly clientHeaderTimeout: number;
  readonly clientHeaderBufferSize: number;
  readonly largeClientHeaderBuffers: readonly [number, number];
  readonly ignoreInvalidHeaders: boolean;
  readonly underscoresInHeaders: boolean;
  readonly mergeSlashes: boolean;
  /** `max_headers`. */
  readonly maxHeaders: number;
}

/** nginx's search: exact; longest prefix; then, unless that prefix says `^~`, expressions in order. */
export interface LocationTreePlan {
  readonly exact: readonly (readonly [string, LocationPlan])[];
  readonly prefix: readonly (readonly [string, LocationPlan])[];
  readonly regex: readonly (readonly [Index, LocationPlan])[];
  readonly named?: readonly (readonly [string, LocationPlan])[];
}

export interface LocationPlan {
  /** As in the configuration, without its modifier. */
  readonly name: string;
  readonly block: Index;
  /** `^~`. */
  readonly noRegex?: boolean;
  /** `location /x/` with a proxying handler: `/x` is redirected to `/x/`. */
  readonly autoRedirect?: boolean;
  readonly exactMatch?: boolean;
  readonly nested?: LocationTreePlan;
  readonly rewrite?: RewriteProgram;
  /** The module that produces the content (`http_proxy` …); absent: index, then static files. */
  readonly handler?: string;
  /** `limit_except`: the methods that this location allows, and the block for the others. */
  readonly limitExcept?: {
    readonly methods: readonly string[];
    readonly block: Index;
    readonly handler?: string;
  };
}

/**
 * A rewrite program: instructions in order, as nginx's rewrite module executes them.
 * `if` carries its body; a body with a block of its own (`if in location`) also switches configuration.
 */
export type RewriteProgram = readonly RewriteInstruction[];

export type RewriteInstruction =
  | { readonly op: 'set'; readonly variable: Index; readonly value: Template }
  | { readonly op: 'break' }
  | { readonly op: 'return'; readonly status: number; readonly text?: Template }
  | {
      readonly op: 'rewrite';
      readonly regex: Index;
      /** The new URI; of a redirect all of the replacement. */
      readonly replacement: Template;
      /** The replacement's part behind its first `?`, which becomes the arguments. Of a redirect always absent. */
      readonly args?: Template;
      /** A redirect whose replacement has a `?`: the request's own arguments follow after `&`. */
      readonly hasQuery?: boolean;
      /** redirect: 302, permanent: 301. A replacement that begins with http://, https:// or $scheme redirects as well. */
      readonly flag?: 'last' | 'break' | 'redirect' | 'permanent';
      /** The replacement ends with `?`: the request's own arguments are dropped. */
      readonly dropArgs?: boolean;
    }
  | {
      readonly op: 'if';
      readonly condition: RewriteCondition;
      readonly body: RewriteProgram;
      readonly block?: Index;
      readonly handler?: string;
    };

export type RewriteCondition =
  | { readonly test: 'set'; readonly variable: Index }
  | { readonly test: 'equal'; readonly variable: Index; readonly value: Template; readonly not?: boolean }
  | { readonly test: 'match'; readonly variable: Index; readonly regex: Index; readonly not?: boolean }
  | {
      readonly test: 'file' | 'directory' | 'exists' | 'executable';
      readonly path: Template;
      readonly not?: boolean;
    };
