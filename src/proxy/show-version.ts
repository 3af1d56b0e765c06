/** `-v`, `-V` and `-h`. Loads little, and the addon only to name the F-Stack it has: `-V` is what scripts call first, and often. */

import { loadAddon } from '../fstack-binding/addon.ts';
import { describeFstack } from '../fstack-binding/fstack.ts';
import { readBuildDefaults } from './build-defaults.ts';
import { CONFIGURE_ARGUMENTS } from './configure-arguments.ts';
import { NGINX_VERSION, SERVER_VERSION, SLUICE_VERSION } from './version.ts';

export function versionText(show: 'version' | 'build' | 'help'): string {
  const version = `nginx version: ${SERVER_VERSION}\n`;
  if (show === 'version') return version;
  return version + (show === 'help' ? helpText() : buildText());
}

function buildText(): string {
  const { prefix, configuration, errorLog, pid, httpLog, user, group } = readBuildDefaults();
  const paths = [
    `--prefix=${prefix}`,
    `--conf-path=${configuration}`,
    `--error-log-path=${errorLog}`,
    `--http-log-path=${httpLog}`,
    `--pid-path=${pid}`,
    `--user=${user}`,
    `--group=${group}`,
  ];
  return (
    `sluice/${SLUICE_VERSION} in place of nginx ${NGINX_VERSION}, on Node.js ${process.versions.node}\n` +
    `built with OpenSSL ${process.versions.openssl}\n` +
    'TLS SNI support enabled\n' +
    `${stackText()}\n` +
    `configure arguments: ${[...paths, ...CONFIGURE_ARGUMENTS].join(' ')}\n`
  );
}

/** Whether workers can leave the kernel's network stack. */
function stackText(): string {
  const fstack = describeFstack(loadAddon);
  return 'version' in fstack ? `built with F-Stack over ${fstack.version}` : `kernel-only: ${fstack.missing}`;
}

function helpText(): string {
  const { prefix, configuration, errorLog } = readBuildDefaults();
  return `Usage: nginx [-?hvVtTq] [-s signal] [-p prefix]
             [-e filename] [-c filename] [-g directives]

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and configure options then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to a master process: stop, quit, reopen, reload
  -p prefix     : set prefix path (default: ${prefix})
  -e filename   : set error log file (default: ${errorLog})
  -c filename   : set configuration file (default: ${configuration})
  -g directives : set global directives out of configuration file

`;
}
