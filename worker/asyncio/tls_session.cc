// TlsSession: see the header.
#include "worker/asyncio/tls_session.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "worker/asyncio/tls_names.h"

namespace tricorn {
namespace {

// A record holds no more (RFC 8446, section 5.1), and SSL_read returns no more at once.
constexpr size_t kRecord = 16 * 1024;
constexpr size_t kLongestRecord = kRecord + 5 + 256;  // with its header, as ciphertext
constexpr size_t kPiece = kRecord;                    // of much
constexpr size_t kSmall = 2 * kRecord;  // up to here plaintext is copied out of a buffer

PyRef attribute(const PyRef& object, const char* name) {
  return PyRef::steal(object ? PyObject_GetAttrString(object.get(), name) : nullptr);
}

PyRef call_with(const PyRef& method, PyObject* argument) {
  return PyRef::steal(PyObject_CallOneArg(method.get(), argument));
}

// A memoryview of memory that outlives the call it is for.
PyRef view_of(char* data, size_t size, int flags) {
  return PyRef::steal(PyMemoryView_FromMemory(data, static_cast<Py_ssize_t>(size), flags));
}

// What the error that is set means.
TlsResult result_of_error() {
  const TlsNames& names = *tls_names();
  if (PyErr_ExceptionMatches(names.want_read.get()) ||
      PyErr_ExceptionMatches(names.syscall_error.get())) {
    PyErr_Clear();
    return TlsResult::kAgain;
  }
  if (PyErr_ExceptionMatches(names.zero_return.get())) {
    PyErr_Clear();
    return TlsResult::kEnd;
  }
  return TlsResult::kFailed;
}

}  // namespace

bool TlsSession::open(PyObject* ssl_context, bool server_side, PyObject* server_hostname) {
  const TlsNames* names = tls_names();
  if (names == nullptr) return false;
  incoming_ = PyRef::steal(PyObject_CallNoArgs(names->memory_bio.get()));
  outgoing_ = PyRef::steal(PyObject_CallNoArgs(names->memory_bio.get()));
  PyRef wrap = PyRef::steal(PyObject_GetAttrString(ssl_context, "wrap_bio"));
  if (!incoming_ || !outgoing_ || !wrap) return false;
  PyRef bios = PyRef::steal(PyTuple_Pack(2, incoming_.get(), outgoing_.get()));
  PyRef keywords =
      PyRef::steal(Py_BuildValue("{s:O,s:O}", "server_side", server_side ? Py_True : Py_False,
                                 "server_hostname", server_hostname));
  if (!bios || !keywords) return false;
  ssl_object_ = PyRef::steal(PyObject_Call(wrap.get(), bios.get(), keywords.get()));
  if (!ssl_object_) return false;
  plain_ = Py_TYPE(ssl_object_.get()) == reinterpret_cast<PyTypeObject*>(names->ssl_object.get());
  PyRef doer = plain_ ? attribute(ssl_object_, "_sslobj") : ssl_object_.clone();
  feed_ = attribute(incoming_, "write");
  drain_ = attribute(outgoing_, "read");
  handshake_ = attribute(doer, "do_handshake");
  shutdown_ = attribute(doer, plain_ ? "shutdown" : "unwrap");
  read_ = attribute(doer, "read");
  write_ = attribute(doer, "write");
  pending_ = attribute(doer, "pending");
  return PyErr_Occurred() == nullptr;
}

size_t TlsSession::pending(const PyRef& bio) {
  PyRef count = PyRef::steal(PyObject_GetAttr(bio.get(), tls_names()->pending.get()));
  const size_t size = count ? PyLong_AsSize_t(count.get()) : 0;
  if (PyErr_Occurred() != nullptr) PyErr_Clear();
  return size;
}

TlsResult TlsSession::call(const PyRef& method) {
  if (!feed(unfed_.size())) return TlsResult::kFailed;
  PyRef done = PyRef::steal(PyObject_CallNoArgs(method.get()));
  return done ? TlsResult::kDone : result_of_error();
}

bool TlsSession::receive(PyObject* ciphertext) {
  if (!feed(unfed_.size())) return false;
  if (!PyBytes_CheckExact(ciphertext) || PyBytes_GET_SIZE(ciphertext) <= Py_ssize_t{kPiece}) {
    return static_cast<bool>(call_with(feed_, ciphertext));
  }
  received_ = PyRef::borrow(ciphertext);
  unfed_ = {PyBytes_AS_STRING(ciphertext), static_cast<size_t>(PyBytes_GET_SIZE(ciphertext))};
  return true;
}

bool TlsSession::feed(size_t most) {
  while (most > 0 && !unfed_.empty()) {
    const std::string_view piece = unfed_.substr(0, most);
    PyRef view = view_of(const_cast<char*>(piece.data()), piece.size(), PyBUF_READ);
    if (!view) return false;
    if (piece.data() != unfed_.data()) continue;  // making a view may collect garbage, and call us
    unfed_.remove_prefix(piece.size());
    if (!call_with(feed_, view.get())) return false;
    most -= piece.size();
  }
  if (unfed_.empty()) received_.reset();
  return true;
}

// `waiting` in incoming_: a whole record at least, as long as there is more. SSL_read that finds a
// part of one costs an exception.
bool TlsSession::fill(size_t& waiting) {
  waiting = pending(incoming_);
  while (!unfed_.empty() && waiting < kLongestRecord) {
    if (!feed(kLongestRecord)) return false;
    waiting = pending(incoming_);
  }
  return true;
}

bool TlsSession::has_plaintext() const {
  PyRef count = PyRef::steal(PyObject_CallNoArgs(pending_.get()));
  if (!count) PyErr_Clear();
  return !count || PyObject_IsTrue(count.get()) != 0;
}

bool TlsSession::has_input() const { return incoming_size() > 0 || has_plaintext(); }

// One SSL_read.
TlsResult TlsSession::read_some(std::span<char> target, size_t& count) {
  count = 0;
  PyRef view = view_of(target.data(), target.size(), PyBUF_WRITE);
  PyRef size = PyRef::steal(PyLong_FromSize_t(target.size()));
  if (!view || !size) return TlsResult::kFailed;
  PyObject* arguments[] = {nullptr, size.get(), view.get()};
  PyRef done = PyRef::steal(
      PyObject_Vectorcall(read_.get(), arguments + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
  if (!done) return result_of_error();
  count = PyLong_AsSize_t(done.get());
  if (PyErr_Occurred() != nullptr) return TlsResult::kFailed;
  return count == 0 ? TlsResult::kEnd : TlsResult::kDone;
}

TlsResult TlsSession::read_into(std::span<char> target, size_t& count) {
  count = 0;
  while (count < target.size()) {
    size_t waiting = 0;
    if (!fill(waiting)) return TlsResult::kFailed;
    if (waiting == 0 && !has_plaintext()) return TlsResult::kAgain;
    size_t got = 0;
    const TlsResult result = read_some(target.subspan(count), got);
    if (result == TlsResult::kAgain && !unfed_.empty()) {  // after records without plaintext
      if (!feed(kLongestRecord)) return TlsResult::kFailed;
      continue;
    }
    if (result != TlsResult::kDone) return result;
    count += got;
  }
  return TlsResult::kDone;
}

TlsResult TlsSession::read(PyRef& plaintext) {
  // Plaintext is never longer than its ciphertext; beside that there may be the rest of a record.
  const size_t room = incoming_size() + kRecord;
  return room <= kSmall ? read_small(plaintext) : read_much(plaintext, room);
}

// Meanwhile another connection may read: SSL_read gives up the GIL, and making a view may collect
// garbage, whose finalizers may close one.
TlsResult TlsSession::read_small(PyRef& plaintext) {
  static std::unique_ptr<char[]> spare;
  std::unique_ptr<char[]> buffer = std::move(spare);
  if (!buffer) buffer = std::make_unique_for_overwrite<char[]>(kSmall);
  size_t count = 0;
  const TlsResult result = read_into({buffer.get(), kSmall}, count);
  if (count != 0 && result != TlsResult::kFailed) {
    plaintext =
        PyRef::steal(PyBytes_FromStringAndSize(buffer.get(), static_cast<Py_ssize_t>(count)));
  }
  spare = std::move(buffer);
  return count == 0 || plaintext ? result : TlsResult::kFailed;
}

TlsResult TlsSession::read_much(PyRef& plaintext, size_t room) {
  PyRef target = PyRef::steal(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(room)));
  if (!target) return TlsResult::kFailed;
  size_t count = 0;
  const TlsResult result = read_into({PyBytes_AS_STRING(target.get()), room}, count);
  if (count == 0 || result == TlsResult::kFailed) return result;
  PyObject* resized = target.release();
  _PyBytes_Resize(&resized, static_cast<Py_ssize_t>(count));
  plaintext = PyRef::steal(resized);
  return plaintext ? result : TlsResult::kFailed;
}

TlsResult TlsSession::write(PyObject* data, std::string_view bytes, size_t& written) {
  written = 0;
  const bool is_all_of_it = PyBytes_CheckExact(data) && PyBytes_AS_STRING(data) == bytes.data() &&
                            static_cast<size_t>(PyBytes_GET_SIZE(data)) == bytes.size();
  while (written < bytes.size()) {
    const std::string_view piece = bytes.substr(written, plain_ ? kPiece : bytes.size());
    PyRef view = is_all_of_it && piece.size() == bytes.size()
                     ? PyRef::borrow(data)
                     : view_of(const_cast<char*>(piece.data()), piece.size(), PyBUF_READ);
    size_t count = 0;
    const TlsResult result = view ? write_some(view.get(), count) : TlsResult::kFailed;
    if (result != TlsResult::kDone) return result;
    written += count;
    if (written < bytes.size() && !set_output_aside()) return TlsResult::kFailed;
  }
  return TlsResult::kDone;
}

// One SSL_write.
TlsResult TlsSession::write_some(PyObject* data, size_t& count) {
  PyRef done = call_with(write_, data);
  if (!done) return result_of_error();
  count = PyLong_AsSize_t(done.get());
  if (PyErr_Occurred() != nullptr) return TlsResult::kFailed;
  return count == 0 ? TlsResult::kAgain : TlsResult::kDone;
}

bool TlsSession::set_output_aside() {
  if (!output_) output_ = PyRef::steal(PyList_New(0));  // first: it may collect garbage
  PyRef ciphertext = PyRef::steal(output_ ? PyObject_CallNoArgs(drain_.get()) : nullptr);
  if (!ciphertext || PyList_Append(output_.get(), ciphertext.get()) < 0) return false;
  output_size_ += static_cast<size_t>(PyBytes_GET_SIZE(ciphertext.get()));
  return true;
}

PyRef TlsSession::take_output() {
  if (!output_) return PyRef::steal(PyObject_CallNoArgs(drain_.get()));
  if (pending(outgoing_) > 0 && !set_output_aside()) return {};
  output_size_ = 0;
  return std::move(output_);
}

int TlsSession::traverse(visitproc visit, void* arg) const {
  for (const PyRef* ref : {&ssl_object_, &incoming_, &outgoing_, &feed_, &drain_, &handshake_,
                           &shutdown_, &read_, &write_, &pending_, &received_, &output_}) {
    if (int stop = ref->traverse(visit, arg)) return stop;
  }
  return 0;
}

}  // namespace tricorn
