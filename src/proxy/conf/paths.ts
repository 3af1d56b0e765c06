import type { BuildDefaults } from '../build-defaults.ts';

/** Names of files as nginx completes them: some from the configuration's folder, the rest from the prefix. */
export class Paths {
  /** Ends with a slash. */
  readonly prefix: string;
  /** Full name of the configuration file. */
  readonly configuration: string;
  /** The configuration file's folder, with a slash at its end. */
  readonly configurationPrefix: string;

  constructor(defaults: BuildDefaults, prefix?: string, configuration?: string) {
    const chosen = prefix ?? defaults.prefix;
    this.prefix = chosen === '' || chosen.endsWith('/') ? chosen : `${chosen}/`;
    this.configuration = this.full(configuration ?? defaults.configuration);
    const slash = this.configuration.lastIndexOf('/');
    this.configurationPrefix = slash > 0 ? this.configuration.slice(0, slash + 1) : this.prefix;
  }

  /** Most names: logs, root, temporary files. */
  full(name: string): string {
    return name.startsWith('/') ? name : this.prefix + name;
  }

  /** Names of include, certificates, password files. */
  besideConfiguration(name: string): string {
    return name.startsWith('/') ? name : this.configurationPrefix + name;
  }
}
