/** TLS handshakes, one after the other on several connections at once. */
import { CLIENT_CORE, output } from './processes.ts';

/** `resumed`: by the ticket of the connection before. */
export type HandshakeKind = 'full' | 'resumed';

const CLIENTS = 4;

/** What a client of OpenSSL's and its server agree on. Other terms cost otherwise: figures would compare those. */
const TERMS = ['Server Temp Key: X25519', 'Cipher is TLS_AES_256_GCM_SHA384'];
const TICKETS = 2;

/** Throws when a server would have handshakes compared that are none like the others'. */
export async function requireTerms(port: number): Promise<void> {
  const client = `printf 'GET /1 HTTP/1.0\\r\\n\\r\\n' | openssl s_client -connect 127.0.0.1:${port} -ign_eof 2>&1`;
  const report = await output(CLIENT_CORE, 'sh', ['-c', client]);
  const missing = TERMS.find((term) => !report.includes(term));
  const tickets = report.split('New Session Ticket arrived').length - 1;
  if (missing) throw new Error(`not agreed on: ${missing}`);
  if (tickets !== TICKETS) throw new Error(`${tickets} session tickets came, not ${TICKETS}`);
}

/** Each connection is for one request. Returns how many there were. */
export async function completedHandshakes(
  port: number,
  kind: HandshakeKind,
  seconds: number,
): Promise<number> {
  const words = ['s_time', '-connect', `127.0.0.1:${port}`, '-www', '/100', '-time', String(seconds)];
  const client = async (): Promise<number> => {
    const report = await output(CLIENT_CORE, 'openssl', [...words, kind === 'full' ? '-new' : '-reuse']);
    // One letter each.
    if (kind === 'resumed' && /^r*\*/m.test(report)) throw new Error('a session was not resumed');
    return Number(/^(\d+) connections in \d+ real seconds/m.exec(report)?.[1] ?? 0);
  };
  const counts = await Promise.all(Array.from({ length: CLIENTS }, client));
  const completed = counts.reduce((sum, count) => sum + count);
  if (!completed) throw new Error('no handshake completed');
  return completed;
}

export async function makeCertificate(file: string): Promise<void> {
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  await output(CLIENT_CORE, 'openssl', [
    ...['req', '-x509', ...kind, '-subj', '/CN=localhost', '-keyout', file, '-out', `${file}.crt`],
  ]);
  await output(CLIENT_CORE, 'sh', ['-c', 'cat "$0.crt" >> "$0"', file]);
}
