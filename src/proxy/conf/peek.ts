import { readBuildDefaults } from '../build-defaults.ts';
import { Refusal } from './diagnostics.ts';
import { filesMatching, isPattern, readText } from './include.ts';
import { Lexer } from './lexer.ts';
import type { ConfigurationOptions } from './load.ts';
import { Paths } from './paths.ts';
import { Source } from './source.ts';

export interface ProcessMode {
  readonly daemon: boolean;
  readonly masterProcess: boolean;
}

/**
 * How the process is to run, before anything is checked: `daemon` and `master_process` of the main context.
 * A configuration that can't be read says to stay in the foreground, where its errors are to be reported.
 */
export function peekProcessMode(options: ConfigurationOptions): ProcessMode {
  const paths = new Paths(readBuildDefaults(), options.prefix, options.configuration);
  const said = new Map<string, string>();
  try {
    if (options.directives !== undefined) peek(new Source(undefined, options.directives), paths, said);
    peek(new Source(paths.configuration, readText(paths.configuration)), paths, said);
  } catch (error) {
    if (!(error instanceof Refusal) && !(error instanceof Error && 'code' in error)) throw error;
    return { daemon: false, masterProcess: true };
  }
  return { daemon: said.get('daemon') !== 'off', masterProcess: said.get('master_process') !== 'off' };
}

function peek(source: Source, paths: Paths, said: Map<string, string>, inclusions = 0): void {
  const lexer = new Lexer(source, { next: 0 });
  for (let depth = 0; ; ) {
    const { name, words, terminator } = lexer.next();
    if (terminator === 'end of file') return;
    if (terminator === '{') depth++;
    else if (terminator === '}') depth--;
    else if (depth === 0 && name === 'include' && inclusions < 100) {
      const included = paths.besideConfiguration(words[1] ?? '');
      const files = isPattern(included) ? filesMatching(included) : [included];
      for (const file of files) peek(new Source(file, readText(file)), paths, said, inclusions + 1);
    } else if (depth === 0 && (name === 'daemon' || name === 'master_process')) {
      said.set(name, (words[1] ?? '').toLowerCase());
    }
  }
}
