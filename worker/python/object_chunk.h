// Bytes of a Python object on their way to the output. GIL held.
#pragma once

#include <string_view>

#include "common/output_queue.h"
#include "worker/python/py_ref.h"

namespace tricorn {

// `bytes` stay what they are as long as `owner` lives, which is until they are sent.
inline Chunk owned_chunk(std::string_view bytes, PyRef owner) {
  const auto release = [](void* object) noexcept { PyRef::steal(static_cast<PyObject*>(object)); };
  return Chunk(bytes, owner.release(), release);
}

// The same for an `owner` that outlives the call that takes the chunk: small ones are copied there.
inline Chunk chunk_of(std::string_view bytes, PyObject* owner) {
  if (bytes.size() < OutputQueue::kCopyBelow) return Chunk::borrowed(bytes);
  return owned_chunk(bytes, PyRef::borrow(owner));
}

}  // namespace tricorn
