// Http1Parser: the feed loop, and llhttp's callbacks.
#include "worker/protocol/http1_parser.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "worker/protocol/char_class.h"

namespace tricorn {
namespace {

constexpr size_t kFirstArenaBytes = 1024;
constexpr size_t kKeepBytes = 8 * 1024;  // of a buffer, for the connection's next message
// A chunk's size with a few leading zeros, and the ends of its line and its data: no excess.
constexpr size_t kChunkLineBytes = 24;

constexpr auto kMethodNames = [] {
  std::array<std::string_view, 64> names{};
#define TRICORN_METHOD(number, name, string) names[number] = #string;
  HTTP_METHOD_MAP(TRICORN_METHOD)
#undef TRICORN_METHOD
  return names;
}();

// A view that grows by a piece which follows it in memory, or begins with that piece.
void extend(std::string_view& view, const char* at, size_t size) {
  const char* begin = view.data() == nullptr ? at : view.data();
  view = {begin, static_cast<size_t>(at + size - begin)};
}

void reuse(std::string& buffer) {
  if (buffer.capacity() > kKeepBytes) {
    std::string().swap(buffer);
  } else {
    buffer.clear();
  }
}

}  // namespace

// The callbacks, noexcept and without logic of their own.
struct Http1ParserCallbacks {
  static Http1Parser& self(llhttp_t* llhttp) { return *static_cast<Http1Parser*>(llhttp->data); }

  static int on_method_complete(llhttp_t* llhttp) noexcept {
    self(llhttp).head_.method = kMethodNames[llhttp->method];
    return 0;
  }
  static int on_url(llhttp_t* llhttp, const char* at, size_t size) noexcept {
    Http1Parser& parser = self(llhttp);
    extend(parser.head_.target, at, size);
    return parser.head_.target.size() > parser.limits_.max_target_bytes ? parser.refuse(414) : 0;
  }
  static int on_header_field(llhttp_t* llhttp, const char* at, size_t size) noexcept {
    Http1Parser& parser = self(llhttp);
    if (parser.head_complete()) return parser.add_framing(size);
    auto& headers = parser.head_.headers;
    // Two names are never adjacent: a colon is between them.
    if (!headers.empty() && headers.back().name.data() + headers.back().name.size() == at) {
      extend(headers.back().name, at, size);
      return 0;
    }
    headers.push_back({{at, size}, {}});
    return 0;
  }
  // Counted here: later, fields of few bytes each would take many times their size; earlier, a name
  // that turns out to be none would be refused for another reason when it came in pieces.
  static int on_header_field_complete(llhttp_t* llhttp) noexcept {
    Http1Parser& parser = self(llhttp);
    const bool too_many = parser.head_.headers.size() > parser.limits_.max_headers;
    return too_many && !parser.head_complete() ? parser.refuse(431) : 0;
  }
  static int on_header_value(llhttp_t* llhttp, const char* at, size_t size) noexcept {
    Http1Parser& parser = self(llhttp);
    if (parser.head_complete()) return parser.add_framing(size);
    extend(parser.head_.headers.back().value, at, size);
    return 0;
  }
  static int on_headers_complete(llhttp_t* llhttp) noexcept {
    llhttp->upgrade = 0;  // else llhttp would take the body for another protocol's bytes
    return self(llhttp).on_headers_complete();
  }
  static int on_chunk_header(llhttp_t* llhttp) noexcept {
    Http1Parser& parser = self(llhttp);
    const uint64_t size = llhttp->content_length;
    parser.known_bytes_ += kChunkLineBytes;
    // Extensions are paid for by data.
    const uint64_t paid = size + std::min<uint64_t>(kChunkLineBytes, UINT64_MAX - size);
    parser.framing_size_ -= std::min(parser.framing_size_, paid);
    const uint64_t limit = parser.limits_.max_body_bytes;
    return limit != 0 && size > limit - parser.body_size_ ? parser.refuse(413) : 0;
  }
  static int on_chunk_extension(llhttp_t* llhttp, const char*, size_t size) noexcept {
    return self(llhttp).add_framing(size);
  }
  static int on_body(llhttp_t* llhttp, const char* at, size_t size) noexcept {
    self(llhttp).add_body({at, size});
    return 0;
  }
  static int on_message_complete(llhttp_t* llhttp) noexcept {
    self(llhttp).stage_ = Http1Parser::Stage::kComplete;
    return HPE_PAUSED;
  }

