/** What a certificate can be blamed for before a client does. */
import type { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { certificatesOf, issuerOf } from '../../tls/certificate.ts';
import type { Pem } from '../../tls/pem.ts';
import type { Compiler } from '../conf/compile/compiler.ts';
import type { Entry } from '../conf/scope.ts';

/** Of each configuration: a certificate that many servers show is looked at once. */
const checked = new WeakMap<Compiler, Set<string>>();

/** Says when a certificate isn't valid now, and when whoever signed it comes neither with it nor by itself. */
export function checkCertificate(pem: Pem, { statement }: Entry<string>, compiler: Compiler): void {
  const names = checked.get(compiler) ?? new Set();
  checked.set(compiler, names);
  if (names.has(pem.name)) return;
  names.add(pem.name);
  const [certificate, ...chain] = certificatesOf(pem);
  if (!certificate) return;
  const place = statement.place(1);
  const about = `certificate "${pem.name}"`;
  const now = new Date();
  if (certificate.validToDate < now) {
    compiler.diagnostics.report('warn', `${about} has expired on ${certificate.validTo}`, place);
  } else if (certificate.validFromDate > now) {
    compiler.diagnostics.report('warn', `${about} is not valid before ${certificate.validFrom}`, place);
  }
  const last = lastOf(certificate, chain);
  if (last.subject !== last.issuer && !isSignedByRoot(last)) {
    const issuer = last.issuer.replaceAll('\n', ', ');
    const advice = 'clients that do not have it will not trust the server';
    compiler.diagnostics.report('notice', `${about} lacks its issuer "${issuer}", ${advice}`, place);
  }
}

/** As far up as the file itself leads. */
function lastOf(certificate: X509Certificate, chain: readonly X509Certificate[]): X509Certificate {
  const rest = chain.filter((each) => each !== certificate);
  const issuer = certificate.subject === certificate.issuer ? undefined : issuerOf(certificate, rest);
  return issuer
    ? lastOf(
        issuer,
        rest.filter((each) => each !== issuer),
      )
    : certificate;
}

let roots: ReadonlySet<string> | undefined;

/** Whether those who have Mozilla's list of authorities have the issuer. */
function isSignedByRoot(certificate: X509Certificate): boolean {
  roots ??= new Set(
    rootCertificates.flatMap((text) => certificatesOf({ name: '', text }).map(({ subject }) => subject)),
  );
  return roots.has(certificate.issuer);
}
