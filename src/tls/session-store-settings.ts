/** What `ssl_session_store` and `ssl_session_ticket_keys` say, as the Plan carries it to the control threads: JSON. */
export interface SessionStoreSettings {
  /** For logs: without user and password. */
  readonly name: string;
  readonly kind: 'single' | 'sentinel' | 'cluster';
  /** Servers, sentinels, or some nodes of the cluster. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** What sentinels know the master by. */
  readonly master?: string;
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  /** Absent: no TLS. `ca` is PEM; absent: the authorities that Node knows. */
  readonly tls?: { readonly ca?: string };
  readonly prefix: string;
  /** Milliseconds until a question counts as failed. */
  readonly timeout: number;
  /** 32 bytes each, base64: the first one seals, all open. */
  readonly keys: readonly string[];
  /** Absent: ticket keys are nobody else's. Seconds: how long a key is used, and how long its last ticket is good. */
  readonly ticketKeys?: { readonly rotate: number; readonly lifetime: number };
}
