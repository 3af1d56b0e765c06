/** A NAT between a client and a server, which now and then sends from another port. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Cleanup } from '../support/sluice.ts';

/** The first bit of a packet says so (RFC 9000, 17.2). */
const LONG_HEADER = 0x80;

export class Nat {
  readonly #inside = createSocket('udp4');
  readonly #mapped: Socket[] = [];
  #client = 0;
  readonly #server: number;
  /** Where the client's packets go: other hosts may take what is one's. */
  host = '127.0.0.1';
  /** The client has sent a packet with a short header: for it the handshake is complete. */
  established = false;
  /** Packets that came back. */
  answers = 0;
  /** Whether a packet gets lost; `comesBack`: it is the server's. */
  loses: (packet: Buffer, comesBack: boolean) => boolean = () => false;
  #held: Buffer[] | undefined;

  constructor(t: Cleanup, server: number) {
    this.#server = server;
    this.rebind();
    this.#inside.on('message', (packet, { port }) => {
      this.#client = port;
      this.established ||= (packet[0] ?? 0) < LONG_HEADER;
      if (!this.loses(packet, false)) this.#mapped.at(-1)?.send(packet, server, this.host);
    });
    t.teardown(() => {
      this.#inside.close();
      for (const socket of this.#mapped) socket.close();
    });
  }

  /** Ports that the server may have seen so far. */
  get mappings(): number {
    return this.#mapped.length;
  }

  /** The port that clients connect to. */
  async listen(): Promise<number> {
    this.#inside.bind(0, '127.0.0.1');
    await once(this.#inside, 'listening');
    return this.#inside.address().port;
  }

  /** The client's packets come from a new port from now on; the old one still delivers what comes late. */
  rebind(): void {
    this.#mapped.push(this.#map());
  }

  /** Keeps what comes back for itself, until release(). */
  hold(): void {
    this.#held = [];
  }

  release(): void {
    for (const packet of this.#held ?? []) this.#inside.send(packet, this.#client, '127.0.0.1');
    this.#held = undefined;
  }

  #map(): Socket {
    const socket = createSocket('udp4');
    socket.on('message', (packet, { port }) => {
      if (port !== this.#server || !this.#client) return;
      if (this.loses(packet, true)) return;
      this.answers++;
      if (this.#held) this.#held.push(packet);
      else this.#inside.send(packet, this.#client, '127.0.0.1');
    });
    return socket;
  }
}
