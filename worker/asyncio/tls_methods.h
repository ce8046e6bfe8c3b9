// The loop's methods that make TLS transports: what asyncio's create_connection, create_server and
// their kin call, and the native half of start_tls.
#pragma once

#include "worker/python/py_ref.h"

namespace tricorn {

extern PyMethodDef tls_methods[];

}  // namespace tricorn
