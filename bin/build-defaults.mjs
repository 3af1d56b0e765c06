/** Reads what `nginx -V` prints on stdin; writes the paths and the user that it was built with, as conf/build-defaults.json. */
import { readFileSync } from 'node:fs';

const names = {
  prefix: 'prefix',
  'conf-path': 'configuration',
  'pid-path': 'pid',
  'error-log-path': 'errorLog',
  'http-log-path': 'httpLog',
  'lock-path': 'lock',
  user: 'user',
  group: 'group',
  'http-client-body-temp-path': 'clientBodyTemp',
  'http-proxy-temp-path': 'proxyTemp',
  'http-fastcgi-temp-path': 'fastcgiTemp',
  'http-uwsgi-temp-path': 'uwsgiTemp',
  'http-scgi-temp-path': 'scgiTemp',
};

const [, configureArguments = ''] = readFileSync(0, 'utf8').split('configure arguments:');
const defaults = {};
for (const [, name, quoted, plain] of configureArguments.matchAll(/--([a-z-]+)=(?:'([^']*)'|(\S+))/g)) {
  if (name in names) defaults[names[name]] = quoted ?? plain;
}
if (defaults.prefix && !defaults.prefix.endsWith('/')) defaults.prefix += '/';
if (defaults.user && !defaults.group) defaults.group = defaults.user;
process.stdout.write(`${JSON.stringify(defaults, null, 2)}\n`);
