#include "proxy/shared_session_store.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/number.h"
#include "proxy/data_thread.h"

namespace sluice {

using EarlyData = tls::SessionStore::Answer::EarlyData;

struct SharedSessionStore::Asked {
  SharedSessionStore& store;
  OnAnswer on_answer;
  void* context;
  uint32_t number = 0;
  bool session = false;
  bool early_data = false;

  void answer(bool in_time, std::string_view payload);
};

namespace {

void add(std::string& message, std::span<const unsigned char> bytes) {
  message += char(bytes.size());
  message.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

/// Big-endian.
void add(std::string& message, uint32_t number) {
  for (int shift : {24, 16, 8, 0}) message += char(number >> shift);
}

}  // namespace

SharedSessionStore::SharedSessionStore(DataThread& thread, uint8_t number, const plan::Node& node)
    : thread_(thread),
      number_(number),
      timeout_ms_(uint32_t(node["timeout"].integer(30))),
      name_(node["name"].text()),
      quic_zone_(node["quicKey"].integer(-1)) {
  count_state(1);
  thread_.on_news(
      "session store " + std::to_string(number),
      [](void* self, std::string_view news) {
        static_cast<SharedSessionStore*>(self)->on_news(news);
      },
      this);
  // The store's number; what the directives say.
  std::string opening(1, char(number_));
  opening += node["settings"].text();
  thread_.tell("session open", opening);
  const plan::Node& zone = node["ticketKeys"];
  if (!zone) return;
  ticket_ring_ = share(
      "session tickets", zone.integer(-1), "ticket keys", [](void* self, std::string_view keys) {
        static_cast<SharedSessionStore*>(self)->ticket_ring_->replace(as_bytes(keys));
      });
}

// Says the store's number and the keys that are known; what is known from then on comes as news.
std::unique_ptr<tls::TicketKeyRing> SharedSessionStore::share(std::string_view kind, int64_t zone,
                                                              std::string_view news,
                                                              OnKeys on_keys) {
  std::unique_ptr<tls::TicketKeyRing> ring = tls::TicketKeyRing::map(thread_.descriptor(zone));
  if (!ring) return nullptr;
  thread_.on_news(std::string(news) + " " + std::to_string(number_), on_keys, this);
  std::string message(1, char(number_));
  message += ring->bytes();
  thread_.tell(kind, message);
  return ring;
}

const quic::HostKeys& SharedSessionStore::quic_keys(const quic::HostKeys& own) {
  if (quic_keys_) return *quic_keys_;
  quic_keys_ = std::make_unique<quic::HostKeys>(own);
  quic_ring_ = share("session quic", quic_zone_, "quic key", [](void* self, std::string_view key) {
    auto& store = *static_cast<SharedSessionStore*>(self);
    store.quic_ring_->replace(as_bytes(key));
    store.quic_keys_->prefer(key);
  });
  std::string known = quic_ring_ ? quic_ring_->bytes() : std::string();
  if (!known.empty()) quic_keys_->prefer(known);
  return *quic_keys_;
}

SharedSessionStore::~SharedSessionStore() {
  for (auto& [number, asked] : asked_) thread_.forget_question(number);
}

// The control thread says `up`, `full`, `down`; `kept N`, `lost N`: sessions written, or not.
void SharedSessionStore::on_news(std::string_view news) {
  Counters& counters = thread_.counters;
  if (news.starts_with("kept ")) {
    counters.remote_kept += parse_decimal(news.substr(5)).value_or(0);
  } else if (news.starts_with("lost ")) {
    counters.remote_lost += parse_decimal(news.substr(5)).value_or(0);
  } else {
    count_state(-1);
    state_ = news == "up" ? State::up : news == "full" ? State::full : State::down;
    count_state(1);
  }
}

void SharedSessionStore::count_state(int by) {
  Counters& counters = thread_.counters;
  switch (state_) {
    case State::down:
      counters.stores_down += by;
      return;
    case State::full:
      counters.stores_full += by;
      return;
    case State::up:
      counters.stores_up += by;
      return;
  }
}

bool SharedSessionStore::answers() {
  if (state_ != State::down) return true;
  thread_.counters.remote_skipped++;
  return false;
}

bool SharedSessionStore::admits_early_data() {
  using Change = tls::EarlyDataLimit::Change;
  Change change;
  bool admitted = early_data_.admit(Clock::of_thread().seconds(), change);
  if (!admitted) thread_.counters.early_data_limited++;
  if (change == Change::begins) {
    thread_.error_log().write(LogLevel::warn, {},
                              "ssl_session_store \"%s\" would have to note too much early data, "
                              "which is refused",
                              name_.c_str());
  } else if (change == Change::ends) {
    thread_.error_log().write(LogLevel::notice, {},
                              "ssl_session_store \"%s\" notes all early data again", name_.c_str());
  }
  return admitted;
}

// The store's number; id and digest, each with its length before it; the server's name.
uint32_t SharedSessionStore::ask(const Question& question, OnAnswer on_answer, void* context) {
  std::string message(1, char(number_));
  add(message, question.session);
  add(message, question.early_data);
  message += question.server_name;
  auto asked = std::make_unique<Asked>(Asked{.store = *this,
                                             .on_answer = on_answer,
                                             .context = context,
                                             .session = !question.session.empty(),
                                             .early_data = !question.early_data.empty()});
  Asked& kept = *asked;
  kept.number = thread_.ask(
      "session find", message, timeout_ms_,
      [](void* self, bool in_time, std::string_view payload) {
        static_cast<Asked*>(self)->answer(in_time, payload);
      },
      &kept);
  asked_.emplace(kept.number, std::move(asked));
  return kept.number;
}

void SharedSessionStore::forget(uint32_t asking) {
  thread_.forget_question(asking);
  auto found = asked_.find(asking);
  if (found == asked_.end()) return;
  if (found->second->early_data) early_data_.settle(true);
  asked_.erase(found);
}

// A letter for the session: found, missing, unreadable, failed; a letter for early data: first,
// again, failed, or a dash where nothing was noted; the session.
void SharedSessionStore::Asked::answer(bool in_time, std::string_view payload) {
  Counters& counters = store.thread_.counters;
  const bool whole = in_time && payload.size() >= 2;
  Answer answer;
  if (!in_time) {
    counters.remote_late++;
  } else if (session) {
    switch (whole ? payload[0] : 'x') {
      case 'f':
        counters.remote_found++;
        answer.session = payload.substr(2);
        break;
      case 'm':
        counters.remote_missed++;
        break;
      case 'u':
        counters.remote_unreadable++;
        break;
      default:
        counters.remote_failed++;
    }
  }
  if (early_data) {
    char said = whole ? payload[1] : 'x';
    answer.early_data = said == 'f'   ? EarlyData::first_use
                        : said == 'a' ? EarlyData::replay
                                      : EarlyData::failed;
    store.early_data_.settle(said != 'a' && said != '-');
  }
  OnAnswer told = on_answer;
  void* whom = context;
  store.asked_.erase(number);
  told(whom, answer);
}

// As a question, but for the lifetime in front: four bytes, big-endian seconds; and the session at
// the end, behind its length in two bytes.
void SharedSessionStore::keep(Bytes id, std::string_view server_name, Bytes session,
                              uint32_t lifetime) {
  if (state_ != State::up) {
    thread_.counters.remote_lost++;
    return;
  }
  std::string message(1, char(number_));
  add(message, lifetime);
  add(message, id);
  message += char(server_name.size());
  message += server_name;
  message += as_text(session);
  if (!thread_.tell("session keep", message)) thread_.counters.remote_lost++;
}

void SharedSessionStore::remove(Bytes id) {
  if (state_ == State::down) return;
  std::string message(1, char(number_));
  add(message, id);
  thread_.tell("session remove", message);
}

}  // namespace sluice
