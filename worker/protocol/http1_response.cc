// Http1Response: framing.
#include "worker/protocol/http1_response.h"

#include <charconv>
#include <utility>

#include "worker/protocol/put.h"

namespace tricorn {
namespace {

// Statuses that never have a body (RFC 9110 6.4.1).
bool is_bodiless(int status) { return status < 200 || status == 204 || status == 304; }

}  // namespace

void Http1Response::reset(HttpVersion version, bool to_head) {
  version_ = version;
  to_head_ = to_head;
  complete_ = persistent_ = false;
  framing_ = Framing::kUndecided;
  status_ = 0;
  open_head_bytes_ = 0;
  sent_ = 0;
}

Result<> Http1Response::start(int status, std::span<const Header> headers) {
  if (started()) return fail("the response has already been started");
  if (status < 100 || status > 999) return fail("the response status is not in 100..999");
  if (status == 101) return fail("a response cannot switch protocols");
  std::string& out = output_.tail();
  const size_t before = out.size();
  auto fields = append_response_head(out, status, headers, context_);
  if (!fields) return pass_on(fields);
  fields_ = *fields;
  status_ = status;
  open_head_bytes_ = out.size() - before;
  return {};
}

Result<> Http1Response::body(Chunk chunk, bool more, bool may_persist) {
  const size_t size = chunk.bytes().size();
  if (!started()) return fail("the response has not been started");
  const bool bodiless = to_head_ || is_bodiless(status_);
  const bool has_length = fields_.content_length.has_value() && !bodiless;
  if (has_length && size > *fields_.content_length - sent_) {
    return fail("the response body is longer than its content-length");
  }
  const bool too_short = has_length && !more && sent_ + size < *fields_.content_length;
  if (open_head_bytes_ != 0) frame(!more, size, may_persist && !too_short);
  complete_ = !more && !too_short;
  if (framing_ == Framing::kChunked) {
    append_chunked(std::move(chunk), complete_);
  } else if (framing_ != Framing::kNoBody) {
    output_.append(std::move(chunk));
  }
  if (framing_ != Framing::kNoBody) sent_ += size;
  if (too_short) {
    persistent_ = false;
    return fail("the response body is shorter than its content-length");
  }
  return {};
}

void Http1Response::close_head(bool may_persist) {
  if (open_head_bytes_ != 0) frame(false, 0, may_persist);
}

void Http1Response::drop_open_head() {
  const size_t bytes = std::exchange(open_head_bytes_, 0);
  if (bytes == 0 || output_.size() < bytes) return;
  std::string& out = output_.tail();
  out.resize(out.size() - bytes);
  status_ = 0;
}

Http1Response::Framing Http1Response::decide_framing(bool only_message) const {
  if (to_head_ || is_bodiless(status_)) return Framing::kNoBody;
  if (fields_.content_length.has_value() || only_message) return Framing::kLength;
  return version_ == HttpVersion::k10 ? Framing::kUntilClose : Framing::kChunked;
}

void Http1Response::frame(bool only_message, size_t first_bytes, bool may_persist) {
  framing_ = decide_framing(only_message);
  persistent_ = may_persist && !fields_.close && framing_ != Framing::kUntilClose && status_ >= 200;
  std::optional<uint64_t> length = fields_.content_length;
  if (framing_ == Framing::kLength && !length) length = first_bytes;
  // A HEAD is told what a GET would be, where that is known.
  if (to_head_ && !length && only_message && first_bytes > 0) length = first_bytes;
  if (status_ < 200 || status_ == 204) length.reset();

  char fields[128];
  char* end = fields;
  if (length) {
    end = put(end, "content-length: ");
    end = std::to_chars(end, end + 20, *length).ptr;
    end = put(end, "\r\n");
  } else if (framing_ == Framing::kChunked) {
    end = put(end, "transfer-encoding: chunked\r\n");
  }
  if (!persistent_) {
    end = put(end, "connection: close\r\n");
  } else if (version_ == HttpVersion::k10) {
    end = put(end, "connection: keep-alive\r\n");
  }
  end = put(end, "\r\n");
  output_.append(std::string_view(fields, static_cast<size_t>(end - fields)));
  open_head_bytes_ = 0;
}

void Http1Response::append_chunked(Chunk chunk, bool last) {
  if (!chunk.bytes().empty()) {
    char size[20];
    char* end = std::to_chars(size, size + 16, chunk.bytes().size(), 16).ptr;
    end = put(end, "\r\n");
    output_.append(std::string_view(size, static_cast<size_t>(end - size)));
    output_.append(std::move(chunk));
    output_.append(std::string_view("\r\n"));
  }
  if (last) output_.append(std::string_view("0\r\n\r\n"));
}

}  // namespace tricorn
