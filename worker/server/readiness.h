// ReadinessFactory: answers --readiness-path in the app's stead, so that a load balancer learns
// that the server is about to go while it still serves (--shutdown-delay).
//
// 200 as long as the server means to stay, 503 from the moment it is asked to stop; a worker that
// is being replaced says 200, for others take its place. The app is not asked: a busy one has its
// own health, and --limit-concurrency does not count these requests. All other requests are handed
// on. One thread.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "worker/protocol/exchange.h"

namespace tricorn {

class ReadinessFactory final : public HandlerFactory {
 public:
  // `path`: compared with the target up to its '?', byte by byte; not empty. References outlive it.
  ReadinessFactory(HandlerFactory& inner, std::string path, const std::atomic<bool>& stopping)
      : inner_(inner), path_(std::move(path)), stopping_(stopping) {}

  std::unique_ptr<RequestHandler> make_handler(const ConnectionInfo& connection) override;

 private:
  HandlerFactory& inner_;
  const std::string path_;
  const std::atomic<bool>& stopping_;
};

}  // namespace tricorn
