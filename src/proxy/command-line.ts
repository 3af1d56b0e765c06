/** The command line, exactly nginx's: https://nginx.org/en/docs/switches.html */
import type { ConfigurationOptions } from './conf/load.ts';

export type Signal = 'stop' | 'quit' | 'reopen' | 'reload';

export interface CommandLine extends ConfigurationOptions {
  readonly show?: 'version' | 'build' | 'help';
  readonly test?: boolean;
  /** `-T` */
  readonly dump?: boolean;
  readonly quiet?: boolean;
  readonly signal?: Signal;
}

/** What is wrong with the command line, in nginx's words. */
export class CommandLineError extends Error {}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const SIGNALS: readonly string[] = ['stop', 'quit', 'reopen', 'reload'];

/** Letters that take what follows them, in the same argument or in the next one; and what nginx calls that. */
const VALUES: Readonly<
  Record<
    string,
    {
      readonly field: 'prefix' | 'errorLog' | 'configuration' | 'directives' | 'signal';
      readonly noun: string;
    }
  >
> = {
  p: { field: 'prefix', noun: 'directory name' },
  e: { field: 'errorLog', noun: 'file name' },
  c: { field: 'configuration', noun: 'file name' },
  g: { field: 'directives', noun: 'parameter' },
  s: { field: 'signal', noun: 'parameter' },
};

/** Reads the arguments behind the program's name; throws a CommandLineError. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const options: Mutable<CommandLine> = {};
  for (let index = 0; index < args.length; index++) {
    const argument = args[index] ?? '';
    if (!argument.startsWith('-')) throw new CommandLineError(`invalid option: "${argument}"`);
    for (let at = 1; at < argument.length; at++) {
      const letter = argument.charAt(at);
      const takes = VALUES[letter];
      if (!takes) {
        applyLetter(letter, options);
        continue;
      }
      const value = at + 1 < argument.length ? argument.slice(at + 1) : args[++index];
      if (value === undefined) throw new CommandLineError(`option "-${letter}" requires ${takes.noun}`);
      applyValue(takes.field, value, options);
      break;
    }
  }
  return options;
}

function applyLetter(letter: string, options: Mutable<CommandLine>): void {
  switch (letter) {
    case '?':
    case 'h':
      options.show = 'help';
      break;
    case 'v':
      options.show ??= 'version';
      break;
    case 'V':
      if (options.show !== 'help') options.show = 'build';
      break;
    case 'T':
      options.test = true;
      options.dump = true;
      break;
    case 't':
      options.test = true;
      break;
    case 'q':
      options.quiet = true;
      break;
    default:
      throw new CommandLineError(`invalid option: "${letter}"`);
  }
}

function applyValue(
  field: 'prefix' | 'errorLog' | 'configuration' | 'directives' | 'signal',
  value: string,
  options: Mutable<CommandLine>,
): void {
  // as in configuration text, a character stands for a byte
  const bytes = Buffer.from(value, 'utf8').toString('latin1');
  if (field === 'signal') {
    if (!SIGNALS.includes(value)) throw new CommandLineError(`invalid option: "-s ${value}"`);
    options.signal = value as Signal;
  } else {
    options[field] = field === 'errorLog' && bytes === 'stderr' ? '' : bytes;
  }
}
