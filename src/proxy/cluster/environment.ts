/** The environment of workers and of a new binary: as nginx's, little but TZ and what `env` directives name. */

/** A build under test needs its sanitizers in the workers too. */
const BUILD_UNDER_TEST = ['SLUICE_ADDON', 'LD_PRELOAD', 'ASAN_OPTIONS', 'UBSAN_OPTIONS'];
/** nginx's workers have from their master what OpenSSL has read there. */
const OPENSSL = ['OPENSSL_CONF', 'OPENSSL_ENGINES', 'OPENSSL_MODULES'];
const ALWAYS = ['TZ', 'SLUICE_LOG_FORMAT', ...OPENSSL];

export function childEnvironment(directives: readonly string[]): Record<string, string> {
  const environment: Record<string, string> = {};
  const take = (name: string): void => {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  };
  for (const name of ALWAYS) take(name);
  if (process.env.SLUICE_ADDON !== undefined) BUILD_UNDER_TEST.forEach(take);
  for (const directive of directives) {
    const equals = directive.indexOf('=');
    if (equals < 0) take(directive);
    else environment[directive.slice(0, equals)] = directive.slice(equals + 1);
  }
  return environment;
}
