// StreamSink: who gets what a stream transport reads, and is told how it fares: an
// asyncio.Protocol, or TLS between the transport and one.
//
// GIL held and the transport's context entered in every call. A call that fails leaves a Python
// error set, and says in `failure()` where.
#pragma once

#include <sys/types.h>

#include "worker/python/py_ref.h"

namespace tricorn {

class StreamSink {
 public:
  static constexpr ssize_t kFailed = -4096;  // below every negative errno

  virtual ~StreamSink() = default;

  virtual bool connected(PyObject* transport) = 0;
  // Receives once from `fd` and hands on what came: the number of bytes, 0 at the end of the
  // stream, a negative errno, or kFailed.
  virtual ssize_t read(int fd) = 0;
  // The peer has sent its last. 1: the stream stays open for writing, 0: it is to be closed, -1:
  // failed.
  virtual int ended() = 0;
  virtual bool lost(PyObject* exception) = 0;  // None: as asked for
  virtual bool pause_writing() = 0;
  virtual bool resume_writing() = 0;

  virtual PyObject* protocol() const = 0;  // what get_protocol() answers, borrowed
  virtual const char* failure() const = 0;
  virtual int traverse(visitproc visit, void* arg) const = 0;
};

}  // namespace tricorn
