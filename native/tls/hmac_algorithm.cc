#include "tls/hmac_algorithm.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <variant>

#include "tls/cleanse.h"
#include "tls/dispatch.h"
#include "tls/hmac.h"
#include "tls/openssl.h"
#include "tls/provider.h"

namespace sluice::tls {

namespace {

/// As long as nobody has said by which digest.
struct Undecided {
  bool begin(Bytes) { return false; }
  bool add(Bytes) { return false; }
  bool end(std::span<uint8_t>) { return false; }
  size_t size() const { return 0; }
  size_t block() const { return 0; }
};

/// A key, and a message that is added to.
template <typename Hash>
class Signing {
 public:
  Signing() = default;
  Signing(const Signing&) = default;
  Signing& operator=(const Signing&) = delete;
  ~Signing() {
    cleanse(bytes_);
    cleanse(message_);
  }

  /// Without a key, by the one before.
  bool begin(Bytes key) {
    if (key.data()) {
      take(key);
      key_ = HmacKey<Hash>(Bytes(bytes_).first(key_size_));
      has_key_ = true;
    }
    if (has_key_) message_ = key_.begin();
    is_empty_ = true;
    return has_key_;
  }
  bool add(Bytes bytes) {
    if (has_key_) message_.add(bytes);
    is_empty_ = false;
    return has_key_;
  }
  bool end(std::span<uint8_t> code) {
    if (has_key_) key_.end(message_, code);
    return has_key_;
  }
  size_t size() const { return Hash::size; }
  size_t block() const { return Hash::block; }

  /// No bytes where there is none, or something was signed already.
  Bytes unused_key() const {
    return has_key_ && is_empty_ ? Bytes(bytes_).first(key_size_) : Bytes();
  }

 private:
  // Of a longer one its digest is the key (RFC 2104, 2).
  void take(Bytes key) {
    key_size_ = key.size() > bytes_.size() ? Hash::size : key.size();
    if (key.size() <= bytes_.size()) {
      std::ranges::copy(key, bytes_.begin());
    } else {
      message_.begin();
      message_.add(key);
      message_.end(bytes_.data());
    }
  }

  HmacKey<Hash> key_;
  Hash message_;
  std::array<uint8_t, Hash::block> bytes_;
  size_t key_size_ = 0;
  bool has_key_ = false, is_empty_ = true;
};

/// By OpenSSL.
class Foreign {
 public:
  explicit Foreign(const char* digest) : context_(made()) {
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(digest), 0),
        OSSL_PARAM_construct_end(),
    };
    if (!set(parameters)) context_.reset();
  }
  Foreign(const Foreign& other)
      : context_(other.context_ ? EVP_MAC_CTX_dup(other.context_.get()) : nullptr) {}
  Foreign(Foreign&&) = default;
  Foreign& operator=(Foreign&&) = default;

  bool set(const OSSL_PARAM* parameters) {
    return context_ && EVP_MAC_CTX_set_params(context_.get(), parameters);
  }
  bool begin(Bytes key) {
    return context_ && EVP_MAC_init(context_.get(), key.data(), key.size(), nullptr);
  }
  bool add(Bytes bytes) {
    return context_ && EVP_MAC_update(context_.get(), bytes.data(), bytes.size());
  }
  bool end(std::span<uint8_t> code) {
    size_t size = 0;
    return context_ && EVP_MAC_final(context_.get(), code.data(), &size, code.size());
  }
  size_t size() const { return context_ ? EVP_MAC_CTX_get_mac_size(context_.get()) : 0; }
  size_t block() const { return context_ ? EVP_MAC_CTX_get_block_size(context_.get()) : 0; }

 private:
  static EVP_MAC_CTX* made() {
    static EVP_MAC* const hmac = EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, provided_by_others);
    return hmac ? EVP_MAC_CTX_new(hmac) : nullptr;
  }

  std::unique_ptr<EVP_MAC_CTX, Releaser<EVP_MAC_CTX_free>> context_;
};

using By256 = Signing<Sha256>;
using By384 = Signing<Sha384>;

/// What is behind an EVP_MAC_CTX.
class Code {
 public:
  bool set(const OSSL_PARAM* parameters) {
    const OSSL_PARAM* digest = OSSL_PARAM_locate_const(parameters, OSSL_MAC_PARAM_DIGEST);
    if (digest && !choose(*digest)) return false;
    // Of a record's data so many bytes count: the time must not tell how many.
    if (OSSL_PARAM_locate_const(parameters, OSSL_MAC_PARAM_TLS_DATA_SIZE) && !leave_to_openssl()) {
      return false;
    }
    if (auto* foreign = std::get_if<Foreign>(&state_)) return foreign->set(parameters);
    const OSSL_PARAM* key = OSSL_PARAM_locate_const(parameters, OSSL_MAC_PARAM_KEY);
    return !key || begin({static_cast<const uint8_t*>(key->data), key->data_size});
  }

