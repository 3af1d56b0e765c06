/** `ssl_certificate_watch`: certificates whose files change are given to the workers that run. */
import { statSync } from 'node:fs';
import type { Addon } from '../../fstack-binding/addon.ts';
import { type Pem, PemError, readPem } from '../../tls/pem.ts';
import { encodeCbor } from '../plan/cbor.ts';
import type { ModuleConf } from '../plan/http.ts';
import type { Plan } from '../plan/plan.ts';
import type { Log } from './error-log.ts';

/** How often files are looked at: a second, or a millisecond for each. */
const INTERVAL_MS = 1000;

interface Identity {
  readonly certificate: Pem;
  readonly key: Pem;
}

interface Watched {
  /** Of the configuration among those of its module. */
  readonly position: number;
  /** native/tls/settings.h */
  tls: ModuleConf & { readonly identities: readonly Identity[] };
  readonly files: readonly string[];
  /** What the files were when they were last read. */
  version: string;
  /** What they were a moment ago: who writes two files isn't done yet when the first has changed. */
  seen: string;
}

/** Takes what a worker's data thread is to learn. */
export interface CertificateTaker {
  readonly exited: boolean;
  tellCertificates(news: Uint8Array): void;
}

export class CertificateWatch {
  readonly #watched: readonly Watched[];
  readonly #addon: Addon;
  readonly #log: Log;
  readonly #workers = new Set<CertificateTaker>();
  /** For workers to come: their Plan is from before. */
  readonly #news = new Map<number, Uint8Array>();
  readonly #timer: NodeJS.Timeout;

  /** Undefined when no server asks for it. */
  static of(plan: Plan, addon: Addon, log: Log): CertificateWatch | undefined {
    const watched = (plan.http?.modules.http_ssl ?? []).flatMap(watchedConf);
    return watched.length > 0 ? new CertificateWatch(watched, addon, log) : undefined;
  }

  private constructor(watched: readonly Watched[], addon: Addon, log: Log) {
    this.#watched = watched;
    this.#addon = addon;
    this.#log = log;
    const files = watched.reduce((sum, each) => sum + each.files.length, 0);
    this.#timer = setInterval(() => this.#look(), Math.max(INTERVAL_MS, files)).unref();
  }

  /** A worker that has come to serve. */
  add(worker: CertificateTaker): void {
    this.#workers.add(worker);
    for (const news of this.#news.values()) worker.tellCertificates(news);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const watched of this.#watched) {
      const version = versionOf(watched.files);
      const settled = version === watched.seen;
      watched.seen = version;
      if (version === watched.version || !settled) continue;
      watched.version = version;
      this.#replace(watched);
    }
  }

  #replace(watched: Watched): void {
    const said = watched.files.map((file) => `"${file}"`).join(', ');
    try {
      const identities = watched.tls.identities.map(({ certificate, key }) => ({
        certificate: readAgain(certificate),
        key: readAgain(key),
      }));
      const tls = { ...watched.tls, identities };
      const wrong = this.#addon.checkTls(encodeCbor(tls));
      if (wrong !== null) throw new PemError(wrong);
      watched.tls = tls;
      const news = encodeCbor({ position: watched.position, tls });
      this.#news.set(watched.position, news);
      for (const worker of this.#workers) {
        if (worker.exited) this.#workers.delete(worker);
        else worker.tellCertificates(news);
      }
      this.#log.write('notice', `changed certificates are in use: ${said}`);
    } catch (error) {
      if (!(error instanceof PemError)) throw error;
      this.#log.write('error', `${error.message}, the certificates from before stay in use: ${said}`);
    }
  }
}

function watchedConf(conf: ModuleConf, position: number): Watched[] {
  if (conf.watch !== true) return [];
  const tls = conf.tls as Watched['tls'];
  const files = tls.identities.flatMap(({ certificate, key }) =>
    [certificate.name, key.name].filter((name) => name.startsWith('/')),
  );
  const version = versionOf(files);
  return [{ position, tls, files, version, seen: version }];
}

function readAgain(pem: Pem): Pem {
  return readPem(pem.name, (name) => name);
}

function versionOf(files: readonly string[]): string {
  return files
    .map((file) => {
      const found = statSync(Buffer.from(file, 'latin1'), { throwIfNoEntry: false });
      return found ? `${found.ino} ${found.mtimeMs} ${found.size}` : '';
    })
    .join();
}
