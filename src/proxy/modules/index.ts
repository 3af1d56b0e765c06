/** All modules, in nginx's order: that of their filters and handlers, see native/modules/registry.cc. */
import { core } from './core.ts';
import { events } from './events.ts';
import { httpCore } from './http-core.ts';
import type { HttpModule, Module } from './module.ts';

export const CORE_MODULES: readonly Module[] = [core, events];

export const HTTP_MODULES: readonly HttpModule[] = [httpCore];
