/** The sockets of a stack, and who hears of each. */
import type { Addon, SocketAddress, SocketNews, SocketOptions, Sockets } from './addon.ts';
import { FstackError, socketError } from './error.ts';

/** Whoever hears of a socket. */
export interface SocketOwner {
  hear(news: SocketNews): void;
  /** The stack is about to go. */
  abandon(): void;
}

export interface SocketEnds {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
}

const NOWHERE: SocketAddress = { address: '', port: 0 };

export class SocketTable {
  readonly sockets: Sockets;
  readonly #owners = new Map<number, SocketOwner>();
  readonly #ended: PromiseWithResolvers<void> = Promise.withResolvers();
  #last = 0;
  #closed = false;

  constructor(addon: Addon) {
    this.sockets = addon.startSockets({
      onNews: (news) => this.#hear(news),
      onEnd: () => this.#ended.resolve(),
    });
  }

  /** Resolves with what `make` makes of the socket, which adopts it; rejects with a socketError(). */
  open<T>(
    syscall: 'listen' | 'connect' | 'bind',
    address: SocketAddress,
    options: SocketOptions,
    make: (socket: number, ends: SocketEnds) => T,
  ): Promise<T> {
    this.refuseIfClosed();
    const socket = ++this.#last;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#owners.set(socket, {
      hear: (news) => {
        if (news.kind === 'failed') {
          this.close(socket);
          reject(socketError(news.value, syscall, address));
        } else if (news.kind === 'opened') {
          resolve(make(socket, { local: news.local, remote: news.remote ?? NOWHERE }));
        }
      },
      abandon: () => reject(closedError()),
    });
    this.sockets[syscall](socket, address, options);
    return promise;
  }

  adopt(socket: number, owner: SocketOwner): void {
    this.#owners.set(socket, owner);
  }

  /** Nobody hears of it any more. */
  close(socket: number, how: 'close' | 'reset' = 'close'): void {
    this.#owners.delete(socket);
    this.sockets[how](socket);
  }

  refuseIfClosed(): void {
    if (this.#closed) throw closedError();
  }

  /** Resolves when the stack has gone. */
  closeAll(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      for (const owner of this.#owners.values()) owner.abandon();
      this.#owners.clear();
      this.sockets.stop();
    }
    return this.#ended.promise;
  }

  /** One batch at a time, each after what the one before has set off: who awaits a socket hears all of its news. */
  #hear(all: readonly SocketNews[]): void {
    process.nextTick(() => this.sockets.taken());
    for (const news of all) {
      try {
        this.#tellOwner(news);
      } catch (error) {
        // A listener's own. The rest of the news is others'.
        process.nextTick(() => {
          throw error;
        });
      }
    }
  }

  #tellOwner(news: SocketNews): void {
    const owner = this.#owners.get(news.kind === 'accepted' ? news.value : news.socket);
    if (owner) owner.hear(news);
    // Its listener has been closed meanwhile.
    else if (news.kind === 'accepted') this.sockets.reset(news.socket);
  }
}

function closedError(): FstackError {
  return new FstackError('ERR_FSTACK_CLOSED', 'the stack is closed');
}
