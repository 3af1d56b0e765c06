#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/intrusive_list.h"
#include "base/recycled.h"
#include "http/h2/session.h"
#include "net/out_queue.h"
#include "net/stack.h"

namespace sluice::h2 {

class ClientCodec;
class ClientSession;

/// One request's stream of a connection to an upstream. As any stream it carries bytes both ways,
/// those of bodies; heads, trailers and ends reach the codec, and an empty on_data() says that it
/// has something to tell.
class ClientStream final : public net::Stream,
                           public net::Layer,
                           public Recycled<ClientStream>,
                           public ListHook<struct StreamsOfSession>,
                           public ListHook<struct StreamsToSubmit> {
 public:
  explicit ClientStream(ClientSession& session);
  ~ClientStream() override;

  /// From the codec: sends this head, whose texts stay until then, and reports to the codec.
  void begin(std::span<const nghttp2_nv> head, ClientCodec& codec);
  /// …and these trailers, if there are any, behind all that has been written.
  void end(std::span<const nghttp2_nv> trailers);

  // --- From the session; those marked (*) within nghttp2's callbacks ---
  void on_connected() { consumer_->on_connected(); }
  /// Makes the request known to nghttp2.
  void submit();
  void begin_section();                                              // (*)
  void add_field(std::string_view name, std::string_view value);     // (*)
  void end_section(bool ended);                                      // (*)
  void on_body(std::span<const char> data);                          // (*)
  void on_body_end();                                                // (*)
  void on_head_sent() { head_size_ = 0; }                            // (*)
  void on_invalid_frame();                                           // (*)
  void on_unprocessed(std::string_view why);                         // (*)
  void on_closed(uint32_t error);                                    // (*)
  ptrdiff_t next_data(size_t room, uint32_t& flags);                 // (*)
  void take_data(std::span<const uint8_t> frame_head, size_t size);  // (*)
  // The connection is lost: it ended, failed, or the peer broke the rules.
  void on_connection_end();
  void on_connection_error(int error);
  void on_connection_failure(std::string_view why);
  /// All of the response is there, or it is known why there won't be one, though the consumer may
  /// not have heard of it.
  bool is_decided() const;
  /// nghttp2 has forgotten it, or never knew it.
  void detach() { id_ = 0; }
  int32_t id() const { return id_; }
  uint64_t opened_ms() const { return opened_ms_; }

  // net::Layer
  void settle() override;
  void visit() override;

  // net::Stream
  void set_consumer(Consumer& consumer) override { consumer_ = &consumer; }
  void write(std::span<const char> bytes) override;
  std::span<char> prepare(size_t size) override { return pending_.prepare(size); }
  void commit(size_t size) override;
  void write_file(FileRef file, uint64_t offset, uint64_t length) override;
  void flush() override;
  size_t unsent() const override { return head_size_ + pending_.size(); }
  void pause_reading() override { paused_ = true; }
  void resume_reading() override;
  void set_read_size(size_t) override {}
  void shutdown_write() override;
  void close() override;
  void reset() override { close(); }
  const net::Address& remote_address() const override;
  const net::Address& local_address() override;
  void set_no_delay(bool) override {}
  void set_keepalive(bool) override {}

 private:
  bool submit_trailers();
  void wake();
  bool has_room_again() const;
  void tell();
  void tell_later();
  void consumed(size_t size);

  ClientSession& session_;
  Consumer* consumer_ = nullptr;
  ClientCodec* codec_ = nullptr;      ///< null until the request is sent
  std::span<const nghttp2_nv> head_;  ///< until it is submitted
  std::span<const nghttp2_nv> trailers_;
  net::OutQueue pending_;  ///< of the request's body
  FileRef file_;           ///< that some of it is in
  std::string held_;       ///< of the response's: came while the consumer had paused
  uint64_t opened_ms_;
  size_t head_size_ = 0;   ///< until it is sent
  size_t unconsumed_ = 0;  ///< received, and not given back to the window yet
  size_t since_grown_ = 0;
  int32_t window_ = NGHTTP2_INITIAL_WINDOW_SIZE;
  int32_t id_ = 0;         ///< 0: nghttp2 doesn't know of it, or has forgotten it
  bool ending_ = false;    ///< all of the request's body is there
  bool deferred_ = false;  ///< nghttp2 waits for more of it
  bool waiting_ = false;   ///< the consumer waits for room
  bool paused_ = false;
  bool untold_ = false;  ///< the codec has something to tell, behind what is held
  bool closed_ = false;
};

}  // namespace sluice::h2
