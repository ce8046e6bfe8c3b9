// PythonProtocol: see the header.
#include "worker/asyncio/python_protocol.h"

#include "worker/asyncio/asyncio_names.h"
#include "worker/asyncio/bytes_view.h"
#include "worker/asyncio/received_bytes.h"
#include "worker/asyncio/stream_reader.h"

namespace tricorn {
namespace {

// As uvloop decides: what has get_buffer() and is no asyncio.Protocol. 1, 0, or -1 with an error.
int wants_buffers(PyObject* protocol) {
  const int plain = PyObject_IsInstance(protocol, asyncio_names.protocol_class.get());
  if (plain != 0) return plain < 0 ? -1 : 0;
  return PyObject_HasAttrString(protocol, "get_buffer");
}

PyRef attribute(PyObject* object, const char* name) {
  return PyRef::steal(PyObject_GetAttrString(object, name));
}

PyRef call_with(PyObject* method, PyObject* argument) {
  PyObject* stack[] = {nullptr, argument};
  return PyRef::steal(
      PyObject_Vectorcall(method, stack + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
}

}  // namespace

std::shared_ptr<PythonProtocol> PythonProtocol::make(PyObject* protocol) {
  const int buffered = wants_buffers(protocol);
  if (buffered < 0) return nullptr;
  auto made = std::make_shared<PythonProtocol>();
  made->protocol_ = PyRef::borrow(protocol);
  made->on_data_ = attribute(protocol, buffered == 1 ? "buffer_updated" : "data_received");
  // One that only writes may lack it: asyncio asks when data come.
  if (!made->on_data_ && PyErr_ExceptionMatches(PyExc_AttributeError)) {
    PyErr_Clear();
  } else if (!made->on_data_) {
    return nullptr;
  }
  made->feeds_reader_ = buffered == 0 && feeds_stream_reader(protocol);
  if (buffered == 0) return made;
  made->get_buffer_ = attribute(protocol, "get_buffer");
  return made->get_buffer_ ? made : nullptr;
}

bool PythonProtocol::call(const char* method, PyObject* argument) {
  PyRef bound = attribute(protocol_.get(), method);
  if (!bound) return false;
  PyRef result = argument == nullptr ? PyRef::steal(PyObject_CallNoArgs(bound.get()))
                                     : call_with(bound.get(), argument);
  return static_cast<bool>(result);
}

bool PythonProtocol::connected(PyObject* transport) { return call("connection_made", transport); }
bool PythonProtocol::lost(PyObject* exception) { return call("connection_lost", exception); }

bool PythonProtocol::pause_writing() {
  failure_ = "protocol.pause_writing() failed";
  return call("pause_writing", nullptr);
}

bool PythonProtocol::resume_writing() {
  failure_ = "protocol.resume_writing() failed";
  return call("resume_writing", nullptr);
}

int PythonProtocol::ended() {
  failure_ = "Fatal error: protocol.eof_received() call failed.";
  PyRef method = attribute(protocol_.get(), "eof_received");
  PyRef keeps_open = method ? PyRef::steal(PyObject_CallNoArgs(method.get())) : PyRef();
  return keeps_open ? PyObject_IsTrue(keeps_open.get()) : -1;
}

ssize_t PythonProtocol::read(int fd) {
  if (get_buffer_) return read_into_buffer(fd);
  return feeds_reader_ ? read_for_reader(fd) : read_data(fd);
}

ssize_t PythonProtocol::read_data(int fd) {
  failure_ = "Fatal error: protocol.data_received() call failed.";
  Received received = receive_bytes(fd, expects_much_);
  if (received.count <= 0) return received.count;
  expects_much_ = static_cast<size_t>(received.count) >= kMuch;
  if (!received.bytes || !data_received(received.bytes.get())) return kFailed;
  return received.count;
}

ssize_t PythonProtocol::read_for_reader(int fd) {
  std::span<char> buffer = shared_read_buffer();
  const ssize_t count = receive(fd, buffer.data(), buffer.size());
  if (count <= 0) return count;
  return feed({buffer.data(), static_cast<size_t>(count)}) ? count : kFailed;
}

bool PythonProtocol::feed(std::string_view bytes) {
  failure_ = "Fatal error: protocol.data_received() call failed.";
  const Fed fed = feed_stream_reader(protocol_.get(), bytes);
  if (fed != Fed::kNo) return fed == Fed::kYes;
  PyRef object =
      PyRef::steal(PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
  return object && call_data_received(object.get());
}

bool PythonProtocol::data_received(PyObject* bytes) {
  if (!feeds_reader_) return call_data_received(bytes);
  return feed({PyBytes_AS_STRING(bytes), static_cast<size_t>(PyBytes_GET_SIZE(bytes))});
}

bool PythonProtocol::call_data_received(PyObject* bytes) {
  failure_ = "Fatal error: protocol.data_received() call failed.";
  if (!on_data_) on_data_ = attribute(protocol_.get(), "data_received");
  PyRef method = on_data_.clone();  // the call may set another protocol
  return method && call_with(method.get(), bytes);
}

bool PythonProtocol::get_buffer(Py_ssize_t size_hint, WritableBuffer& view) {
  failure_ = "Fatal error: protocol.get_buffer() call failed.";
  PyRef hint = PyRef::steal(PyLong_FromSsize_t(size_hint));
  PyRef buffer = hint ? call_with(get_buffer_.get(), hint.get()) : PyRef();
  if (!buffer || !view.open(buffer.get())) return false;
  if (view.size() > 0) return true;
  PyErr_SetString(PyExc_RuntimeError, "get_buffer() returned an empty buffer");
  return false;
}

bool PythonProtocol::buffer_updated(Py_ssize_t count) {
  failure_ = "Fatal error: protocol.buffer_updated() call failed.";
  PyRef method = on_data_.clone();
  PyRef length = PyRef::steal(PyLong_FromSsize_t(count));
  return length && method && call_with(method.get(), length.get());
}

ssize_t PythonProtocol::read_into_buffer(int fd) {
  WritableBuffer view;
  if (!get_buffer(-1, view)) return kFailed;
  const ssize_t count = receive(fd, view.data(), view.size());
  if (count <= 0) return count;
  view.release();
  return buffer_updated(count) ? count : kFailed;
}

int PythonProtocol::traverse(visitproc visit, void* arg) const {
  for (const PyRef* ref : {&protocol_, &on_data_, &get_buffer_}) {
    if (int stop = ref->traverse(visit, arg)) return stop;
  }
  return 0;
}

}  // namespace tricorn
