// WritingTransport: see the header.
#include "worker/asyncio/writing_transport.h"

#include "worker/asyncio/callbacks.h"
#include "worker/python/interned.h"

namespace tricorn {

void WritingTransport::set_limits(size_t high, size_t low) {
  limits_.set(high, low);
  buffer_grew();
}

void WritingTransport::buffer_grew() {
  if (!limits_.grown_to(write_buffer_size())) return;
  const EnteredContext entered(context_.get());  // the user, whose call this is, may be in any
  if (!call(interned.pause_writing)) report("protocol.pause_writing() failed");
}

void WritingTransport::buffer_shrank() {
  if (!limits_.shrunk_to(write_buffer_size())) return;
  if (!call(interned.resume_writing)) report("protocol.resume_writing() failed");
}

}  // namespace tricorn
