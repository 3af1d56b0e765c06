/** Certificates for a test, made with the openssl command. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Identity {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
}

export interface IdentityOptions {
  readonly issuer?: Identity;
  readonly ecdsa?: boolean;
  /** May sign others. */
  readonly authority?: boolean;
  /** Of its OCSP responder. */
  readonly responder?: string;
  /** For how long it is good. */
  readonly days?: number;
}

export function makeIdentity(name: string, options: IdentityOptions = {}): Identity {
  const { issuer, ecdsa = true, authority = false, responder, days = 30 } = options;
  const folder = mkdtempSync(join(tmpdir(), 'sluice-certificate-'));
  const path = (file: string): string => join(folder, file);
  try {
    const kind = ecdsa
      ? ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
      : ['-newkey', 'rsa:2048'];
    const signing: string[] = [];
    if (issuer) {
      writeFileSync(path('ca.pem'), issuer.certificate);
      writeFileSync(path('ca.key'), issuer.key);
      signing.push('-CA', path('ca.pem'), '-CAkey', path('ca.key'));
    }
    openssl([
      ...['req', '-x509', ...kind, '-nodes', '-days', String(days), '-subj', `/CN=${name}`, ...signing],
      ...['-addext', `basicConstraints=critical,CA:${authority ? 'TRUE' : 'FALSE'}`],
      ...(responder ? ['-addext', `authorityInfoAccess=OCSP;URI:${responder}`] : []),
      ...['-keyout', path('key'), '-out', path('certificate')],
    ]);
    return {
      certificate: readFileSync(path('certificate'), 'latin1'),
      key: readFileSync(path('key'), 'latin1'),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The key under a pass phrase. */
export function encryptKey(key: string, passPhrase: string): string {
  return openssl(['pkey', '-aes256', '-passout', `pass:${passPhrase}`], key);
}

function openssl(words: readonly string[], input?: string): string {
  return execFileSync('openssl', words, { encoding: 'latin1', input, stdio: ['pipe', 'pipe', 'ignore'] });
}
