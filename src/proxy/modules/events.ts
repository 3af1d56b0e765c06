/** https://nginx.org/en/docs/events_module.html; its tuning of event methods is in conf/hints.ts */
import { EVENTS, MAIN, NO_ARGS, ONE } from '../conf/contexts.ts';
import type { Statement } from '../conf/statement.ts';
import { parseNumber } from '../conf/units.ts';
import { block, directive, setting } from './directive.ts';
import type { Module } from './module.ts';

export const eventsBlock = block('events', MAIN, NO_ARGS, EVENTS, false);
export const workerConnections = setting({
  name: 'worker_connections',
  contexts: EVENTS,
  args: ONE,
  fallback: 512,
  read: readConnections,
});

const METHODS = ['epoll', 'poll', 'select'];
const use = directive({ name: 'use', contexts: EVENTS, args: ONE, read: readMethod });

function readConnections(statement: Statement): number {
  const connections = parseNumber(statement.word(1));
  if (connections === undefined) throw statement.fail(`invalid number "${statement.word(1)}"`, 1);
  return connections;
}

function readMethod(statement: Statement): string {
  const method = statement.word(1);
  if (!METHODS.includes(method)) throw statement.fail(`invalid event type "${method}"`, 1);
  return method;
}

export const events: Module = { name: 'events', directives: [eventsBlock, workerConnections, use] };
