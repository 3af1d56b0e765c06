#include "fuzz/quic_client.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>

#include "fuzz/split.h"
#include "quic/tls_callbacks.h"
#include "quic/varint.h"

namespace sluice::fuzz {
namespace {

using Bytes = QuicClient::Bytes;

constexpr size_t number_size = 4;  ///< of a packet number, as it is sent
constexpr size_t smallest_initial = 1200;
constexpr uint8_t own_id[] = {1, 2, 3, 4, 5, 6, 7, 8};
constexpr uint8_t first_destination[] = {9, 8, 7, 6, 5, 4, 3, 2};
/// Windows, streams, connection IDs, our source connection ID, datagrams (RFC 9000, 18.2).
constexpr uint8_t transport_parameters[] = {
    0x04, 2,    0x7f, 0xff, 0x05, 2,    0x7f, 0xff, 0x06, 2,    0x7f, 0xff, 0x07, 2,
    0x7f, 0xff, 0x08, 1,    0x10, 0x09, 1,    8,    0x0e, 1,    4,    0x0f, 8,    1,
    2,    3,    4,    5,    6,    7,    8,    0x20, 4,    0x80, 0,    0xff, 0xff};

enum Frame : uint8_t { padding = 0, ping = 1, ack = 2, ack_ecn = 3, crypto = 6, stream = 0x0e };
constexpr uint8_t stream_end = 1;

const quic::CipherSuite& suite() { return quic::CipherSuite::initial(); }

void put_number(std::vector<uint8_t>& out, uint64_t number) {
  uint8_t bytes[quic::max_varint_size];
  out.insert(out.end(), bytes, quic::put_varint(bytes, number));
}

void put_counted(std::vector<uint8_t>& out, Bytes bytes) {
  put_number(out, bytes.size());
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// Of so many packets, the first ones.
void put_ack(std::vector<uint8_t>& out, uint64_t packets) {
  if (packets == 0) return;
  out.push_back(Frame::ack);
  for (uint64_t number : {packets - 1, uint64_t{0}, uint64_t{0}, packets - 1}) {
    put_number(out, number);
  }
}

uint64_t take_number(Bytes& from) {
  uint64_t value = 0;
  quic::VarintReader reader;
  FUZZ_REQUIRE(reader.read(from, value));
  return value;
}

std::array<uint8_t, quic::CipherSuite::iv_size> nonce(const quic::PacketKeys& keys,
                                                      uint32_t number) {
  auto made = keys.iv;
  for (size_t i = 0; i < number_size; ++i) made[made.size() - 1 - i] ^= uint8_t(number >> (8 * i));
  return made;
}

/// Header protection, on or off (RFC 9001, 5.4).
std::array<uint8_t, NGTCP2_HP_MASKLEN> mask(const quic::PacketKeys& keys, const uint8_t* sample) {
  std::array<uint8_t, NGTCP2_HP_MASKLEN> made;
  ngtcp2_crypto_cipher cipher = suite().as_context().hp;
  quic::header_mask(made.data(), &cipher, &keys.header, sample);
  return made;
}

uint8_t covered_bits(uint8_t first) { return first & 0x80 ? 0x0f : 0x1f; }

SSL_CTX* make_context() {
  SSL_CTX* made = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(made, TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(made, "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set1_groups_list(made, "X25519");
  return made;
}

}  // namespace

/// What OpenSSL calls (SSL_set_quic_tls_cbs(3)): 1 is success.
struct QuicClientCallbacks {
  static QuicClient& of(void* argument) { return *static_cast<QuicClient*>(argument); }

  static QuicClient::Level level_of(uint32_t protection) {
    if (protection == OSSL_RECORD_PROTECTION_LEVEL_HANDSHAKE) return QuicClient::Level::handshake;
    if (protection == OSSL_RECORD_PROTECTION_LEVEL_NONE) return QuicClient::Level::initial;
    return QuicClient::Level::application;
  }
  static int crypto_send(SSL*, const unsigned char* data, size_t size, size_t* consumed,
                         void* argument) {
    std::vector<uint8_t>& out = of(argument).crypto(of(argument).write_level_).outgoing;
    out.insert(out.end(), data, data + size);
    *consumed = size;
    return 1;
  }
  static int crypto_receive(SSL*, const unsigned char** data, size_t* size, void* argument) {
    std::vector<uint8_t>& in = of(argument).crypto(of(argument).read_level_).incoming;
    *data = in.data();
    *size = in.size();
    return 1;
  }
  static int crypto_release(SSL*, size_t size, void* argument) {
    std::vector<uint8_t>& in = of(argument).crypto(of(argument).read_level_).incoming;
    in.erase(in.begin(), in.begin() + std::ptrdiff_t(size));
    return 1;
  }
  static int yield_secret(SSL*, uint32_t protection, int direction, const unsigned char* secret,
                          size_t size, void* argument) {
    QuicClient::Level level = level_of(protection);
    of(argument).install(level, direction != 0, {secret, size});
    (direction ? of(argument).write_level_ : of(argument).read_level_) = level;
    return 1;
  }
  static int got_transport_parameters(SSL*, const unsigned char*, size_t, void*) { return 1; }
  static int alert(SSL*, unsigned char, void*) { return 1; }
};

QuicClient::QuicClient(uint16_t server_port)
    : destination_(std::begin(first_destination), std::end(first_destination)) {
  server_.sin_family = AF_INET;
  server_.sin_port = htons(server_port);
  server_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  move();
  static SSL_CTX* context = make_context();
  ssl_.reset(SSL_new(context));
  SSL_set_connect_state(ssl_.get());
  SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>("\2h3"), 3);
  SSL_set_quic_tls_cbs(ssl_.get(), quic::tls_callbacks<QuicClientCallbacks>(), this);
  SSL_set_quic_tls_transport_params(ssl_.get(), transport_parameters, sizeof transport_parameters);
  quic::InitialSecrets secrets = quic::InitialSecrets::derive(destination_);
  install(Level::initial, true, secrets.client);
  install(Level::initial, false, secrets.server);
}

QuicClient::~QuicClient() {
  for (Keys& keys : keys_) {
    keys.writing.release();
    keys.reading.release();
  }
}

void QuicClient::install(Level level, bool writing, Bytes secret) {
  Keys& own = keys(level);
  (writing ? own.writing : own.reading) = quic::PacketKeys::derive(suite(), secret, writing);
  if (!writing) return;
  std::ranges::copy(secret, own.secret.begin());
  own.there = true;
}

// --- TLS ---

void QuicClient::say() {
  int result = SSL_do_handshake(ssl_.get());
  FUZZ_REQUIRE(result > 0 || SSL_get_error(ssl_.get(), result) != SSL_ERROR_SSL);
  for (Level level : {Level::initial, Level::handshake}) {
    std::vector<uint8_t> out = std::exchange(crypto(level).outgoing, {});
    if (out.empty()) continue;
    std::vector<uint8_t> payload;
    put_ack(payload, keys(level).received);
    payload.insert(payload.end(), {Frame::crypto, 0});
    put_counted(payload, out);
    if (level == Level::initial) payload.resize(std::max(payload.size(), smallest_initial));
    send(level, payload);
  }
}

void QuicClient::receive() {
  static uint8_t datagram[65536];
  for (;;) {
    ssize_t size = ::recv(socket_.get(), datagram, sizeof datagram, 0);
    if (size <= 0) return;
    Bytes rest(datagram, size_t(size));
    while (!rest.empty() && (rest[0] & 0x80)) rest = take_packet(rest);
    keys(Level::application).received += !rest.empty();
  }
}

// One packet of the handshake; what lies behind it.
QuicClient::Bytes QuicClient::take_packet(Bytes datagram) {
  auto level = Level(datagram[0] >> 4 & 3);
  Bytes rest = datagram.subspan(5);
  auto take_id = [&] {
    Bytes id = rest.subspan(1, rest[0]);
    rest = rest.subspan(1 + id.size());
    return id;
  };
  take_id();
  Bytes source = take_id();
  // The server's connection ID stays what it has said first.
  if (!complete()) destination_.assign(source.begin(), source.end());
  if (level == Level::initial) rest = rest.subspan(size_t(take_number(rest)));
  uint64_t length = take_number(rest);
  size_t number_at = datagram.size() - rest.size();
  Bytes packet = datagram.first(number_at + size_t(length));
  if (level == Level::initial || level == Level::handshake) open(level, packet, number_at);
  return datagram.subspan(packet.size());
}

void QuicClient::open(Level level, Bytes sealed, size_t number_at) {
  const quic::PacketKeys& reading = keys(level).reading;
  if (!keys(level).there) return;
  std::vector<uint8_t> packet(sealed.begin(), sealed.end());
  auto bits = mask(reading, &packet[number_at + number_size]);
  packet[0] ^= bits[0] & covered_bits(packet[0]);
  size_t size = (packet[0] & 3) + 1;
  uint32_t number = 0;
  for (size_t i = 0; i < size; ++i) {
    packet[number_at + i] ^= bits[1 + i];
    number = number << 8 | packet[number_at + i];
  }
  size_t head_size = number_at + size;
  std::vector<uint8_t> plain(packet.size() - head_size);
  int error = quic::decrypt(plain.data(), nullptr, &reading.aead, &packet[head_size], plain.size(),
                            nonce(reading, number).data(), quic::CipherSuite::iv_size,
                            packet.data(), head_size);
  if (error != 0) return;
  keys(level).received++;
  take_frames(level, Bytes(plain).first(plain.size() - quic::CipherSuite::tag_size));
}

void QuicClient::take_frames(Level level, Bytes frames) {
  while (!frames.empty()) {
    uint64_t type = take_number(frames);
    if (type == Frame::ack || type == Frame::ack_ecn) {
      take_number(frames), take_number(frames);
      uint64_t ranges = take_number(frames);
      uint64_t more = 1 + 2 * ranges + (type == Frame::ack_ecn ? 3 : 0);
      for (uint64_t i = 0; i < more; ++i) take_number(frames);
    } else if (type == Frame::crypto) {
      uint64_t offset = take_number(frames);
      Bytes bytes = frames.first(size_t(take_number(frames)));
      frames = frames.subspan(bytes.size());
      CryptoStream& stream = crypto(level);
      if (offset != stream.received) continue;
      stream.received += bytes.size();
      stream.incoming.insert(stream.incoming.end(), bytes.begin(), bytes.end());
      // What comes next may need the keys that this brings.
      say();
    } else if (type != Frame::padding && type != Frame::ping) {
      return;
    }
  }
}

// --- Packets ---

std::vector<uint8_t> QuicClient::head(Level level, size_t payload) const {
  std::vector<uint8_t> made;
  if (level == Level::application) {
    made.push_back(uint8_t(0x40 | key_phase_ << 2 | (number_size - 1)));
    made.insert(made.end(), destination_.begin(), destination_.end());
    return made;
  }
  made = {uint8_t(0xc0 | uint8_t(level) << 4 | (number_size - 1)), 0, 0, 0, 1};
  put_counted(made, destination_);
  put_counted(made, own_id);
  if (level == Level::initial) made.push_back(0);
  put_number(made, number_size + payload + quic::CipherSuite::tag_size);
  return made;
}

void QuicClient::send(Level level, Bytes frames) {
  Keys& own = keys(level);
  if (!own.there || frames.empty()) return;
  std::vector<uint8_t> packet = head(level, frames.size());
  size_t number_at = packet.size();
  uint32_t number = own.next++;
  for (int shift = 24; shift >= 0; shift -= 8) packet.push_back(uint8_t(number >> shift));
  size_t head_size = packet.size();
  packet.resize(head_size + frames.size() + quic::CipherSuite::tag_size);
  quic::encrypt(&packet[head_size], nullptr, &own.writing.aead, frames.data(), frames.size(),
                nonce(own.writing, number).data(), quic::CipherSuite::iv_size, packet.data(),
                head_size);
  auto bits = mask(own.writing, &packet[head_size]);
  packet[0] ^= bits[0] & covered_bits(packet[0]);
  for (size_t i = 0; i < number_size; ++i) packet[number_at + i] ^= bits[1 + i];
  send_raw(packet);
}

void QuicClient::send_raw(Bytes datagram) {
  ::sendto(socket_.get(), datagram.data(), datagram.size(), 0,
           reinterpret_cast<const sockaddr*>(&server_), sizeof server_);
}

void QuicClient::send_stream(uint64_t id, Bytes bytes, bool end) {
  uint64_t& offset = sent_[id];
  std::vector<uint8_t> frame = {uint8_t(Frame::stream | (end ? stream_end : 0))};
  put_number(frame, id);
  put_number(frame, offset);
  put_counted(frame, bytes);
  offset += bytes.size();
  send(Level::application, frame);
}

void QuicClient::acknowledge() {
  std::vector<uint8_t> frame;
  put_ack(frame, keys(Level::application).received);
  send(Level::application, frame);
}

void QuicClient::move() {
  socket_.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  FUZZ_REQUIRE(socket_);
}

void QuicClient::update_keys() {
  Keys& own = keys(Level::application);
  std::array<uint8_t, 32> next;
  quic::update_secret(suite(), own.secret, next);
  own.secret = next;
  quic::delete_aead(nullptr, &own.writing.aead, nullptr);
  quic::derive_updated(suite(), own.secret, true, own.writing.aead, own.writing.iv.data());
  key_phase_ ^= 1;
}

}  // namespace sluice::fuzz
