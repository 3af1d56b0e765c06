#include <cerrno>
#include <vector>

#include "addon/exports.h"
#include "quic/reuseport_group.h"

/// How the kernel takes QUIC packets to their sockets: set up by the master,
/// src/quic/packet-routing.ts.
namespace sluice::addon {

namespace {

/// {shapes: [[firstOctet, size], …], processKey}
quic::Steering read_steering(const Napi::Value& value) {
  Napi::Object object = value.As<Napi::Object>();
  quic::Steering steering;
  Napi::Array shapes = object.Get("shapes").As<Napi::Array>();
  for (uint32_t i = 0; i < shapes.Length(); ++i) {
    Napi::Array shape = Napi::Value(shapes[i]).As<Napi::Array>();
    steering.shapes.push_back({uint8_t(integer(shape[0u])), uint8_t(integer(shape[1u]))});
  }
  Napi::Uint8Array key = object.Get("processKey").As<Napi::Uint8Array>();
  steering.process_key = quic::HalfSipKey::from({key.Data(), key.ByteLength()});
  return steering;
}

/// {sockets, owners}
quic::ReuseportGroup read_group(const Napi::Value& value) {
  Napi::Object object = value.As<Napi::Object>();
  return {integer(object.Get("sockets")), integer(object.Get("owners"))};
}

Napi::Value outcome(Napi::Env env, const char* what, int error) {
  return error ? throw_system_error(env, what, error) : env.Undefined();
}

/// createReuseportGroup(): {sockets, owners}
Napi::Value create_group(const Napi::CallbackInfo& info) {
  auto group = quic::ReuseportGroup::create();
  if (!group) return throw_system_error(info.Env(), "bpf", errno);
  Napi::Object made = Napi::Object::New(info.Env());
  made.Set("sockets", group->sockets());
  made.Set("owners", group->owners());
  return made;
}

/// attachReuseportProgram(group, socket, steering)
Napi::Value attach_program(const Napi::CallbackInfo& info) {
  int error = read_group(info[0]).attach(integer(info[1]), read_steering(info[2]));
  return outcome(info.Env(), "bpf", error);
}

/// addToReuseportGroup(group, generation, sockets): the slot of the first one.
Napi::Value add_to_group(const Napi::CallbackInfo& info) {
  Napi::Array numbers = info[2].As<Napi::Array>();
  std::vector<int> sockets;
  for (uint32_t i = 0; i < numbers.Length(); ++i) sockets.push_back(integer(numbers[i]));
  uint16_t first = 0;
  int error = read_group(info[0]).add(uint16_t(integer(info[1])), sockets, first);
  if (error) return throw_system_error(info.Env(), "bpf", error);
  return Napi::Number::New(info.Env(), first);
}

/// preferInReuseportGroup(group, first, count)
Napi::Value prefer_in_group(const Napi::CallbackInfo& info) {
  int error = read_group(info[0]).prefer(uint16_t(integer(info[1])), uint16_t(integer(info[2])));
  return outcome(info.Env(), "bpf", error);
}

/// attachReuseportFilter(socket, steering, workers)
Napi::Value attach_filter(const Napi::CallbackInfo& info) {
  int error =
      quic::attach_filter(integer(info[0]), read_steering(info[1]), uint16_t(integer(info[2])));
  return outcome(info.Env(), "setsockopt", error);
}

}  // namespace

void export_quic(Napi::Env env, Napi::Object exports) {
  add(env, exports,
      {{"createReuseportGroup", create_group},
       {"attachReuseportProgram", attach_program},
       {"addToReuseportGroup", add_to_group},
       {"preferInReuseportGroup", prefer_in_group},
       {"attachReuseportFilter", attach_filter}});
}

}  // namespace sluice::addon
