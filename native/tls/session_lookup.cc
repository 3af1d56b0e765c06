#include "tls/session_lookup.h"

#include <openssl/sha.h>

#include <utility>

#include "base/counters.h"
#include "tls/context.h"
#include "tls/session_cache.h"
#include "tls/ticket_keys.h"

namespace sluice::tls {

using EarlyData = SessionStore::Answer::EarlyData;

// The ClientHello after a HelloRetryRequest asks for the same once more, and early data is over.
bool SessionLookup::run(SSL* ssl, SessionCache& cache, std::string_view server_name,
                        void (*on_known)(void*), void* context) {
  if (asking_) return false;
  if (std::exchange(known_, true)) return true;
  Resumption asked = Resumption::asked_for(ssl);
  if (SSL_get_max_early_data(ssl) == 0) asked.early_data = {};
  store_ = cache.store();
  SessionStore::Question question{.session = {}, .early_data = {}, .server_name = server_name};
  if (!asked.session.empty() && (store_ || !asked.early_data.empty())) {
    searched_ = true;
    found_.reset(cache.find(asked.session));
    if (found_) {
      source_ = Source::host;
    } else if (store_) {
      question.session = asked.session;
    }
  }
  // What is noted of early data takes room: no more of it than there are sessions, and those are
  // ours. So it is the ticket that is noted, or the session's id: it is for one use (RFC
  // 8446, 8.1).
  unsigned char digest[SHA256_DIGEST_LENGTH];
  if (!asked.early_data.empty()) {
    allows_early_data_ = is_ours(ssl, asked);
    if (allows_early_data_) {
      SHA256(asked.early_data.data(), asked.early_data.size(), digest);
      question.early_data = digest;
    }
  }
  if (!store_) {
    if (!question.early_data.empty()) judge_early_data(cache.claim_early_data(digest));
    return true;
  }
  if (question.session.empty() && question.early_data.empty()) return true;
  if (!store_->answers()) {
    if (!question.early_data.empty()) judge_early_data(EarlyData::failed);
    return true;
  }
  if (!question.early_data.empty() && !store_->admits_early_data()) {
    allows_early_data_ = false;
    question.early_data = {};
    if (question.session.empty()) return true;
  }
  known_ = false;
  cache_ = &cache;
  on_known_ = on_known;
  context_ = context;
  asking_ = store_->ask(
      question,
      [](void* self, const SessionStore::Answer& answer) {
        static_cast<SessionLookup*>(self)->on_answer(answer);
      },
      this);
  return false;
}

// The store looks for the early data of a session only if it has the session.
bool SessionLookup::is_ours(SSL* ssl, const Resumption& asked) const {
  if (!asked.session.empty()) return found_ || store_;
  TicketKeys* keys = Context::of(ssl).ticket_keys();
  return !keys || keys->have_sealed(asked.early_data);
}

void SessionLookup::on_answer(const SessionStore::Answer& answer) {
  asking_ = 0;
  known_ = true;
  goes_on_ = true;
  if (!answer.session.empty()) {
    auto* bytes = reinterpret_cast<const unsigned char*>(answer.session.data());
    found_.reset(d2i_SSL_SESSION(nullptr, &bytes, long(answer.session.size())));
    if (found_) {
      source_ = Source::store;
      cache_->adopt(found_.get(), answer.session);
    }
    ERR_clear_error();
  }
  judge_early_data(answer.early_data);
  on_known_(context_);
}

void SessionLookup::judge_early_data(EarlyData answer) {
  Counters& counters = Counters::of_thread();
  switch (answer) {
    case EarlyData::not_asked:
      return;
    case EarlyData::first_use:
      counters.early_data_let_in++;
      return;
    case EarlyData::replay:
      counters.early_data_replayed++;
      is_replay_ = true;
      break;
    case EarlyData::failed:
      counters.early_data_refused++;
      break;
  }
  allows_early_data_ = false;
}

SessionPtr SessionLookup::take(client_hello::Bytes id) {
  if (is_replay_ || !found_) return nullptr;
  unsigned size = 0;
  const unsigned char* known = SSL_SESSION_get_id(found_.get(), &size);
  if (client_hello::Bytes(known, size).size() != id.size() ||
      CRYPTO_memcmp(known, id.data(), size) != 0) {
    return nullptr;
  }
  // After a HelloRetryRequest it is asked for again.
  SSL_SESSION_up_ref(found_.get());
  return SessionPtr(found_.get());
}

void SessionLookup::forget() {
  if (uint32_t asking = std::exchange(asking_, 0)) store_->forget(asking);
}

}  // namespace sluice::tls
