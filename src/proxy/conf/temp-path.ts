import { type Directive, directive } from '../modules/directive.ts';
import type { Compiler } from './compile/compiler.ts';
import type { Contexts } from './contexts.ts';
import type { Scope } from './scope.ts';
import type { Statement } from './statement.ts';
import { parseNumber } from './units.ts';

/** A folder for temporary files, with as many digits of a file's number as each level of folders takes. */
export interface TempPathPlan {
  readonly path: string;
  readonly levels: readonly number[];
}

export interface TempPath extends Directive<TempPathPlan> {
  plan(scope: Scope, compiler: Compiler, fallback: string): TempPathPlan;
}

/** Such as `client_body_temp_path`: a path and up to three levels of one to three digits. */
export function tempPath(name: string, contexts: Contexts): TempPath {
  const declared: TempPath = {
    ...directive({ name, contexts, args: [1, 4], read: readTempPath }),
    plan: (scope, compiler, fallback) => {
      const { path, levels } = scope.find<TempPathPlan>(declared)?.value ?? { path: fallback, levels: [] };
      const folder = compiler.paths.full(path);
      compiler.tempFolders.add(folder);
      return { path: folder, levels };
    },
  };
  return declared;
}

function readTempPath(statement: Statement): TempPathPlan {
  const [, path = '', ...words] = statement.words;
  const levels = words.map((word, index) => {
    const level = parseNumber(word);
    if (!level || level > 3) throw statement.failDirective('invalid value', index + 2);
    return level;
  });
  return { path: path.length > 1 ? path.replace(/\/$/, '') : path, levels };
}
