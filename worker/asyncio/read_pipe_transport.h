// ReadPipeTransport: an asyncio.ReadTransport over the read end of a pipe, a socket or a character
// device. One read for each readiness; the end of the file closes it.
#pragma once

#include "worker/asyncio/transport_core.h"

namespace tricorn {

class ReadPipeTransport final : public TransportCore {
 public:
  ReadPipeTransport(PyObject* self, CoreParts parts);

  // Python's methods.
  void close() { abort({}); }
  void pause_reading();
  void resume_reading();
  bool is_reading() const { return !closing_ && !paused_; }
  PyRef repr() const;

  void on_io(int fd, uint32_t events) noexcept override;

 private:
  void update_interest() override;
  PyRef make_info(PyObject* name) override;
  bool is_quiet(const PyError& error) const override;
  void before_connection_lost() override;
  void read_ready();

  bool paused_ = false;
  bool ended_ = false;  // by the writer
};

using ReadPipeType = NativeSubclass<ReadPipeTransport>;

}  // namespace tricorn
