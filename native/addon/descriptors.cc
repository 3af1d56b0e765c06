#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <span>

#include "addon/exports.h"
#include "proxy/upstream_zone.h"

/// Descriptors that Node has no call for: memory files and what is in them, and how a descriptor is
/// inherited.
namespace sluice::addon {

namespace {

bool write_all(int fd, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written == -1 && errno == EINTR) continue;
    if (written == -1) return false;
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return true;
}

Napi::Value close_and_throw(Napi::Env env, int fd, const char* syscall) {
  const int error = errno;
  close(fd);
  return throw_system_error(env, syscall, error);
}

/// sealedMemory(name, bytes): a memory file that nobody can change any more.
Napi::Value sealed_memory(const Napi::CallbackInfo& info) {
  const auto bytes = info[1].As<Napi::Uint8Array>();
  const int fd = memfd_create(latin1(info[0]).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd == -1) return throw_system_error(info.Env(), "memfd_create", errno);
  if (!write_all(fd, {bytes.Data(), bytes.ByteLength()})) {
    return close_and_throw(info.Env(), fd, "write");
  }
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == -1) {
    return close_and_throw(info.Env(), fd, "fcntl(F_ADD_SEALS)");
  }
  return Napi::Number::New(info.Env(), fd);
}

/// sharedMemory(name, size): a memory file of zeroes, for processes to write into. Its size is
/// fixed.
Napi::Value shared_memory(const Napi::CallbackInfo& info) {
  const int fd = memfd_create(latin1(info[0]).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd == -1) return throw_system_error(info.Env(), "memfd_create", errno);
  if (ftruncate(fd, info[1].ToNumber().Int64Value()) == -1) {
    return close_and_throw(info.Env(), fd, "ftruncate");
  }
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1) {
    return close_and_throw(info.Env(), fd, "fcntl(F_ADD_SEALS)");
  }
  return Napi::Number::New(info.Env(), fd);
}

/// takeOverUpstreams(former, zone): the memory of an upstream's zone has another size than before.
Napi::Value take_over_upstreams(const Napi::CallbackInfo& info) {
  const std::unique_ptr<UpstreamZone> former = UpstreamZone::map(integer(info[0]));
  const std::unique_ptr<UpstreamZone> zone = UpstreamZone::map(integer(info[1]));
  if (former && zone) zone->take_over(*former);
  return info.Env().Undefined();
}

/// duplicateTo(fd, target): dup2; `target` survives exec.
Napi::Value duplicate_to(const Napi::CallbackInfo& info) {
  if (dup2(integer(info[0]), integer(info[1])) == -1) {
    return throw_system_error(info.Env(), "dup2", errno);
  }
  return info.Env().Undefined();
}

/// adoptDescriptor(fd): makes an inherited descriptor non-blocking and closed on exec.
Napi::Value adopt_descriptor(const Napi::CallbackInfo& info) {
  const int fd = integer(info[0]);
  const int flags = fcntl(fd, F_GETFL);
  if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1 ||
      fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) {
    return throw_system_error(info.Env(), "fcntl", errno);
  }
  return info.Env().Undefined();
}

}  // namespace

void export_descriptors(Napi::Env env, Napi::Object exports) {
  add(env, exports,
      {{"sealedMemory", sealed_memory},
       {"sharedMemory", shared_memory},
       {"takeOverUpstreams", take_over_upstreams},
       {"duplicateTo", duplicate_to},
       {"adoptDescriptor", adopt_descriptor}});
}

}  // namespace sluice::addon
