#include "quic/endpoint.h"

#include <openssl/rand.h>

#include <algorithm>
#include <ctime>

#include "base/clock.h"
#include "quic/packet_protection.h"
#include "quic/steering.h"

namespace sluice::quic {
namespace {

constexpr uint32_t versions[] = {NGTCP2_PROTO_VER_V1};
/// A client's first datagram is at least so long (RFC 9000, 14.1).
constexpr size_t min_initial = 1200;
/// A packet shorter than this is answered with no reset: it could go on for ever (RFC
/// 9000, 10.3.3).
constexpr size_t min_reset = 43;

/// Services that answer a datagram with a larger one: no client uses their ports.
bool reflects(uint16_t port) {
  constexpr uint16_t ports[] = {0,   7,   13,  17,  19,   53,   69,   111,  123,  137,
                                161, 389, 500, 520, 1900, 3283, 3702, 5353, 11211};
  return std::ranges::binary_search(ports, port);
}

ConnectionId as_id(const ngtcp2_cid& id) { return ConnectionId({id.data, id.datalen}); }

}  // namespace

uint64_t monotonic_ns() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t(now.tv_sec) * 1'000'000'000 + uint64_t(now.tv_nsec);
}

Endpoint::Endpoint(net::Stack& stack, const net::ListenSocket& socket,
                   const ConnectionIdScheme& scheme, const HostKeys& keys, Acceptor& acceptor)
    : scheme_(scheme), keys_(keys), acceptor_(acceptor), stack_(stack) {
  sockaddr_storage name;
  socklen_t size = sizeof name;
  if (::getsockname(socket.descriptor, reinterpret_cast<sockaddr*>(&name), &size) == 0) {
    address_ = net::Address(reinterpret_cast<const sockaddr*>(&name), size);
  }
  socket_ = stack.open_datagrams(socket, *this);
}

Endpoint::~Endpoint() {
  while (!connections_.empty()) {
    Connection& connection = connections_.front();
    connection.terminate();
    remove(connection);
  }
}

// --- Connections ---

ConnectionId Endpoint::new_id(Connection& connection) {
  ConnectionId id = scheme_.make();
  add_id(id, connection);
  return id;
}

void Endpoint::add_id(const ConnectionId& id, Connection& connection) {
  if (by_id_.emplace(id, &connection).second) connection.add_id(id);
}

void Endpoint::remove_id(const ConnectionId& id) { by_id_.erase(id); }

Connection* Endpoint::find(std::span<const uint8_t> id) {
  if (id.size() > ConnectionId::max_size) return nullptr;
  auto found = by_id_.find(ConnectionId(id));
  return found == by_id_.end() ? nullptr : found->second;
}

void Endpoint::schedule(Connection& connection) {
  if (!connection.ListHook<ConnectionsToWrite>::linked()) to_write_.push_back(connection);
  if (!socket_->blocked()) stack_.visit_later(*this);
}

void Endpoint::remove(Connection& connection) {
  for (const ConnectionId& id : connection.ids()) by_id_.erase(id);
  connection.OfEndpoint::unlink();
  std::unique_ptr<Connection> owned(&connection);
}

// Once each: what they have more comes with the next turn, which doesn't wait.
void Endpoint::visit() {
  uint64_t now = monotonic_ns();
  IntrusiveList<Connection, ConnectionsToWrite> due;
  due.splice(to_write_);
  while (!due.empty()) due.pop_front().write(now);
}

void Endpoint::on_room() {
  if (!to_write_.empty()) stack_.visit_later(*this);
}

// --- Packets ---

void Endpoint::deliver(const net::Datagram& datagram, Origin origin) {
  ngtcp2_version_cid ids;
  int error = ngtcp2_pkt_decode_version_cid(&ids, datagram.bytes.data(), datagram.bytes.size(),
                                            scheme_.size_in(datagram.bytes));
  bool unknown_version = error == NGTCP2_ERR_VERSION_NEGOTIATION ||
                         (error == 0 && ids.version != 0 && ids.version != NGTCP2_PROTO_VER_V1);
  if (unknown_version) {
    negotiate_version(datagram, ids);
    return;
  }
  if (error != 0) return;
  std::span<const uint8_t> id(ids.dcid, ids.dcidlen);
  if (Connection* connection = find(id)) {
    connection->receive(datagram, monotonic_ns());
    return;
  }
  auto place = scheme_.locate(id);
  if (place && router_ && router_->route(*place, id, datagram, origin)) return;
  bool long_header = datagram.bytes[0] & long_header_bit;
  if (long_header) {
    accept(datagram);
  } else {
    send_reset(datagram, id);
  }
}

