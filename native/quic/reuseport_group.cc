#include "quic/reuseport_group.h"

#include <linux/bpf.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "quic/steering_program.h"

namespace sluice::quic {
namespace {

constexpr int most_tries = 16;

int bpf(bpf_cmd command, bpf_attr& attributes) {
  return int(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

uint64_t pointer(const void* to) { return reinterpret_cast<uintptr_t>(to); }

int create_map(bpf_map_type type, uint32_t value_size, std::string_view name) {
  bpf_attr attributes = {};
  attributes.map_type = type;
  attributes.key_size = sizeof(uint32_t);
  attributes.value_size = value_size;
  attributes.max_entries = ReuseportGroup::max_sockets;
  name.copy(attributes.map_name, sizeof attributes.map_name - 1);
  return bpf(BPF_MAP_CREATE, attributes);
}

template <class Value>
int update(int map, uint32_t key, const Value& value, uint64_t flags) {
  bpf_attr attributes = {};
  attributes.map_fd = uint32_t(map);
  attributes.key = pointer(&key);
  attributes.value = pointer(&value);
  attributes.flags = flags;
  return bpf(BPF_MAP_UPDATE_ELEM, attributes) == 0 ? 0 : errno;
}

template <class Value>
bool look_up(int map, uint32_t key, Value& value) {
  bpf_attr attributes = {};
  attributes.map_fd = uint32_t(map);
  attributes.key = pointer(&key);
  attributes.value = pointer(&value);
  return bpf(BPF_MAP_LOOKUP_ELEM, attributes) == 0;
}

void remove(int map, uint32_t key) {
  bpf_attr attributes = {};
  attributes.map_fd = uint32_t(map);
  attributes.key = pointer(&key);
  bpf(BPF_MAP_DELETE_ELEM, attributes);
}

std::optional<uint32_t> key_after(int map, const uint32_t* key) {
  uint32_t next;
  bpf_attr attributes = {};
  attributes.map_fd = uint32_t(map);
  attributes.key = key ? pointer(key) : 0;
  attributes.next_key = pointer(&next);
  if (bpf(BPF_MAP_GET_NEXT_KEY, attributes) != 0) return std::nullopt;
  return next;
}

bool is_taken(int sockets, uint32_t slot) {
  uint64_t cookie;
  return look_up(sockets, slot, cookie);
}

/// So many empty slots in a row.
std::optional<uint32_t> find_room(int sockets, size_t count) {
  uint32_t first = 0;
  for (uint32_t slot = 0; slot < ReuseportGroup::max_sockets; ++slot) {
    if (is_taken(sockets, slot)) first = slot + 1;
    if (slot + 1 - first == count) return first;
  }
  return std::nullopt;
}

}  // namespace

std::optional<ReuseportGroup> ReuseportGroup::create() {
  Descriptor sockets(
      create_map(BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, sizeof(uint64_t), "quic_sockets"));
  if (!sockets) return std::nullopt;
  Descriptor owners(create_map(BPF_MAP_TYPE_HASH, sizeof(uint32_t), "quic_owners"));
  if (!owners) return std::nullopt;
  return ReuseportGroup(sockets.release(), owners.release());
}

int ReuseportGroup::attach(int socket, const Steering& steering) const {
  std::vector<bpf_insn> code = steering_program(steering, sockets_, owners_);
  constexpr std::string_view license = "Apache-2.0", name = "quic_steering";
  bpf_attr attributes = {};
  attributes.prog_type = BPF_PROG_TYPE_SK_REUSEPORT;
  attributes.insn_cnt = uint32_t(code.size());
  attributes.insns = pointer(code.data());
  attributes.license = pointer(license.data());
  name.copy(attributes.prog_name, sizeof attributes.prog_name - 1);
  // A signal that is on its way stops the verifier: the children of a master end at any time.
  Descriptor program;
  for (int tries = 0; !program && tries < most_tries; ++tries) {
    program.reset(bpf(BPF_PROG_LOAD, attributes));
    if (!program && errno != EAGAIN) break;
  }
  if (!program) return errno;
  int number = program.get();
  return ::setsockopt(socket, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &number, sizeof number) == 0
             ? 0
             : errno;
}

int ReuseportGroup::add(uint16_t generation, std::span<const int> sockets, uint16_t& first) const {
  forget_closed();
  std::optional<uint32_t> room = find_room(sockets_, sockets.size());
  if (!room) return ENOSPC;
  first = uint16_t(*room);
  for (size_t worker = 0; worker < sockets.size(); ++worker) {
    uint32_t slot = first + uint32_t(worker);
    int error = update(sockets_, slot, uint64_t(sockets[worker]), BPF_NOEXIST);
    if (error) return error;
    ConnectionIdScheme::Owner owner = {uint16_t(worker), generation};
    error = update(owners_, owner.number(), slot, BPF_ANY);
    if (error) return error;
  }
  return 0;
}

int ReuseportGroup::prefer(uint16_t first, uint16_t count) const {
  return update(owners_, new_connections, uint32_t{first} << 16 | count, BPF_ANY);
}

// The kernel takes closed sockets out by itself, but not those who owned them.
void ReuseportGroup::forget_closed() const {
  std::optional<uint32_t> next = key_after(owners_, nullptr);
  while (next) {
    uint32_t key = *next;
    next = key_after(owners_, &key);
    uint32_t slot;
    bool gone = key != new_connections && look_up(owners_, key, slot) && !is_taken(sockets_, slot);
    if (gone) remove(owners_, key);
  }
}

}  // namespace sluice::quic
