// TlsNames: classes and functions of ssl and asyncio.sslproto that TLS connections use, looked up
// when the first one is made: a program without TLS does not import them.
#pragma once

#include "worker/python/py_ref.h"

namespace tricorn {

struct TlsNames {
  PyRef memory_bio;
  PyRef ssl_object;
  PyRef want_read;          // SSLWantReadError
  PyRef syscall_error;      // SSLSyscallError: asyncio tries again after it
  PyRef zero_return;        // SSLZeroReturnError
  PyRef certificate_error;  // CertificateError
  PyRef create_context;     // asyncio.sslproto._create_transport_context
  PyRef cancelled_error;    // asyncio.CancelledError
  PyRef pending;            // "pending"
};

// Null with an error set.
const TlsNames* tls_names();

}  // namespace tricorn
