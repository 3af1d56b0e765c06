import type { ListenSettings, ProcessSettings, QuicKernelSettings } from '../../cluster/settings.ts';
import { checkUser, processSettings, workerShutdownTimeout } from '../../modules/core.ts';
import { eventsBlock, workerConnections } from '../../modules/events.ts';
import { httpBlock } from '../../modules/http-core-blocks.ts';
import { compileQuic } from '../../modules/quic.ts';
import type { HttpPlan } from '../../plan/http.ts';
import type { Plan } from '../../plan/plan.ts';
import { SERVER_VERSION } from '../../version.ts';
import type { Scope } from '../scope.ts';
import type { Compiler } from './compiler.ts';
import { compileListeners } from './listeners.ts';
import { type CompiledServer, compileServers } from './servers.ts';

export interface CompiledConfiguration {
  readonly plan: Plan;
  readonly process: ProcessSettings;
  readonly listen: readonly ListenSettings[];
  readonly quic?: QuicKernelSettings;
  readonly tempFolders: readonly string[];
}

/** Bytes; a worker's counters take some 500, and memory that nobody touches costs nothing. */
const COUNTERS_SIZE = 1024 * 1024;

/** From the blocks of a configuration to what the data plane executes. */
export function compilePlan(main: Scope, compiler: Compiler): CompiledConfiguration {
  const events = main.blocks(eventsBlock)[0];
  const process = processSettings(main, compiler);
  const errorLog = compiler.errorLog(main);
  const [http] = main.blocks(httpBlock);
  const compiled = http && compileHttp(http, compiler);
  const listeners = compileListeners(
    compiled?.servers ?? [],
    process.workerProcesses,
    process.stack,
    compiler,
  );
  const quic = listeners.quic
    ? compileQuic(main, process.workerProcesses, listeners.settings, compiler)
    : undefined;
  if (!compiler.diagnostics.failed) compiler.variables.check(compiler.diagnostics);
  const plan: Plan = {
    process: {
      workerConnections: events?.get(workerConnections) ?? workerConnections.fallback,
      workerShutdownTimeout: main.get(workerShutdownTimeout),
      errorLog,
      counters: compiler.descriptors.ownZone('counters', COUNTERS_SIZE),
      version: SERVER_VERSION,
      prefix: compiler.paths.prefix,
      ...(quic && { quic: quic.plan }),
    },
    fds: compiler.descriptors.plan(),
    errorLogs: compiler.errorLogs.plan(),
    variables: compiler.variables.plan(),
    regexes: compiler.regexes.plan(),
    upstreams: compiler.upstreams.plan(),
    tlsClients: compiler.tlsClients.plan(),
    listeners: listeners.plan,
    ...(compiled && { http: compiled.plan }),
  };
  return {
    plan,
    process,
    listen: quic ? quic.listen : listeners.settings,
    ...(quic && { quic: quic.kernel }),
    tempFolders: [...compiler.tempFolders],
  };
}

/** What nginx checks once it has read everything. */
export function checkMain(main: Scope, { process }: CompiledConfiguration, compiler: Compiler): void {
  if (!main.has(eventsBlock))
    compiler.diagnostics.reportBare('emerg', 'no "events" section in configuration');
  checkUser(process.user, compiler);
}

function compileHttp(http: Scope, compiler: Compiler): { plan: HttpPlan; servers: CompiledServer[] } {
  for (const module of compiler.modules) compiler.diagnostics.attempt(() => module.declare?.(http, compiler));
  // what no server inherits is compiled nevertheless: it may be wrong
  compiler.block(http);
  const servers = compileServers(http, compiler);
  const main: Record<string, unknown> = {};
  for (const module of compiler.modules) {
    const compiled = compiler.diagnostics.attempt(() => module.compileMain?.(http, compiler));
    if (compiled !== undefined) main[module.name] = compiled;
  }
  const plan: HttpPlan = {
    modules: compiler.blocks.confs(),
    blocks: compiler.blocks.blocks(),
    servers: servers.map((server) => server.plan),
    main,
  };
  return { plan, servers };
}
