#include "quic/steering_program.h"

#include <cstddef>

namespace sluice::quic {
namespace {

/// Registers as the kernel's calling convention has them.
enum Register : uint8_t { r0, r1, r2, r3, r4, r5, context, id, id_size, r9, frame };

/// On the stack: the packet's first bytes, and a key for maps.
constexpr int16_t head_at = -32;
constexpr int16_t key_at = -40;
/// Enough for a long header's connection ID; no packet that is worth a look is shorter.
constexpr int32_t head_size = long_header_id + int32_t{ConnectionId::max_size};
constexpr int32_t udp_header = 8;
constexpr int32_t size_unsaid = 255;

/// Writes eBPF instructions.
class Program {
 public:
  void add(uint8_t code, uint8_t to, uint8_t from = 0, int16_t offset = 0, int32_t value = 0) {
    bpf_insn made = {};
    made.code = code;
    made.dst_reg = to & 15;
    made.src_reg = from & 15;
    made.off = offset;
    made.imm = value;
    code_.push_back(made);
  }
  void set(Register to, int32_t value) { add(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value); }
  void copy(Register to, Register from) { add(BPF_ALU64 | BPF_MOV | BPF_X, to, from); }
  void address(Register to, Register base, int32_t offset) {
    copy(to, base);
    add(BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, offset);
  }
  /// 32 bits wide.
  void compute(uint8_t operation, Register to, int32_t value) {
    add(BPF_ALU | operation | BPF_K, to, 0, 0, value);
  }
  void compute(uint8_t operation, Register to, Register from) {
    add(BPF_ALU | operation | BPF_X, to, from);
  }
  void load_byte(Register to, Register base, int32_t at) {
    add(BPF_LDX | BPF_B | BPF_MEM, to, base, int16_t(at));
  }
  void load_word(Register to, Register base, size_t at) {
    add(BPF_LDX | BPF_W | BPF_MEM, to, base, int16_t(at));
  }
  void store_key(Register from) { add(BPF_STX | BPF_W | BPF_MEM, frame, from, key_at); }
  void load_map(Register to, int descriptor) {
    add(BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_FD, 0, descriptor);
    add(0, 0);
  }
  void call(int32_t function) { add(BPF_JMP | BPF_CALL, 0, 0, 0, function); }
  void exit() { add(BPF_JMP | BPF_EXIT, 0); }

  /// Goes on at the place where land() is called with it; under a condition, unless always.
  using Jump = size_t;
  Jump jump() { return jump_if(BPF_JA, r0, 0); }
  Jump jump_if(uint8_t condition, Register left, int32_t right) {
    add(BPF_JMP | condition | BPF_K, left, 0, 0, right);
    return code_.size() - 1;
  }
  void land(Jump jump) { code_[jump].off = int16_t(code_.size() - jump - 1); }
  void land(const std::vector<Jump>& jumps) {
    for (Jump jump : jumps) land(jump);
  }

  std::vector<bpf_insn> take() { return std::move(code_); }

