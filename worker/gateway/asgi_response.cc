// AsgiRequest: the app's side of the response, message by message.
#include <algorithm>
#include <optional>

#include "worker/gateway/asgi_request.h"
#include "worker/gateway/file_messages.h"
#include "worker/gateway/gateway.h"
#include "worker/gateway/message_fields.h"
#include "worker/gateway/messages.h"
#include "worker/gateway/scratch_headers.h"
#include "worker/python/interned.h"
#include "worker/python/object_chunk.h"

namespace tricorn {
namespace {

using Progress = AsgiExchange::Progress;

}  // namespace

// Reading a message may run the app's code (an iterator's, a __bool__ or __fspath__), which may
// send and even complete the response: whether a message may be sent is asked again once it is
// read. Header fields are read last: they are views into what the app could still change.

Progress AsgiRequest::send(PyObject* message) {
  MessageFields fields;
  if (!fields.take(message) || !may_send(fields.type())) return Progress::kError;
  if (says(fields.type(), interned.http_response_start)) return start(fields);
  if (says(fields.type(), interned.http_response_body)) return body(fields);
  static constexpr struct {
    PyObject* Interned::* type;
    Progress (AsgiRequest::*act)(PyObject* message, const MessageFields& fields);
  } kActs[] = {
      {&Interned::pathsend, &AsgiRequest::pathsend},
      {&Interned::zerocopysend, &AsgiRequest::zerocopysend},
      {&Interned::early_hint, &AsgiRequest::early_hint},
      {&Interned::response_trailers, &AsgiRequest::trailers},
  };
  for (const auto& known : kActs) {
    if (says(fields.type(), interned.*known.type)) return (this->*known.act)(message, fields);
  }
  return raise_runtime_error("unexpected ASGI message %R in an HTTP response", fields.type());
}

bool AsgiRequest::may_send(PyObject* type) {
  if (completed_) {
    raise_runtime_error("ASGI message %R sent after the response was completed", type);
    return false;
  }
  return !raise_if_disconnected();
}

bool AsgiRequest::raise_if_disconnected() {
  if (disconnected_) raise_disconnected();
  return disconnected_;
}

Progress AsgiRequest::early_hint(PyObject* message, const MessageFields&) {
  PyRef holder;
  ScratchHeaders links(*gateway());
  if (!read_links(message, links.fields, holder) || !may_send(interned.early_hint)) {
    return Progress::kError;
  }
  if (started_) {
    return raise_runtime_error("ASGI message %R sent after http.response.start",
                               interned.early_hint);
  }
  if (links.fields.empty()) return Progress::kDone;
  const Result<> written = writer_->inform(103, links.fields);
  return written ? Progress::kDone : raise_refusal(written.error().message);
}

bool AsgiRequest::may_start() {
  if (!may_send(interned.http_response_start)) return false;
  if (started_) raise_runtime_error("ASGI message %R sent twice", interned.http_response_start);
  return !started_;
}

Progress AsgiRequest::start(const MessageFields& fields) {
  if (!may_start()) return Progress::kError;
  int status = 0;
  bool trailers = false;
  PyRef holder;
  ScratchHeaders headers(*gateway());
  if (!read_status(fields[MessageFields::kStatus], status) ||
      !read_flag(fields[MessageFields::kTrailers], trailers) ||
      !read_headers(fields[MessageFields::kHeaders], headers.fields, holder) || !may_start()) {
    return Progress::kError;
  }
  const Result<> written = writer_->start(status, headers.fields, trailers);
  if (!written) return raise_refusal(written.error().message);
  started_ = true;
  trailers_ = trailers;
  return Progress::kDone;
}

bool AsgiRequest::may_send_body(PyObject* type) {
  if (!may_send(type)) return false;
  if (started_ && !body_ended_) return true;
  raise_runtime_error(started_ ? "ASGI message %R sent after the end of the response body"
                               : "ASGI message %R sent before http.response.start",
                      type);
  return false;
}

Progress AsgiRequest::body(const MessageFields& fields) {
  PyObject* const type = interned.http_response_body;
  if (!may_send_body(type)) return Progress::kError;
  bool more = false;
  if (!read_flag(fields[MessageFields::kMoreBody], more)) return Progress::kError;
  PyObject* bytes = fields[MessageFields::kBody];
  if (bytes == nullptr) return write(type, Chunk(), more);
  if (PyBytes_Check(bytes)) {
    std::string_view view(PyBytes_AS_STRING(bytes), static_cast<size_t>(PyBytes_GET_SIZE(bytes)));
    return write(type, chunk_of(view, bytes), more);
  }
  Py_buffer buffer;  // bytearray, memoryview: copied, since the app may change them (P26)
  if (PyObject_GetBuffer(bytes, &buffer, PyBUF_SIMPLE) < 0) return Progress::kError;
  std::string_view view(static_cast<const char*>(buffer.buf), static_cast<size_t>(buffer.len));
  Progress progress = write(type, Chunk::borrowed(view), more);
  PyBuffer_Release(&buffer);
  return progress;
}

// The whole body at once. A file that cannot be had takes the head back, if that has not left: the
// app may start another response, and one that gives up is answered for with 500 (P50).
Progress AsgiRequest::pathsend(PyObject* message, const MessageFields&) {
  if (!may_send_body(interned.pathsend)) return Progress::kError;
  if (body_begun_) {
    return raise_runtime_error("ASGI message %R cannot follow a part of the body",
                               interned.pathsend);
  }
  FileSlice file;
  const std::optional<uint64_t> room = writer_->body_room();
  if (!open_path(message, room.has_value(), file)) {
    started_ = writer_ == nullptr || !writer_->withdraw();
    return Progress::kError;
  }
  if (room) file.length = std::min(file.length, *room);  // it has grown since the app looked
  return write(interned.pathsend, std::move(file), false);
}

Progress AsgiRequest::zerocopysend(PyObject* message, const MessageFields& fields) {
  if (!may_send_body(interned.zerocopysend)) return Progress::kError;
  const std::optional<uint64_t> room = writer_->body_room();
  bool more = false;
  BorrowedFile file;
  if (!read_flag(fields[MessageFields::kMoreBody], more) || !borrow_file(message, room, file)) {
    return Progress::kError;
  }
  const uint64_t end = file.slice.offset + file.slice.length;
  const Progress progress = write(interned.zerocopysend, std::move(file.slice), more);
  if (progress == Progress::kError || !file.from_position) return progress;
  return advance_position(message, end) ? progress : Progress::kError;
}

Progress AsgiRequest::write(PyObject* type, Chunk chunk, bool more) {
  if (!may_send_body(type)) return Progress::kError;
  return written(writer_->body(std::move(chunk), more), more);
}

Progress AsgiRequest::write(PyObject* type, FileSlice file, bool more) {
  if (!may_send_body(type)) return Progress::kError;
  return written(writer_->file(std::move(file), more), more);
}

Progress AsgiRequest::written(const Result<>& result, bool more) {
  if (!result) {
    if (!more) {
      cut_off_ = true;
      complete()->abort();
    }
    return raise_refusal(result.error().message);
  }
  body_begun_ = true;
  body_ended_ = !more;
  if (!more && !trailers_) complete();
  return writer_ != nullptr && writer_->congested() ? Progress::kMustWait : Progress::kDone;
}

Progress AsgiRequest::trailers(PyObject* message, const MessageFields& fields) {
  PyRef holder;
  bool more = false;
  PyRef more_trailers = PyRef::borrow(PyDict_GetItemWithError(message, interned.more_trailers));
  if (PyErr_Occurred() != nullptr) return Progress::kError;
  ScratchHeaders headers(*gateway());
  if (!read_flag(more_trailers.get(), more) ||
      !read_headers(fields[MessageFields::kHeaders], headers.fields, holder) ||
      !may_send(interned.response_trailers)) {
    return Progress::kError;
  }
  if (!started_ || !trailers_ || !body_ended_) {
    return raise_runtime_error(!started_    ? "ASGI message %R sent before http.response.start"
                               : !trailers_ ? "ASGI message %R was not announced by trailers: True"
                                            : "ASGI message %R sent before the end of the body",
                               interned.response_trailers);
  }
  const Result<> written = writer_->trailers(headers.fields, more);
  if (!written) return raise_refusal(written.error().message);
  if (!more) complete();
  return Progress::kDone;
}

// The exchange is over for the app; whoever waits in receive() hears of it.
ResponseWriter* AsgiRequest::complete() {
  completed_ = true;
  wake_all();
  return std::exchange(writer_, nullptr);
}

Progress AsgiRequest::sent_enough() {
  if (raise_if_disconnected()) return Progress::kError;
  return writer_ != nullptr && writer_->congested() ? Progress::kMustWait : Progress::kDone;
}

}  // namespace tricorn
