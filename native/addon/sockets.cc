#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <string_view>

#include "addon/exports.h"
#include "net/address.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/// Listening sockets call by call: in which order and with which messages is decided in
/// src/proxy/cluster/listen-sockets.ts.
namespace sluice::addon {

namespace {

struct Option {
  std::string_view name;
  int level;
  int option;
};

constexpr Option options[] = {
    {"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR},
    {"SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT},
    {"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF},
    {"SO_RCVBUFFORCE", SOL_SOCKET, SO_RCVBUFFORCE},
    {"SO_SNDBUF", SOL_SOCKET, SO_SNDBUF},
    {"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE},
    {"SO_TYPE", SOL_SOCKET, SO_TYPE},
    {"SO_PROTOCOL", SOL_SOCKET, SO_PROTOCOL},
    {"IP_FREEBIND", IPPROTO_IP, IP_FREEBIND},
    {"IPV6_V6ONLY", IPPROTO_IPV6, IPV6_V6ONLY},
    {"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE},
    {"TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL},
    {"TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT},
    {"TCP_FASTOPEN", IPPROTO_TCP, TCP_FASTOPEN},
    {"TCP_DEFER_ACCEPT", IPPROTO_TCP, TCP_DEFER_ACCEPT},
};

const Option* find_option(std::string_view name) {
  for (const Option& option : options) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

Napi::Value throw_unknown_option(Napi::Env env, const std::string& name) {
  Napi::TypeError::New(env, "unknown socket option " + name).ThrowAsJavaScriptException();
  return env.Undefined();
}

/// openSocket(address, transport, multipath): a new descriptor, non-blocking, closed on exec.
Napi::Value open_socket(const Napi::CallbackInfo& info) {
  const auto address = net::Address::parse(latin1(info[0]));
  if (!address) return throw_system_error(info.Env(), "socket", EINVAL);
  const int type = latin1(info[1]) == "datagram" ? SOCK_DGRAM : SOCK_STREAM;
  const int protocol = info[2].ToBoolean() ? IPPROTO_MPTCP : 0;
  const int fd = socket(address->data()->sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  if (fd == -1) return throw_system_error(info.Env(), "socket", errno);
  return Napi::Number::New(info.Env(), fd);
}

/// bindSocket(fd, address)
Napi::Value bind_socket(const Napi::CallbackInfo& info) {
  const auto address = net::Address::parse(latin1(info[1]));
  if (!address) return throw_system_error(info.Env(), "bind", EINVAL);
  if (bind(integer(info[0]), address->data(), address->size()) == -1) {
    return throw_system_error(info.Env(), "bind", errno);
  }
  return info.Env().Undefined();
}

/// listenSocket(fd, backlog)
Napi::Value listen_socket(const Napi::CallbackInfo& info) {
  if (listen(integer(info[0]), integer(info[1])) == -1) {
    return throw_system_error(info.Env(), "listen", errno);
  }
  return info.Env().Undefined();
}

/// stopListening(fd): it stays bound, and can listen again.
Napi::Value stop_listening(const Napi::CallbackInfo& info) {
  if (shutdown(integer(info[0]), SHUT_RD) == -1) {
    return throw_system_error(info.Env(), "shutdown", errno);
  }
  return info.Env().Undefined();
}

/// setSocketOption(fd, name, value)
Napi::Value set_socket_option(const Napi::CallbackInfo& info) {
  const std::string name = latin1(info[1]);
  const Option* option = find_option(name);
  if (option == nullptr) return throw_unknown_option(info.Env(), name);
  const int value = integer(info[2]);
  if (setsockopt(integer(info[0]), option->level, option->option, &value, sizeof value) == -1) {
    return throw_system_error(info.Env(), "setsockopt", errno);
  }
  return info.Env().Undefined();
}

/// socketOption(fd, name): its value.
Napi::Value socket_option(const Napi::CallbackInfo& info) {
  const std::string name = latin1(info[1]);
  const Option* option = find_option(name);
  if (option == nullptr) return throw_unknown_option(info.Env(), name);
  int value = 0;
  socklen_t size = sizeof value;
  if (getsockopt(integer(info[0]), option->level, option->option, &value, &size) == -1) {
    return throw_system_error(info.Env(), "getsockopt", errno);
  }
  return Napi::Number::New(info.Env(), value);
}

/// socketAddress(fd): text, or null for a family that a listener cannot have.
Napi::Value socket_address(const Napi::CallbackInfo& info) {
  sockaddr_storage storage;
  socklen_t size = sizeof storage;
  auto* name = reinterpret_cast<sockaddr*>(&storage);
  if (getsockname(integer(info[0]), name, &size) == -1) {
    return throw_system_error(info.Env(), "getsockname", errno);
  }
  const net::Address address(name, size);
  if (address.empty()) return info.Env().Null();
  const std::string text = address.text();
  napi_value value;
  napi_create_string_latin1(info.Env(), text.data(), text.size(), &value);
  return {info.Env(), value};
}

}  // namespace

void export_sockets(Napi::Env env, Napi::Object exports) {
  add(env, exports,
      {{"openSocket", open_socket},
       {"bindSocket", bind_socket},
       {"listenSocket", listen_socket},
       {"stopListening", stop_listening},
       {"setSocketOption", set_socket_option},
       {"socketOption", socket_option},
       {"socketAddress", socket_address}});
}

}  // namespace sluice::addon