 private:
  std::vector<bpf_insn> code_;
};

void rotate(Program& program, Register to, int32_t bits) {
  program.compute(BPF_MOV, r0, to);
  program.compute(BPF_LSH, to, bits);
  program.compute(BPF_RSH, r0, 32 - bits);
  program.compute(BPF_OR, to, r0);
}

// As HalfSipState::round(), with v0 to v3 in r1 to r4.
void sip_round(Program& program) {
  auto half = [&](Register a, Register b, int32_t bits) {
    program.compute(BPF_ADD, a, b);
    rotate(program, b, bits);
    program.compute(BPF_XOR, b, a);
  };
  half(r1, r2, 5);
  rotate(program, r1, 16);
  half(r3, r4, 8);
  half(r1, r4, 7);
  half(r3, r2, 13);
  rotate(program, r3, 16);
}

/// Bytes of the connection ID make a word; the stack is read by aligned words only.
void gather(Program& program, Register to, int32_t at, int32_t count, bool little_endian) {
  for (int32_t i = 0; i < count; ++i) {
    int32_t shift = 8 * (little_endian ? i : count - 1 - i);
    Register part = i == 0 ? to : r0;
    program.load_byte(part, id, at + i);
    if (shift) program.compute(BPF_LSH, part, shift);
    if (i > 0) program.compute(BPF_OR, to, r0);
  }
}

/// Hashes the bytes that `id` points to; into r2.
void hash(Program& program, HalfSipKey key) {
  HalfSipState state(key);
  uint32_t initial[] = {state.v0, state.v1, state.v2, state.v3};
  constexpr Register v[] = {r1, r2, r3, r4};
  for (size_t i = 0; i < 4; ++i) program.compute(BPF_MOV, v[i], int32_t(initial[i]));
  auto take = [&] {
    program.compute(BPF_XOR, r4, r5);
    for (int i = 0; i < HalfSipState::rounds_per_word; ++i) sip_round(program);
    program.compute(BPF_XOR, r1, r5);
  };
  for (int32_t at = 0; at < int32_t{ConnectionIdScheme::hashed_size}; at += 4) {
    gather(program, r5, at, 4, true);
    take();
  }
  program.compute(BPF_MOV, r5, int32_t{ConnectionIdScheme::hashed_size} << 24);
  take();
  program.compute(BPF_XOR, r3, 0xff);
  for (int i = 0; i < HalfSipState::final_rounds; ++i) sip_round(program);
  program.compute(BPF_XOR, r2, r4);
}

/// r0 becomes the address of what the owners' map has for the key on the stack.
void look_up(Program& program, int owners) {
  program.load_map(r1, owners);
  program.address(r2, frame, key_at);
  program.call(BPF_FUNC_map_lookup_elem);
}

/// Chooses the socket in the slot that the key on the stack names; r0 is 0 when there is one.
void select_socket(Program& program, int sockets) {
  program.copy(r1, context);
  program.load_map(r2, sockets);
  program.address(r3, frame, key_at);
  program.set(r4, 0);
  program.call(BPF_FUNC_sk_select_reuseport);
}

}  // namespace

std::vector<bpf_insn> steering_program(const Steering& steering, int sockets, int owners) {
  Program program;
  std::vector<Program::Jump> to_spread;
  program.copy(context, r1);
  program.set(r2, udp_header);
  program.address(r3, frame, head_at);
  program.set(r4, head_size);
  program.call(BPF_FUNC_skb_load_bytes);
  to_spread.push_back(program.jump_if(BPF_JNE, r0, 0));

  // Where is the connection ID, and how long?
  program.load_byte(r0, frame, head_at);
  Program::Jump to_long = program.jump_if(BPF_JSET, r0, long_header_bit);
  program.address(id, frame, head_at + short_header_id);
  program.set(id_size, size_unsaid);
  Program::Jump to_shapes = program.jump();
  program.land(to_long);
  program.address(id, frame, head_at + long_header_id);
  program.load_byte(id_size, frame, head_at + long_header_id_size);
  program.land(to_shapes);

  // Is it one of ours? Then `id` becomes the place of what is hashed.
  std::vector<Program::Jump> to_hash;
  program.load_byte(r0, id, 0);
  for (const Steering::Shape& shape : steering.shapes) {
    Program::Jump other = program.jump_if(BPF_JNE, r0, shape.first_octet);
    Program::Jump unsaid = program.jump_if(BPF_JEQ, id_size, size_unsaid);
    to_spread.push_back(program.jump_if(BPF_JNE, id_size, shape.size));
    program.land(unsaid);
    constexpr int32_t tail = ConnectionIdScheme::process_size + ConnectionIdScheme::hashed_size;
    program.add(BPF_ALU64 | BPF_ADD | BPF_K, id, 0, 0, shape.size - tail);
    to_hash.push_back(program.jump());
    program.land(other);
  }
  to_spread.push_back(program.jump());

  // Whose?
  program.land(to_hash);
  hash(program, steering.process_key);
  gather(program, r5, ConnectionIdScheme::hashed_size, ConnectionIdScheme::process_size, false);
  program.compute(BPF_XOR, r5, r2);
  program.compute(BPF_AND, r5, (1 << 8 * ConnectionIdScheme::process_size) - 1);
  program.store_key(r5);
  look_up(program, owners);
  to_spread.push_back(program.jump_if(BPF_JEQ, r0, 0));
  program.load_word(r1, r0, 0);
  program.store_key(r1);
  select_socket(program, sockets);
  Program::Jump chosen = program.jump_if(BPF_JEQ, r0, 0);

  // Nobody's yet: the addresses decide among those who take new connections.
  program.land(to_spread);
  program.compute(BPF_MOV, r1, int32_t(new_connections));
  program.store_key(r1);
  look_up(program, owners);
  Program::Jump none = program.jump_if(BPF_JEQ, r0, 0);
  program.load_word(r1, r0, 0);
  program.compute(BPF_MOV, r2, r1);
  program.compute(BPF_AND, r2, 0xffff);
  program.compute(BPF_RSH, r1, 16);
  program.load_word(r0, context, offsetof(sk_reuseport_md, hash));
  program.compute(BPF_MOD, r0, r2);
  program.compute(BPF_ADD, r0, r1);
  program.store_key(r0);
  select_socket(program, sockets);
  program.land(none);
  program.land(chosen);
  program.set(r0, SK_PASS);
  program.exit();
  return program.take();
}

}  // namespace sluice::quic
