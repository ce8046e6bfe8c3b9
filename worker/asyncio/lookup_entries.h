// What socket.getaddrinfo() returns and raises, made of native answers. GIL held.
#pragma once

#include <netdb.h>

#include "worker/asyncio/lookup_query.h"
#include "worker/python/py_ref.h"

namespace tricorn {

// False with an error set.
bool load_lookup_entries();

// Lists of (family, type, protocol, canonical name, address); null with an error set.
PyRef entries_of(const addrinfo& list);
PyRef entries_for(const SockAddr& literal, const LookupQuery& query);

// socket.gaierror for EAI_..., OSError of `system_error` for EAI_SYSTEM. Null with an error set.
PyRef lookup_exception(int error, int system_error);

}  // namespace tricorn
