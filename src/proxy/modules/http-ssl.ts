/** https://nginx.org/en/docs/http/ngx_http_ssl_module.html */
import { randomBytes } from 'node:crypto';
import type { Pem } from '../../tls/pem.ts';
import type { Compiler } from '../conf/compile/compiler.ts';
import { hasVariables } from '../conf/compile/template.ts';
import { HTTP, HTTP_SERVER, ONE, ONE_OR_MORE, ONE_OR_TWO, TWO } from '../conf/contexts.ts';
import type { Entry, Scope } from '../conf/scope.ts';
import { encodeCbor } from '../plan/cbor.ts';
import type { ModuleConf } from '../plan/http.ts';
import type { Template } from '../plan/plan.ts';
import {
  choice,
  choices,
  type Directive,
  flag,
  list,
  number,
  seconds,
  setting,
  size,
  text,
} from './directive.ts';
import { serverBlock } from './http-core-blocks.ts';
import type { HttpModule } from './module.ts';
import { PemFiles } from './pem-files.ts';
import { checkCertificate } from './ssl-certificate-check.ts';
import { OcspDirectives } from './ssl-ocsp.ts';
import { readSessionCache, type SessionCache } from './ssl-session-cache.ts';
import { clusterTicketKeys, sessionStore, sessionStorePlan, sessionStorePlans } from './ssl-session-store.ts';
import { certificateCache, passwordFile, readConfCommand, readTicketKey } from './ssl-settings.ts';
import { SSL_VARIABLES } from './ssl-variables.ts';

const word = (name: string) => list(name, HTTP_SERVER, ONE, (statement) => statement.word(1));

const certificate = word('ssl_certificate');
const certificateKey = word('ssl_certificate_key');
const passwords = passwordFile('ssl_password_file', HTTP_SERVER);
const cache = certificateCache('ssl_certificate_cache', HTTP_SERVER);
const dhparam = text('ssl_dhparam', HTTP_SERVER, '');
const ecdhCurve = text('ssl_ecdh_curve', HTTP_SERVER, 'auto');
const protocols = choices(
  'ssl_protocols',
  HTTP_SERVER,
  ONE_OR_MORE,
  ['sslv2', 'sslv3', 'tlsv1', 'tlsv1.1', 'tlsv1.2', 'tlsv1.3'],
  ['tlsv1.2', 'tlsv1.3'],
);
const ciphers = text('ssl_ciphers', HTTP_SERVER, 'HIGH:!aNULL:!MD5');
const preferServerCiphers = flag('ssl_prefer_server_ciphers', HTTP_SERVER, false);
const bufferSize = size('ssl_buffer_size', HTTP_SERVER, 16 * 1024);
const verifyClient = choice(
  'ssl_verify_client',
  HTTP_SERVER,
  ['off', 'on', 'optional', 'optional_no_ca'],
  'off',
);
const verifyDepth = number('ssl_verify_depth', HTTP_SERVER, 1);
const clientCertificate = text('ssl_client_certificate', HTTP_SERVER, '');
const trustedCertificate = text('ssl_trusted_certificate', HTTP_SERVER, '');
const certificateCompression = flag('ssl_certificate_compression', HTTP_SERVER, false);
const certificateWatch = flag('ssl_certificate_watch', HTTP_SERVER, false);
const echFile = word('ssl_ech_file');
const ocsp = new OcspDirectives(HTTP_SERVER);
const crl = text('ssl_crl', HTTP_SERVER, '');
const sessionCache = setting<SessionCache, SessionCache>({
  name: 'ssl_session_cache',
  contexts: HTTP_SERVER,
  args: ONE_OR_TWO,
  fallback: { kind: 'none' },
  read: readSessionCache,
});
const sessionTickets = flag('ssl_session_tickets', HTTP_SERVER, true);
const sessionTicketKey = list('ssl_session_ticket_key', HTTP_SERVER, ONE, readTicketKey);
const sessionTimeout = seconds('ssl_session_timeout', HTTP_SERVER, 300);
const earlyData = flag('ssl_early_data', HTTP_SERVER, false);
const confCommand = list('ssl_conf_command', HTTP_SERVER, TWO, readConfCommand);
const rejectHandshake = flag('ssl_reject_handshake', HTTP_SERVER, false);

