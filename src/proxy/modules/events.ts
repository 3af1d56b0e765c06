/** https://nginx.org/en/docs/events_module.html; its tuning of event methods is in conf/hints.ts */
import { EVENTS, MAIN, NO_ARGS, ONE } from '../conf/contexts.ts';
import type { Statement } from '../conf/statement.ts';
import { block, directive, number } from './directive.ts';
import type { Module } from './module.ts';

export const eventsBlock = block('events', MAIN, NO_ARGS, EVENTS, false);
export const workerConnections = number('worker_connections', EVENTS, 512);

const METHODS = ['epoll', 'poll', 'select'];
const use = directive({ name: 'use', contexts: EVENTS, args: ONE, read: readMethod });

function readMethod(statement: Statement): string {
  const method = statement.word(1);
  if (!METHODS.includes(method)) throw statement.fail(`invalid event type "${method}"`, 1);
  return method;
}

export const events: Module = { name: 'events', directives: [eventsBlock, workerConnections, use] };
