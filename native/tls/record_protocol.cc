#include "tls/record_protocol.h"

#include <algorithm>

namespace sluice::tls {

namespace {

/// OpenSSL's limit: more in a row that bring no data are an attempt to keep us busy.
constexpr int most_without_data = 32;

/// Room that is made at once for records that follow each other.
constexpr size_t most_prepared = 63 * 1024;

/// RFC 8446, 4.6.3: the type, a length of one byte, whether an answer is wanted.
constexpr std::array<uint8_t, 5> key_update = {SSL3_MT_KEY_UPDATE, 0, 0, 1,
                                               SSL_KEY_UPDATE_NOT_REQUESTED};

constexpr bool is_key_updates_beginning(std::span<const uint8_t> message) {
  return std::equal(message.begin(), message.end(), key_update.begin());
}

}  // namespace

// --- What comes ---

size_t RecordProtocol::read(std::span<const char>& input, std::span<char> room) {
  size_t filled = 0;
  while (state_ == State::open && room.size() - filled >= opener_.room_for(input)) {
    RecordOpener::Record record;
    switch (opener_.open(input, room.subspan(filled), record)) {
      case RecordOpener::Outcome::incomplete:
        return filled;
      case RecordOpener::Outcome::refused:
        fail(opener_.fault().alert, opener_.fault().reason);
        return filled;
      case RecordOpener::Outcome::record:
        break;
    }
    if (record.type == record::Type::application_data && message_size_ == 0 &&
        !record.content.empty()) {
      filled += record.content.size();
      without_data_ = 0;
    } else {
      handle(record);
    }
  }
  return filled;
}

void RecordProtocol::handle(const RecordOpener::Record& record) {
  // RFC 8446, 5.1: a message's parts follow each other.
  if (message_size_ && record.type != record::Type::handshake) {
    fail(SSL_AD_UNEXPECTED_MESSAGE, SSL_R_UNEXPECTED_RECORD);
    return;
  }
  switch (record.type) {
    case record::Type::application_data:
      if (is_too_much()) fail(SSL_AD_UNEXPECTED_MESSAGE, SSL_R_RECORD_TOO_SMALL);
      break;
    case record::Type::alert:
      on_alert(record.content);
      break;
    case record::Type::handshake:
      on_handshake(record.content);
      break;
    default:
      fail(SSL_AD_UNEXPECTED_MESSAGE, SSL_R_UNEXPECTED_RECORD);
  }
}

void RecordProtocol::on_alert(Content content) {
  if (content.size() != 2) {
    fail(SSL_AD_UNEXPECTED_MESSAGE, SSL_R_INVALID_ALERT);
    return;
  }
  uint8_t level = uint8_t(content[0]);
  uint8_t alert = uint8_t(content[1]);
  if (alert == SSL_AD_CLOSE_NOTIFY) {
    state_ = State::ended;
  } else if (opener_.is_tls13() ? alert == SSL_AD_USER_CANCELLED : level == SSL3_AL_WARNING) {
    if (is_too_much()) fail(SSL_AD_UNEXPECTED_MESSAGE, SSL_R_TOO_MANY_WARN_ALERTS);
  } else {
    // Nobody has to be told.
    state_ = State::failed;
    ERR_clear_error();
    ERR_raise_data(ERR_LIB_SSL, SSL_AD_REASON_OFFSET + alert, "SSL alert number %d", int(alert));
  }
}

// A handshake is over: there is little that a client may still say (RFC 8446, 4.6).
void RecordProtocol::on_handshake(Content content) {
  if (!opener_.is_tls13()) {
    if (!content.empty() && content[0] == SSL3_MT_CLIENT_HELLO) {
      on_renegotiation();
    } else {
      fail(SSL_AD_UNEXPECTED_MESSAGE, SSL_R_UNEXPECTED_MESSAGE);
    }
    return;
  }
  size_t missing = message_.size() - message_size_;
  size_t taken = std::min(missing, content.size());
  std::copy_n(content.begin(), taken, message_.begin() + message_size_);
  message_size_ = uint8_t(message_size_ + taken);
  std::span<const uint8_t> head = std::span(message_).first(message_size_);
  head = head.first(std::min(head.size(), message_.size() - 1));
  if (content.empty() || !is_key_updates_beginning(head)) {
    fail(SSL_AD_UNEXPECTED_MESSAGE, SSL_R_UNEXPECTED_MESSAGE);
  } else if (content.size() > missing) {
    // What comes behind it has another key (RFC 8446, 5.1).
    fail(SSL_AD_UNEXPECTED_MESSAGE, SSL_R_NOT_ON_RECORD_BOUNDARY);
  } else if (is_too_much()) {
    fail(SSL_AD_UNEXPECTED_MESSAGE, SSL_R_TOO_MANY_KEY_UPDATES);
  } else if (taken == missing) {
    on_key_update(message_.back());
  }
}

void RecordProtocol::on_key_update(uint8_t request) {
  message_size_ = 0;
  if (request > SSL_KEY_UPDATE_REQUESTED) {
    fail(SSL_AD_ILLEGAL_PARAMETER, SSL_R_BAD_KEY_UPDATE);
    return;
  }
  opener_.update();
  if (request == SSL_KEY_UPDATE_REQUESTED) owes_update_ = true;
}

void RecordProtocol::on_renegotiation() {
  if (is_too_much()) {
    fail(SSL_AD_UNEXPECTED_MESSAGE, SSL_R_NO_RENEGOTIATION);
  } else {
    send_alert(SSL3_AL_WARNING, SSL_AD_NO_RENEGOTIATION);
  }
}

bool RecordProtocol::is_too_much() { return ++without_data_ > most_without_data; }

void RecordProtocol::fail(uint8_t alert, int reason) {
  state_ = State::failed;
  send_alert(SSL3_AL_FATAL, alert);
  ERR_clear_error();
  ERR_raise(ERR_LIB_SSL, reason);
}

// --- What goes ---

std::span<char> RecordProtocol::prepare(size_t size, size_t ahead) {
  size_t needed = sealer_.sealed_size(size);
  // As many bytes of records as `ahead` takes in records like this one.
  size_t more = ahead + ahead / std::max<size_t>(size, 1) * (needed - size);
  return below_.prepare(std::max(needed, std::min(needed + more, most_prepared))).first(needed);
}

bool RecordProtocol::write(std::span<const iovec> pieces, size_t size, std::span<char> prepared) {
  bool done = sealer_.seal(record::Type::application_data, pieces, size, prepared);
  below_.commit(done ? prepared.size() : 0);
  return done && (!sealer_.update_due() || update_own_keys());
}

void RecordProtocol::write_handshake(std::span<const uint8_t> messages) {
  while (!messages.empty()) {
    std::span<const uint8_t> part = messages.first(std::min<size_t>(messages.size(), largest_));
    below_.commit_unhurried(seal(record::Type::handshake, part));
    messages = messages.subspan(part.size());
  }
}

// The record's size, in the room that the stream below has for it; 0: none can be made any more.
size_t RecordProtocol::seal(record::Type type, std::span<const uint8_t> content) {
  std::span<char> room = below_.prepare(sealer_.sealed_size(content.size()));
  iovec piece{const_cast<uint8_t*>(content.data()), content.size()};
  return sealer_.seal(type, {&piece, 1}, content.size(), room) ? room.size() : 0;
}

bool RecordProtocol::send(record::Type type, std::span<const uint8_t> content) {
  size_t size = seal(type, content);
  below_.commit(size);
  return size > 0;
}

void RecordProtocol::send_alert(uint8_t level, uint8_t alert) {
  const uint8_t content[] = {level, alert};
  send(record::Type::alert, content);
}

void RecordProtocol::write_close_notify() { send_alert(SSL3_AL_WARNING, SSL_AD_CLOSE_NOTIFY); }

void RecordProtocol::answer_update() {
  owes_update_ = false;
  update_own_keys();
}

bool RecordProtocol::update_own_keys() {
  if (!send(record::Type::handshake, key_update)) return false;
  sealer_.update();
  return true;
}

}  // namespace sluice::tls
