#pragma once

#include <string_view>
#include <utility>

#include "tls/openssl.h"
#include "tls/resumption.h"
#include "tls/session_store.h"

namespace sluice::tls {

class SessionCache;

/// What one handshake finds out before it goes on: the session that the client asks for, on this
/// host or in the store, and whether its early data comes for the first time.
class SessionLookup {
 public:
  /// Where the session was found.
  enum class Source : uint8_t { none, host, store };

  SessionLookup() = default;
  ~SessionLookup() { forget(); }
  SessionLookup(const SessionLookup&) = delete;
  SessionLookup& operator=(const SessionLookup&) = delete;

  /// Within the ClientHello callback. False: not everything is known yet; `on_known` will say so,
  /// and the callback is to come again.
  bool run(SSL* ssl, SessionCache& cache, std::string_view server_name, void (*on_known)(void*),
           void* context);
  /// Whether the callback comes again because all is known now: it has nothing left to do.
  bool goes_on() { return std::exchange(goes_on_, false); }
  /// What was found, for who asks with its id; null: nothing.
  SessionPtr take(client_hello::Bytes id);
  /// Whether take() knows of all sessions that there are.
  bool has_searched() const { return searched_; }
  Source source() const { return source_; }
  void set_source(Source source) { source_ = source; }
  /// Early data, and then all of the session, is refused that may be a replay.
  bool allows_early_data() const { return allows_early_data_; }
  bool is_replay() const { return is_replay_; }
  void forget();

 private:
  bool is_ours(SSL* ssl, const Resumption& asked) const;
  void on_answer(const SessionStore::Answer& answer);
  void judge_early_data(SessionStore::Answer::EarlyData answer);

  SessionPtr found_;
  SessionCache* cache_ = nullptr;
  SessionStore* store_ = nullptr;
  void (*on_known_)(void*) = nullptr;
  void* context_ = nullptr;
  uint32_t asking_ = 0;
  Source source_ = Source::none;
  bool known_ = false;
  bool goes_on_ = false;
  bool searched_ = false;
  bool allows_early_data_ = true;
  bool is_replay_ = false;
};

}  // namespace sluice::tls
