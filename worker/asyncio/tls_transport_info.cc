// TlsStream: limits, and what get_extra_info() and repr() say.
#include <array>
#include <string>

#include "worker/asyncio/tls_stream.h"
#include "worker/asyncio/water_marks.h"

namespace tricorn {
namespace {

bool is(PyObject* name, const char* text) {
  return PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, text) == 0;
}

// The method of SSLObject that answers; null if none does.
const char* answering_method(PyObject* name) {
  struct Answer {
    const char* name;
    const char* method;
  };
  static constexpr std::array<Answer, 3> kAnswers = {
      {{"peercert", "getpeercert"}, {"cipher", "cipher"}, {"compression", "compression"}}};
  for (const Answer& answer : kAnswers) {
    if (is(name, answer.name)) return answer.method;
  }
  return nullptr;
}

}  // namespace

// What the handshake decides is known from then on; the rest is the socket transport's.
PyRef TlsStream::extra_info(PyObject* name, PyObject* missing) {
  if (is(name, "sslcontext")) return ssl_context_.clone();
  if (handshaken_) {
    if (is(name, "ssl_object")) return PyRef::borrow(session_.ssl_object());
    if (const char* method = answering_method(name)) {
      return PyRef::steal(PyObject_CallMethod(session_.ssl_object(), method, nullptr));
    }
  }
  return socket_ ? below().extra_info(name, missing) : PyRef::borrow(missing);
}

PyRef TlsStream::repr() {
  const char* state = loop_ == nullptr ? " closed" : closing_ ? " closing" : "";
  return PyRef::steal(
      PyUnicode_FromFormat("<SSLTransport%s over %R>", state, socket_ ? socket_.get() : Py_None));
}

bool TlsStream::set_write_limits(PyObject* args, PyObject* keywords) {
  size_t high = 0;
  size_t low = 0;
  if (!parse_water_marks(args, keywords, high, low, kWriteHigh)) return false;
  write_limits_.set(high, low);
  if (is_open()) control_writing();
  return true;
}

bool TlsStream::set_read_limits(PyObject* args, PyObject* keywords) {
  size_t high = 0;
  size_t low = 0;
  if (!parse_water_marks(args, keywords, high, low, kReadHigh)) return false;
  read_limits_.set(high, low);
  if (is_open()) control_reading();
  return true;
}

}  // namespace tricorn