export const httpSsl: HttpModule = {
  name: 'http_ssl',
  directives: [
    certificate,
    certificateKey,
    passwords,
    cache,
    dhparam,
    ecdhCurve,
    protocols,
    ciphers,
    preferServerCiphers,
    bufferSize,
    verifyClient,
    verifyDepth,
    clientCertificate,
    trustedCertificate,
    crl,
    sessionCache,
    sessionTickets,
    sessionTicketKey,
    sessionTimeout,
    sessionStore,
    clusterTicketKeys,
    earlyData,
    confCommand,
    rejectHandshake,
    certificateCompression,
    certificateWatch,
    echFile,
    ...ocsp.all(),
  ],
  variables: SSL_VARIABLES,
  compileBlock,
  compileMain: (_http, compiler) => ({ sessionStores: sessionStorePlans(compiler) }),
};

/** Whether a server can answer a TLS handshake: with a certificate, or by refusing it. */
export function hasCertificate(server: Scope): boolean {
  return server.all(certificate).length > 0;
}

/** QUIC has nothing older. */
export function allowsTls13(server: Scope): boolean {
  return server.get(protocols).includes('tlsv1.3');
}

export function rejectsHandshake(server: Scope): boolean {
  return server.get(rejectHandshake);
}

function compileBlock(scope: Scope, compiler: Compiler): ModuleConf {
  const certificates = scope.all(certificate);
  const rejects = scope.get(rejectHandshake);
  const conf = { verify: scope.get(verifyClient), ...(rejects && { rejectHandshake: true }) };
  // what no server inherits is nobody's
  if (scope.context === HTTP && !scope.blocks(serverBlock).some(saysNothing)) return conf;
  if ((certificates.length === 0 && !rejects) || !isWhole(scope, compiler)) return conf;
  const pairs = identities(scope);
  const variable = pairs.some(([shown, key]) => hasVariables(shown.value) || hasVariables(key.value));
  const tls = settings(scope, variable ? [] : pairs, compiler);
  const found = tls && compiler.platform.checkTls(encodeCbor(tls));
  if (!tls) return conf;
  if (found !== undefined) {
    const blamed = pairs
      .flat()
      .findLast((named) => found.includes(`"${compiler.paths.besideConfiguration(named.value)}"`));
    compiler.diagnostics.reportBare('emerg', found, (blamed ?? certificates[0])?.statement.place(1));
    return conf;
  }
  if (!variable) return { ...conf, tls, ...(scope.get(certificateWatch) && { watch: true }) };
  return {
    ...conf,
    tls: { ...tls, certificateNames: certificates.map(({ value }) => value) },
    certificateTemplates: pairs.map(([shown, key]) => [template(shown, compiler), template(key, compiler)]),
    certificateCache: scope.get(cache),
    folder: compiler.paths.configurationPrefix,
  };
}

type Named = Entry<string>;

function identities(scope: Scope): [Named, Named][] {
  const keys = scope.all(certificateKey);
  return scope.all(certificate).flatMap((shown, index): [Named, Named][] => {
    const key = keys[index];
    return key ? [[shown, key]] : [];
  });
}

function saysNothing(server: Scope): boolean {
  return !httpSsl.directives.some((directive) => server.has(directive));
}

/** Every certificate needs its key. */
function isWhole(scope: Scope, compiler: Compiler): boolean {
  const certificates = scope.all(certificate);
  const last = certificates.at(-1);
  if (!last || scope.all(certificateKey).length >= certificates.length) return true;
  const message = `no "ssl_certificate_key" is defined for certificate "${last.value}"`;
  compiler.diagnostics.reportBare('emerg', message, last.statement.place(1));
  return false;
}

function template({ value, statement }: Named, compiler: Compiler): Template {
  return compiler.template(value, statement);
}

