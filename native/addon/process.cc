#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>

#include "addon/exports.h"

/// Properties of the process that Node has no call for. Identity (setuid, initgroups) and priority
/// are Node's.
namespace sluice::addon {

namespace {

/// systemErrorText(errno): the C library's words, as nginx prints them; Node's own differ.
Napi::Value system_error_text(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), strerror(integer(info[0])));
}

/// initGroups(user, gid): the supplementary groups of a user, for a process about to become that
/// user.
Napi::Value init_groups(const Napi::CallbackInfo& info) {
  if (initgroups(latin1(info[0]).c_str(), info[1].ToNumber().Uint32Value()) == -1) {
    return throw_system_error(info.Env(), "initgroups", errno);
  }
  return info.Env().Undefined();
}

/// setResourceLimit('nofile' | 'core', limit): soft and hard.
Napi::Value set_resource_limit(const Napi::CallbackInfo& info) {
  const auto resource = latin1(info[0]) == "core" ? RLIMIT_CORE : RLIMIT_NOFILE;
  const auto limit = static_cast<rlim_t>(info[1].ToNumber().Int64Value());
  const rlimit both{limit, limit};
  if (setrlimit(resource, &both) == -1) return throw_system_error(info.Env(), "setrlimit", errno);
  return info.Env().Undefined();
}

/// openFilesLimit(): { soft, hard }
Napi::Value open_files_limit(const Napi::CallbackInfo& info) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("soft", static_cast<double>(limit.rlim_cur));
  result.Set("hard", static_cast<double>(limit.rlim_max));
  return result;
}

/// setAffinity(cpus): of the calling thread; threads that it starts inherit it.
Napi::Value set_affinity(const Napi::CallbackInfo& info) {
  const auto cpus = info[0].As<Napi::Array>();
  cpu_set_t set;
  CPU_ZERO(&set);
  for (uint32_t i = 0; i < cpus.Length(); ++i) {
    const int cpu = integer(cpus.Get(i));
    if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(static_cast<size_t>(cpu), &set);
  }
  if (sched_setaffinity(0, sizeof set, &set) == -1) {
    return throw_system_error(info.Env(), "sched_setaffinity", errno);
  }
  return info.Env().Undefined();
}

/// unblockSignals(): Node's --disable-sigusr1, which keeps a stray SIGUSR1 from opening its
/// debugger, blocks that signal.
Napi::Value unblock_signals(const Napi::CallbackInfo& info) {
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  return info.Env().Undefined();
}

/// setProcessName(name): what `ps -C`, killall and /proc/PID/comm know; 15 bytes at most.
Napi::Value set_process_name(const Napi::CallbackInfo& info) {
  prctl(PR_SET_NAME, latin1(info[0]).c_str(), 0, 0, 0);
  return info.Env().Undefined();
}

/// allowCoreDump(): a process that changed its user otherwise leaves none.
Napi::Value allow_core_dump(const Napi::CallbackInfo& info) {
  if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == -1) {
    return throw_system_error(info.Env(), "prctl(PR_SET_DUMPABLE)", errno);
  }
  return info.Env().Undefined();
}

}  // namespace

void export_process(Napi::Env env, Napi::Object exports) {
  add(env, exports,
      {{"systemErrorText", system_error_text},
       {"initGroups", init_groups},
       {"setResourceLimit", set_resource_limit},
       {"openFilesLimit", open_files_limit},
       {"setAffinity", set_affinity},
       {"unblockSignals", unblock_signals},
       {"setProcessName", set_process_name},
       {"allowCoreDump", allow_core_dump}});
}

}  // namespace sluice::addon
