#include "net/fstack_tcp_states.h"

#include <string_view>

namespace sluice::net {
namespace {

/// Looks a sysctl's number up by its name (FreeBSD's sysctlnametomib(3)).
constexpr int name_to_number[] = {0, 3};
constexpr std::string_view states_name = "net.inet.tcp.states";
constexpr size_t max_number = 24;

}  // namespace

std::optional<TcpStates> TcpStates::read(const FstackApi& api) {
  int number[max_number];
  size_t size = sizeof(number);
  if (api.system_control(name_to_number, 2, number, &size, states_name.data(), states_name.size()) <
      0) {
    return std::nullopt;
  }
  TcpStates states;
  size_t room = sizeof(states.counts_);
  unsigned length = static_cast<unsigned>(size / sizeof(int));
  if (api.system_control(number, length, states.counts_.data(), &room, nullptr, 0) < 0) {
    return std::nullopt;
  }
  return states;
}

}  // namespace sluice::net
