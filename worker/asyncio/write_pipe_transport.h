// WritePipeTransport: an asyncio.WriteTransport over the write end of a pipe, a socket or a
// character device. What is written is tried at once; the rest is queued.
//
// A pipe's or socket's peer that closes ends it: it is seen by EPOLLERR or by something to read.
#pragma once

#include <string_view>

#include "common/output_queue.h"
#include "worker/asyncio/writing_transport.h"

namespace tricorn {

class WritePipeTransport final : public WritingTransport {
 public:
  // `watches_peer`: the file is one whose other end can be seen to close.
  WritePipeTransport(PyObject* self, CoreParts parts, bool watches_peer);

  // Python's methods; false with an error set.
  bool write(PyObject* data);
  void close();  // write_eof() does the same
  size_t write_buffer_size() const override { return queue_.size(); }
  PyRef repr() const;

  void on_io(int fd, uint32_t events) noexcept override;
  void clear();

 private:
  void update_interest() override;
  PyRef make_info(PyObject* name) override;
  void drop_output() override;

  // What the file does not take of `bytes`. The transport may be lost then.
  std::string_view write_now(std::string_view bytes);
  void flush();
  bool write_front();  // false: no more now
  void peer_closed();

  OutputQueue queue_;
  const bool watches_peer_;
  bool awaits_writable_ = false;
};

using WritePipeType = NativeSubclass<WritePipeTransport>;

}  // namespace tricorn
