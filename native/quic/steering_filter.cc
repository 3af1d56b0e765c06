#include <linux/filter.h>
#include <sys/socket.h>

#include <cerrno>

#include "quic/steering.h"

namespace sluice::quic {
namespace {

/// Writes a classic BPF program: one accumulator, one index, 16 words of memory.
class Filter {
 public:
  void add(uint16_t code, uint32_t k = 0, uint8_t yes = 0, uint8_t no = 0) {
    code_.push_back({code, yes, no, k});
  }
  void load(uint8_t cell) { add(BPF_LD | BPF_MEM, cell); }
  void load_index(uint8_t cell) { add(BPF_LDX | BPF_MEM, cell); }
  void store(uint8_t cell) { add(BPF_ST, cell); }
  /// A byte of the packet, counted from the index.
  void load_byte(uint32_t at) { add(BPF_LD | BPF_B | BPF_IND, at); }
  void to_index() { add(BPF_MISC | BPF_TAX); }
  void compute(uint16_t operation, uint32_t by) { add(BPF_ALU | operation | BPF_K, by); }
  void compute_with_index(uint16_t operation) { add(BPF_ALU | operation | BPF_X); }

  /// Goes on behind the place where land() is called.
  size_t jump() {
    add(BPF_JMP | BPF_JA);
    return code_.size() - 1;
  }
  void land(size_t jump) { code_[jump].k = uint32_t(code_.size() - jump - 1); }

  int attach(int socket) {
    sock_fprog program = {.len = uint16_t(code_.size()), .filter = code_.data()};
    bool done =
        ::setsockopt(socket, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) == 0;
    return done ? 0 : errno;
  }

