// Http1Parser: cuts a byte stream into HTTP/1 requests. llhttp's only door.
//
// llhttp's callbacks only record: views into the bytes being fed, checked and dispatched by the
// caller after `feed` returned. A head that arrives in pieces is gathered in an arena, where every
// byte is executed once, so the cost of a head dripped in byte by byte stays linear.
#pragma once

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/worker_settings.h"
#include "worker/protocol/request_checks.h"

namespace tricorn {

class Http1Parser {
 public:
  explicit Http1Parser(const HttpSettings& limits);
  Http1Parser(const Http1Parser&) = delete;
  Http1Parser& operator=(const Http1Parser&) = delete;

  // Executes `bytes` up to the end of the message at most and returns how many were used. Not to be
  // called after message_complete() (call next_message() first) or refusal().
  size_t feed(std::string_view bytes);
  void next_message();

  bool at_start() const { return stage_ == Stage::kStart; }  // no byte of the next message has come
  bool head_complete() const { return stage_ >= Stage::kBody; }
  bool message_complete() const { return stage_ == Stage::kComplete; }
  int refusal() const {
    return refusal_;
  }  // the status to refuse the stream with, 0 while it is good

  // The head; its views hold until the feed that completed it is followed by another one. Before
  // head_complete(), and after a refusal: what is known.
  const ParsedHead& head() const { return head_; }
  void replace_host(std::string_view host);  // `host` lives as long as the head's own views
  // The body bytes of the last feed, without framing; valid until the next feed.
  std::string_view body() const { return body_; }
  // Bytes of the body that have not come yet, as far as known (0 for chunked).
  uint64_t body_bytes_left() const { return head_.chunked ? 0 : head_.content_length - body_size_; }

 private:
  enum class Stage : uint8_t { kStart, kHead, kBody, kComplete };
  friend struct Http1ParserCallbacks;

  size_t feed_head(std::string_view bytes);
  size_t feed_body(std::string_view bytes);
  size_t execute(std::string_view bytes);
  std::string_view add_to_arena(std::string_view bytes);
  void rebase(const char* from, const char* to);
  int on_error(int error, const char* position);
  int refuse(int status);
  int on_headers_complete();
  void add_body(std::string_view bytes);
  int add_framing(size_t bytes);

  const HttpSettings& limits_;
  llhttp_t llhttp_;
  Stage stage_ = Stage::kStart;
  int refusal_ = 0;
  ParsedHead head_;
  const char* head_begin_ = nullptr;
  size_t arena_used_ = 0;  // bytes of the unfinished head in `arena_`
  std::string arena_;
  std::string target_;  // an origin form that is no part of the bytes fed
  std::string_view body_;
  std::string body_pieces_;  // chunks of one feed put together
  uint64_t body_size_ = 0;
  uint64_t framing_size_ = 0;  // chunk extensions, trailers and the like so far
  size_t known_bytes_ = 0;     // of the bytes fed last: those that a callback has accounted for
};

}  // namespace tricorn
