#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "proxy/data_thread.h"
#include "proxy/exchange.h"

namespace sluice {

/// An exchange on behalf of another: the request goes through the same server's locations once
/// more, and what comes of it is a part of the parent's response, or only its outcome counts. Lives
/// in the parent's arena; runs once this turn's events are done.
class Subrequest final : public http::Downstream, public DataThread::TurnEnd {
 public:
  enum class Output : uint8_t {
    in_place,    ///< the body stands where the parent's body was when the subrequest was made
    none,        ///< status and fields are all that counts; the body is not asked for
    background,  ///< nobody waits for it but the connection, which it keeps
  };
  struct Options {
    std::string_view uri;
    std::string_view args;
    Output output = Output::in_place;
    /// As the parent's request: method and body; else a GET without one.
    bool clone = false;
  };
  /// Told once it has ended; its response head is `exchange().response`.
  using Done = void (*)(void* context, Subrequest& subrequest);

  /// Null, with a line in the log, when there are too many one inside the other.
  static Subrequest* start(Exchange& parent, const Options& options, Done done = nullptr,
                           void* context = nullptr);

  Subrequest(Exchange& parent, const Options& options, Done done, void* context);

  Exchange& exchange() { return exchange_; }

  // DataThread::TurnEnd
  void on_turn_end() override { exchange_.begin_subrequest(); }

  // http::Downstream
  void send_informational(uint16_t, const http::HeaderList&) override {}
  void send_head(Exchange&, bool) override {}
  void send_body(const http::Piece& piece) override;
  void flush() override { parent_.downstream.flush(); }
  size_t unsent() const override;
  void read_body(bool) override {}
  bool discard_body() override { return true; }
  void upgrade() override {}
  void finished(Exchange& exchange, bool keep) override;
  http::ConnectionFacts& connection() override { return parent_.main().downstream.connection(); }

 private:
  friend class Postponed;

  Exchange& parent_;
  Exchange exchange_;
  Output output_;
  Done done_;
  void* context_;
};

/// The order of a response's parts while subrequests that stand in it are not over: the first one's
/// body goes out as it comes, what is behind it waits.
class Postponed {
 public:
  explicit Postponed(Exchange& parent) : parent_(parent) {}

  void add(Subrequest& subrequest) { parts_.push_back({.subrequest = &subrequest}); }
  /// Keeps a piece of the parent's own body until its turn.
  void hold(const http::Piece& piece);
  bool empty() const { return parts_.empty(); }

  void write(Subrequest& from, const http::Piece& piece);
  size_t waiting(const Subrequest& subrequest) const;
  void finish(Subrequest& subrequest);

 private:
  struct Part {
    Subrequest* subrequest = nullptr;  ///< null: a piece of the parent's
    bool finished = false;
    size_t size = 0;
    std::vector<http::Piece> pieces = {};
  };
  static void keep(Part& part, const http::Piece& piece, Arena& arena);
  void release(Part& part);
  void advance();
  Part* find(const Subrequest& subrequest);

  Exchange& parent_;
  std::vector<Part> parts_;
};

}  // namespace sluice
