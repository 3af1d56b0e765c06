#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::tls {

/// Sessions that all hosts share (`ssl_session_store`), somewhere that answers later.
class SessionStore {
 public:
  using Bytes = std::span<const unsigned char>;

  struct Question {
    Bytes session;     ///< id; empty: none is looked for
    Bytes early_data;  ///< a digest of what came along with early data; empty: none came
    std::string_view server_name;  ///< lower case: sessions are bound to it
  };
  struct Answer {
    /// `failed`, also when the store is away or its answer comes late.
    enum class EarlyData : uint8_t { not_asked, first_use, replay, failed };

    std::string_view session;  ///< as i2d_SSL_SESSION() writes it; empty: not found
    EarlyData early_data = EarlyData::not_asked;
  };
  using OnAnswer = void (*)(void* context, const Answer& answer);

  /// Whether it is any use to ask. What was not asked is counted all the same.
  virtual bool answers() = 0;
  /// Whether early data may be in the next question; what may not is counted.
  virtual bool admits_early_data() = 0;
  /// `on_answer` comes later, within the directive's timeout; the number is for forget().
  virtual uint32_t ask(const Question& question, OnAnswer on_answer, void* context) = 0;
  virtual void forget(uint32_t asking) = 0;
  /// Keeps a session for `lifetime` seconds.
  virtual void keep(Bytes id, std::string_view server_name, Bytes session, uint32_t lifetime) = 0;
  virtual void remove(Bytes id) = 0;

 protected:
  ~SessionStore() = default;
};

}  // namespace sluice::tls
