/** Where a directive may stand: a set of these, by bitwise or. */
export type Contexts = number;

export const MAIN = 1 << 0;
export const EVENTS = 1 << 1;
export const HTTP = 1 << 2;
export const SERVER = 1 << 3;
export const LOCATION = 1 << 4;
/** `if` in a server. */
export const SERVER_IF = 1 << 5;
/** `if` in a location. */
export const LOCATION_IF = 1 << 6;
export const LIMIT_EXCEPT = 1 << 7;
export const UPSTREAM = 1 << 8;
export const STREAM = 1 << 9;
export const STREAM_SERVER = 1 << 10;
export const STREAM_UPSTREAM = 1 << 11;
export const MAIL = 1 << 12;
export const MAIL_SERVER = 1 << 13;

export const ANYWHERE = (1 << 14) - 1;

/** Where most directives of the http modules may stand. */
export const HTTP_SERVER_LOCATION = HTTP | SERVER | LOCATION;
export const HTTP_SERVER = HTTP | SERVER;

/** How many arguments a directive takes: at least and at most. */
export type Arity = readonly [number, number];

export const NO_ARGS: Arity = [0, 0];
export const ONE: Arity = [1, 1];
export const TWO: Arity = [2, 2];
export const ONE_OR_TWO: Arity = [1, 2];
export const ONE_OR_MORE: Arity = [1, Number.POSITIVE_INFINITY];
export const TWO_OR_MORE: Arity = [2, Number.POSITIVE_INFINITY];
