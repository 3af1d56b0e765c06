/**
 * TLS towards upstreams, which all proxying modules have under names of their own: proxy_ssl_verify, grpc_ssl_verify …
 * (https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ssl_verify). native/proxy/upstream_tls.cc reads what
 * they compile to.
 */
import type { Compiler } from '../conf/compile/compiler.ts';
import { hasVariables } from '../conf/compile/template.ts';
import { HTTP_SERVER_LOCATION, ONE_OR_MORE, TWO } from '../conf/contexts.ts';
import type { Entry, Scope } from '../conf/scope.ts';
import type { TlsClientPlan, UpstreamTlsPlan } from '../plan/upstream.ts';
import { choices, type Directive, flag, list, number, text } from './directive.ts';
import { PemFiles } from './pem-files.ts';
import { certificateCache, passwordFile, readConfCommand } from './ssl-settings.ts';

export interface UpstreamTls {
  readonly directives: readonly Directive<unknown>[];
  /** Undefined after an error. */
  compile(scope: Scope, compiler: Compiler): UpstreamTlsPlan | undefined;
}

/** The directives whose names begin with `prefix`. */
export function upstreamTls(prefix: string): UpstreamTls {
  const at = HTTP_SERVER_LOCATION;
  const named = (name: string): string => `${prefix}_ssl_${name}`;
  const certificate = text(named('certificate'), at, '');
  const certificateKey = text<undefined>(named('certificate_key'), at, undefined);
  const cache = certificateCache(named('certificate_cache'), at);
  const passwords = passwordFile(named('password_file'), at);
  const protocols = choices(
    named('protocols'),
    at,
    ONE_OR_MORE,
    ['sslv2', 'sslv3', 'tlsv1', 'tlsv1.1', 'tlsv1.2', 'tlsv1.3'],
    ['tlsv1.2', 'tlsv1.3'],
  );
  const ciphers = text(named('ciphers'), at, 'DEFAULT');
  const confCommand = list(named('conf_command'), at, TWO, readConfCommand);
  const name = text<undefined>(named('name'), at, undefined);
  const serverName = flag(named('server_name'), at, false);
  const sessionReuse = flag(named('session_reuse'), at, true);
  const verify = flag(named('verify'), at, false);
  const verifyDepth = number(named('verify_depth'), at, 1);
  const trustedCertificate = text(named('trusted_certificate'), at, '');
  const crl = text(named('crl'), at, '');

  function compile(scope: Scope, compiler: Compiler): UpstreamTlsPlan | undefined {
    const pair = identity(scope, compiler);
    if (!pair) return undefined;
    const variable = pair.some(({ value }) => hasVariables(value));
    const settings = clientSettings(scope, variable ? [] : pair, compiler);
    const context = settings && compiler.tlsClients.add(settings, scope.find(certificate)?.statement);
    if (context === undefined) return undefined;
    const said = scope.find(name);
    return {
      context,
      ...(said && { name: compiler.template(said.value, said.statement) }),
      serverName: scope.get(serverName),
      verify: scope.get(verify),
      sessionReuse: scope.get(sessionReuse),
      ...(variable && {
        certificateTemplates: [pair.map(({ value, statement }) => compiler.template(value, statement))],
        certificateCache: scope.get(cache),
        folder: compiler.paths.configurationPrefix,
        tls: { passwords: scope.find(passwords)?.value },
      }),
    };
  }

  /** The certificate and its key, or nothing; undefined after an error. */
  function identity(scope: Scope, compiler: Compiler): readonly Entry<string>[] | undefined {
    const shown = scope.find(certificate);
    if (!shown || shown.value === '') return [];
    const key = scope.find(certificateKey);
    if (key) return [shown, key];
    const message = `no "${certificateKey.name}" is defined for certificate "${shown.value}"`;
    compiler.diagnostics.reportBare('emerg', message, shown.statement.place(1));
    return undefined;
  }

  function clientSettings(
    scope: Scope,
    [shown, key]: readonly Entry<string>[],
    compiler: Compiler,
  ): TlsClientPlan | undefined {
    const verifies = scope.get(verify);
    if (verifies && !scope.get(trustedCertificate)) {
      const message = `no ${trustedCertificate.name} for ${verify.name}`;
      compiler.diagnostics.reportBare('emerg', message, scope.find(verify)?.statement.place(1));
      return undefined;
    }
    const files = new PemFiles(scope, compiler);
    const settings = {
      client: true as const,
      identities:
        shown && key
          ? [
              {
                certificate: files.read('cannot load certificate', shown),
                key: files.read('cannot load certificate key', key),
              },
            ]
          : [],
      passwords: scope.find(passwords)?.value,
      protocols: scope.get(protocols),
      ciphers: scope.get(ciphers),
      verify: verifies ? 'on' : 'off',
      verifyDepth: scope.get(verifyDepth),
      ...(verifies && {
        trustedCertificate: files.find('cannot load certificate', trustedCertificate),
        crl: files.find('cannot load CRL', crl),
      }),
      commands: scope.all(confCommand).map((entry) => files.command(entry)),
    };
    return files.failed ? undefined : settings;
  }

  const directives = [
    certificate,
    certificateKey,
    cache,
    passwords,
    protocols,
    ciphers,
    confCommand,
    name,
    serverName,
    sessionReuse,
    verify,
    verifyDepth,
    trustedCertificate,
    crl,
  ];
  return { directives, compile };
}
