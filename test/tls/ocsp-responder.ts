/** An OCSP responder whose every answer is the openssl command's. */
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cleanup } from '../support/sluice.ts';
import type { Identity } from './certificates.ts';

export interface OcspResponder {
  readonly port: number;
  /** How many requests came. */
  requests: number;
  /** Instead of what the index says; undefined: that. */
  answer: ((response: ServerResponse) => void) | undefined;
  /** What the next answers say of a certificate; what was never said is unknown. */
  say(identity: Identity, status: 'good' | 'revoked'): void;
  /** The response about a certificate, in DER. */
  response(identity: Identity): Buffer;
}

/** Answers for the certificates that `authority` signs. */
export async function startOcspResponder(t: Cleanup, authority: Identity): Promise<OcspResponder> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-ocsp-'));
  const path = (file: string): string => join(folder, file);
  writeFileSync(path('ca'), authority.certificate);
  writeFileSync(path('key'), authority.key);
  const index = new Map<string, string>();
  const answerTo = (...request: string[]): Buffer => {
    writeFileSync(path('index'), [...index.values()].join(''));
    const signer = ['-CA', path('ca'), '-rsigner', path('ca'), '-rkey', path('key'), '-ndays', '1'];
    const words = ['ocsp', '-index', path('index'), ...signer, ...request, '-respout', path('response')];
    execFileSync('openssl', words, { stdio: 'ignore' });
    return readFileSync(path('response'));
  };
  const server = createServer((request, response) => {
    responder.requests++;
    if (responder.answer) {
      responder.answer(response);
      return;
    }
    const encoded = decodeURIComponent(request.url?.replace(/^.*\//, '') ?? '');
    writeFileSync(path('request'), Buffer.from(encoded, 'base64'));
    response.setHeader('Content-Type', 'application/ocsp-response');
    response.end(answerTo('-reqin', path('request')));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  const responder: OcspResponder = {
    port: (server.address() as AddressInfo).port,
    requests: 0,
    answer: undefined,
    say({ certificate }, status) {
      const { serialNumber, subject } = new X509Certificate(certificate);
      const revoked = status === 'revoked' ? 'R\t350101000000Z\t250101000000Z' : 'V\t350101000000Z\t';
      index.set(serialNumber, `${revoked}\t${serialNumber}\tunknown\t/${subject}\n`);
    },
    response({ certificate }) {
      writeFileSync(path('subject'), certificate);
      return answerTo('-issuer', path('ca'), '-cert', path('subject'));
    },
  };
  return responder;
}
