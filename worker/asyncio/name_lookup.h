// The loop's getaddrinfo() and getnameinfo(). AbstractEventLoop, "DNS".
//
// What is numeric already is answered at once, as the socket module would: no thread is asked, and
// awaiting does not suspend. Names are looked up by threads that never touch Python (Resolver).
// What is unusual goes asyncio's way, through the default executor, and so does all when somebody
// has replaced socket.getaddrinfo, or in debug mode.
#pragma once

#include "worker/python/py_ref.h"

namespace tricorn {

extern PyMethodDef name_lookup_methods[];  // ends with an empty entry

// False with an error set.
bool load_name_lookup();

}  // namespace tricorn