  bool begin(Bytes key) {
    return std::visit([&](auto& state) { return state.begin(key); }, state_);
  }
  bool add(Bytes bytes) {
    return std::visit([&](auto& state) { return state.add(bytes); }, state_);
  }
  bool end(std::span<uint8_t> code) {
    return std::visit([&](auto& state) { return state.end(code); }, state_);
  }
  size_t size() const {
    return std::visit([](const auto& state) { return state.size(); }, state_);
  }
  size_t block() const {
    return std::visit([](const auto& state) { return state.block(); }, state_);
  }

 private:
  bool choose(const OSSL_PARAM& digest) {
    if (digest.data_type != OSSL_PARAM_UTF8_STRING) return false;
    std::string_view name = static_cast<const char*>(digest.data);
    if (name == "SHA2-256" || name == "SHA256") {
      if (!std::holds_alternative<By256>(state_)) state_.emplace<By256>();
    } else if (name == "SHA2-384" || name == "SHA384") {
      if (!std::holds_alternative<By384>(state_)) state_.emplace<By384>();
    } else if (!std::holds_alternative<Foreign>(state_)) {
      state_.emplace<Foreign>(name.data());
    }
    return true;
  }

  bool leave_to_openssl() {
    if (auto* by256 = std::get_if<By256>(&state_)) return leave(by256->unused_key(), "SHA256");
    if (auto* by384 = std::get_if<By384>(&state_)) return leave(by384->unused_key(), "SHA384");
    return std::holds_alternative<Foreign>(state_);
  }

  bool leave(Bytes key, const char* digest) {
    Foreign foreign(digest);
    if (!key.data() || !foreign.begin(key)) return false;
    state_.emplace<Foreign>(std::move(foreign));
    return true;
  }

  std::variant<Undecided, By256, By384, Foreign> state_;
};

// --- As OpenSSL calls it (provider-mac(7)) ---

Code& code(void* context) { return *static_cast<Code*>(context); }

void* new_context(void*) { return std::make_unique<Code>().release(); }

void* duplicate(void* context) { return std::make_unique<Code>(code(context)).release(); }

void free_context(void* context) { std::unique_ptr<Code> freed(static_cast<Code*>(context)); }

int init(void* context, const unsigned char* key, size_t size, const OSSL_PARAM* parameters) {
  return code(context).set(parameters) && code(context).begin({key, size});
}

int update(void* context, const unsigned char* bytes, size_t size) {
  return code(context).add({bytes, size});
}

int finish(void* context, unsigned char* out, size_t* size, size_t room) {
  *size = code(context).size();
  return *size <= room && code(context).end({out, *size});
}

int get(void* context, OSSL_PARAM* parameters) {
  OSSL_PARAM* size = OSSL_PARAM_locate(parameters, OSSL_MAC_PARAM_SIZE);
  OSSL_PARAM* block = OSSL_PARAM_locate(parameters, OSSL_MAC_PARAM_BLOCK_SIZE);
  return (!size || OSSL_PARAM_set_size_t(size, code(context).size())) &&
         (!block || OSSL_PARAM_set_size_t(block, code(context).block()));
}

int set(void* context, const OSSL_PARAM* parameters) { return code(context).set(parameters); }

const OSSL_PARAM* gettable(void*, void*) {
  static const OSSL_PARAM parameters[] = {
      OSSL_PARAM_size_t(OSSL_MAC_PARAM_SIZE, nullptr),
      OSSL_PARAM_size_t(OSSL_MAC_PARAM_BLOCK_SIZE, nullptr),
      OSSL_PARAM_END,
  };
  return parameters;
}

const OSSL_PARAM* settable(void*, void*) {
  static const OSSL_PARAM parameters[] = {
      OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_PROPERTIES, nullptr, 0),
      OSSL_PARAM_octet_string(OSSL_MAC_PARAM_KEY, nullptr, 0),
      OSSL_PARAM_size_t(OSSL_MAC_PARAM_TLS_DATA_SIZE, nullptr),
      OSSL_PARAM_END,
  };
  return parameters;
}

}  // namespace

const OSSL_ALGORITHM* hmac_algorithm() {
  static const OSSL_DISPATCH functions[] = {
      dispatched(OSSL_FUNC_MAC_NEWCTX, new_context),
      dispatched(OSSL_FUNC_MAC_DUPCTX, duplicate),
      dispatched(OSSL_FUNC_MAC_FREECTX, free_context),
      dispatched(OSSL_FUNC_MAC_INIT, init),
      dispatched(OSSL_FUNC_MAC_UPDATE, update),
      dispatched(OSSL_FUNC_MAC_FINAL, finish),
      dispatched(OSSL_FUNC_MAC_GET_CTX_PARAMS, get),
      dispatched(OSSL_FUNC_MAC_SET_CTX_PARAMS, set),
      dispatched(OSSL_FUNC_MAC_GETTABLE_CTX_PARAMS, gettable),
      dispatched(OSSL_FUNC_MAC_SETTABLE_CTX_PARAMS, settable),
      OSSL_DISPATCH_END,
  };
  static const OSSL_ALGORITHM codes[] = {
      {OSSL_MAC_NAME_HMAC, provided_by_us, functions, nullptr},
      {nullptr, nullptr, nullptr, nullptr},
  };
  return codes;
}

}  // namespace sluice::tls
