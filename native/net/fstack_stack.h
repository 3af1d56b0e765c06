#pragma once

#include <memory>
#include <span>
#include <vector>

#include "net/flow_director.h"
#include "net/fstack_api.h"
#include "net/kernel_stack.h"
#include "net/stack.h"

namespace sluice::net {

/// Whoever has a socket of F-Stack's in its event queue.
class FstackSource {
 public:
  virtual void on_event(const FstackEvent& event) = 0;

 protected:
  ~FstackSource() = default;
};

class FstackStream;

/// The Stack over F-Stack's sockets, with the kernel's beside it: listeners that are marked for the
/// kernel, unix sockets, loopback, and descriptors to watch. Both bring their events to one turn,
/// inside ff_run(). The two have descriptors of the same numbers; none leaves the objects here.
class FstackStack final : public Stack {
 public:
  struct Settings {
    /// How long a turn without work may wait, in µs; 0: never. F-Stack itself must not sleep: it
    /// would not wake up for the kernel's events.
    uint32_t idle_sleep_us = 0;
    /// F-Stack's, which a wildcard stands for.
    std::vector<Address> addresses = {};
    /// Where the device brings packets of other workers too.
    std::shared_ptr<FlowDirector> director = nullptr;
  };

  /// On the thread that started F-Stack. Null when one of the two has no event queue (errno).
  static std::unique_ptr<FstackStack> create(const FstackApi& api, const Settings& settings);
  FstackStack(const FstackApi& api, int queue, std::unique_ptr<KernelStack> kernel,
              const Settings& settings);
  ~FstackStack() override;

  std::unique_ptr<Listener> listen(const ListenSocket& socket,
                                   Listener::Acceptor& acceptor) override;
  StreamPtr connect(const Address& peer, const ConnectOptions& options, Stream::Consumer& consumer,
                    int& error) override;
  std::unique_ptr<DatagramSocket> open_datagrams(const ListenSocket& socket,
                                                 DatagramSocket::Consumer& consumer) override;
  void watch(int descriptor, void (*on_ready)(void*), void* context) override;

  /// Ends F-Stack with it: the sockets are gone when it returns.
  void run() override;
  void stop() override;
  void stop_when_delivered() override;
  /// What F-Stack calls in run(), again and again; it never waits longer than the settings say.
  void take_turn();

  /// Packets and bytes of the interfaces.
  FstackTraffic traffic() const;
  uint64_t turns() const { return turns_; }
  /// Those that found nothing to do.
  uint64_t idle_turns() const { return all_idle_turns_; }

 private:
  friend class FstackStream;
  friend class FstackListener;
  friend class FstackDatagrams;

  static constexpr int batch_size = 512;
  /// Turns without work before one may wait: what has just been written leaves with the next.
  static constexpr uint32_t turns_before_sleep = 8;
  /// A busy turn looks at the kernel's sockets no more often than this.
  static constexpr uint32_t turns_between_kernel_polls = 8;
  static constexpr uint32_t file_buffer_size = 64 * 1024;
  /// What a turn waits at least, in µs, while another shift has the CPU's work to do.
  static constexpr uint32_t retired_sleep_us = 200;
  /// How long closed connections have for their bytes, and the last ones for their FIN to leave.
  static constexpr uint64_t delivery_ms = 10'000;
  static constexpr uint64_t goodbye_ms = 3;

  const FstackApi& api() const { return *api_; }
  std::span<char> file_buffer();
  std::span<char> datagram_buffer();

  StreamPtr adopt(int socket, const Address& peer, bool connecting);
  bool watch_reading(int socket, FstackSource& source, uint16_t flags);
  void unwatch_reading(int socket, FstackSource& source);
  /// One event when the socket takes bytes again.
  bool await_room(int socket, FstackSource& source);
  bool change(int socket, int16_t filter, uint16_t flags, FstackSource* source);

  // What other shifts must know of (FlowDirector).
  void listens_on(const Address& address);
  void opened(FstackStream& stream);
  void closing(FstackStream& stream);
  void retire();
  void stops_listening();

  bool handle_events();
  bool traffic_has_moved();
  void poll_kernel(bool quiet);
  void approach_end();
  bool delivered() const;

  const FstackApi* api_;
  int queue_;
  std::unique_ptr<KernelStack> kernel_;
  Settings settings_;
  std::unique_ptr<char[]> file_buffer_;
  std::span<FstackEvent> batch_;  ///< the events of this turn that are still to be handled
  FstackTraffic traffic_ = {};
  uint64_t turns_ = 0;
  uint64_t all_idle_turns_ = 0;
  uint32_t idle_turns_ = 0;  ///< in a row
  uint32_t turns_since_kernel_ = 0;
  IntrusiveList<FstackStream, struct OpenFstackStreams> open_streams_;
  enum class Ending : uint8_t { no, when_delivered, now, saying_goodbye } ending_ = Ending::no;
  uint64_t end_at_ = 0;
};

}  // namespace sluice::net
