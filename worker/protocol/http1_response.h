// Http1Response: one response on its way into the output queue: head, framing, body (RFC 9112 6).
//
// `start` serialises the head and leaves it open; the first body message, or `close_head` at the
// end of the turn, adds the framing that fits. Head and small body end up in one buffer: one write.
// Trailers go out with chunked framing only (RFC 9112 7.1.2), and only to a client that asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/output_queue.h"
#include "common/result.h"
#include "worker/protocol/exchange.h"
#include "worker/protocol/http1_session.h"
#include "worker/protocol/response_head.h"

namespace tricorn {

class Http1Response {
 public:
  Http1Response(const Http1Context& context, OutputQueue& output)
      : context_(context), output_(output) {}

  // Makes ready for the response to another request.
  void reset(HttpVersion version, bool to_head, bool takes_trailers);

  // As ResponseWriter's. `may_persist`: nothing but the response itself stands against keeping the
  // connection.
  Result<> inform(int status, std::span<const Header> headers);
  Result<> start(int status, std::span<const Header> headers, bool trailers);
  Result<> body(Chunk chunk, bool more, bool may_persist);
  Result<> file(FileSlice file, bool more, bool may_persist);
  Result<> trailers(std::span<const Header> headers, bool more);
  std::optional<uint64_t> room() const;
  void close_head(bool may_persist);
  // As ResponseWriter's. A head that left with something before it is still open, and to be framed.
  bool withdraw();
  // Takes an open head back, or leaves it as it is: without an end.
  void give_up_open_head();

  bool started() const { return status_ != 0; }
  bool complete() const { return complete_; }
  bool persistent() const {
    return persistent_;
  }  // the connection can be used again, once complete
  bool ends_by_close() const { return framing_ == Framing::kUntilClose; }
  size_t open_head_bytes() const { return open_head_bytes_; }  // in the output, not yet framed
  int status() const { return status_; }
  uint64_t body_bytes() const { return sent_; }

 private:
  enum class Framing : uint8_t { kUndecided, kNoBody, kLength, kChunked, kUntilClose };

  bool is_bodiless() const;
  bool wants_chunks() const { return trailers_announced_ && takes_trailers_; }  // for trailers
  bool sends_trailers() const { return wants_chunks() && framing_ == Framing::kChunked; }
  Framing decide_framing(bool only_message) const;
  void frame(bool only_message, uint64_t first_bytes, bool may_persist);
  template <class Piece>
  Result<> write(Piece piece, uint64_t size, bool more, bool may_persist);
  template <class Piece>
  void append_chunk(Piece piece, uint64_t size);

  const Http1Context& context_;
  OutputQueue& output_;
  HttpVersion version_ = HttpVersion::k11;
  bool to_head_ = false;
  bool takes_trailers_ = false;
  bool trailers_announced_ = false;
  bool trailers_begun_ = false;
  bool body_ended_ = false;
  bool complete_ = false;
  bool persistent_ = false;
  Framing framing_ = Framing::kUndecided;
  int status_ = 0;
  size_t open_head_bytes_ = 0;
  ResponseFields fields_;
  uint64_t sent_ = 0;
};

}  // namespace tricorn
