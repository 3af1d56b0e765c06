#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "proxy/plan.h"
#include "quic/host_keys.h"
#include "tls/early_data_limit.h"
#include "tls/session_store.h"
#include "tls/ticket_key_ring.h"

namespace sluice {

class DataThread;

/// A session store of all hosts, asked through the control thread (src/tls/session-store.ts), which
/// alone knows what kind of store it is, and seals what lies there.
class SharedSessionStore final : public tls::SessionStore {
 public:
  /// `number`: its position among the Plan's stores, by which the other side knows it.
  SharedSessionStore(DataThread& thread, uint8_t number, const plan::Node& node);
  ~SharedSessionStore();

  bool answers() override;
  bool admits_early_data() override;
  uint32_t ask(const Question& question, OnAnswer on_answer, void* context) override;
  void forget(uint32_t asking) override;
  void keep(Bytes id, std::string_view server_name, Bytes session, uint32_t lifetime) override;
  void remove(Bytes id) override;

  /// Ticket keys that all hosts share (`ssl_session_ticket_keys cluster`); null: none.
  tls::TicketKeyRing* ticket_keys() { return ticket_ring_.get(); }
  /// The QUIC key that all hosts share, from when it is known on; `own` is this host's.
  const quic::HostKeys& quic_keys(const quic::HostKeys& own);

 private:
  enum class State : uint8_t { down, full, up };
  struct Asked;
  using OnKeys = void (*)(void* self, std::string_view keys);

  void on_news(std::string_view news);
  std::unique_ptr<tls::TicketKeyRing> share(std::string_view kind, int64_t zone,
                                            std::string_view news, OnKeys on_keys);
  void count_state(int by);

  DataThread& thread_;
  uint8_t number_;
  uint32_t timeout_ms_;
  std::string name_;
  State state_ = State::down;
  tls::EarlyDataLimit early_data_;
  int64_t quic_zone_;  ///< position in the Plan's `fds`
  std::unique_ptr<tls::TicketKeyRing> ticket_ring_;
  std::unique_ptr<tls::TicketKeyRing> quic_ring_;  ///< one key
  std::unique_ptr<quic::HostKeys> quic_keys_;      ///< null: nobody has asked for them
  std::unordered_map<uint32_t, std::unique_ptr<Asked>> asked_;
};

}  // namespace sluice
