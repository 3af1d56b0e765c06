#include "quic/connection_id.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <cstring>

#include "tls/openssl.h"

namespace sluice::quic {
namespace {

constexpr size_t block_size = 16;
constexpr size_t owner_at = block_size - 4;
static_assert(ConnectionIdScheme::size == 1 + block_size);

struct HashKey {
  uint64_t first, second;
};

const HashKey& hash_key() {
  static const HashKey key = [] {
    HashKey made;
    RAND_bytes(reinterpret_cast<unsigned char*>(&made), sizeof made);
    return made;
  }();
  return key;
}

uint64_t mix(uint64_t a, uint64_t b) {
  unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return uint64_t(product) ^ uint64_t(product >> 64);
}

uint16_t number_at(std::span<const uint8_t> bytes, size_t at) {
  return uint16_t(bytes[at] << 8 | bytes[at + 1]);
}

void put_number(std::span<uint8_t> bytes, size_t at, uint16_t value) {
  bytes[at] = uint8_t(value >> 8);
  bytes[at + 1] = uint8_t(value);
}

}  // namespace

size_t ConnectionIdHash::operator()(const ConnectionId& id) const {
  const HashKey& key = hash_key();
  uint64_t words[3] = {};
  static_assert(sizeof words >= ConnectionId::max_size);
  std::memcpy(words, id.bytes.data(), id.size);
  uint64_t hash = mix(words[0] ^ key.first, words[1] ^ key.second);
  return size_t(mix(hash ^ key.second, words[2] ^ key.first ^ id.size));
}

struct ConnectionIdScheme::Cipher {
  using Context = std::unique_ptr<EVP_CIPHER_CTX, tls::Releaser<EVP_CIPHER_CTX_free>>;
  explicit Cipher(const std::string& key) : seal(EVP_CIPHER_CTX_new()), open(EVP_CIPHER_CTX_new()) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(key.data());
    EVP_EncryptInit_ex(seal.get(), EVP_aes_128_ecb(), nullptr, bytes, nullptr);
    EVP_DecryptInit_ex(open.get(), EVP_aes_128_ecb(), nullptr, bytes, nullptr);
    EVP_CIPHER_CTX_set_padding(seal.get(), 0);
    EVP_CIPHER_CTX_set_padding(open.get(), 0);
  }
  Context seal;
  Context open;
};

ConnectionIdScheme::ConnectionIdScheme(const Settings& settings, Owner self)
    : settings_(settings), self_(self) {
  if (settings_.key.size() == block_size) cipher_ = std::make_unique<Cipher>(settings_.key);
}

ConnectionIdScheme::~ConnectionIdScheme() = default;

ConnectionId ConnectionIdScheme::make() const {
  ConnectionId id;
  id.size = size;
  id.bytes[0] = first_octet();
  std::span<uint8_t> block(id.bytes.data() + 1, block_size);
  RAND_bytes(block.data(), int(block.size()));
  std::ranges::copy(settings_.host_id, block.begin());
  put_number(block, owner_at, self_.worker);
  put_number(block, owner_at + 2, self_.generation);
  if (cipher_) {
    int written = 0;
    EVP_EncryptUpdate(cipher_->seal.get(), block.data(), &written, block.data(), int(block_size));
  }
  return id;
}

bool ConnectionIdScheme::read(std::span<const uint8_t> id, std::array<uint8_t, block_size>& plain,
                              Meaning& meaning) const {
  if (id.size() != size || id[0] != first_octet()) return false;
  std::ranges::copy(id.subspan(1), plain.begin());
  if (cipher_) {
    int written = 0;
    EVP_DecryptUpdate(cipher_->open.get(), plain.data(), &written, plain.data(), int(block_size));
  }
  meaning.host_id = {reinterpret_cast<const char*>(plain.data()), settings_.host_id.size()};
  meaning.owner = {number_at(plain, owner_at), number_at(plain, owner_at + 2)};
  return true;
}

std::optional<ConnectionIdScheme::Owner> ConnectionIdScheme::owner(
    std::span<const uint8_t> id) const {
  std::array<uint8_t, block_size> plain;
  Meaning meaning;
  if (!read(id, plain, meaning) || meaning.host_id != settings_.host_id) return std::nullopt;
  return meaning.owner;
}

}  // namespace sluice::quic
