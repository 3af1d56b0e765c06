/**
 * Nothing is loaded at run time. A configuration may still name the modules that nginx itself can be built with that way,
 * as Debian's does through modules-enabled: their directives are known here, and each that is not supported is refused where
 * it stands. https://nginx.org/en/docs/ngx_core_module.html#load_module
 */
import { MAIN, ONE } from '../conf/contexts.ts';
import type { ReadContext } from '../conf/read-context.ts';
import type { Statement } from '../conf/statement.ts';
import { list } from './directive.ts';

const OF_NGINX = new Set([
  'ngx_http_geoip_module',
  'ngx_http_image_filter_module',
  'ngx_http_perl_module',
  'ngx_http_xslt_filter_module',
  'ngx_mail_module',
  'ngx_stream_geoip_module',
  'ngx_stream_module',
]);

export const loadModule = list('load_module', MAIN, ONE, readLoadModule);

function readLoadModule(statement: Statement, { paths, notice }: ReadContext): string {
  const file = paths.full(statement.word(1));
  const name = file.slice(file.lastIndexOf('/') + 1).replace(/\.so$/, '');
  if (!OF_NGINX.has(name)) {
    throw statement.fail(`dlopen() "${file}" failed (modules are not loaded at run time)`, 1);
  }
  notice(statement, `"load_module" has no effect: the directives of ${name} are known without it`);
  return name;
}
