// AsgiWebSocket: see the header.
#include "worker/gateway/asgi_websocket.h"

#include <utility>

#include "common/logging.h"
#include "worker/gateway/gateway.h"
#include "worker/gateway/message_fields.h"
#include "worker/gateway/messages.h"
#include "worker/gateway/scratch_headers.h"
#include "worker/gateway/websocket_messages.h"
#include "worker/python/interned.h"
#include "worker/python/py_error.h"

namespace tricorn {
namespace {

using Progress = AsgiExchange::Progress;

PyRef object_of(const ReceivedMessage& message) {
  const auto size = static_cast<Py_ssize_t>(message.size());
  if (message.kind() == MessageKind::kText) {
    return PyRef::steal(PyUnicode_DecodeUTF8(message.text().data(), size, nullptr));
  }
  PyRef object = PyRef::steal(message.is_text() ? PyUnicode_New(size, 0x7f)
                                                : PyBytes_FromStringAndSize(nullptr, size));
  if (!object || size == 0) return object;  // empty ones are shared
  message.copy_to(message.is_text() ? static_cast<char*>(PyUnicode_DATA(object.get()))
                                    : PyBytes_AS_STRING(object.get()));
  return object;
}

}  // namespace

AsgiWebSocket::AsgiWebSocket(PyObject* owner, Gateway* gateway, ResponseWriter* writer, PyRef path)
    : owner_(owner), writer_(writer) {
  open(gateway, PyRef::borrow(interned.websocket_label), std::move(path));
}

// --- What the session tells
void AsgiWebSocket::on_disconnect() {
  writer_ = nullptr;
  over(close_code::kAbnormal, {});
}

void AsgiWebSocket::on_message(const ReceivedMessage& message) {
  PyRef alive = PyRef::borrow(owner_);
  PyRef object = object_of(message);
  if (!object) {  // no memory, for one
    log_error("{}: cannot take a message: {}", label(), PyError::take().traceback());
    return end(close_code::kInternalError);
  }
  received_.push_back({std::move(object), message.size()});
  wake_receiver();
}

void AsgiWebSocket::on_close(uint16_t code, std::string_view reason) {
  socket_ = nullptr;
  over(code, reason);
  kept_.reset();  // last: this may be the end of us
}

void AsgiWebSocket::over(uint16_t code, std::string_view reason) {
  state_ = State::kOver;
  close_code_ = code;
  close_reason_ = reason;
  wake_all();
}

// --- receive()
// What came before the end is the app's all the same; at the end it hears of that again and again
// (P76).
Progress AsgiWebSocket::receive(PyRef& message) {
  if (!connect_delivered_) {
    message = connect_message();
    connect_delivered_ = static_cast<bool>(message);
  } else if (next_ < received_.size()) {
    message = next_message();
  } else if (state_ == State::kOver) {
    message = websocket_disconnect_message(close_code_, close_reason_);
    knows_of_disconnect_ = true;
  } else {
    return Progress::kMustWait;
  }
  return message ? Progress::kDone : Progress::kError;
}

PyRef AsgiWebSocket::next_message() {
  const Received taken = std::move(received_[next_++]);
  if (next_ == received_.size()) {
    received_.clear();
    next_ = 0;
  }
  if (socket_ != nullptr) socket_->consumed(taken.bytes);
  return receive_message_of(taken.data.get());
}

// Nobody will ask for it; the session reads on, for the client's Close.
void AsgiWebSocket::forget_received() {
  for (; next_ < received_.size(); ++next_) {
    if (socket_ != nullptr) socket_->consumed(received_[next_].bytes);
  }
  received_.clear();
  next_ = 0;
}

// --- send()
// Reading a message may run the app's code (an iterator's, for one), which may send: the state is
// looked at again once it is read.
Progress AsgiWebSocket::send(PyObject* message) {
  PyRef type = PyRef::borrow(message_type(message));
  if (!type) return Progress::kError;
  const auto is = [&](PyObject* literal) { return says(type.get(), literal); };
  switch (state_) {
    case State::kConnecting:
      if (is(interned.websocket_accept)) return accept(message);
      if (is(interned.websocket_close)) return refuse();
      if (is(interned.websocket_response_start)) return start_denial(message);
      return raise_runtime_error("unexpected ASGI message %R before websocket.accept", type.get());
    case State::kDenying:
      if (is(interned.websocket_response_body)) return deny(message);
      break;
    case State::kOpen:
      if (is(interned.websocket_send)) return send_data(message);
      if (is(interned.websocket_close)) return close(message);
      break;
    case State::kClosing:
      return raise_runtime_error("ASGI message %R sent after websocket.close", type.get());
    case State::kOver:
      if (ended_by_app_) {
        return raise_runtime_error("ASGI message %R sent after the WebSocket was closed",
                                   type.get());
      }
      raise_disconnected();
      return Progress::kError;
  }
  return raise_runtime_error("unexpected ASGI message %R", type.get());
}

Progress AsgiWebSocket::accept(PyObject* message) {
  std::string_view subprotocol;
  PyRef headers_value = PyRef::borrow(PyDict_GetItemWithError(message, interned.headers));
  PyRef holder;
  ScratchHeaders headers(*gateway());
  if (PyErr_Occurred() != nullptr || !read_headers(headers_value.get(), headers.fields, holder) ||
      !read_subprotocol(message, subprotocol)) {
    return Progress::kError;
  }
  if (state_ != State::kConnecting) {
    return raise_runtime_error("ASGI message %R sent twice", interned.websocket_accept);
  }
  auto accepted = writer_->accept_websocket(subprotocol, headers.fields, *this);
  if (!accepted) return raise_refusal(accepted.error().message);
  writer_ = nullptr;
  socket_ = *accepted;
  state_ = State::kOpen;
  return Progress::kDone;
}

// P71.
Progress AsgiWebSocket::refuse() {
  ResponseWriter* const writer = std::exchange(writer_, nullptr);
  const Header fields[] = {{"content-length", "0"}, {"connection", "close"}};
  // Cannot fail: nothing was sent before, and the fields are well-formed.
  if (writer->start(403, fields, false)) (void)writer->body({}, false);
  ended_by_app_ = true;
  over(close_code::kAbnormal, {});
  return Progress::kDone;
}

// P72.
Progress AsgiWebSocket::start_denial(PyObject* message) {
  MessageFields fields;
  int status = 0;
  PyRef holder;
  ScratchHeaders headers(*gateway());
  if (!fields.take(message) || !read_status(fields[MessageFields::kStatus], status) ||
      !read_headers(fields[MessageFields::kHeaders], headers.fields, holder)) {
    return Progress::kError;
  }
  if (state_ != State::kConnecting) {
    return raise_runtime_error("ASGI message %R sent twice", interned.websocket_response_start);
  }
  const Result<> written = writer_->start(status, headers.fields, false);
  if (!written) return raise_refusal(written.error().message);
  state_ = State::kDenying;
  return Progress::kDone;
}

Progress AsgiWebSocket::deny(PyObject* message) {
  MessageFields fields;
  bool more = false;
  if (!fields.take(message) || !read_flag(fields[MessageFields::kMoreBody], more)) {
    return Progress::kError;
  }
  PyRef body = PyRef::borrow(fields[MessageFields::kBody]);
  Py_buffer buffer{};
  if (body && PyObject_GetBuffer(body.get(), &buffer, PyBUF_SIMPLE) < 0) return Progress::kError;
  const std::string_view bytes(static_cast<const char*>(buffer.buf),
                               static_cast<size_t>(buffer.len));
  const bool denying = state_ == State::kDenying;
  const Result<> written = denying ? writer_->body(Chunk::borrowed(bytes), more) : Result<>();
  if (body) PyBuffer_Release(&buffer);
  if (!denying) return send(message);  // as it is by now
  if (!written) return raise_refusal(written.error().message);
  if (more) return writer_->congested() ? Progress::kMustWait : Progress::kDone;
  writer_ = nullptr;
  ended_by_app_ = true;
  over(close_code::kAbnormal, {});
  return Progress::kDone;
}

Progress AsgiWebSocket::send_data(PyObject* message) {
  MessageData data;
  if (!read_data(message, data)) return Progress::kError;
  if (state_ != State::kOpen) return send(message);  // as it is by now
  const Result<> sent = socket_->send(std::move(data.chunk), data.text);
  if (!sent) return raise_refusal(sent.error().message);
  return socket_->congested() ? Progress::kMustWait : Progress::kDone;
}

Progress AsgiWebSocket::close(PyObject* message) {
  uint16_t code = 0;
  std::string_view reason;
  if (!read_close(message, code, reason)) return Progress::kError;
  if (state_ != State::kOpen) return send(message);  // as it is by now
  const Result<> closed = socket_->close(code, reason);
  if (!closed) return raise_refusal(closed.error().message);
  state_ = State::kClosing;
  ended_by_app_ = true;
  forget_received();
  return Progress::kDone;
}

Progress AsgiWebSocket::sent_enough() {
  if (state_ == State::kOver && !ended_by_app_) {
    raise_disconnected();
    return Progress::kError;
  }
  const bool congested = socket_ != nullptr   ? socket_->congested()
                         : writer_ != nullptr ? writer_->congested()
                                              : false;
  return congested ? Progress::kMustWait : Progress::kDone;
}

// --- The app's end (P73)
void AsgiWebSocket::finish_returned(PyObject* scope) {
  if (state_ == State::kConnecting)
    report("the app returned without accepting the WebSocket or closing it", scope);
  if (state_ == State::kDenying) report("the app returned without completing its response", scope);
  end(close_code::kNormal);
}

bool AsgiWebSocket::finish_raised(PyObject* exception, PyObject* scope) {
  const bool reported = report_raised(exception, scope, "the app raised");
  end(close_code::kInternalError);
  return reported;
}

void AsgiWebSocket::end(uint16_t code) {
  if (state_ == State::kConnecting) {
    answer_plainly(*std::exchange(writer_, nullptr), 500, "Internal Server Error");
  } else if (state_ == State::kDenying) {
    std::exchange(writer_, nullptr)->abort();
  } else if (state_ == State::kOpen) {
    (void)socket_->close(code, {});  // cannot fail: it is open, and the code is a good one
  }
  forget_received();
  if (socket_ == nullptr) {
    state_ = State::kOver;
  } else {
    state_ = State::kClosing;
    kept_ = PyRef::borrow(owner_);
  }
}

}  // namespace tricorn
