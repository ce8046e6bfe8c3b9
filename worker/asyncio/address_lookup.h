// AddressLookup: one call of getaddrinfo(3), its question and then its answer. No Python.
#pragma once

#include <netdb.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace tricorn {

struct AddrInfoFree {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

struct AddressLookup {
  uint64_t id = 0;                     // of who asked
  std::optional<std::string> host;     // none: the wildcard or the loopback
  std::optional<std::string> service;  // a name or a number
  addrinfo hints{};

  int error = 0;         // EAI_...; 0: found
  int system_error = 0;  // errno, for EAI_SYSTEM
  std::unique_ptr<addrinfo, AddrInfoFree> found;

  // Blocks, for seconds if a name server does not answer.
  void run() {
    addrinfo* list = nullptr;
    error = ::getaddrinfo(host ? host->c_str() : nullptr, service ? service->c_str() : nullptr,
                          &hints, &list);
    if (error == EAI_SYSTEM) system_error = errno;
    if (error == 0) found.reset(list);
  }
};

}  // namespace tricorn