  static const llhttp_settings_t& settings() {
    static const llhttp_settings_t settings = [] {
      llhttp_settings_t made;
      llhttp_settings_init(&made);
      made.on_method_complete = on_method_complete;
      made.on_url = on_url;
      made.on_header_field = on_header_field;
      made.on_header_field_complete = on_header_field_complete;
      made.on_header_value = on_header_value;
      made.on_headers_complete = on_headers_complete;
      made.on_chunk_header = on_chunk_header;
      made.on_chunk_extension_name = on_chunk_extension;
      made.on_chunk_extension_value = on_chunk_extension;
      made.on_body = on_body;
      made.on_message_complete = on_message_complete;
      return made;
    }();
    return settings;
  }
};

Http1Parser::Http1Parser(const HttpSettings& limits) : limits_(limits) {
  llhttp_init(&llhttp_, HTTP_REQUEST, &Http1ParserCallbacks::settings());
  llhttp_.data = this;
}

size_t Http1Parser::feed(std::string_view bytes) {
  assert(refusal_ == 0 && stage_ != Stage::kComplete);
  body_ = {};
  if (stage_ == Stage::kBody) return feed_body(bytes);
  if (stage_ == Stage::kHead) return feed_head(bytes);
  // Empty lines before a request are skipped (RFC 9112 2.2), and do not begin one.
  size_t begin = 0;
  while (begin < bytes.size() && (bytes[begin] == '\r' || bytes[begin] == '\n')) ++begin;
  if (begin == bytes.size()) return begin;
  stage_ = Stage::kHead;
  return begin + feed_head(bytes.substr(begin));
}

// Never executes more than max_header_bytes of a head: where a head is refused does not depend on
// how it was cut.
size_t Http1Parser::feed_head(std::string_view bytes) {
  std::string_view piece = bytes.substr(0, limits_.max_header_bytes - arena_used_);
  const bool gathered = arena_used_ > 0;
  if (gathered) {
    piece = add_to_arena(piece);
  } else {
    head_begin_ = piece.data();
  }
  const size_t used = execute(piece);
  if (stage_ != Stage::kHead || refusal_ != 0) return used;
  if (!gathered) add_to_arena(piece);
  if (arena_used_ >= limits_.max_header_bytes) refuse(head_.headers.empty() ? 414 : 431);
  return used;
}

size_t Http1Parser::execute(std::string_view bytes) {
  const llhttp_errno_t error = llhttp_execute(&llhttp_, bytes.data(), bytes.size());
  if (error == HPE_OK) return bytes.size();
  const char* position = llhttp_get_error_pos(&llhttp_);
  if (error != HPE_PAUSED && refusal_ == 0) on_error(error, position);
  return refusal_ != 0 ? bytes.size() : static_cast<size_t>(position - bytes.data());
}

// llhttp shows no callback the digits of a chunk's size, so zeros before it could go on for ever:
// what no callback has accounted for is framing too.
size_t Http1Parser::feed_body(std::string_view bytes) {
  known_bytes_ = 0;
  const size_t used = execute(bytes);
  if (head_.chunked && refusal_ == 0 && used > known_bytes_) add_framing(used - known_bytes_);
  return used;
}

int Http1Parser::on_error(int error, const char* position) {
  if (error == HPE_INVALID_URL) {  // in one piece, the target was not recorded before the error
    const size_t target = kMethodNames[llhttp_.method].size() + 1;
    const auto error_at = static_cast<size_t>(position - head_begin_);
    if (error_at > target + limits_.max_target_bytes) return refuse(414);
  }
  const bool wrong_version =
      error == HPE_INVALID_VERSION && (llhttp_.http_major > 1 || llhttp_.http_minor > 1);
  return refuse(wrong_version ? 505 : 400);
}

int Http1Parser::refuse(int status) {
  refusal_ = status;
  return -1;
}

int Http1Parser::on_headers_complete() {
  head_.major = llhttp_.http_major;
  head_.minor = llhttp_.http_minor;
  const unsigned flags = llhttp_.flags;
  head_.close = (flags & F_CONNECTION_CLOSE) != 0;
  head_.keep_alive = (flags & F_CONNECTION_KEEP_ALIVE) != 0;
  head_.upgrade = (flags & F_UPGRADE) != 0 && (flags & F_CONNECTION_UPGRADE) != 0;
  head_.chunked = (flags & F_CHUNKED) != 0;
  head_.has_content_length = (flags & F_CONTENT_LENGTH) != 0;
  head_.content_length = head_.has_content_length ? llhttp_.content_length : 0;
  head_.expect_continue = head_.takes_trailers = head_.forwarded = head_.websocket = false;
  // The head is complete: at least "\r\n\r\n" lies behind the target and the version.
  const char* line_end = head_.target.data() + head_.target.size() + sizeof(" HTTP/1.1\r\n") - 1;
  const std::string_view line(head_begin_, static_cast<size_t>(line_end - head_begin_));
  if (const int status = check_head(head_, line, limits_, target_)) return refuse(status);
  stage_ = Stage::kBody;
  return 0;
}

void Http1Parser::replace_host(std::string_view host) {
  for (Header& header : head_.headers) {
    if (equals_ignoring_case(header.name, "host")) header.value = host;
  }
}

void Http1Parser::add_body(std::string_view bytes) {
  body_size_ += bytes.size();
  known_bytes_ += bytes.size();
  if (body_.empty()) {
    body_ = bytes;
    return;
  }
  if (body_.data() != body_pieces_.data()) body_pieces_.assign(body_);
  body_pieces_.append(bytes);
  body_ = body_pieces_;
}

int Http1Parser::add_framing(size_t bytes) {
  framing_size_ += bytes;
  known_bytes_ += bytes;
  return framing_size_ > limits_.max_header_bytes ? refuse(431) : 0;
}

std::string_view Http1Parser::add_to_arena(std::string_view bytes) {
  const char* const from = arena_used_ > 0 ? arena_.data() : head_begin_;
  const size_t needed = arena_used_ + bytes.size();
  if (needed > arena_.capacity() || arena_.capacity() < kFirstArenaBytes) {
    std::string larger;
    larger.reserve(std::max(2 * needed, kFirstArenaBytes));
    larger.append(arena_);
    arena_.swap(larger);
    arena_.append(bytes);
    rebase(from, arena_.data());  // before `larger`, which holds what the views show, goes
  } else {
    arena_.append(bytes);
    if (from != arena_.data()) rebase(from, arena_.data());
  }
  const size_t begin = std::exchange(arena_used_, needed);
  return std::string_view(arena_).substr(begin);
}

void Http1Parser::rebase(const char* from, const char* to) {
  auto move = [&](std::string_view& view) {
    if (view.data() != nullptr) view = {to + (view.data() - from), view.size()};
  };
  move(head_.target);
  for (Header& header : head_.headers) {
    move(header.name);
    move(header.value);
  }
  head_begin_ = to;
}

void Http1Parser::next_message() {
  assert(stage_ == Stage::kComplete);
  llhttp_resume(&llhttp_);
  stage_ = Stage::kStart;
  head_.headers.clear();
  head_.target = {};
  head_.method = {};
  body_ = {};
  body_size_ = framing_size_ = 0;
  arena_used_ = 0;
  reuse(arena_);
  reuse(body_pieces_);
}

}  // namespace tricorn
