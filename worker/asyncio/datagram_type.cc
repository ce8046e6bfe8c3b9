// The Python face of DatagramTransport: _tricorn.DatagramTransport, and the method of the loop that
// makes one.
#include <array>

#include "worker/asyncio/asyncio_names.h"
#include "worker/asyncio/callbacks.h"
#include "worker/asyncio/datagram_transport.h"
#include "worker/asyncio/transport_methods.h"
#include "worker/loop/descriptor.h"
#include "worker/loop/loop_object.h"

namespace tricorn {
namespace {

using Common = TransportMethods<DatagramTransport>;
using Reading = ReadingMethods<DatagramTransport>;
using Writing = WritingMethods<DatagramTransport>;

constexpr std::array kSendToNames = {"data", "addr"};

// sendto(data, addr=None) with keywords. False with TypeError set.
bool read_sendto(PyObject* const* arguments, Py_ssize_t count, PyObject* keywords,
                 PyObject* (&out)[2]) {
  const Py_ssize_t named = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
  if (count > 2) {
    PyErr_Format(PyExc_TypeError, "sendto() takes at most 2 arguments (%zd given)", count);
    return false;
  }
  for (Py_ssize_t i = 0; i < count; ++i) out[i] = arguments[i];
  for (Py_ssize_t i = 0; i < named; ++i) {
    PyObject* name = PyTuple_GET_ITEM(keywords, i);
    const size_t place = is_name(name, kSendToNames[0]) ? 0 : 1;
    if (!is_name(name, kSendToNames[place]) || out[place] != nullptr) {
      PyErr_Format(PyExc_TypeError, "sendto() got an unexpected or repeated argument %R", name);
      return false;
    }
    out[place] = arguments[count + i];
  }
  if (out[0] == nullptr) PyErr_SetString(PyExc_TypeError, "sendto() needs the argument 'data'");
  return out[0] != nullptr;
}

PyObject* sendto(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* keywords) {
  PyObject* given[2] = {};
  if (!read_sendto(arguments, count, keywords, given)) return nullptr;
  PyObject* address = given[1] == nullptr ? Py_None : given[1];
  return DatagramTransportType::of(self).sendto(given[0], address) ? Py_NewRef(Py_None) : nullptr;
}

PyMethodDef methods[] = {
    {"sendto", method(sendto), METH_FASTCALL | METH_KEYWORDS,
     "sendto(data, addr=None)\n\nSend one datagram, now or when the socket takes it."},
    {"close", Common::close, METH_NOARGS, "Close after what is queued was sent."},
    {"abort", Common::abort, METH_NOARGS, "Close at once; what was not sent is lost."},
    {"is_closing", Common::is_closing, METH_NOARGS, "Whether it is closed, or about to be."},
    {"get_protocol", Common::get_protocol, METH_NOARGS, "The protocol."},
    {"set_protocol", Common::set_protocol, METH_O,
     "set_protocol(protocol)\n\nTalk to another protocol."},
    {"get_extra_info", method(Common::get_extra_info), METH_VARARGS | METH_KEYWORDS,
     "get_extra_info(name, default=None)\n\n'socket', 'sockname', 'peername'."},
    {"is_reading", Reading::is_reading, METH_NOARGS, "Whether it receives."},
    {"pause_reading", Reading::pause_reading, METH_NOARGS,
     "Receive nothing until resume_reading()."},
    {"resume_reading", Reading::resume_reading, METH_NOARGS, "Receive again."},
    {"set_write_buffer_limits", method(Writing::set_limits), METH_VARARGS | METH_KEYWORDS,
     "set_write_buffer_limits(high=None, low=None)\n\nBytes: when to pause and resume writing."},
    {"get_write_buffer_limits", Writing::get_limits, METH_NOARGS, "(low, high) in bytes."},
    {"get_write_buffer_size", Writing::get_buffer_size, METH_NOARGS, "Bytes not sent yet."},
    {}};

PyGetSetDef attributes[] = {{"_sock", Common::get_file, nullptr, nullptr, nullptr},
                            {"_loop", Common::get_loop, nullptr, nullptr, nullptr},
                            {}};

// As asyncio's own, which is both of the abstract classes.
PyRef make_base() {
  return PyRef::steal(PyObject_CallFunction(
      reinterpret_cast<PyObject*>(&PyType_Type), "s(OO){s:s,s:()}", "DatagramTransportBase",
      asyncio_names.transport_class.get(), asyncio_names.datagram_transport_class.get(),
      "__module__", "tricorn", "__slots__"));
}

int family_of(int fd) {
  int family = AF_UNSPEC;
  socklen_t size = sizeof family;
  ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size);
  return family;
}

PyRef make_transport(EventLoop& loop, PyObject* socket, PyObject* protocol, PyObject* remote,
                     PyObject* waiter, PyObject* extra) {
  const int fd = descriptor_of(socket);
  if (fd < 0) return {};
  PyRef own_extra = extra == Py_None ? PyRef() : PyRef::steal(PyDict_Copy(extra));
  if (extra != Py_None && !own_extra) return {};
  DatagramTransport::Parts parts{.core = {.loop = &loop,
                                          .file = PyRef::borrow(socket),
                                          .fd = fd,
                                          .duplicate = {},
                                          .protocol = PyRef::borrow(protocol),
                                          .extra = std::move(own_extra)},
                                 .family = family_of(fd),
                                 .remote = PyRef::borrow(remote)};
  PyRef transport = DatagramTransportType::create(std::move(parts));
  if (!transport) return {};
  PyRef given = waiter == Py_None ? PyRef() : PyRef::borrow(waiter);
  const bool started = DatagramTransportType::of(transport.get()).start(std::move(given));
  return started ? std::move(transport) : PyRef();
}

PyObject* make_native_datagram_transport(PyObject* self, PyObject* args) {
  PyObject* socket = nullptr;
  PyObject* protocol = nullptr;
  PyObject* remote = nullptr;
  PyObject* waiter = nullptr;
  PyObject* extra = nullptr;
  if (!PyArg_ParseTuple(args, "OOOOO", &socket, &protocol, &remote, &waiter, &extra)) {
    return nullptr;
  }
  return make_transport(event_loop_of(self), socket, protocol, remote, waiter, extra).release();
}

}  // namespace

bool add_datagram_transport_type(PyObject* module) {
  const SubclassSpec spec = {"tricorn._tricorn.DatagramTransport",
                             "Datagrams in and out, as asyncio.DatagramTransport.", methods,
                             attributes, Common::repr};
  PyRef base = make_base();
  return base && DatagramTransportType::make_type(module, spec, base.get());
}

PyMethodDef datagram_methods[] = {
    {"_make_native_datagram_transport", make_native_datagram_transport, METH_VARARGS, nullptr}, {}};

}  // namespace tricorn