 private:
  std::vector<sock_filter> code_;
};

// What the cells hold; 0 to 3 are the hash's state.
constexpr uint8_t word_cell = 12;
constexpr uint8_t size_cell = 13;
constexpr uint8_t id_cell = 14;
/// In size_cell: a short header doesn't say.
constexpr uint32_t size_unsaid = 255;

void combine(Filter& filter, uint16_t operation, uint8_t cell, uint8_t with) {
  filter.load(cell);
  filter.load_index(with);
  filter.compute_with_index(operation);
  filter.store(cell);
}

void rotate(Filter& filter, uint8_t cell, uint32_t bits) {
  filter.load(cell);
  filter.compute(BPF_LSH, bits);
  filter.to_index();
  filter.load(cell);
  filter.compute(BPF_RSH, 32 - bits);
  filter.compute_with_index(BPF_OR);
  filter.store(cell);
}

// As HalfSipState::round().
void sip_round(Filter& filter) {
  auto half = [&](uint8_t a, uint8_t b, uint32_t bits) {
    combine(filter, BPF_ADD, a, b);
    rotate(filter, b, bits);
    combine(filter, BPF_XOR, b, a);
  };
  half(0, 1, 5);
  rotate(filter, 0, 16);
  half(2, 3, 8);
  half(0, 3, 7);
  half(2, 1, 13);
  rotate(filter, 2, 16);
}

/// Little-endian bytes behind the place that id_cell has, as HalfSipHash reads them.
void load_word(Filter& filter, uint32_t at) {
  for (uint32_t i = 0; i < 4; ++i) {
    filter.load_index(id_cell);
    filter.load_byte(at + i);
    filter.compute(BPF_LSH, 8 * i);
    if (i > 0) {
      filter.load_index(word_cell);
      filter.compute_with_index(BPF_OR);
    }
    filter.store(word_cell);
  }
}

void take_word(Filter& filter) {
  combine(filter, BPF_XOR, 3, word_cell);
  for (int i = 0; i < HalfSipState::rounds_per_word; ++i) sip_round(filter);
  combine(filter, BPF_XOR, 0, word_cell);
}

/// Leaves the hash in the accumulator.
void hash(Filter& filter, HalfSipKey key) {
  HalfSipState state(key);
  uint32_t initial[] = {state.v0, state.v1, state.v2, state.v3};
  for (uint8_t cell = 0; cell < 4; ++cell) {
    filter.add(BPF_LD | BPF_IMM, initial[cell]);
    filter.store(cell);
  }
  for (uint32_t at = 0; at < ConnectionIdScheme::hashed_size; at += 4) {
    load_word(filter, at);
    take_word(filter);
  }
  filter.add(BPF_LD | BPF_IMM, uint32_t{ConnectionIdScheme::hashed_size} << 24);
  filter.store(word_cell);
  take_word(filter);
  filter.load(2);
  filter.compute(BPF_XOR, 0xff);
  filter.store(2);
  for (int i = 0; i < HalfSipState::final_rounds; ++i) sip_round(filter);
  filter.load(1);
  filter.load_index(3);
  filter.compute_with_index(BPF_XOR);
}

Filter assemble(const Steering& steering, uint16_t workers) {
  Filter filter;
  // Where is the connection ID, and how long?
  filter.add(BPF_LD | BPF_B | BPF_ABS, 0);
  filter.add(BPF_JMP | BPF_JSET | BPF_K, long_header_bit, 5, 0);
  filter.add(BPF_LD | BPF_IMM, size_unsaid);
  filter.store(size_cell);
  filter.add(BPF_LD | BPF_IMM, short_header_id);
  filter.store(id_cell);
  size_t known = filter.jump();
  filter.add(BPF_LD | BPF_B | BPF_ABS, long_header_id_size);
  filter.store(size_cell);
  filter.add(BPF_LD | BPF_IMM, long_header_id);
  filter.store(id_cell);
  filter.land(known);

  // Is it one of ours? Then id_cell becomes the place of what is hashed.
  std::vector<size_t> found;
  for (const Steering::Shape& shape : steering.shapes) {
    filter.load_index(id_cell);
    filter.load_byte(0);
    filter.add(BPF_JMP | BPF_JEQ | BPF_K, shape.first_octet, 0, 7);
    filter.load(size_cell);
    filter.add(BPF_JMP | BPF_JEQ | BPF_K, size_unsaid, 1, 0);
    filter.add(BPF_JMP | BPF_JEQ | BPF_K, shape.size, 0, 4);
    filter.load(id_cell);
    filter.compute(BPF_ADD, shape.size - uint32_t{ConnectionIdScheme::process_size +
                                                  ConnectionIdScheme::hashed_size});
    filter.store(id_cell);
    found.push_back(filter.jump());
  }
  filter.load_index(id_cell);
  filter.add(BPF_LD | BPF_W | BPF_IND, 0);
  filter.compute(BPF_MOD, workers);
  filter.add(BPF_RET | BPF_A);
  for (size_t jump : found) filter.land(jump);

  // The first two of the process's bytes hold the worker.
  hash(filter, steering.process_key);
  filter.store(word_cell);
  filter.load_index(id_cell);
  filter.load_byte(ConnectionIdScheme::hashed_size);
  filter.compute(BPF_LSH, 8);
  filter.store(0);
  filter.load_byte(ConnectionIdScheme::hashed_size + 1);
  filter.load_index(0);
  filter.compute_with_index(BPF_OR);
  filter.compute(BPF_LSH, 8);
  filter.load_index(word_cell);
  filter.compute_with_index(BPF_XOR);
  filter.compute(BPF_RSH, ConnectionIdScheme::owner_bits);
  filter.compute(BPF_AND, ConnectionIdScheme::most_owners - 1);
  filter.compute(BPF_MOD, workers);  // there may have been more of them
  filter.add(BPF_RET | BPF_A);
  return filter;
}

}  // namespace

Steering Steering::of(const ConnectionIdScheme::Settings& settings) {
  Steering steering{.shapes = {}, .process_key = settings.process_key};
  for (const ConnectionIdScheme::Configuration& each : settings.configurations) {
    steering.shapes.push_back({each.first_octet(), uint8_t(each.size())});
  }
  return steering;
}

int attach_filter(int socket, const Steering& steering, uint16_t workers) {
  return assemble(steering, workers).attach(socket);
}

}  // namespace sluice::quic
