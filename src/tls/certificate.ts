import { X509Certificate } from 'node:crypto';
import type { Pem } from './pem.ts';

const BLOCK = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[\s\S]*?-----END \1-----/g;

/** The certificates of a PEM text, in order; what can't be read is left out. */
export function certificatesOf({ text }: Pem): X509Certificate[] {
  return [...text.matchAll(BLOCK)].flatMap(([block]) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  });
}

/** Who of `candidates` signed a certificate. */
export function issuerOf(
  certificate: X509Certificate,
  candidates: readonly X509Certificate[],
): X509Certificate | undefined {
  return candidates.find((candidate) => certificate.checkIssued(candidate));
}

/** Where a certificate says that its status is told (RFC 5280 section 4.2.2.1). */
export function responderUrl(certificate: X509Certificate): string | undefined {
  // a value with special characters stands in JSON quotes
  const [, quoted, plain] = /^OCSP - URI:(?:(".*")|(.*))$/m.exec(certificate.infoAccess ?? '') ?? [];
  return quoted === undefined ? plain : (JSON.parse(quoted) as string);
}
