/** PEM files that directives name. */
import { statSync } from 'node:fs';
import { namesFile, type Pem, PemError, readPem } from '../../tls/pem.ts';
import type { Compiler } from '../conf/compile/compiler.ts';
import { MAIN } from '../conf/contexts.ts';
import { Refusal } from '../conf/diagnostics.ts';
import { fileName } from '../conf/include.ts';
import type { Entry, Scope } from '../conf/scope.ts';
import { type Directive, flag } from './directive.ts';
import type { Module } from './module.ts';

/** https://nginx.org/en/docs/ngx_core_module.html#ssl_object_cache_inheritable */
const objectCacheInheritable = flag('ssl_object_cache_inheritable', MAIN, true);

export const openssl: Module = { name: 'openssl', directives: [objectCacheInheritable] };

interface KnownFile {
  readonly pem: Pem;
  /** The file's identity and time; undefined for what is no regular file. */
  readonly version: string | undefined;
}

type KnownFiles = Map<string, KnownFile>;

/** Of each configuration: every file is read once, whoever names it, and not again for the next one if it is the same. */
const known = new WeakMap<Compiler, { readonly files: KnownFiles; readonly before: KnownFiles }>();
let latest: KnownFiles = new Map();

function knownTo(compiler: Compiler): { readonly files: KnownFiles; readonly before: KnownFiles } {
  let found = known.get(compiler);
  if (!found) {
    found = { files: new Map(), before: latest };
    latest = found.files;
    known.set(compiler, found);
  }
  return found;
}

/** Reads what the directives of a block name, and reports what can't be read. */
export class PemFiles {
  /** Something was reported. */
  failed = false;
  readonly #scope: Scope;
  readonly #compiler: Compiler;

  constructor(scope: Scope, compiler: Compiler) {
    this.#scope = scope;
    this.#compiler = compiler;
  }

  /** What a directive that is in force names; `failure` as for read(). */
  find(failure: string, directive: Directive<string>): Pem | undefined {
    const said = this.#scope.find(directive);
    return said?.value ? this.read(failure, said) : undefined;
  }

  /** `failure` begins the message: `cannot load certificate`; or it is the function that fails: `BIO_new_file`. */
  read(failure: string, { value, statement }: Entry<string>): Pem | undefined {
    try {
      return this.#read(value);
    } catch (error) {
      if (!(error instanceof PemError)) throw error;
      this.failed = true;
      const name = this.#full(value);
      const message =
        failure === 'BIO_new_file'
          ? error.message.replace('BIO_new_file()', `BIO_new_file("${name}")`)
          : `${failure} "${name}": ${error.message}`;
      this.#compiler.diagnostics.reportBare('emerg', message, statement.place(1));
      return undefined;
    }
  }

  /** Workers may not read what the master may: of some commands they get the file itself. */
  command({ value: { name, value }, statement }: Entry<{ name: string; value: string }>): readonly string[] {
    if (!/^(Certificate|PrivateKey|DHParameters)$/i.test(name)) return [name, value];
    try {
      return [name, value, this.#read(value).text];
    } catch (error) {
      if (!(error instanceof PemError)) throw error;
      const reason = error.message.slice(error.message.indexOf('(SSL'));
      throw new Refusal(`SSL_CONF_cmd("${name}", "${value}") failed ${reason}`, statement.place(2));
    }
  }

  #read(value: string): Pem {
    const { files, before } = knownTo(this.#compiler);
    const name = this.#full(value);
    const file = files.get(name);
    if (file) return file.pem;
    const version = versionOf(name);
    const same = version !== undefined && this.#inherits() ? before.get(name) : undefined;
    const pem = same?.version === version && same ? same.pem : readPem(value, () => name);
    files.set(name, { pem, version });
    return pem;
  }

  #full(value: string): string {
    return namesFile(value) ? this.#compiler.paths.besideConfiguration(value) : value;
  }

  #inherits(): boolean {
    return this.#scope.enclosing(MAIN)?.get(objectCacheInheritable) ?? true;
  }
}

function versionOf(name: string): string | undefined {
  try {
    const found = statSync(fileName(name));
    return found.isFile() ? `${found.ino} ${Math.floor(found.mtimeMs / 1000)}` : undefined;
  } catch {
    return undefined; // no file at all, and reading it says so
  }
}
