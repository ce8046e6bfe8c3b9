// Server: all connections of one worker, from accept4 to the last byte. Owned by the worker's
// entry.
//
// One thread, that of the loop; callbacks take the GIL by LoopApi::ensure_gil before they reach a
// handler.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "common/clock.h"
#include "common/control_message.h"
#include "common/result.h"
#include "common/scoreboard.h"
#include "common/unique_fd.h"
#include "common/worker_settings.h"
#include "worker/loop/loop_api.h"
#include "worker/protocol/exchange.h"
#include "worker/protocol/http1_session.h"

namespace tricorn {

using SessionFactory = decltype(&make_http1_session);

struct ServerOptions {
  const WorkerSettings& settings;
  std::vector<UniqueFd> listeners;  // already listening or about to; in settings.listeners order
  const Scoreboard& scoreboard;
  size_t board;  // this worker's block
  SessionFactory make_session = make_http1_session;
};

class Server {
 public:
  // The loop, the factory and what `options` refers to outlive the server. Sets the loop's turn
  // hook and begins the heartbeat.
  Server(LoopApi& loop, HandlerFactory& handlers, ServerOptions options);
  ~Server();  // closes every connection

  Result<> start();  // begins to accept; sets the loop's outer poll
  // Retirement and stop: at the end of this turn takes what is still in the accept queues, stops
  // accepting, and lets every connection end (see DrainMode). Calls `on_drained` (once, from the
  // turn hook) when the last one is gone. At `deadline` idle connections of a retiring worker are
  // closed too; connections with an open exchange are left to `close_all`. A second call (a stop
  // overtakes a retirement) replaces deadline and callback.
  void drain(DrainMode mode, Duration deadline, std::function<void()> on_drained);
  void close_all();  // cuts every connection now; open exchanges get on_disconnect
  uint32_t connections() const;
  // The process is about to die: writes a line of the access log for each open request. For a
  // signal handler that has interrupted the loop's thread anywhere; it may hang or crash there.
  void log_unfinished();
  void reopen_logs();  // and looks anew at what standard output is

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tricorn