/** What native/tls/settings.h reads; undefined after an error. */
function settings(
  scope: Scope,
  pairs: readonly [Named, Named][],
  compiler: Compiler,
): ModuleConf | undefined {
  const files = new PemFiles(scope, compiler);
  const verify = scope.get(verifyClient);
  if (isContradictory(scope, compiler)) return undefined;
  if (
    verify !== 'off' &&
    verify !== 'optional_no_ca' &&
    !scope.get(clientCertificate) &&
    !scope.get(trustedCertificate)
  ) {
    const message = 'no ssl_client_certificate or ssl_trusted_certificate for ssl_verify_client';
    compiler.diagnostics.reportBare('emerg', message, scope.find(verifyClient)?.statement.place(1));
    return undefined;
  }
  const sessions = scope.find(sessionCache);
  const clientAuthorities = files.find('cannot load certificate', clientCertificate);
  const otherAuthorities = files.find('cannot load certificate', trustedCertificate);
  const tls = {
    identities: pairs.map(([shown, key]) => ({
      certificate: files.read('cannot load certificate', shown),
      key: files.read('cannot load certificate key', key),
    })),
    passwords: scope.find(passwords)?.value,
    protocols: scope.get(protocols),
    ciphers: scope.get(ciphers),
    ecdhCurve: scope.get(ecdhCurve),
    preferServerCiphers: scope.get(preferServerCiphers),
    dhparam: files.find('BIO_new_file', dhparam),
    clientCertificate: clientAuthorities,
    trustedCertificate: otherAuthorities,
    certificateCompression: scope.get(certificateCompression),
    crl: files.find('cannot load CRL', crl),
    verify,
    verifyDepth: scope.get(verifyDepth),
    bufferSize: scope.get(bufferSize),
    earlyData: scope.get(earlyData),
    ...sessionCachePlan(sessions, compiler),
    ...sessionStorePlan(scope, scope.get(sessionTimeout), compiler),
    sessionTimeout: scope.get(sessionTimeout),
    sessionTickets: scope.get(sessionTickets),
    ticketKeys: scope.all(sessionTicketKey).map(({ value }) => value),
    ticketSeed: ticketSeed(sessions?.value.zone?.name, compiler),
    commands: scope.all(confCommand).map((entry) => files.command(entry)),
  };
  if (files.failed) return undefined;
  const trusted = present(verify === 'off' ? undefined : clientAuthorities, otherAuthorities);
  const certificates = present(...tls.identities.map((each) => each.certificate));
  for (const [index, [shown]] of pairs.entries()) checkCertificate(certificates[index]!, shown, compiler);
  return {
    ...tls,
    stapling: ocsp.staplingPlan(scope, certificates, trusted, files, compiler),
    ocsp: ocsp.clientPlan(scope, compiler),
  };
}

function present(...pems: readonly (Pem | undefined)[]): Pem[] {
  return pems.filter((pem) => pem !== undefined);
}

/** Directives that exclude each other; what can't be had is said as well. */
function isContradictory(scope: Scope, compiler: Compiler): boolean {
  const contradictions: [boolean, Directive<unknown>, string][] = [
    [
      scope.get(ocsp.ocsp) !== 'off' && scope.get(verifyClient) === 'optional_no_ca',
      ocsp.ocsp,
      '"ssl_ocsp" is incompatible with "ssl_verify_client optional_no_ca"',
    ],
    [
      scope.get(ocsp.stapling) && scope.get(certificateCompression),
      ocsp.stapling,
      '"ssl_stapling" is incompatible with "ssl_certificate_compression"',
    ],
  ];
  const found = contradictions.find(([holds]) => holds);
  if (found) {
    const [, directive, message] = found;
    compiler.diagnostics.reportBare('emerg', message, scope.find(directive)?.statement.place(0));
  }
  const [ech] = scope.all(echFile);
  if (ech) {
    const message = '"ssl_ech_file" is not supported on this platform, ignored';
    compiler.diagnostics.reportBare('warn', message, ech.statement.place(0));
  }
  return found !== undefined;
}

/** What OpenSSL takes: a name, a cipher's key, a digest's. */
const TICKET_SEED_SIZE = 80;

const seedsOfZones = new WeakMap<Compiler, Map<string, Uint8Array>>();

/** Keys for tickets: servers that share a zone take each other's. */
function ticketSeed(zone: string | undefined, compiler: Compiler): Uint8Array {
  const seeds = seedsOfZones.get(compiler) ?? new Map<string, Uint8Array>();
  seedsOfZones.set(compiler, seeds);
  const seed = (zone && seeds.get(zone)) || randomBytes(TICKET_SEED_SIZE);
  if (zone) seeds.set(zone, seed);
  return seed;
}

function sessionCachePlan(said: Entry<SessionCache> | undefined, compiler: Compiler): ModuleConf {
  if (!said) return {};
  const { kind, sessions, zone } = said.value;
  return {
    sessionCache: kind,
    sessionCacheSize: sessions,
    ...(zone && { sessionZone: compiler.descriptors.zone(zone.name, zone.size, 'http_ssl', said.statement) }),
  };
}
