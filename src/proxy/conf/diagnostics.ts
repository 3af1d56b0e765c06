import type { LogLevel } from '../plan/plan.ts';
import { excerpt, type Place } from './source.ts';

export interface Diagnostic {
  readonly level: LogLevel;
  /** nginx's text, with file and line where it has them. */
  readonly message: string;
  /** Lines that nginx doesn't print: the place, and a suggestion. */
  readonly details: readonly string[];
}

/** What a directive throws about its arguments; the reader notes it and goes on with the next statement. */
export class Refusal extends Error {
  readonly place: Place | undefined;
  readonly hint: string | undefined;

  constructor(message: string, place?: Place, hint?: string) {
    super(message);
    this.place = place;
    this.hint = hint;
  }
}

/** Everything that is wrong with a configuration, in the order in which nginx would meet it. */
export class ConfigurationError extends Error {
  readonly diagnostics: readonly Diagnostic[];
  /** The text is in order; what fails is what it asks of the machine. */
  readonly parsed: boolean;

  constructor(diagnostics: readonly Diagnostic[], parsed = false) {
    super(diagnostics.find((each) => each.level === 'emerg')?.message ?? 'invalid configuration');
    this.diagnostics = diagnostics;
    this.parsed = parsed;
  }
}

const LAST = Number.POSITIVE_INFINITY;

export class Diagnostics {
  readonly #found: (Diagnostic & { readonly sequence: number })[] = [];
  #errors = 0;

  get failed(): boolean {
    return this.#errors > 0;
  }

  report(level: LogLevel, message: string, place?: Place, hint?: string): void {
    if (level === 'emerg') this.#errors++;
    const details = place ? excerpt(place) : [];
    this.#found.push({
      level,
      message: place ? message + place.source.suffix(place.line) : message,
      details: hint === undefined ? details : [...details, `       ${hint}`],
      sequence: place?.sequence ?? LAST,
    });
  }

  /** A message whose text has no place in nginx either; the excerpt still shows where it comes from. */
  reportBare(level: LogLevel, message: string, place?: Place): void {
    if (level === 'emerg') this.#errors++;
    this.#found.push({
      level,
      message,
      details: place ? excerpt(place) : [],
      sequence: place?.sequence ?? LAST,
    });
  }

  refuse(refusal: Refusal): void {
    this.report('emerg', refusal.message, refusal.place, refusal.hint);
  }

  /** Runs a step; a refusal in it is noted, anything else is a defect and goes on. */
  attempt<T>(step: () => T): T | undefined {
    try {
      return step();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.refuse(error);
      return undefined;
    }
  }

  list(): Diagnostic[] {
    return this.#found
      .toSorted((a, b) => (a.sequence === b.sequence ? 0 : a.sequence - b.sequence))
      .map(({ level, message, details }) => ({ level, message, details }));
  }
}
