// WritingTransport: a TransportCore that buffers what it cannot write yet, with asyncio's flow
// control: pause_writing() and resume_writing() once for each crossing of the limits.
#pragma once

#include <cstddef>

#include "worker/asyncio/transport_core.h"
#include "worker/asyncio/write_limits.h"

namespace tricorn {

class WritingTransport : public TransportCore {
 public:
  // Bytes that are not written yet.
  virtual size_t write_buffer_size() const = 0;
  void set_limits(size_t high, size_t low);
  const WriteLimits& limits() const { return limits_; }

 protected:
  using TransportCore::TransportCore;
  // The buffer has grown or shrunk: the protocol is told, if it is to be.
  void buffer_grew();
  void buffer_shrank();

 private:
  WriteLimits limits_;
};

}  // namespace tricorn
