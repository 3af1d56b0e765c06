import { readFileSync } from 'node:fs';

/** What nginx fixes by `configure`; an installation may say it in conf/build-defaults.json. */
export interface BuildDefaults {
  readonly prefix: string;
  readonly configuration: string;
  readonly pid: string;
  readonly errorLog: string;
  readonly httpLog: string;
  readonly lock: string;
  readonly user: string;
  readonly group: string;
  readonly clientBodyTemp: string;
  readonly proxyTemp: string;
  readonly fastcgiTemp: string;
  readonly uwsgiTemp: string;
  readonly scgiTemp: string;
}

const NGINX_DEFAULTS: BuildDefaults = {
  prefix: '/usr/local/nginx/',
  configuration: 'conf/nginx.conf',
  pid: 'logs/nginx.pid',
  errorLog: 'logs/error.log',
  httpLog: 'logs/access.log',
  lock: 'logs/nginx.lock',
  user: 'nobody',
  group: 'nogroup',
  clientBodyTemp: 'client_body_temp',
  proxyTemp: 'proxy_temp',
  fastcgiTemp: 'fastcgi_temp',
  uwsgiTemp: 'uwsgi_temp',
  scgiTemp: 'scgi_temp',
};

const INSTALLED = new URL('../../conf/build-defaults.json', import.meta.url);

/** The installation's own defaults, over nginx's; throws if the file is there but isn't JSON. */
export function readBuildDefaults(file: URL | string = INSTALLED): BuildDefaults {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return NGINX_DEFAULTS;
  }
  return { ...NGINX_DEFAULTS, ...(JSON.parse(text) as Partial<BuildDefaults>) };
}
