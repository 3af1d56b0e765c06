/** `-t` and `-T`. */
import { closeSync, constants, openSync } from 'node:fs';
import { loadAddon } from '../fstack-binding/addon.ts';
import { readBuildDefaults } from './build-defaults.ts';
import type { WorkerStackSettings } from './cluster/settings.ts';
import { openTempFolders, TempFolderError } from './cluster/temp-folders.ts';
import type { CommandLine } from './command-line.ts';
import { ConfigurationError, type Diagnostic } from './conf/diagnostics.ts';
import { errnoText } from './conf/errno-text.ts';
import { fileName } from './conf/include.ts';
import { defaultErrorLog, type LoadedConfiguration, loadConfiguration } from './conf/load.ts';
import { Paths } from './conf/paths.ts';
import { platformFrom } from './conf/platform.ts';
import { StartupLog, writeText } from './startup-log.ts';

const STDOUT = 1;
const STDERR = 2;

/** Returns the exit code. */
export function testConfiguration(options: CommandLine): number {
  const log = startupLog(options);
  const say = (text: string): void => writeText(STDERR, `nginx: ${text}\n`);
  const { configuration } = new Paths(readBuildDefaults(), options.prefix, options.configuration);
  const loaded = loadOrReport(options, log, () => {
    if (!options.quiet) say(`the configuration file ${configuration} syntax is ok`);
  });
  if (!loaded || !filesOpen(loaded, log)) {
    say(`configuration file ${configuration} test failed`);
    return 1;
  }
  if (!options.quiet) {
    say(`configuration file ${configuration} test is successful`);
    showHints(loaded.diagnostics);
    if (loaded.process.stack) describeStack(loaded.process.stack, say);
  }
  if (options.dump) dump(loaded);
  return 0;
}

/** The log in force until the configuration says another. */
export function startupLog(options: CommandLine): StartupLog {
  const defaults = readBuildDefaults();
  const errorLog = defaultErrorLog(options, defaults);
  return new StartupLog(errorLog === '' ? '' : new Paths(defaults, options.prefix).full(errorLog));
}

/**
 * Undefined for a configuration that can't be used: all that is wrong with it is reported. Calls `parsed` if it is
 * well written at least.
 */
export function loadOrReport(
  options: CommandLine,
  log: StartupLog,
  parsed?: () => void,
): LoadedConfiguration | undefined {
  try {
    const loaded = loadConfiguration(options, platformFrom(loadAddon()));
    log.diagnostics(loaded.diagnostics);
    parsed?.();
    return loaded;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    if (error.parsed) parsed?.();
    log.diagnostics(error.diagnostics);
    return undefined;
  }
}

/**
 * Whether the pid file, the folders for temporary files and the logs can be opened; like nginx, this leaves empty ones
 * where there were none.
 */
function filesOpen({ plan, process, tempFolders }: LoadedConfiguration, log: StartupLog): boolean {
  const logs = plan.fds.flatMap((fd) => (fd.kind === 'log' ? [fd.path] : []));
  const { O_APPEND, O_RDWR, O_WRONLY } = constants;
  return (
    opens(process.pid, O_RDWR, log) &&
    foldersOpen(tempFolders, process.user.uid, log) &&
    logs.every((path) => opens(path, O_WRONLY | O_APPEND, log))
  );
}

function opens(path: string, flags: number, log: StartupLog): boolean {
  try {
    closeSync(openSync(fileName(path), flags | constants.O_CREAT, 0o644));
    return true;
  } catch (error) {
    log.write('emerg', `open() "${path}" failed ${errnoText(error)}`);
    return false;
  }
}

function foldersOpen(paths: readonly string[], owner: number, log: StartupLog): boolean {
  try {
    openTempFolders(paths, owner, loadAddon(), log);
    return true;
  } catch (error) {
    if (!(error instanceof TempFolderError)) throw error;
    return false;
  }
}

/** What is other than on the kernel. */
function describeStack({ name, exclusive }: WorkerStackSettings, say: (text: string) => void): void {
  say(`workers run on F-Stack, as ${name} says`);
  if (exclusive) return;
  say(
    'its device has one owner at a time: a reload ends connections that take longer than a second, and an upgrade (USR2) needs a stop and a start',
  );
}

/** Directives without effect are below the terminal's level; who tests a configuration wants to know of them. */
function showHints(found: readonly Diagnostic[]): void {
  for (const { level, message } of found) {
    if (level === 'notice') writeText(STDERR, `nginx: [notice] ${message}\n`);
  }
}

function dump({ files }: LoadedConfiguration): void {
  for (const [name, text] of files) writeText(STDOUT, `# configuration file ${name}:\n${text}\n`);
}
