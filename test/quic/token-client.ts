/** Clients that come with an address-validation token (RFC 9000, 8.1), or for one. */
import type { Cleanup } from '../support/sluice.ts';
import { FrameType } from './raw/frames.ts';
import { RawClient, type RawOptions } from './raw/raw-client.ts';

/** Whether a client with a token has to prove its address once more. */
export async function isRetried(t: Cleanup, port: number, options: RawOptions): Promise<boolean> {
  const client = await RawClient.connect(t, port, options);
  client.leave();
  return client.retries.length > 0;
}

export async function newToken(t: Cleanup, port: number, options: RawOptions = {}): Promise<Buffer> {
  const client = await RawClient.connect(t, port, options);
  await client.until('a token', () => client.has(FrameType.newToken));
  client.leave();
  return client.of(FrameType.newToken)[0]?.bytes ?? Buffer.alloc(0);
}
