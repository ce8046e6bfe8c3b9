// Http1Response: framing.
#include "worker/protocol/http1_response.h"

#include <charconv>
#include <limits>
#include <utility>

#include "worker/protocol/put.h"
#include "worker/protocol/trailer_fields.h"

namespace tricorn {
namespace {

constexpr int kResetContent =
    205;  // without a body, and says so by a length of 0 (RFC 9110 15.3.6)

}  // namespace

void Http1Response::reset(HttpVersion version, bool to_head, bool takes_trailers) {
  version_ = version;
  to_head_ = to_head;
  takes_trailers_ = takes_trailers && version == HttpVersion::k11;
  trailers_announced_ = trailers_begun_ = false;
  body_ended_ = complete_ = persistent_ = false;
  framing_ = Framing::kUndecided;
  status_ = 0;
  open_head_bytes_ = 0;
  sent_ = 0;
}

Result<> Http1Response::inform(int status, std::span<const Header> headers) {
  if (started()) return fail("the response has already been started");
  if (status < 100 || status > 199) return fail("the status is not informational");
  if (status == 101) return fail("a response cannot switch protocols");
  std::string& out = output_.tail();
  const size_t before = out.size();
  auto appended = append_informational_head(out, status, headers);
  if (version_ == HttpVersion::k10) out.resize(before);  // it knows no 1xx (RFC 9110 15.2)
  return appended;
}

Result<> Http1Response::start(int status, std::span<const Header> headers, bool trailers) {
  if (started()) return fail("the response has already been started");
  if (status == 101) return fail("a response cannot switch protocols");
  if (status >= 100 && status < 200) {
    return fail("an informational status cannot start the response; for 103, send early hints");
  }
  if (status < 200 || status > 999) return fail("the response status is not in 200..999");
  std::string& out = output_.tail();
  const size_t before = out.size();
  auto fields = append_response_head(out, status, headers, context_);
  if (!fields) return pass_on(fields);
  fields_ = *fields;
  status_ = status;
  trailers_announced_ = trailers;
  open_head_bytes_ = out.size() - before;
  return {};
}

Result<> Http1Response::body(Chunk chunk, bool more, bool may_persist) {
  const size_t size = chunk.bytes().size();
  return write(std::move(chunk), size, more, may_persist);
}

Result<> Http1Response::file(FileSlice file, bool more, bool may_persist) {
  const uint64_t size = file.length;
  return write(std::move(file), size, more, may_persist);
}

template <class Piece>
Result<> Http1Response::write(Piece piece, uint64_t size, bool more, bool may_persist) {
  if (!started()) return fail("the response has not been started");
  if (body_ended_) return fail("the response body has already been ended");
  const bool has_length = fields_.content_length.has_value() && !is_bodiless();
  if (has_length && size > *fields_.content_length - sent_) {
    return fail("the response body is longer than its content-length");
  }
  const bool too_short = has_length && !more && sent_ + size < *fields_.content_length;
  if (open_head_bytes_ != 0) frame(!more, size, may_persist && !too_short);
  body_ended_ = !more && !too_short;
  complete_ = body_ended_ && !trailers_announced_;
  if (framing_ == Framing::kChunked) {
    if (size > 0) append_chunk(std::move(piece), size);
    if (body_ended_ && !sends_trailers()) output_.append(std::string_view("0\r\n\r\n"));
  } else if (framing_ != Framing::kNoBody) {
    output_.append(std::move(piece));
  }
  if (framing_ != Framing::kNoBody) sent_ += size;
  if (too_short) {
    persistent_ = false;
    return fail("the response body is shorter than its content-length");
  }
  return {};
}

std::optional<uint64_t> Http1Response::room() const {
  if (is_bodiless()) return std::nullopt;
  if (!fields_.content_length) return std::numeric_limits<uint64_t>::max();
  return *fields_.content_length - sent_;
}

Result<> Http1Response::trailers(std::span<const Header> headers, bool more) {
  if (!trailers_announced_) return fail("the response was started without trailers");
  if (!body_ended_) return fail("trailers before the end of the response body");
  if (auto checked = check_trailers(headers); !checked) return checked;
  if (sends_trailers()) {
    std::string& out = output_.tail();
    if (!std::exchange(trailers_begun_, true)) out.append("0\r\n");
    append_trailers(out, headers);
    if (!more) out.append("\r\n");
  }
  complete_ = !more;
  return {};
}

void Http1Response::close_head(bool may_persist) {
  if (open_head_bytes_ != 0) frame(false, 0, may_persist);
}

bool Http1Response::withdraw() {
  if (open_head_bytes_ == 0 || output_.size() < open_head_bytes_) return false;
  std::string& out = output_.tail();
  out.resize(out.size() - open_head_bytes_);
  open_head_bytes_ = 0;
  status_ = 0;
  return true;
}

void Http1Response::give_up_open_head() {
  if (!withdraw()) open_head_bytes_ = 0;
}

// HEAD, and the statuses that never have a body (RFC 9110 6.4.1).
bool Http1Response::is_bodiless() const {
  return to_head_ || status_ == 204 || status_ == kResetContent || status_ == 304;
}

Http1Response::Framing Http1Response::decide_framing(bool only_message) const {
  if (is_bodiless()) return Framing::kNoBody;
  const bool length_is_known = only_message && !wants_chunks();
  if (fields_.content_length.has_value() || length_is_known) return Framing::kLength;
  return version_ == HttpVersion::k10 ? Framing::kUntilClose : Framing::kChunked;
}

void Http1Response::frame(bool only_message, uint64_t first_bytes, bool may_persist) {
  framing_ = decide_framing(only_message);
  persistent_ = may_persist && !fields_.close && framing_ != Framing::kUntilClose;
  std::optional<uint64_t> length = fields_.content_length;
  if (framing_ == Framing::kLength && !length) length = first_bytes;
  // A HEAD is told what a GET would be, where that is known.
  const bool length_is_known = only_message && first_bytes > 0 && !wants_chunks();
  if (to_head_ && !length && length_is_known) length = first_bytes;
  if (status_ == 204) length.reset();
  if (status_ == kResetContent) length = 0;

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

template <class Piece>
void Http1Response::append_chunk(Piece piece, uint64_t size) {
  char line[20];
  char* end = std::to_chars(line, line + 16, size, 16).ptr;
  end = put(end, "\r\n");
  output_.append(std::string_view(line, static_cast<size_t>(end - line)));
  output_.append(std::move(piece));
  output_.append(std::string_view("\r\n"));
}

}  // namespace tricorn
