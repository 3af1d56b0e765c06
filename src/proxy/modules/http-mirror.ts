/** https://nginx.org/en/docs/http/ngx_http_mirror_module.html */
import { HTTP_SERVER_LOCATION, ONE } from '../conf/contexts.ts';
import type { Scope } from '../conf/scope.ts';
import type { ModuleConf } from '../plan/http.ts';
import { flag, list } from './directive.ts';
import type { HttpModule } from './module.ts';

const mirror = list('mirror', HTTP_SERVER_LOCATION, ONE, (statement) => statement.word(1));
const mirrorRequestBody = flag('mirror_request_body', HTTP_SERVER_LOCATION, true);

export const httpMirror: HttpModule = {
  name: 'http_mirror',
  directives: [mirror, mirrorRequestBody],
  compileBlock,
};

function compileBlock(scope: Scope): ModuleConf {
  const uris = scope.all(mirror).map(({ value }) => value);
  return { uris: uris.includes('off') ? [] : uris, requestBody: scope.get(mirrorRequestBody) };
}
