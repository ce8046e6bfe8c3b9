// AsgiRequest: the request, who waits, and the end. The response is in asgi_response.cc.
#include "worker/gateway/asgi_request.h"

#include "worker/gateway/gateway.h"
#include "worker/gateway/messages.h"

namespace tricorn {
namespace {

using Progress = AsgiExchange::Progress;

}  // namespace

bool AsgiRequest::open(Gateway* gateway, ResponseWriter* writer, PyRef method, PyRef path,
                       std::string_view body, bool body_complete) {
  AsgiExchange::open(gateway, std::move(method), std::move(path));
  writer_ = writer;
  body_complete_ = body_complete;
  if (body.empty()) return true;
  first_body_ =
      PyRef::steal(PyBytes_FromStringAndSize(body.data(), static_cast<Py_ssize_t>(body.size())));
  return static_cast<bool>(first_body_);
}

void AsgiRequest::on_body(std::string_view bytes, bool complete) {
  more_body_.append(bytes);
  body_complete_ = complete;
  wake_all();
}

void AsgiRequest::on_input_end() {
  input_ended_ = true;
  wake_all();
}

void AsgiRequest::on_writable() { wake_all(); }

void AsgiRequest::on_disconnect() {
  writer_ = nullptr;
  disconnected_ = true;
  wake_all();
}

Progress AsgiRequest::receive(PyRef& message) {
  bool has_body = first_body_ || !more_body_.empty() || (body_complete_ && !body_delivered_);
  if (completed_ || (!has_body && (disconnected_ || input_ended_))) {
    message = disconnect_message();  // and again at every further call (P40, P42)
    knows_of_disconnect_ |= !completed_;
  } else if (has_body) {
    message = body_message();
  } else {
    if (!body_complete_) writer_->body_wanted();
    return Progress::kMustWait;
  }
  return message ? Progress::kDone : Progress::kError;
}

// The bytes that came so far, as one message (P18): those of the head's read first, as they are.
PyRef AsgiRequest::body_message() {
  if (!first_body_ && more_body_.empty()) {
    body_delivered_ = true;
    return empty_request_message();
  }
  PyRef bytes = std::move(first_body_);
  if (!bytes) {
    bytes = PyRef::steal(
        PyBytes_FromStringAndSize(more_body_.data(), static_cast<Py_ssize_t>(more_body_.size())));
    more_body_ = {};
    if (!bytes) return {};
  }
  bool more = !body_complete_ || !more_body_.empty();
  body_delivered_ = !more;
  if (writer_ != nullptr) {
    writer_->body_consumed(static_cast<size_t>(PyBytes_GET_SIZE(bytes.get())));
  }
  return request_message(bytes.get(), more);
}

void AsgiRequest::receive_given_up() {
  if (writer_ != nullptr && !has_waiters()) writer_->body_unwanted();
}

void AsgiRequest::finish_returned(PyObject* scope) {
  if (completed_ || disconnected_) return;
  if (!knows_of_disconnect_) {
    report(started_ ? "the app returned without completing its response"
                    : "the app returned without sending a response",
           scope);
  }
  end_badly();
}

bool AsgiRequest::finish_raised(PyObject* exception, PyObject* scope) {
  const bool well_completed = completed_ && !cut_off_;
  const bool reported = report_raised(
      exception, scope, well_completed ? "the app raised after its response" : "the app raised");
  end_badly();
  return reported;
}

// Before the start: 500. After it: the message is cut off, so that the client sees that it is
// incomplete (P37-P39).
void AsgiRequest::end_badly() {
  if (writer_ == nullptr) return;
  ResponseWriter* writer = complete();
  if (started_) {
    writer->abort();
  } else {
    answer_plainly(*writer, 500, "Internal Server Error");
  }
}

}  // namespace tricorn
