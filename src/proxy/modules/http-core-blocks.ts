import { HTTP, LIMIT_EXCEPT, LOCATION, MAIN, NO_ARGS, ONE_OR_MORE, SERVER } from '../conf/contexts.ts';
import type { Statement } from '../conf/statement.ts';
import { block, type Directive, directive } from './directive.ts';

/** The blocks of http core, `location` aside. */
export const httpBlock = block('http', MAIN, NO_ARGS, HTTP, false);
export const serverBlock = block('server', HTTP, NO_ARGS, SERVER);

/** What nginx knows as methods. */
const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'MKCOL',
  'COPY',
  'MOVE',
  'OPTIONS',
  'PROPFIND',
  'PROPPATCH',
  'LOCK',
  'UNLOCK',
  'PATCH',
];

/** Its value is the methods that are not limited; GET brings HEAD along. */
export const limitExcept: Directive<readonly string[]> = directive({
  name: 'limit_except',
  contexts: LOCATION,
  args: ONE_OR_MORE,
  body: { of: 'directives', opens: () => LIMIT_EXCEPT },
  read: readMethods,
});

function readMethods(statement: Statement): readonly string[] {
  const methods = new Set<string>();
  for (const [index, word] of statement.words.entries()) {
    if (index === 0) continue;
    const method = METHODS.find((each) => each === word.toUpperCase());
    if (!method) throw statement.fail(`invalid method "${word}"`, index);
    methods.add(method);
    if (method === 'GET') methods.add('HEAD');
  }
  return [...methods];
}
