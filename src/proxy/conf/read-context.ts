import type { Paths } from './paths.ts';
import type { Platform } from './platform.ts';
import type { Scope } from './scope.ts';
import type { Statement } from './statement.ts';

/** What a directive may look at while it is read. */
export interface ReadContext {
  /** The block that it stands in. */
  readonly scope: Scope;
  /** What stood between the braces of a block of entries. */
  readonly entries: readonly Statement[];
  readonly paths: Paths;
  readonly platform: Platform;
  notice(statement: Statement, message: string, word?: number): void;
  warn(statement: Statement, message: string, word?: number): void;
}
