/** Chromium without a window, driven over a pair of pipes (https://chromedevtools.github.io/devtools-protocol/). */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { Cleanup } from './sluice.ts';

const LIMIT_MS = 60_000;

interface Message {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

interface Evaluated {
  readonly result: { readonly value: unknown };
  readonly exceptionDetails?: {
    readonly text: string;
    readonly exception?: { readonly description?: string };
  };
}

/** A tab. */
export class Page {
  readonly #browser: Chromium;
  readonly #session: string;

  constructor(browser: Chromium, session: string) {
    this.#browser = browser;
    this.#session = session;
  }

  /** Resolves when all that the page needs is there; throws when it can't be had. */
  async open(url: string): Promise<void> {
    await this.#browser.call('Page.enable', {}, this.#session);
    const loaded = this.#browser.event('Page.loadEventFired', this.#session);
    const { errorText } = (await this.#browser.call('Page.navigate', { url }, this.#session)) as {
      readonly errorText?: string;
    };
    if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
    await loaded;
  }

  /** The value of an expression in the page, or of the promise that it is; throws what it throws. */
  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = (await this.#browser.call(
      'Runtime.evaluate',
      { expression, awaitPromise: true, returnByValue: true },
      this.#session,
    )) as Evaluated;
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }
}

export interface ChromiumOptions {
  /** Certificates that it accepts from whoever shows them, in PEM. */
  readonly trusted?: readonly string[];
  /** Further arguments of the program. */
  readonly args?: readonly string[];
}

export class Chromium {
  readonly #child: ChildProcess;
  readonly #folder = mkdtempSync(join(tmpdir(), 'sluice-chromium-'));
  readonly #requests: Writable;
  readonly #calls = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  readonly #events = new Map<string, () => void>();
  #last = 0;

  private constructor({ trusted = [], args = [] }: ChromiumOptions) {
    this.#child = spawn(
      'chromium',
      [
        '--headless=new',
        '--remote-debugging-pipe',
        `--user-data-dir=${this.#folder}`,
        `--ignore-certificate-errors-spki-list=${trusted.map(keyHash).join()}`,
        // What a browser does on its own account is not asked for here.
        ...['--no-first-run', '--disable-background-networking', '--disable-component-update'],
        ...['--disable-gpu', '--disable-dev-shm-usage', '--disable-extensions', '--disable-sync'],
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        ...args,
        'about:blank',
      ],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
    );
    const [, , , requests, answers] = this.#child.stdio;
    this.#requests = requests as Writable;
    this.#requests.on('error', () => undefined);
    this.#read(answers as Readable);
    for (const event of ['error', 'exit']) {
      this.#child.on(event, (why) => this.#fail(new Error(`Chromium has ended: ${why}`)));
    }
  }

  /** Ends with the test. */
  static async start(t: Cleanup, options: ChromiumOptions = {}): Promise<Chromium> {
    const chromium = new Chromium(options);
    t.teardown(() => chromium.#stop());
    await chromium.call('Browser.getVersion');
    return chromium;
  }

  async page(): Promise<Page> {
    const { targetId } = (await this.call('Target.createTarget', { url: 'about:blank' })) as {
      readonly targetId: string;
    };
    const { sessionId } = (await this.call('Target.attachToTarget', { targetId, flatten: true })) as {
      readonly sessionId: string;
    };
    return new Page(this, sessionId);
  }

  /** A command of the protocol; to a page when its session is given. */
  call(method: string, params: object = {}, sessionId?: string): Promise<unknown> {
    const id = ++this.#last;
    this.#requests.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return limited(
      method,
      new Promise((resolve, reject) => {
        this.#calls.set(id, { resolve, reject });
      }),
    );
  }

  /** Resolves at the next event of this name. */
  event(method: string, sessionId: string): Promise<void> {
    return limited(
      method,
      new Promise((resolve) => {
        this.#events.set(`${sessionId} ${method}`, resolve);
      }),
    );
  }

  // Messages end with a zero byte.
  #read(answers: Readable): void {
    let text = '';
    answers.setEncoding('utf8');
    answers.on('error', () => undefined);
    answers.on('data', (piece: string) => {
      const messages = (text + piece).split('\0');
      text = messages.pop() ?? '';
      for (const message of messages) this.#take(JSON.parse(message));
    });
  }

  #take({ id, sessionId, method, result, error }: Message): void {
    if (id === undefined) {
      this.#events.get(`${sessionId} ${method}`)?.();
      return;
    }
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (error) call?.reject(new Error(error.message));
    else call?.resolve(result);
  }

  #fail(error: Error): void {
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
  }

  async #stop(): Promise<void> {
    const { exitCode, signalCode, pid } = this.#child;
    if (pid !== undefined && exitCode === null && signalCode === null) {
      const exit = once(this.#child, 'exit');
      await Promise.race([this.call('Browser.close'), exit]).catch(() => this.#child.kill('SIGKILL'));
      await limited('the end', exit).catch(() => this.#child.kill('SIGKILL'));
    }
    // Processes of its own may still be about to write there.
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 20 });
  }
}

/** Of a certificate's public key, as HTTP's key pinning had it (RFC 7469 section 2.4). */
function keyHash(certificate: string): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
}

async function limited<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Chromium: not within ${LIMIT_MS} ms: ${what}`)), LIMIT_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
