#pragma once

#include <memory>

#include "base/intrusive_list.h"
#include "net/stack.h"
#include "proxy/upstream_connection.h"

namespace sluice {

class UpstreamPool;

/// A connection to a peer that several requests use at the same time, each by a stream of its own
/// (HTTP/2). Goes by itself: when the last stream has gone and no pool keeps it.
class SharedUpstream : public ListHook<struct SharedUpstreams> {
 public:
  /// Who hears of the connection below while it is being made, and after.
  virtual UpstreamConnection::User& user() = 0;
  /// Takes over the connection below, which may not stand yet. `pool`, if any, gives it to others.
  virtual void begin(std::unique_ptr<UpstreamConnection> transport, UpstreamPool* pool) = 0;
  /// The connection below; null once it is lost: streams whose response is complete may outlive it.
  virtual UpstreamConnection* transport() = 0;

  /// Requests can be sent; until then a stream's consumer waits for on_connected().
  virtual bool is_connected() const = 0;
  /// Whether one more request may join.
  virtual bool has_room() const = 0;
  /// A stream for one more request. Its bytes are bodies; heads go by the codec.
  virtual net::StreamPtr open() = 0;
  /// Closes it, while nobody uses it.
  virtual void close() = 0;

 protected:
  virtual ~SharedUpstream() = default;
  friend struct std::default_delete<SharedUpstream>;
};

}  // namespace sluice