void Endpoint::accept(const net::Datagram& datagram) {
  ngtcp2_pkt_hd header;
  if (datagram.bytes.size() < min_initial || reflects(datagram.remote.port())) return;
  int error = ngtcp2_accept(&header, datagram.bytes.data(), datagram.bytes.size());
  if (error != 0 && error != NGTCP2_ERR_RETRY) return;

  const TransportSettings& settings = acceptor_.settings(datagram.local);
  TokenVerdict verdict = keys_.check_token({header.token.base, header.token.len}, datagram.remote,
                                           as_id(header.dcid), Clock::of_thread().seconds());
  if (verdict.kind == TokenVerdict::Kind::forged) {
    refuse(datagram, header, NGTCP2_INVALID_TOKEN);
    return;
  }
  bool retry = settings.retry || handshaking_ >= retry_above || error == NGTCP2_ERR_RETRY;
  if (retry && verdict.kind == TokenVerdict::Kind::none) {
    send_retry(datagram, header);
    return;
  }
  auto owned = std::make_unique<Connection>(*this);
  Acceptor::Acceptance accepted = acceptor_.accept(*owned, datagram.remote, datagram.local);
  if (!accepted.application) {
    refuse(datagram, header, NGTCP2_CONNECTION_REFUSED);
    return;
  }
  uint64_t now = monotonic_ns();
  Connection::Beginning beginning{header, datagram.remote, datagram.local, verdict};
  if (!owned->begin(beginning, settings, *accepted.application, std::move(accepted.ssl),
                    accepted.early_data, now)) {
    accepted.application->on_closed("quic connection cannot be made");
    for (const ConnectionId& id : owned->ids()) by_id_.erase(id);
    return;
  }
  Connection& connection = *owned.release();
  connections_.push_back(connection);
  connection.receive(datagram, now);
}

// --- Answers to packets of no connection ---

bool Endpoint::may_answer() {
  int64_t second = Clock::of_thread().seconds();
  if (std::exchange(answers_second_, second) != second) answers_ = 0;
  return answers_++ < most_answers;
}

void Endpoint::send(const net::Datagram& answered, std::span<const uint8_t> packet) {
  std::span<uint8_t> room = socket_->prepare(packet.size());
  if (room.empty()) return;
  std::ranges::copy(packet, room.begin());
  socket_->commit(packet.size(), {.remote = answered.remote, .local = answered.local});
}

// RFC 9000, 6.
void Endpoint::negotiate_version(const net::Datagram& datagram, const ngtcp2_version_cid& ids) {
  if (datagram.bytes.size() < min_initial || !may_answer()) return;
  uint8_t unused;
  RAND_bytes(&unused, 1);
  uint8_t packet[min_initial];
  ngtcp2_ssize size =
      ngtcp2_pkt_write_version_negotiation(packet, sizeof packet, unused, ids.scid, ids.scidlen,
                                           ids.dcid, ids.dcidlen, versions, std::size(versions));
  if (size > 0) send(datagram, {packet, size_t(size)});
}

// RFC 9000, 8.1.2. Small beside what it answers, and cheap: under a flood it is what still lets
// clients in, so there is no limit to it.
void Endpoint::send_retry(const net::Datagram& datagram, const ngtcp2_pkt_hd& header) {
  ConnectionId retry_id = scheme_.make();
  std::vector<uint8_t> token = keys_.retry_token(datagram.remote, as_id(header.dcid), retry_id,
                                                 Clock::of_thread().seconds());
  const CipherSuite& suite = CipherSuite::initial();
  ngtcp2_crypto_aead aead = suite.as_aead();
  ngtcp2_crypto_aead_ctx context =
      new_aead(suite.aead, reinterpret_cast<const uint8_t*>(NGTCP2_RETRY_KEY_V1), true);
  ngtcp2_cid id;
  ngtcp2_cid_init(&id, retry_id.bytes.data(), retry_id.size);
  uint8_t packet[min_initial];
  ngtcp2_ssize size =
      ngtcp2_pkt_write_retry(packet, sizeof packet, header.version, &header.scid, &id, &header.dcid,
                             token.data(), token.size(), encrypt, &aead, &context);
  delete_aead(nullptr, &context, nullptr);
  if (size > 0) send(datagram, {packet, size_t(size)});
}

void Endpoint::refuse(const net::Datagram& datagram, const ngtcp2_pkt_hd& header, uint64_t error) {
  if (!may_answer()) return;
  const CipherSuite& suite = CipherSuite::initial();
  InitialSecrets secrets = InitialSecrets::derive({header.dcid.data, header.dcid.datalen});
  PacketKeys keys = PacketKeys::derive(suite, secrets.server, true);
  ngtcp2_crypto_ctx context = suite.as_context();
  uint8_t packet[min_initial];
  ngtcp2_ssize size = ngtcp2_pkt_write_connection_close(
      packet, sizeof packet, header.version, &header.scid, &header.dcid, error, nullptr, 0, encrypt,
      &context.aead, &keys.aead, keys.iv.data(), header_mask, &context.hp, &keys.header);
  keys.release();
  if (size > 0) send(datagram, {packet, size_t(size)});
}

// RFC 9000, 10.3: never longer than what it answers.
void Endpoint::send_reset(const net::Datagram& datagram, std::span<const uint8_t> id) {
  if (datagram.bytes.size() < min_reset || !may_answer()) return;
  std::array<uint8_t, 16> token = keys_.reset_token(ConnectionId(id));
  uint8_t noise[24];
  RAND_bytes(noise, sizeof noise);
  uint8_t packet[64];
  ngtcp2_ssize size =
      ngtcp2_pkt_write_stateless_reset(packet, sizeof packet, token.data(), noise, sizeof noise);
  if (size > 0) send(datagram, {packet, size_t(size)});
}

}  // namespace sluice::quic
