/** A normal start: into the background if the configuration says so, then master and workers. */
import { type Addon, loadAddon } from '../../fstack-binding/addon.ts';
import type { CommandLine } from '../command-line.ts';
import { ConfigurationError } from '../conf/diagnostics.ts';
import { loadConfiguration } from '../conf/load.ts';
import { peekProcessMode } from '../conf/peek.ts';
import { platformFrom } from '../conf/platform.ts';
import { startupLog } from '../test-configuration.ts';
import { isDaemon, startDaemon, tellStarted } from './daemon.ts';
import type { Log } from './error-log.ts';
import { INHERITED_VARIABLE, parseInherited } from './inherit.ts';
import { Master } from './master.ts';
import type { ClusterConfiguration } from './settings.ts';
import { thisProgram } from './upgrade.ts';

/** Returns when the workers have been started; the master then goes by signals. A failed start ends the process with code 1. */
export async function runMaster(options: CommandLine): Promise<void> {
  const inherited = process.env[INHERITED_VARIABLE];
  const background = inherited === undefined && peekProcessMode(options).daemon;
  if (background && !isDaemon()) process.exit(await startDaemon());

  const log = startupLog(options);
  const addon = loadAddon();
  if (inherited !== undefined) log.write('notice', `using inherited sockets from "${inherited}"`);
  const master = await Master.start({
    addon,
    program: thisProgram(),
    load: (to) => Promise.resolve(readConfiguration(options, addon, to)),
    startLog: log,
    inheritedFds: inherited === undefined ? [] : parseInherited(inherited, log),
    daemonized: background || inherited !== undefined,
  });
  if (!master) process.exit(1);
  if (isDaemon()) tellStarted();
  master.run();
}

/** Undefined for a configuration that can't be used. */
function readConfiguration(options: CommandLine, addon: Addon, log: Log): ClusterConfiguration | undefined {
  try {
    const { plan, process, listen, quic, tempFolders, diagnostics } = loadConfiguration(
      options,
      platformFrom(addon),
    );
    for (const { level, message, details } of diagnostics) log.write(level, message, details);
    return { plan, process, listen, tempFolders, ...(quic && { quic }) };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    for (const { level, message, details } of error.diagnostics) log.write(level, message, details);
    return undefined;
  }
}
