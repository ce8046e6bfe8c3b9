// The handler that stands before the app's.
#include "worker/server/readiness.h"

#include <utility>

namespace tricorn {
namespace {

constexpr Header kFields[] = {{"content-type", "text/plain; charset=utf-8"},
                              {"cache-control", "no-store"}};

class ReadinessHandler final : public RequestHandler {
 public:
  ReadinessHandler(std::unique_ptr<RequestHandler> inner, const std::string& path,
                   const std::atomic<bool>& stopping)
      : inner_(std::move(inner)), path_(path), stopping_(stopping) {}

  RequestSink* on_request(const RequestHead& head, std::string_view initial_body, bool complete,
                          ResponseWriter& writer) override {
    if (!asks(head)) return inner_->on_request(head, initial_body, complete, writer);
    const bool stopping = stopping_.load(std::memory_order_relaxed);
    // Neither can be refused: the fields are right, and there is no length to miss.
    (void)writer.start(stopping ? 503 : 200, kFields, false);
    (void)writer.body(Chunk::borrowed(stopping ? "stopping\n" : "ready\n"), false);
    return nullptr;
  }

 private:
  bool asks(const RequestHead& head) const {
    return head.target.substr(0, head.target.find('?')) == path_ &&
           (head.method == "GET" || head.method == "HEAD");
  }

  const std::unique_ptr<RequestHandler> inner_;
  const std::string& path_;
  const std::atomic<bool>& stopping_;
};

}  // namespace

std::unique_ptr<RequestHandler> ReadinessFactory::make_handler(const ConnectionInfo& connection) {
  return std::make_unique<ReadinessHandler>(inner_.make_handler(connection), path_, stopping_);
}

}  // namespace tricorn
