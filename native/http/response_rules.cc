#include "http/response_rules.h"

namespace sluice::http {

void apply_status_rules(ResponseHead& head) {
  if (head.status != 200 && head.status != 206 && head.status != 304) {
    head.last_modified.reset();
    head.headers.remove(HeaderId::last_modified);
  }
  if (head.status == 204) {
    head.content_type = {};
    head.content_length.reset();
    head.headers.remove(HeaderId::content_length);
    head.chunked = false;
  }
}

}  // namespace sluice::http
