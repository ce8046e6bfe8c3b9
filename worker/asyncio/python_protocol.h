// PythonProtocol: an asyncio.Protocol or BufferedProtocol at the end of a stream. Its methods are
// looked up once, when it is set.
#pragma once

#include <memory>
#include <string_view>

#include "worker/asyncio/stream_sink.h"

namespace tricorn {

class PythonProtocol final : public StreamSink {
 public:
  // Null with an error set, when a method that it needs is missing.
  static std::shared_ptr<PythonProtocol> make(PyObject* protocol);

  bool connected(PyObject* transport) override;
  ssize_t read(int fd) override;
  int ended() override;
  bool lost(PyObject* exception) override;
  bool pause_writing() override;
  bool resume_writing() override;

  // For a layer between the stream and this. False with an error set.
  bool is_buffered() const { return static_cast<bool>(get_buffer_); }
  bool data_received(PyObject* bytes);
  bool get_buffer(Py_ssize_t size_hint, class WritableBuffer& view);
  bool buffer_updated(Py_ssize_t count);

  PyObject* protocol() const override { return protocol_.get(); }
  const char* failure() const override { return failure_; }
  int traverse(visitproc visit, void* arg) const override;

 private:
  ssize_t read_data(int fd);
  ssize_t read_for_reader(int fd);
  bool feed(std::string_view bytes);
  bool call_data_received(PyObject* bytes);
  ssize_t read_into_buffer(int fd);
  bool call(const char* method, PyObject* argument);  // null: none

  PyRef protocol_;
  PyRef on_data_;              // data_received, or buffer_updated
  PyRef get_buffer_;           // null: not a BufferedProtocol
  bool feeds_reader_ = false;  // asyncio's own streams
  bool expects_much_ = false;
  const char* failure_ = "";
};

}  // namespace tricorn
