/** What the master says on a worker's stdin: new certificates, each behind its length (four bytes, big-endian). */
import { Socket } from 'node:net';

const STDIN = 0;
const LENGTH_SIZE = 4;

export function onCertificateNews(take: (news: Uint8Array) => void): void {
  let held = Buffer.alloc(0);
  const socket = new Socket({ fd: STDIN });
  socket.on('error', () => undefined);
  socket.on('data', (bytes: Buffer) => {
    held = Buffer.concat([held, bytes]);
    while (held.length >= LENGTH_SIZE) {
      const end = LENGTH_SIZE + held.readUInt32BE(0);
      if (held.length < end) return;
      take(held.subarray(LENGTH_SIZE, end));
      held = held.subarray(end);
    }
  });
  socket.unref();
}

/** As onCertificateNews() expects it. */
export function framed(news: Uint8Array): Buffer {
  const length = Buffer.alloc(LENGTH_SIZE);
  length.writeUInt32BE(news.length);
  return Buffer.concat([length, news]);
}
