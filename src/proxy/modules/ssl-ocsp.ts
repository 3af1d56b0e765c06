/** The status of certificates, ours (`ssl_stapling…`) and clients' (`ssl_ocsp…`); native/tls/ocsp*.h, client_ocsp.h. */
import { certificatesOf, issuerOf, responderUrl } from '../../tls/certificate.ts';
import type { Pem } from '../../tls/pem.ts';
import { parseAddress, resolveAddress } from '../conf/address.ts';
import type { Compiler } from '../conf/compile/compiler.ts';
import { type Contexts, ONE } from '../conf/contexts.ts';
import type { Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import { parseSize } from '../conf/units.ts';
import type { ModuleConf } from '../plan/http.ts';
import { choice, type Directive, flag, type Setting, setting, text } from './directive.ts';
import type { PemFiles } from './pem-files.ts';
import { resolverPlan } from './resolver.ts';

interface CacheZone {
  readonly name: string;
  readonly size: number;
}

const HTTP_PORT = 80;
const LEAST_ZONE = 8 * 4096;

/** The directives, alike in http and stream. */
export class OcspDirectives {
  readonly stapling: Setting<boolean>;
  readonly staplingVerify: Setting<boolean>;
  readonly staplingFile: Setting<string>;
  readonly staplingResponder: Setting<string>;
  readonly ocsp: Setting<'off' | 'on' | 'leaf'>;
  readonly responder: Setting<string>;
  readonly cache: Setting<CacheZone | undefined, undefined>;

  constructor(contexts: Contexts) {
    this.stapling = flag('ssl_stapling', contexts, false);
    this.staplingVerify = flag('ssl_stapling_verify', contexts, false);
    this.staplingFile = text('ssl_stapling_file', contexts, '');
    this.staplingResponder = text('ssl_stapling_responder', contexts, '');
    this.ocsp = choice('ssl_ocsp', contexts, ['off', 'on', 'leaf'], 'off');
    this.responder = text('ssl_ocsp_responder', contexts, '');
    this.cache = setting<CacheZone | undefined, undefined>({
      name: 'ssl_ocsp_cache',
      contexts,
      args: ONE,
      fallback: undefined,
      read: readCache,
    });
  }

  all(): readonly Directive<unknown>[] {
    const { stapling, staplingVerify, staplingFile, staplingResponder, ocsp, responder, cache } = this;
    return [stapling, staplingVerify, staplingFile, staplingResponder, ocsp, responder, cache];
  }

  /** Settings::Stapling; undefined when it is off. `trusted`: others that may have signed a certificate. */
  staplingPlan(
    scope: Scope,
    certificates: readonly Pem[],
    trusted: readonly Pem[],
    files: PemFiles,
    compiler: Compiler,
  ): ModuleConf | undefined {
    if (!scope.get(this.stapling)) return undefined;
    const verify = scope.get(this.staplingVerify);
    if (scope.get(this.staplingFile)) return { verify, file: files.find('BIO_new_file', this.staplingFile) };
    const url = scope.get(this.staplingResponder);
    const ignore = (reason: string): Record<string, never> => {
      const message = `"ssl_stapling" ignored, ${reason}`;
      compiler.diagnostics.reportBare('warn', message, scope.find(this.stapling)?.statement.place(0));
      return {};
    };
    const authorities = trusted.flatMap(certificatesOf);
    const responders = certificates.map((pem) => {
      const [certificate, ...chain] = certificatesOf(pem);
      if (!certificate) return {};
      if (!issuerOf(certificate, [...chain, ...authorities])) {
        return ignore(`issuer certificate not found for certificate "${pem.name}"`);
      }
      const said = url || responderUrl(certificate);
      if (said === undefined) return ignore(`no OCSP responder URL in the certificate "${pem.name}"`);
      const found = readResponder(said, compiler);
      return 'error' in found ? ignore(`${found.error} in the certificate "${pem.name}"`) : found;
    });
    return { verify, responders, ...resolverText(scope) };
  }

  /** Settings::ClientOcsp; undefined when it is off, or after an error. */
  clientPlan(scope: Scope, compiler: Compiler): ModuleConf | undefined {
    const ocsp = scope.get(this.ocsp);
    if (ocsp === 'off') return undefined;
    const url = scope.get(this.responder);
    const responder = url ? readResponder(url, compiler) : undefined;
    if (responder && 'error' in responder) {
      const place = scope.find(this.responder)?.statement.place(1);
      compiler.diagnostics.reportBare('emerg', `${responder.error} in "ssl_ocsp_responder"`, place);
      return undefined;
    }
    const cache = scope.find(this.cache);
    const zone =
      cache?.value &&
      compiler.descriptors.zone(cache.value.name, cache.value.size, 'ssl_ocsp_cache', cache.statement);
    return {
      leaf: ocsp === 'leaf',
      ...(responder && { responder }),
      ...(zone !== undefined && { zone }),
      ...resolverText(scope),
    };
  }
}

function resolverText(scope: Scope): { readonly resolver?: string } {
  const plan = resolverPlan(scope);
  return plan ? { resolver: JSON.stringify(plan) } : {};
}

/** As nginx, a name is looked up now, for want of a resolver later. */
function readResponder(
  url: string,
  { platform }: Compiler,
): { readonly url: string; readonly addresses: string } | { readonly error: string } {
  const [, host] = /^http:\/\/([^/?]+)/i.exec(url) ?? [];
  if (host === undefined) return { error: `invalid URL prefix in OCSP responder "${url}"` };
  const address = parseAddress(host, HTTP_PORT);
  const failed = (reason: string) => ({ error: `${reason} in OCSP responder "${url.slice(7)}"` });
  if ('error' in address) return failed(address.error);
  const addresses = resolveAddress(address, platform);
  return addresses.length > 0 ? { url, addresses: addresses.join(' ') } : failed('host not found');
}

/** https://nginx.org/en/docs/http/ngx_http_ssl_module.html#ssl_ocsp_cache */
function readCache(statement: Statement): CacheZone | undefined {
  const said = statement.word(1);
  if (said === 'off') return undefined;
  const [, name, sizeText] = /^shared:([^:]+):(.+)$/.exec(said) ?? [];
  const size = sizeText === undefined ? undefined : parseSize(sizeText);
  if (name === undefined || size === undefined) throw statement.fail(`invalid OCSP cache "${said}"`, 1);
  if (size < LEAST_ZONE) throw statement.fail(`OCSP cache "${said}" is too small`, 1);
  return { name, size };
}
