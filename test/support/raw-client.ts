/** A client that sends exactly the bytes it is given. */
import { connect, type NetConnectOpts, type Socket } from 'node:net';

export interface RawResponse {
  readonly status: number;
  readonly statusLine: string;
  /** Lower-case names; several values of one name in order. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: string;
}

export class RawClient {
  readonly socket: Socket;
  #received = '';
  #ended = false;
  #error: Error | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(target: number | NetConnectOpts) {
    const options = typeof target === 'number' ? { host: '127.0.0.1', port: target } : target;
    this.socket = connect({ noDelay: true, ...options });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text) => {
      this.#received += text;
      this.#wake();
    });
    this.socket.on('error', (error) => {
      this.#error = error;
      this.#wake();
    });
    this.socket.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
    this.socket.on('end', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** What has come and was not yet taken. */
  get received(): string {
    return this.#received;
  }

  send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  /** Resolves to all that came until the peer closed. */
  async end(milliseconds = 5000): Promise<string> {
    await this.#until('the peer closes', () => this.#ended, milliseconds);
    return this.#take(this.#received.length);
  }

  /** Takes one response; a body ends by its length, its chunks, or the connection. `head`: there is no body. */
  async response({ head = false, milliseconds = 5000 } = {}): Promise<RawResponse> {
    await this.#until('a response head', () => this.#received.includes('\r\n\r\n'), milliseconds);
    const [statusLine = '', ...fields] = this.#take(this.#received.indexOf('\r\n\r\n') + 4)
      .trimEnd()
      .split('\r\n');
    const headers = new Map<string, string[]>();
    for (const field of fields) {
      const colon = field.indexOf(':');
      const name = field.slice(0, colon).toLowerCase();
      headers.set(name, [...(headers.get(name) ?? []), field.slice(colon + 1).trim()]);
    }
    const status = Number(statusLine.split(' ')[1]);
    const bodiless = head || status === 204 || status === 304 || status < 200;
    const body = bodiless ? '' : await this.#body(headers, milliseconds);
    return { status, statusLine, headers, body };
  }

  close(): void {
    this.socket.destroy();
  }

  async #body(headers: ReadonlyMap<string, readonly string[]>, milliseconds: number): Promise<string> {
    const length = headers.get('content-length')?.[0];
    if (length !== undefined) return await this.#exactly(Number(length), milliseconds);
    if (headers.get('transfer-encoding')?.[0]?.toLowerCase() !== 'chunked')
      return await this.end(milliseconds);
    let body = '';
    for (;;) {
      await this.#until('a chunk size', () => this.#received.includes('\r\n'), milliseconds);
      const size = Number.parseInt(this.#take(this.#received.indexOf('\r\n') + 2), 16);
      const chunk = await this.#exactly(size + 2, milliseconds);
      if (size === 0) return body;
      body += chunk.slice(0, -2);
    }
  }

  async #exactly(length: number, milliseconds: number): Promise<string> {
    await this.#until(`${length} bytes`, () => this.#received.length >= length, milliseconds);
    return this.#take(length);
  }

  #take(length: number): string {
    const text = this.#received.slice(0, length);
    this.#received = this.#received.slice(length);
    return text;
  }

  async #until(what: string, condition: () => boolean, milliseconds: number): Promise<void> {
    const deadline = Date.now() + milliseconds;
    while (!condition()) {
      if (this.#error) throw this.#error;
      if (this.#ended) throw new Error(`closed before ${what}; received: ${JSON.stringify(this.#received)}`);
      const left = deadline - Date.now();
      if (left <= 0)
        throw new Error(
          `not within ${milliseconds} ms: ${what}; received: ${JSON.stringify(this.#received)}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #wake(): void {
    for (const resume of this.#waiting) resume();
    this.#waiting.clear();
  }
}

/** One GET on a connection of its own. */
export async function get(
  target: number | NetConnectOpts,
  path = '/',
  headers: readonly string[] = [],
): Promise<RawResponse> {
  const client = new RawClient(target);
  try {
    client.send(
      [`GET ${path} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers, '', ''].join('\r\n'),
    );
    return await client.response();
  } finally {
    client.close();
  }
}
