#pragma once

#include "base/intrusive_list.h"
#include "sockets/messages.h"

namespace sluice::sockets {

class SocketThread;

/// A socket that JavaScript knows by its number. It lives until JavaScript closes it, whatever has
/// become of the socket before.
class Endpoint : public ListHook<struct EndpointsWithNews> {
 public:
  virtual ~Endpoint() = default;

  Number number() const { return number_; }
  virtual void obey(Order& order) = 0;
  /// Appends what there is to say.
  virtual void tell(Batch& batch) = 0;

 protected:
  Endpoint(SocketThread& thread, Number number) : thread_(thread), number_(number) {}
  void has_news();

  SocketThread& thread_;

 private:
  Number number_;
};

}  // namespace sluice::sockets
