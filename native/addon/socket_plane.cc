#include "addon/socket_plane.h"

#include <pthread.h>

#include <future>
#include <utility>

#include "addon/exports.h"
#include "addon/fstack.h"

namespace sluice::addon {

using sockets::Batch;
using sockets::News;
using sockets::Order;
using sockets::SocketThread;

SocketPlane::SocketPlane(Napi::Env env, Napi::Function on_news, Napi::Function on_end)
    : inbox_(env, "sluice sockets", on_news, on_end, hand_over, this) {}

void SocketPlane::halt() {
  if (!thread_.joinable()) return;
  post({.kind = Order::Kind::halt});
  thread_.join();
}

bool SocketPlane::start(std::shared_ptr<FstackThread> fstack) {
  std::promise<bool> started;
  thread_ = fstack->become([this, fstack, &started] {
    pthread_setname_np(pthread_self(), "sockets");
    auto deliver = [this](Batch&& batch) { inbox_.push(std::move(batch)); };
    std::shared_ptr<SocketThread> sockets = SocketThread::create(fstack->make_stack(), deliver);
    std::atomic_store(&sockets_, sockets);
    const bool runs = sockets != nullptr;
    started.set_value(runs);  // which is gone from here on
    if (runs) sockets->run();
    std::atomic_store(&sockets_, std::shared_ptr<SocketThread>());
    sockets.reset();
    inbox_.end();
  });
  const bool runs = started.get_future().get();
  if (!runs) thread_.join();
  return runs;
}

void SocketPlane::post(Order order) {
  if (const auto sockets = std::atomic_load(&sockets_)) sockets->post(std::move(order));
}

sockets::Totals SocketPlane::totals() const {
  const auto sockets = std::atomic_load(&sockets_);
  return sockets ? sockets->totals() : sockets::Totals{};
}

namespace {

const char* name_of(News::Kind kind) {
  switch (kind) {
    case News::Kind::opened:
      return "opened";
    case News::Kind::accepted:
      return "accepted";
    case News::Kind::data:
      return "data";
    case News::Kind::sent:
      return "sent";
    case News::Kind::end:
      return "end";
    case News::Kind::datagram:
      return "datagram";
    case News::Kind::dropped:
      return "dropped";
    case News::Kind::failed:
      return "failed";
  }
  return "";
}

Napi::Value endpoint(Napi::Env env, const net::Address& address) {
  char text[net::Address::max_text];
  const char* end = address.format(text, false);
  Napi::Object object = Napi::Object::New(env);
  object.Set("address", Napi::String::New(env, text, size_t(end - text)));
  object.Set("port", Napi::Number::New(env, address.port()));
  return object;
}

/// As SocketNews of src/fstack-binding/addon.ts.
Napi::Value to_javascript(Napi::Env env, const News& news) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("kind", name_of(news.kind));
  object.Set("socket", Napi::Number::New(env, double(news.socket)));
  if (news.value) object.Set("value", Napi::Number::New(env, double(news.value)));
  if (news.kind == News::Kind::data || news.kind == News::Kind::datagram) {
    object.Set("bytes", Napi::Buffer<char>::Copy(env, news.bytes.data(), news.bytes.size()));
  }
  if (!news.remote.empty()) object.Set("remote", endpoint(env, news.remote));
  if (!news.local.empty()) object.Set("local", endpoint(env, news.local));
  return object;
}

}  // namespace

void SocketPlane::hand_over(void*, const Napi::Function& on_news, Batch& batch) {
  const Napi::Env env = on_news.Env();
  Napi::Array array = Napi::Array::New(env, batch.size());
  for (size_t i = 0; i < batch.size(); ++i) {
    array.Set(uint32_t(i), to_javascript(env, batch[i]));
  }
  batch.clear();
  on_news.Call({array});
}

