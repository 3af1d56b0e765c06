/** TLS handshakes, one after the other on several connections at once. */
import { CLIENT_CORE, output } from './processes.ts';

/** `resumed`: by the ticket of the connection before. */
export type HandshakeKind = 'full' | 'resumed';

const CLIENTS = 4;

/** Each connection is for one request. Returns how many there were. */
export async function completedHandshakes(
  port: number,
  kind: HandshakeKind,
  seconds: number,
): Promise<number> {
  const words = ['s_time', '-connect', `127.0.0.1:${port}`, '-www', '/100', '-time', String(seconds)];
  const client = async (): Promise<number> => {
    const report = await output(CLIENT_CORE, 'openssl', [...words, kind === 'full' ? '-new' : '-reuse']);
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
