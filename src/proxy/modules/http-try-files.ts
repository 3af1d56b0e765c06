/** https://nginx.org/en/docs/http/ngx_http_core_module.html#try_files */
import type { Compiler } from '../conf/compile/compiler.ts';
import { LOCATION, SERVER, TWO_OR_MORE } from '../conf/contexts.ts';
import type { Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import { parseNumber } from '../conf/units.ts';
import type { ModuleConf } from '../plan/http.ts';
import { directive, unshared } from './directive.ts';
import type { HttpModule } from './module.ts';

interface TryFiles {
  readonly candidates: readonly { readonly name: string; readonly directory: boolean }[];
  /** Where to go when none is there; or the status to answer with. */
  readonly fallback: string | number;
}

const tryFiles = unshared(
  directive({ name: 'try_files', contexts: SERVER | LOCATION, args: TWO_OR_MORE, read: readTryFiles }),
);

export const httpTryFiles: HttpModule = {
  name: 'http_try_files',
  directives: [tryFiles],
  compileBlock,
};

function readTryFiles(statement: Statement): TryFiles {
  const last = statement.words.length - 1;
  const candidates = statement.words.slice(1, last).map((word) => {
    const directory = word.endsWith('/');
    return { name: directory ? word.slice(0, -1) : word, directory };
  });
  const fallback = statement.word(last);
  if (!fallback.startsWith('=')) return { candidates, fallback };
  const status = parseNumber(fallback.slice(1));
  if (status === undefined || status > 999) throw statement.fail(`invalid code "${fallback}"`, last);
  return { candidates, fallback: status };
}

function compileBlock(scope: Scope, compiler: Compiler): ModuleConf {
  const said = scope.find(tryFiles);
  if (!said) return {};
  const { value, statement } = said;
  const candidates = value.candidates.map(({ name, directory }, position) => ({
    name: compiler.template(name, statement, position + 1),
    directory,
  }));
  if (typeof value.fallback === 'number') return { candidates, status: value.fallback };
  return { candidates, fallback: compiler.template(value.fallback, statement, statement.words.length - 1) };
}