namespace {

std::unique_ptr<SocketPlane> running;

net::Address address_of(const Napi::Value& value) {
  const auto object = value.As<Napi::Object>();
  std::string text = object.Get("address").ToString().Utf8Value();
  if (text.find(':') != text.npos) text = '[' + text + ']';
  return net::Address::parse(text, uint16_t(integer(object.Get("port")))).value_or(net::Address());
}

std::string bytes_of(const Napi::Value& value) {
  const auto array = value.As<Napi::Uint8Array>();
  return {reinterpret_cast<const char*>(array.Data()), array.ByteLength()};
}

sockets::Options options_of(const Napi::Value& value) {
  const auto object = value.As<Napi::Object>();
  auto number = [&](const char* name) { return object.Get(name).ToNumber().Uint32Value(); };
  sockets::Options options;
  options.backlog = int(number("backlog"));
  options.max_connections = number("maxConnections");
  options.window = number("window");
  options.idle_timeout_ms = number("idleTimeout");
  options.connect_timeout_ms = number("connectTimeout");
  options.no_delay = object.Get("noDelay").ToBoolean();
  options.keepalive.idle = int(number("keepAlive"));
  options.keepalive.on = options.keepalive.idle > 0;
  return options;
}

/// NAME(socket, …): an order.
template <Order::Kind kind>
Napi::Value order(const Napi::CallbackInfo& info) {
  using Kind = Order::Kind;
  Order order = {.kind = kind, .socket = info[0].ToNumber().Int64Value()};
  if constexpr (kind == Kind::listen || kind == Kind::connect || kind == Kind::bind) {
    order.address = address_of(info[1]);
    order.options = options_of(info[2]);
  } else if constexpr (kind == Kind::write || kind == Kind::send) {
    order.bytes = bytes_of(info[1]);
    if (kind == Kind::send) order.address = address_of(info[2]);
  } else if constexpr (kind == Kind::consumed) {
    order.count = uint64_t(info[1].ToNumber().Int64Value());
  }
  if (running) running->post(std::move(order));
  return info.Env().Undefined();
}

Napi::Value totals(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const sockets::Totals now = running ? running->totals() : sockets::Totals{};
  Napi::Object object = Napi::Object::New(env);
  auto set = [&](const char* name, uint64_t value) {
    object.Set(name, Napi::Number::New(env, double(value)));
  };
  set("connections", now.connections);
  set("accepted", now.accepted);
  set("acceptFailures", now.accept_failures);
  set("connected", now.connected);
  set("bytesReceived", now.bytes_received);
  set("bytesSent", now.bytes_sent);
  set("datagramsReceived", now.datagrams_received);
  set("datagramsDropped", now.datagrams_dropped);
  set("datagramsSent", now.datagrams_sent);
  set("datagramsRefused", now.datagrams_refused);
  set("packetsReceived", now.packets_received);
  set("packetBytesReceived", now.packet_bytes_received);
  set("packetsSent", now.packets_sent);
  set("packetBytesSent", now.packet_bytes_sent);
  set("receiveDrops", now.receive_drops);
  set("sendDrops", now.send_drops);
  set("turns", now.turns);
  set("idleTurns", now.idle_turns);
  return object;
}

/// halt(): at the process's end, before exit() takes apart what the thread uses.
Napi::Value halt(const Napi::CallbackInfo& info) {
  if (running) running->halt();
  return info.Env().Undefined();
}

/// startSockets({ onNews, onEnd }): on the thread that startFstack() has started.
Napi::Value start_sockets(const Napi::CallbackInfo& info) {
  using Kind = Order::Kind;
  const Napi::Env env = info.Env();
  const std::shared_ptr<FstackThread> fstack = take_fstack_thread();
  if (!fstack) {
    Napi::Error::New(env, "F-Stack was not started").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  const auto handlers = info[0].As<Napi::Object>();
  running = std::make_unique<SocketPlane>(env, handlers.Get("onNews").As<Napi::Function>(),
                                          handlers.Get("onEnd").As<Napi::Function>());
  napi_add_env_cleanup_hook(
      env, [](void*) { running.reset(); }, nullptr);
  if (!running->start(fstack)) return throw_system_error(env, "eventfd", EMFILE);
  Napi::Object sockets = Napi::Object::New(env);
  add(env, sockets,
      {{"listen", order<Kind::listen>},
       {"connect", order<Kind::connect>},
       {"bind", order<Kind::bind>},
       {"write", order<Kind::write>},
       {"send", order<Kind::send>},
       {"consumed", order<Kind::consumed>},
       {"finish", order<Kind::finish>},
       {"close", order<Kind::close>},
       {"reset", order<Kind::reset>},
       {"taken", order<Kind::taken>},
       {"stop", order<Kind::stop>},
       {"halt", halt},
       {"totals", totals}});
  return sockets;
}

}  // namespace

void export_socket_plane(Napi::Env env, Napi::Object exports) {
  add(env, exports, {{"startSockets", start_sockets}});
}

}  // namespace sluice::addon
