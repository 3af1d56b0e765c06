import { type ServerName, serverName } from '../../modules/server-name.ts';
import type { Index, VirtualServersPlan } from '../../plan/plan.ts';
import type { Scope } from '../scope.ts';
import type { Statement } from '../statement.ts';
import type { Compiler } from './compiler.ts';
import { HostNames } from './host-names.ts';

/** Servers by their names, for one address. */
export function compileVirtualServers(
  servers: readonly { readonly scope: Scope; readonly position: Index }[],
  defaultServer: Index,
  address: string,
  compiler: Compiler,
): VirtualServersPlan {
  const names = new NameTable(address, compiler);
  const first = servers[0];
  // a server that is alone answers to every name; its names only matter for what an expression captures
  const alone = servers.length === 1 && first !== undefined && !hasRegex(first.scope);
  if (!alone) for (const { scope, position } of servers) names.addServer(scope, position);
  return { default: defaultServer, ...names.plan() };
}

function hasRegex(scope: Scope): boolean {
  return scope.own(serverName).some(({ value }) => value.some((name) => name.kind === 'regex'));
}

class NameTable {
  readonly #address: string;
  readonly #compiler: Compiler;
  readonly #names = new HostNames<Index>();
  readonly #regex: [Index, Index][] = [];

  constructor(address: string, compiler: Compiler) {
    this.#address = address;
    this.#compiler = compiler;
  }

  addServer(scope: Scope, server: Index): void {
    const entries = scope.own(serverName);
    const opener = scope.opener?.statement;
    if (entries.length === 0 && opener) this.#addName('', server, opener, 0);
    for (const { value, statement } of entries) {
      for (const name of value) this.#add(name, server, statement);
    }
  }

  plan(): Omit<VirtualServersPlan, 'default'> {
    return { ...this.#names.plan(), regex: this.#regex };
  }

  #add(name: ServerName, server: Index, statement: Statement): void {
    if (name.kind === 'name') {
      this.#addName(name.text, server, statement, name.word);
      return;
    }
    this.#compiler.diagnostics.attempt(() => {
      this.#regex.push([this.#compiler.regex(name.pattern, name.caseless, statement, name.word), server]);
    });
  }

  #addName(text: string, server: Index, statement: Statement, word: number): void {
    const problem = this.#names.add(text, server);
    if (problem === 'invalid') {
      const message = `invalid server name or wildcard "${text}" on ${this.#address}`;
      this.#compiler.diagnostics.reportBare('emerg', message, statement.place(word));
    } else if (problem === 'conflicting') {
      const message = `conflicting server name "${text}" on ${this.#address}, ignored`;
      this.#compiler.diagnostics.reportBare('warn', message, statement.place(word));
    }
  }
}
