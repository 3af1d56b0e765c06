// Records of a TLS client after its handshake: garbage, and genuine records of any kind. Data comes
// through as it was sealed, and ends where something is wrong; what is answered are whole records,
// and the key changes when so many have gone out that it is due.

#include <sys/socket.h>

#include <algorithm>
#include <string>

#include "fuzz/data_plane.h"
#include "fuzz/split.h"
#include "tls/hmac.h"
#include "tls/record_protocol.h"

namespace {

using namespace sluice;
using namespace sluice::tls;

constexpr size_t room_size = 2 * RecordProtocol::most_room;
constexpr std::string_view key_update("\x18\0\0\1", 4);

const RecordSuite& suite_of(uint8_t choice) {
  static const RecordSuite suites[] = {
      {EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr), EVP_sha256(), 16, false},
      {EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr), EVP_sha384(), 32, false},
      {EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr), EVP_sha256(), 32, true}};
  return suites[choice % 3];
}

KeyScheduleNotes::Traffic traffic_of(const RecordSuite& suite, std::span<const uint8_t> secret) {
  KeyScheduleNotes::Traffic traffic;
  LabelExpansion expand(suite.digest, secret);
  uint8_t key[32];
  Nonce iv;
  expand("key", std::span(key).first(suite.key_size));
  expand("iv", iv);
  traffic.secret.set(secret);
  traffic.key.set(std::span(key).first(suite.key_size));
  traffic.iv.set(iv);
  return traffic;
}

RecordKeys::Both keys_of(uint8_t choice) {
  const RecordSuite& suite = suite_of(choice);
  uint8_t secret[48] = {choice};
  std::span<const uint8_t> whole(secret, size_t(EVP_MD_get_size(suite.digest)));
  if (choice & 0x80) {
    return RecordKeys::from_master_secret(suite, secret, whole.first(32), whole.first(32));
  }
  RecordKeys client = RecordKeys::from_traffic(suite, traffic_of(suite, whole));
  secret[1] = 1;
  return {client, RecordKeys::from_traffic(suite, traffic_of(suite, whole))};
}

/// What a client does, as the input says.
class Client {
 public:
  Client(const RecordKeys& keys, std::string_view script) : sealer_(keys), script_(script) {}

  /// The bytes of its next step; empty: there is none.
  std::string step() {
    if (script_.size() < 3) return {};
    uint8_t kind = take_byte();
    uint8_t type = take_byte();
    std::string_view content = take(take_byte());
    switch (kind % 4) {
      case 0:  // anything
        return std::string(content.empty() ? std::string_view("\x17") : content);
      case 1:  // an update that nobody was told of
        if (sealer_.is_tls13()) sealer_.update();
        return sealed(type, content);
      case 2:
        return sealed(SSL3_RT_APPLICATION_DATA, content);
      default:
        return sealed(type, content);
    }
  }

  /// The beginning of the data that has to come through.
  const std::string& data() const { return data_; }

 private:
  uint8_t take_byte() { return script_.empty() ? 0 : uint8_t(take(1)[0]); }
  std::string_view take(size_t size) {
    std::string_view taken = script_.substr(0, size);
    script_.remove_prefix(taken.size());
    return taken;
  }
  std::string sealed(uint8_t type, std::string_view content) {
    // In TLS 1.3 that would be padding behind whatever the content ends with.
    if (type == 0) type = SSL3_RT_ALERT;
    std::string record(sealer_.sealed_size(content.size()), '\0');
    iovec piece{const_cast<char*>(content.data()), content.size()};
    FUZZ_REQUIRE(sealer_.seal(record::Type(type), {&piece, 1}, content.size(), record));
    if (type == SSL3_RT_APPLICATION_DATA) data_ += content;
    if (type == SSL3_RT_HANDSHAKE && content.starts_with(key_update) && sealer_.is_tls13()) {
      sealer_.update();
    }
    return record;
  }

  RecordSealer sealer_;
  std::string_view script_;
  std::string data_;
};

/// Returns how often the key has changed.
int check_answers(const RecordKeys& keys, std::string_view output, std::string_view expected) {
  RecordOpener opener(keys, record::largest_plaintext);
  char room[RecordOpener::most_room];
  std::span<const char> rest(output);
  std::string got;
  int updates = 0;
  while (!rest.empty()) {
    RecordOpener::Record record;
    FUZZ_REQUIRE(opener.open(rest, room, record) == RecordOpener::Outcome::record);
    switch (record.type) {
      case record::Type::application_data:
        got.append(record.content.data(), record.content.size());
        break;
      case record::Type::handshake:
        opener.update();
        ++updates;
        break;
      default:
        FUZZ_REQUIRE(record.type == record::Type::alert);
    }
  }
  FUZZ_REQUIRE(got == expected);
  return updates;
}

/// So many records of one byte.
std::string write_records(RecordProtocol& protocol, int count) {
  std::string written;
  for (int i = 0; i < count; ++i) {
    char byte = char('a' + i % 26);
    iovec piece{&byte, 1};
    FUZZ_REQUIRE(protocol.write({&piece, 1}, 1, protocol.prepare(1, size_t(count - i - 1))));
    written += byte;
  }
  return written;
}

}  // namespace

// The first byte chooses version and cipher, the second how the rest is cut, and how many records
// go out: around the one after which the key is due.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  fuzz::DataPlane& plane = fuzz::DataPlane::instance();
  RecordKeys::Both keys = keys_of(data[0]);
  size_t cut = size_t{1} << (data[1] & 15);
  constexpr uint64_t most_records = uint64_t{1} << 24;
  constexpr int before_last = 3;
  keys.server.sequence = most_records - before_last;
  int going_out = data[1] >> 4;
  Client client(keys.client, {reinterpret_cast<const char*>(data) + 2, size - 2});

  Descriptor peer;
  net::StreamPtr below = plane.connect(peer);
  RecordProtocol protocol(keys.client, keys.server, record::largest_plaintext, *below);
  std::string sent = write_records(protocol, going_out);
  std::string got;
  for (std::string bytes = client.step(); !bytes.empty(); bytes = client.step()) {
    for (size_t at = 0; at < bytes.size(); at += cut) {
      fuzz::Exact exact(std::string_view(bytes).substr(at, cut));
      std::span<const char> input(exact.view());
      while (!input.empty() && !protocol.failed() && !protocol.ended()) {
        char room[room_size];
        size_t filled = protocol.read(input, room);
        FUZZ_REQUIRE(filled <= room_size);
        got.append(room, filled);
        if (protocol.owes_update()) protocol.answer_update();
      }
      if (protocol.failed()) FUZZ_REQUIRE(!take_errors().empty());
      if (protocol.failed() || protocol.ended()) break;
    }
    if (protocol.failed() || protocol.ended()) break;
  }
  FUZZ_REQUIRE(client.data().starts_with(got));
  below->flush();
  plane.turn();
  std::string output(65536, '\0');
  ssize_t received = ::recv(peer.get(), output.data(), output.size(), 0);
  output.resize(size_t(std::max<ssize_t>(received, 0)));
  int updates = check_answers(keys.server, output, sent);
  bool due = keys.server.is_tls13() && going_out >= before_last;
  FUZZ_REQUIRE(updates >= int(due));
  below.reset();
  plane.turn();
  return 0;
}
