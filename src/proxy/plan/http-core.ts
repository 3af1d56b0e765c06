/** http_core's configuration of a block, as native/modules/http_core.{h,cc} reads it. Times in ms, sizes in bytes. */
import type { Index, Template } from './plan.ts';

export interface HttpCoreConf {
  /** `root` or `alias`; the default root is `html`. Absolute unless it has variables (then made absolute at run time by the prefix). */
  readonly root: Template;
  /** For `alias`: how many bytes of the URI the location's name replaces; -1 in an expression location (the whole URI). Absent: root. */
  readonly alias?: number;
  /** The location's name without modifier, as in the `location` directive; empty at server level. */
  readonly locationName: string;
  /** Extension (lower case) → type. */
  readonly types: readonly (readonly [string, string])[];
  readonly defaultType: string;
  /** 0: any size. */
  readonly clientMaxBodySize: number;
  readonly clientBodyBufferSize: number;
  readonly clientBodyTimeout: number;
  /** Absolute directory and the widths of its levels: [path, 1, 2]. */
  readonly clientBodyTempPath: readonly [string, ...number[]];
  readonly clientBodyInFileOnly: 'off' | 'on' | 'clean';
  readonly clientBodyInSingleBuffer: boolean;
  readonly sendTimeout: number;
  readonly keepaliveTimeout: number;
  readonly keepaliveMinTimeout: number;
  /** Seconds for the `Keep-Alive: timeout=` field; absent: no field. */
  readonly keepaliveHeader?: number;
  readonly keepaliveRequests: number;
  readonly keepaliveTime: number;
  readonly keepaliveDisableMsie6: boolean;
  readonly keepaliveDisableSafari: boolean;
  readonly lingeringClose: 'off' | 'on' | 'always';
  readonly lingeringTime: number;
  readonly lingeringTimeout: number;
  readonly limitRate?: Template;
  readonly limitRateAfter?: Template;
  readonly satisfy: 'all' | 'any';
  readonly authDelay: number;
  readonly internal: boolean;
  readonly ifModifiedSince: 'off' | 'exact' | 'before';
  /** Absent: unlimited. */
  readonly maxRanges?: number;
  readonly etag: boolean;
  readonly sendfile: boolean;
  /** Files of this size and more are read with O_DIRECT; absent: off. */
  readonly directio?: number;
  readonly tcpNodelay: boolean;
  readonly tcpNopush: boolean;
  readonly resetTimedoutConnection: boolean;
  readonly absoluteRedirect: boolean;
  readonly serverNameInRedirect: boolean;
  readonly portInRedirect: boolean;
  readonly msiePadding: boolean;
  readonly msieRefresh: boolean;
  readonly logNotFound: boolean;
  readonly logSubrequest: boolean;
  readonly recursiveErrorPages: boolean;
  readonly serverTokens: 'on' | 'off' | 'build';
  readonly chunkedTransferEncoding: boolean;
  readonly errorLog: Index;
  readonly errorPages: readonly ErrorPagePlan[];
  /** `/uri` or `@name`. */
  readonly postAction?: Template;
  readonly openFileCache?: { readonly max: number; readonly inactive: number };
  readonly openFileCacheValid: number;
  readonly openFileCacheMinUses: number;
  readonly openFileCacheErrors: boolean;
  readonly subrequestOutputBufferSize: number;
  readonly outputBuffers: readonly [number, number];
  readonly resolver?: import('./upstream.ts').ResolverPlan;
  readonly serverName: string;
  readonly earlyHints?: readonly unknown[];
}

export interface ErrorPagePlan {
  readonly status: number;
  /** `=` alone: -1, the page's own status goes to the client; `=N`: N; neither: absent, the error's status. */
  readonly overwrite?: number;
  /** `/uri`, `@name`, or a URL to redirect to. */
  readonly target: Template;
}
