#include <grp.h>
#include <netdb.h>
#include <pwd.h>

#include <memory>

#include "addon/exports.h"
#include "net/address.h"

/// Names that a configuration may hold, looked up while it is read: users, groups, hosts.
namespace sluice::addon {

namespace {

/// lookUpUser(name): { uid, gid }, or null.
Napi::Value look_up_user(const Napi::CallbackInfo& info) {
  const passwd* entry = getpwnam(latin1(info[0]).c_str());
  if (entry == nullptr) return info.Env().Null();
  Napi::Object user = Napi::Object::New(info.Env());
  user.Set("uid", entry->pw_uid);
  user.Set("gid", entry->pw_gid);
  return user;
}

/// lookUpGroup(name): gid, or null.
Napi::Value look_up_group(const Napi::CallbackInfo& info) {
  const group* entry = getgrnam(latin1(info[0]).c_str());
  if (entry == nullptr) return info.Env().Null();
  return Napi::Number::New(info.Env(), entry->gr_gid);
}

struct AddressInfoDeleter {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

/// resolveHost(name): its addresses as text without port, in the system's order; empty when it has
/// none.
Napi::Value resolve_host(const Napi::CallbackInfo& info) {
  Napi::Array addresses = Napi::Array::New(info.Env());
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  if (getaddrinfo(latin1(info[0]).c_str(), nullptr, &hints, &list) != 0) return addresses;
  const std::unique_ptr<addrinfo, AddressInfoDeleter> owner(list);
  uint32_t count = 0;
  for (const addrinfo* item = list; item != nullptr; item = item->ai_next) {
    const net::Address address(item->ai_addr, item->ai_addrlen);
    addresses.Set(count++, address.text(false));
  }
  return addresses;
}

}  // namespace

void export_names(Napi::Env env, Napi::Object exports) {
  add(env, exports,
      {{"lookUpUser", look_up_user},
       {"lookUpGroup", look_up_group},
       {"resolveHost", resolve_host}});
}

}  // namespace sluice::addon
