// Gateway: from a parsed request to a running app, for all connections of a worker. GIL held in
// every call.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "worker/gateway/request_objects.h"
#include "worker/gateway/scope_builder.h"
#include "worker/loop/loop_api.h"
#include "worker/protocol/exchange.h"

namespace tricorn {

struct GatewayOptions {
  std::string root_path;
  bool pathsend = true;            // scope["extensions"] names http.response.pathsend
  uint32_t limit_concurrency = 0;  // requests in progress; more are answered 503; 0: no limit (P55)
  uint64_t limit_max_requests = 0;  // on_limit is called when this many were begun; 0: never
};

class Gateway final : public HandlerFactory {
 public:
  // `app`: an ASGI 3 callable; `state`: the lifespan state or None. The loop outlives the gateway;
  // the gateway outlives all connections' handlers and all steps of the app's tasks. Null with a
  // Python error set.
  static std::unique_ptr<Gateway> create(LoopApi& loop, const GatewayOptions& options,
                                         PyObject* app, PyObject* state);
  ~Gateway();

  std::unique_ptr<RequestHandler> make_handler(const ConnectionInfo& connection) override;

  // Requests whose app coroutine has not ended, background work after the response included.
  size_t in_flight() const { return in_flight_; }
  // Called from the loop each time the last one ends.
  void on_idle(std::function<void()> callback) { on_idle_ = std::move(callback); }
  void on_limit(std::function<void()> callback) { on_limit_ = std::move(callback); }
  // Cancels the tasks of all requests in flight (P58). Returns how many.
  size_t cancel_all();
  // From now on a request that ends cancelled was so by the server, not by a mistake of the app.
  void expect_cancellation() { cancelling_ = true; }
  bool cancelling() const { return cancelling_; }

  // --- For the objects of this folder
  LoopApi& loop() const { return loop_; }
  PyObject* app() const { return app_.get(); }
  // A connection's objects for a request that came through a proxy.
  ConnectionObjects describe(const RequestOrigin& origin, const ConnectionObjects& connection);
  // Starts the app on a request; what goes wrong ends the exchange with 500.
  RequestSink* serve(const RequestHead& head, const ConnectionObjects& connection,
                     std::string_view body, bool complete, ResponseWriter& writer);
  void link(RequestObject* request);
  void unlink(RequestObject* request);
  void retire_scope(PyRef scope) { scopes_->retire(std::move(scope)); }
  // Reused by send(): the headers of the response that is being started.
  std::vector<Header>& scratch_headers() { return scratch_headers_; }

 private:
  Gateway(LoopApi& loop, const GatewayOptions& options, PyObject* app)
      : loop_(loop), options_(options), app_(PyRef::borrow(app)) {}
  // What was asked for, in `request` and its scope. `name`: the path, for the task. False with an
  // error set.
  bool open(RequestObject& request, const RequestHead& head, const ConnectionObjects& connection,
            std::string_view body, bool complete, ResponseWriter& writer, PyRef& name);
  bool open_websocket(RequestObject& request, const RequestHead& head,
                      const ConnectionObjects& connection, ResponseWriter& writer, PyRef& name);
  bool start_app(RequestObject* request, PyObject* path);

  LoopApi& loop_;
  GatewayOptions options_;
  PyRef app_;
  PyRef base_context_;  // every request runs in a fresh copy of it (P64)
  bool is_base_empty_ = false;
  PyRef spare_context_;  // a copy of an empty base that nobody changed or kept
  std::unique_ptr<ScopeBuilder> scopes_;
  std::vector<Header> scratch_headers_;
  RequestObject* first_ = nullptr;
  size_t in_flight_ = 0;
  bool cancelling_ = false;
  uint64_t begun_ = 0;
  std::function<void()> on_idle_;
  std::function<void()> on_limit_;
};

// Answers without the app: "Internal Server Error" and the like, as text/plain, and closes the
// connection.
void answer_plainly(ResponseWriter& writer, int status, std::string_view text);

// The exception that send() raises when the client is gone: tricorn.ClientDisconnected, a subclass
// of OSError (P43).
extern PyObject* client_disconnected_type;

// Adds the gateway's types to the module. False with an error set.
bool add_gateway_types(PyObject* module);

}  // namespace tricorn
