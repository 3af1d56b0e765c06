#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

namespace sluice::net {

/// FreeBSD's struct kevent (kqueue(2)), as ff_kevent() takes and fills it.
struct FstackEvent {
  uintptr_t ident;
  int16_t filter;
  uint16_t flags;
  uint32_t filter_flags;
  int64_t data;
  void* source;
  uint64_t extensions[4];

  static constexpr int16_t filter_read = -1;
  static constexpr int16_t filter_write = -2;
  static constexpr uint16_t add = 0x0001;
  static constexpr uint16_t remove = 0x0002;
  static constexpr uint16_t once = 0x0010;
  static constexpr uint16_t clear = 0x0020;
  static constexpr uint16_t failed = 0x4000;
  static constexpr uint16_t end_of_file = 0x8000;
};

/// What ff_get_traffic() fills in.
struct FstackTraffic {
  uint64_t received_packets;
  uint64_t received_bytes;
  uint64_t sent_packets;
  uint64_t sent_bytes;
  uint64_t receive_drops;
  uint64_t send_drops;
};

/// How a process comes up.
struct FstackStart {
  const char* configuration;   ///< path of F-Stack's ini
  int process;                 ///< from 0; the first one is the primary
  const char* const* devices;  ///< DPDK's virtual devices: `net_af_packet0,iface=eth1`
  size_t device_count;
  /// Asked of each received frame: `here`, `nobody`, or the process that it is for. Null: all of
  /// them are ours.
  int (*owner_of)(void* context, const uint8_t* frame, size_t size);
  void* context;
  /// The device is this process's alone, as far as it knows: all that others send and get comes to
  /// it too. Else it is asked only where the device has no RSS.
  bool exclusive;

  static constexpr int nobody = -1;
  static constexpr int here = -2;
};

/// F-Stack's calls, as a table that the library which links it (native/fstack) hands out: the
/// addon itself needs nothing of F-Stack to be built. Addresses, options and errno are Linux's,
/// with the exceptions that FstackStack knows. Everything belongs to the thread that called
/// start().
struct FstackApi {
  static constexpr uint32_t current_version = 3;
  /// The name under which the library exports `const FstackApi* (*)()`.
  static constexpr const char* symbol = "sluice_fstack_api";

  uint32_t version;
  const char* description;  ///< `DPDK 23.11.5`

  /// ff_init(), once per process. False where F-Stack would have ended the process; it has then
  /// said why on stdout or stderr.
  bool (*start)(const FstackStart& start);
  /// ff_run(): calls `turn` again and again until stop() was called in it.
  void (*run)(int (*turn)(void*), void* context);
  void (*stop)();

  int (*socket)(int domain, int type, int protocol);
  int (*bind)(int socket, const sockaddr* address, socklen_t size);
  int (*listen)(int socket, int backlog);
  int (*accept)(int socket, sockaddr* peer, socklen_t* size);
  int (*connect)(int socket, const sockaddr* peer, socklen_t size);
  int (*shutdown)(int socket, int how);
  int (*close)(int socket);
  int (*get_local_address)(int socket, sockaddr* address, socklen_t* size);
  int (*set_option)(int socket, int level, int option, const void* value, socklen_t size);
  /// Level and option in FreeBSD's numbers.
  int (*set_freebsd_option)(int socket, int level, int option, const void* value, socklen_t size);
  int (*get_option)(int socket, int level, int option, void* value, socklen_t* size);
  int (*set_non_blocking)(int socket);
  ssize_t (*read)(int socket, void* bytes, size_t size);
  ssize_t (*write)(int socket, const void* bytes, size_t size);
  ssize_t (*writev)(int socket, const iovec* pieces, int count);
  ssize_t (*receive_message)(int socket, msghdr* message, int flags);
  ssize_t (*send_message)(int socket, const msghdr* message, int flags);
  int (*make_queue)();
  /// ff_kevent(); it never waits.
  int (*events)(int queue, const FstackEvent* changes, int change_count, FstackEvent* events,
                int event_count);
  int (*system_control)(const int* name, unsigned name_size, void* old_value, size_t* old_size,
                        const void* new_value, size_t new_size);
  void (*traffic)(FstackTraffic& traffic);
};

}  // namespace sluice::net
