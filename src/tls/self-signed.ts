/** Certificates that vouch for themselves: to try things out with. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import forge from 'node-forge';

export interface SelfSigned {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
}

const DNS_NAME = 2;
const IP_ADDRESS = 7;
const SERIAL_SIZE = 15;

/** For host names and addresses, the first of which is the subject; with an RSA key, since any client takes it. */
export function makeSelfSigned(names: readonly string[], notBefore: Date, notAfter: Date): SelfSigned {
  const { publicKey, privateKey: key } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const { pki, md } = forge;
  const made = pki.createCertificate();
  made.publicKey = pki.publicKeyFromPem(publicKey);
  // positive, and no two alike (RFC 5280 section 4.1.2.2)
  made.serialNumber = `01${randomBytes(SERIAL_SIZE).toString('hex')}`;
  Object.assign(made.validity, { notBefore, notAfter });
  const name = [{ name: 'commonName', value: names[0] ?? '' }];
  made.setSubject(name);
  made.setIssuer(name);
  made.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    {
      name: 'subjectAltName',
      altNames: names.map((each) =>
        isIP(each) ? { type: IP_ADDRESS, ip: each } : { type: DNS_NAME, value: each },
      ),
    },
  ]);
  made.sign(pki.privateKeyFromPem(key), md.sha256.create());
  return { certificate: pki.certificateToPem(made), key };
}
