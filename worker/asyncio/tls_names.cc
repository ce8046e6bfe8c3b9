// TlsNames: see the header.
#include "worker/asyncio/tls_names.h"

#include <utility>

namespace tricorn {
namespace {

bool load(TlsNames& names) {
  struct Wanted {
    PyRef TlsNames::* field;
    const char* module_name;
    const char* name;
  };
  static constexpr Wanted kWanted[] = {
      {&TlsNames::memory_bio, "ssl", "MemoryBIO"},
      {&TlsNames::ssl_object, "ssl", "SSLObject"},
      {&TlsNames::want_read, "ssl", "SSLWantReadError"},
      {&TlsNames::syscall_error, "ssl", "SSLSyscallError"},
      {&TlsNames::zero_return, "ssl", "SSLZeroReturnError"},
      {&TlsNames::certificate_error, "ssl", "CertificateError"},
      {&TlsNames::create_context, "asyncio.sslproto", "_create_transport_context"},
      {&TlsNames::cancelled_error, "asyncio", "CancelledError"},
  };
  for (const Wanted& wanted : kWanted) {
    PyRef module = PyRef::steal(PyImport_ImportModule(wanted.module_name));
    PyRef value =
        PyRef::steal(module ? PyObject_GetAttrString(module.get(), wanted.name) : nullptr);
    if (!value) return false;
    names.*wanted.field = std::move(value);
  }
  names.pending = PyRef::steal(PyUnicode_InternFromString("pending"));
  return static_cast<bool>(names.pending);
}

}  // namespace

const TlsNames* tls_names() {
  static TlsNames& names = *new TlsNames;  // outlives the interpreter's end on purpose
  static bool loaded = false;
  if (!loaded) loaded = load(names);
  return loaded ? &names : nullptr;
}

}  // namespace tricorn
