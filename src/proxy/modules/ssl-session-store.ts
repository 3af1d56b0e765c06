/** `ssl_session_store` and `ssl_session_ticket_keys`: sessions that all hosts share. Sluice's own. */
import type { SessionStoreSettings } from '../../tls/session-store-settings.ts';
import type { Compiler } from '../conf/compile/compiler.ts';
import { HTTP_SERVER, ONE_OR_MORE, ONE_OR_TWO } from '../conf/contexts.ts';
import type { ReadContext } from '../conf/read-context.ts';
import type { Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import { parseMilliseconds, parseSeconds } from '../conf/units.ts';
import type { ModuleConf } from '../plan/http.ts';
import { setting } from './directive.ts';
import { readNamedFile } from './named-file.ts';

const DEFAULT_PORT = { redis: 6379, sentinel: 26379 } as const;
const KEY_SIZE = 32;
const MOST_KEYS = 2;
const MOST_STORES = 256;
/** Bytes of a zone in which new workers find the keys that are known. */
const KEY_ZONE_SIZE = 32 * 1024;
const LONGEST_PREFIX = 64;

export const sessionStore = setting<SessionStoreSettings | undefined, undefined>({
  name: 'ssl_session_store',
  contexts: HTTP_SERVER,
  args: ONE_OR_MORE,
  fallback: undefined,
  read: (statement, context) =>
    statement.word(1) === 'off' && statement.words.length === 2 ? undefined : readStore(statement, context),
});

/** Seconds from one key to the next. */
export const clusterTicketKeys = setting<number | undefined, undefined>({
  name: 'ssl_session_ticket_keys',
  contexts: HTTP_SERVER,
  args: ONE_OR_TWO,
  fallback: undefined,
  read(statement) {
    const [, kind = '', rotate = 'rotate=12h'] = statement.words;
    if (kind === 'off' && statement.words.length === 2) return undefined;
    if (kind !== 'cluster') throw statement.fail(`invalid value "${kind}"`, 1);
    const seconds = rotate.startsWith('rotate=') ? parseSeconds(rotate.slice('rotate='.length)) : undefined;
    if (!seconds) throw statement.fail(`invalid parameter "${rotate}"`, 2);
    return seconds;
  },
});

const stores = new WeakMap<Compiler, Map<string, ModuleConf>>();

/** What a server's TLS settings say of its store. */
export function sessionStorePlan(scope: Scope, lifetime: number, compiler: Compiler): ModuleConf {
  const store = scope.get(sessionStore);
  const rotate = scope.get(clusterTicketKeys);
  if (!store) {
    if (rotate === undefined) return {};
    const message = '"ssl_session_ticket_keys cluster" needs an "ssl_session_store"';
    compiler.diagnostics.reportBare('emerg', message, scope.find(clusterTicketKeys)?.statement.place(1));
    return {};
  }
  const settings: SessionStoreSettings =
    rotate === undefined ? store : { ...store, ticketKeys: { rotate, lifetime } };
  const known = stores.get(compiler) ?? new Map<string, ModuleConf>();
  stores.set(compiler, known);
  // the Plan's text has a byte a character
  const text = JSON.stringify(settings).replace(
    /[^\0-\x7f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  if (!known.has(text)) {
    const zone = (kind: string) =>
      compiler.descriptors.ownZone(`${kind} ${store.name} ${store.prefix}`, KEY_ZONE_SIZE);
    known.set(text, {
      name: store.name,
      settings: text,
      timeout: store.timeout,
      ...(rotate !== undefined && { ticketKeys: zone('ticket keys') }),
      quicKey: zone('quic key'),
    });
    if (known.size > MOST_STORES) {
      const message = `there may be ${MOST_STORES} different "ssl_session_store" at most`;
      compiler.diagnostics.reportBare('emerg', message, scope.find(sessionStore)?.statement.place(1));
    }
  }
  return {
    sessionStore: [...known.keys()].indexOf(text),
    ...(rotate !== undefined && { clusterTicketKeys: true }),
  };
}

/** All stores, by position. */
export function sessionStorePlans(compiler: Compiler): readonly ModuleConf[] {
  return [...(stores.get(compiler)?.values() ?? [])];
}

function readStore(statement: Statement, context: ReadContext): SessionStoreSettings {
  const address = readAddress(statement);
  const keys: string[] = [];
  let prefix = 'sluice:';
  let timeout = 30;
  let tls = address.tls;
  for (let word = 2; word < statement.words.length; word++) {
    const said = statement.word(word);
    const [, name = '', value = ''] = /^([a-z_]+)=(.+)$/.exec(said) ?? [];
    const invalid = (): Error => statement.fail(`invalid parameter "${said}"`, word);
    switch (name) {
      case 'prefix':
        if (value.length > LONGEST_PREFIX || /[{}]/.test(value)) throw invalid();
        prefix = value;
        break;
      case 'timeout':
        timeout = parseMilliseconds(value) ?? 0;
        if (timeout === 0) throw invalid();
        break;
      case 'key_file':
        keys.push(readKey(readFile(statement, word, value, context), statement, word));
        break;
      case 'key':
        keys.push(readKey(readVariable(statement, word, value), statement, word));
        break;
      case 'tls_ca':
        if (!tls) throw statement.fail('"tls_ca=" needs a "rediss" address', word);
        tls = { ca: readFile(statement, word, value, context).toString('latin1') };
        break;
      default:
        throw invalid();
    }
  }
  if (keys.length === 0) {
    throw statement.fail('"ssl_session_store" needs "key_file=" or "key=env:": what lies there is sealed');
  }
  if (keys.length > MOST_KEYS) throw statement.fail(`"ssl_session_store" has more than ${MOST_KEYS} keys`);
  return { ...address, ...(tls && { tls }), prefix, timeout, keys };
}

type Address = Omit<SessionStoreSettings, 'prefix' | 'timeout' | 'keys'>;

/** `redis://[user:pass@]host:port[/db]`; `redis+sentinel://…,…/master[/db]`; `redis+cluster://…,…`; `rediss` for TLS. */
function readAddress(statement: Statement): Address {
  const said = statement.word(1);
  const parsed = /^redis(s?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^@/]+)((?:\/[^/]+)*)\/?$/.exec(
    said,
  );
  const [, secure, form, credentials, hosts = '', path = ''] = parsed ?? [];
  const kind = form === 'sentinel' || form === 'cluster' ? form : 'single';
  const port = kind === 'sentinel' ? DEFAULT_PORT.sentinel : DEFAULT_PORT.redis;
  const nodes = hosts.split(',').map((host) => readNode(host, port));
  const parts = path.split('/').slice(1);
  const master = kind === 'sentinel' ? parts.shift() : undefined;
  const db = Number(parts.shift() ?? 0);
  const fits =
    parsed &&
    nodes.every((node) => node) &&
    (kind !== 'single' || nodes.length === 1) &&
    (kind !== 'sentinel' || master !== undefined) &&
    (kind !== 'cluster' || db === 0) &&
    Number.isInteger(db) &&
    parts.length === 0;
  // the address may hold a password
  if (!fits) throw statement.fail('invalid address of a session store', 1);
  return {
    name: said.replace(/\/\/[^@/]*@/, '//'),
    kind,
    nodes: nodes.flatMap((node) => node ?? []),
    db,
    ...(master !== undefined && { master }),
    ...(secure && { tls: {} }),
    ...readCredentials(credentials, statement),
  };
}

function readNode(text: string, port: number): { host: string; port: number } | undefined {
  const [, bracketed, plain, said] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  const number = said === undefined ? port : Number(said);
  return host === undefined || number < 1 || number > 65535 ? undefined : { host, port: number };
}

function readCredentials(
  text: string | undefined,
  statement: Statement,
): { username?: string; password?: string } {
  if (text === undefined) return {};
  const [user = '', ...rest] = text.split(':');
  try {
    const username = decodeURIComponent(user);
    const password = decodeURIComponent(rest.join(':'));
    return { ...(username !== '' && { username }), ...(rest.length > 0 && { password }) };
  } catch {
    throw statement.fail('invalid address of a session store', 1);
  }
}

function readFile(statement: Statement, word: number, name: string, { paths }: ReadContext): Buffer {
  return readNamedFile(paths.besideConfiguration(name), statement, word);
}

function readVariable(statement: Statement, word: number, value: string): Buffer {
  const name = value.startsWith('env:') ? value.slice('env:'.length) : '';
  if (name === '') throw statement.fail(`invalid parameter "${statement.word(word)}"`, word);
  const found = process.env[name];
  if (found === undefined) throw statement.fail(`the environment has no variable "${name}"`, word);
  return Buffer.from(found);
}

/** 32 bytes as they are, in hexadecimal or in base64. */
function readKey(bytes: Buffer, statement: Statement, word: number): string {
  if (bytes.length === KEY_SIZE) return bytes.toString('base64');
  const text = bytes.toString('latin1').trim();
  const key = Buffer.from(text, /^[0-9a-f]{64}$/i.test(text) ? 'hex' : 'base64');
  const isText = /^(?:[0-9a-f]{64}|[A-Za-z0-9+/]{43}=)$/i.test(text);
  if (!isText || key.length !== KEY_SIZE) {
    throw statement.fail(`the key in "${statement.word(word)}" must be ${KEY_SIZE} bytes`, word);
  }
  return key.toString('base64');
}
