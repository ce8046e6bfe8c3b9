// ScratchHeaders: the gateway's vector of header fields, as long as a message is read: that may run
// the app's code, which may send another one.
#pragma once

#include <utility>
#include <vector>

#include "worker/gateway/gateway.h"

namespace tricorn {

class ScratchHeaders {
 public:
  explicit ScratchHeaders(Gateway& gateway)
      : fields(std::move(gateway.scratch_headers())), home_(gateway.scratch_headers()) {}
  ~ScratchHeaders() { home_ = std::move(fields); }
  ScratchHeaders(const ScratchHeaders&) = delete;

  std::vector<Header> fields;

 private:
  std::vector<Header>& home_;
};

}  // namespace tricorn
