import { type BuildDefaults, readBuildDefaults } from '../build-defaults.ts';
import type { ClusterConfiguration } from '../cluster/settings.ts';
import { CORE_MODULES, HTTP_MODULES } from '../modules/index.ts';
import type { HttpModule, Module } from '../modules/module.ts';
import { Compiler } from './compile/compiler.ts';
import { checkMain, compilePlan } from './compile/plan.ts';
import { ConfigurationError, type Diagnostic, Diagnostics } from './diagnostics.ts';
import { Paths } from './paths.ts';
import type { Platform } from './platform.ts';
import { Reader } from './reader.ts';
import { Registry } from './registry.ts';

/** What the command line says about the configuration. */
export interface ConfigurationOptions {
  /** `-p` */
  readonly prefix?: string;
  /** `-c` */
  readonly configuration?: string;
  /** `-e`; the empty string for stderr. */
  readonly errorLog?: string;
  /** `-g` */
  readonly directives?: string;
}

export interface LoadedConfiguration extends ClusterConfiguration {
  /** Every file that was read with its text, once each. */
  readonly files: ReadonlyMap<string, string>;
  /** Warnings and notices. */
  readonly diagnostics: readonly Diagnostic[];
  /** Full name of the configuration file. */
  readonly name: string;
}

export interface LoadSettings {
  readonly defaults?: BuildDefaults;
  readonly modules?: readonly Module[];
  readonly httpModules?: readonly HttpModule[];
}

/** Reads, checks and compiles a configuration; throws a ConfigurationError that lists all that is wrong with it. */
export function loadConfiguration(
  options: ConfigurationOptions,
  platform: Platform,
  settings: LoadSettings = {},
): LoadedConfiguration {
  const { defaults = readBuildDefaults(), modules = CORE_MODULES, httpModules = HTTP_MODULES } = settings;
  const paths = new Paths(defaults, options.prefix, options.configuration);
  const diagnostics = new Diagnostics();
  const registry = new Registry([...modules, ...httpModules]);
  const reader = new Reader(registry, diagnostics, paths, platform);
  if (options.directives !== undefined) reader.readOption(options.directives);
  reader.readConfiguration();
  const errorLog = defaultErrorLog(options, defaults);
  const compiler = new Compiler({
    modules: httpModules,
    registry,
    diagnostics,
    paths,
    platform,
    defaults,
    errorLog,
  });
  const compiled = compilePlan(reader.main, compiler);
  const parsed = !diagnostics.failed;
  if (parsed) checkMain(reader.main, compiled, compiler);
  if (diagnostics.failed) throw new ConfigurationError(diagnostics.list(), parsed);
  return { ...compiled, files: reader.files, diagnostics: diagnostics.list(), name: paths.configuration };
}

/** Where errors go that no `error_log` is for; the empty string means stderr. */
export function defaultErrorLog(options: ConfigurationOptions, defaults: BuildDefaults): string {
  return options.errorLog ?? (defaults.errorLog === 'stderr' ? '' : defaults.errorLog);
}
