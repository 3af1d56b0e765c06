#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "tls/openssl.h"

namespace sluice {

class UpstreamZone;

/// TLS sessions with the peers of a group: the next connection to one that is secured in the same
/// way (UpstreamTlsConf::Terms::identity) resumes the last session. Workers that share a zone share
/// them, and they outlive a reload.
class UpstreamSessions {
 public:
  /// `zone`: null: this worker is alone.
  UpstreamSessions(std::string_view group, UpstreamZone* zone) : group_(group), zone_(zone) {}

  /// Null: there is none.
  tls::SessionPtr find(std::string_view peer, std::string_view identity);
  void keep(std::string_view peer, std::string_view identity, tls::SessionPtr session);

 private:
  struct Entry {
    std::string name;
    tls::SessionPtr session;
  };
  /// Names may come from requests: there are no more than so many.
  static constexpr size_t most = 256;

  std::string group_;
  UpstreamZone* zone_;
  std::list<Entry> entries_;  ///< the last one used comes first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_name_;
};

}  // namespace sluice
