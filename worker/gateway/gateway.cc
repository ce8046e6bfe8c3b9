// Gateway: see the header.
#include "worker/gateway/gateway.h"

#include "common/logging.h"
#include "worker/gateway/messages.h"
#include "worker/gateway/operation.h"
#include "worker/python/interned.h"
#include "worker/python/py_error.h"

namespace tricorn {
namespace {

// One connection's door to the gateway.
class ConnectionHandler final : public RequestHandler {
 public:
  ConnectionHandler(Gateway& gateway, ConnectionObjects objects)
      : gateway_(gateway), objects_(std::move(objects)) {}

  RequestSink* on_request(const RequestHead& head, std::string_view initial_body, bool complete,
                          ResponseWriter& writer) override {
    if (head.origin != nullptr) [[unlikely]] {
      const ConnectionObjects objects = gateway_.describe(*head.origin, objects_);
      return gateway_.serve(head, objects, initial_body, complete, writer);
    }
    return gateway_.serve(head, objects_, initial_body, complete, writer);
  }

 private:
  Gateway& gateway_;
  ConnectionObjects objects_;
};

bool is_empty_context(PyObject* context) { return PyObject_Size(context) == 0; }

// As good as a copy of an empty one.
bool is_unused_context(PyObject* context) {
  return Py_REFCNT(context) == 1 && is_empty_context(context);
}

// Our own failure, not the app's: out of memory, for one. The request gets 500.
void log_failure(const char* what) { log_error("{}: {}", what, PyError::take().traceback()); }

ConnectionObjects or_nobody(Result<ConnectionObjects> objects) {
  if (objects) return std::move(*objects);
  log_error("cannot describe a connection: {}", objects.error().message);
  return {PyRef::none(), PyRef::none(), interned.http};
}

}  // namespace

PyObject* client_disconnected_type = nullptr;

std::unique_ptr<Gateway> Gateway::create(LoopApi& loop, const GatewayOptions& options,
                                         PyObject* app, PyObject* state) {
  std::unique_ptr<Gateway> gateway(new Gateway(loop, options, app));
  gateway->base_context_ = PyRef::steal(PyContext_CopyCurrent());
  gateway->scopes_ =
      ScopeBuilder::create(options.root_path, options.pathsend, state == Py_None ? nullptr : state);
  if (!gateway->base_context_ || gateway->scopes_ == nullptr) return nullptr;
  gateway->is_base_empty_ = is_empty_context(gateway->base_context_.get());
  return gateway;
}

Gateway::~Gateway() {
  while (first_ != nullptr) unlink(first_);
}

std::unique_ptr<RequestHandler> Gateway::make_handler(const ConnectionInfo& connection) {
  return std::make_unique<ConnectionHandler>(*this, or_nobody(scopes_->describe(connection)));
}

ConnectionObjects Gateway::describe(const RequestOrigin& origin,
                                    const ConnectionObjects& connection) {
  return or_nobody(scopes_->describe(origin, connection));
}

RequestSink* Gateway::serve(const RequestHead& head, const ConnectionObjects& connection,
                            std::string_view body, bool complete, ResponseWriter& writer) {
  if (options_.limit_concurrency != 0 && in_flight_ >= options_.limit_concurrency) {
    answer_plainly(writer, 503, "Service Unavailable");
    return nullptr;
  }
  PyRef name;
  RequestObject* request = make_request_object();
  PyRef owner = PyRef::steal(reinterpret_cast<PyObject*>(request));
  const bool opened =
      request != nullptr &&
      (head.websocket_upgrade ? open_websocket(*request, head, connection, writer, name)
                              : open(*request, head, connection, body, complete, writer, name));
  if (!opened) {
    log_failure("cannot make a request's scope");
    answer_plainly(writer, 500, "Internal Server Error");
    return nullptr;
  }
  link(request);
  if (++begun_ == options_.limit_max_requests && on_limit_) on_limit_();
  if (!start_app(request, name.get())) {
    PyError error = PyError::take();
    request->exchange().finish_raised(error.exception(), request->scope.get());
    unlink(request);
  }
  return request->sink();
}

bool Gateway::open(RequestObject& request, const RequestHead& head,
                   const ConnectionObjects& connection, std::string_view body, bool complete,
                   ResponseWriter& writer, PyRef& name) {
  PyRef method;
  request.scope = scopes_->build(head, connection, name, method);
  return request.scope &&
         request.request.open(this, &writer, std::move(method), name.clone(), body, complete);
}

bool Gateway::open_websocket(RequestObject& request, const RequestHead& head,
                             const ConnectionObjects& connection, ResponseWriter& writer,
                             PyRef& name) {
  request.scope = scopes_->build_websocket(head, connection, name);
  if (!request.scope) return false;
  request.websocket = std::make_unique<AsgiWebSocket>(reinterpret_cast<PyObject*>(&request), this,
                                                      &writer, name.clone());
  return true;
}

// Runs the app's first step. Whatever the app does wrong ends in RequestObject::ended; false means
// that there is no task.
bool Gateway::start_app(RequestObject* request, PyObject* name) {
  PyRef context = spare_context_ ? std::move(spare_context_)
                                 : PyRef::steal(PyContext_Copy(base_context_.get()));
  if (!context) return false;
  PyRef task = loop_.start_task(reinterpret_cast<PyObject*>(request), context.get(), name);
  if (!task) return false;
  if (request->linked) request->task = std::move(task);
  if (is_base_empty_ && is_unused_context(context.get())) spare_context_ = std::move(context);
  return true;
}

size_t Gateway::cancel_all() {
  expect_cancellation();
  size_t cancelled = 0;
  for (RequestObject* request = first_; request != nullptr; request = request->next) {
    if (!request->task) continue;
    PyRef done = PyRef::steal(PyObject_CallMethodNoArgs(request->task.get(), interned.cancel));
    if (!done) log_failure("cannot cancel a request");
    ++cancelled;
  }
  return cancelled;
}

void Gateway::link(RequestObject* request) {
  PyRef::borrow(reinterpret_cast<PyObject*>(request)).release();  // the list's reference
  request->linked = true;
  request->next = first_;
  if (first_ != nullptr) first_->previous = request;
  first_ = request;
  ++in_flight_;
}

void Gateway::unlink(RequestObject* request) {
  if (!request->linked) return;
  request->linked = false;
  (request->previous != nullptr ? request->previous->next : first_) = request->next;
  if (request->next != nullptr) request->next->previous = request->previous;
  request->previous = request->next = nullptr;
  --in_flight_;
  PyRef task = std::move(request->task);
  PyRef::steal(reinterpret_cast<PyObject*>(request)).reset();
  if (in_flight_ == 0 && on_idle_) on_idle_();
}

void answer_plainly(ResponseWriter& writer, int status, std::string_view text) {
  std::string length = std::to_string(text.size());
  const Header headers[] = {{"content-type", "text/plain; charset=utf-8"},
                            {"content-length", length},
                            {"connection", "close"},
                            {"retry-after", "1"}};
  const size_t count = std::size(headers) - (status == 503 ? 0 : 1);
  // Cannot fail: nothing was sent before, and the fields are well-formed.
  if (writer.start(status, std::span(headers, count), false)) {
    (void)writer.body(Chunk::borrowed(text), false);
  }
}

bool add_gateway_types(PyObject* module) {
  client_disconnected_type = PyErr_NewExceptionWithDoc(
      "tricorn.ClientDisconnected",
      "Raised by send() when the client is gone, as the ASGI specification 2.4 asks.",
      PyExc_OSError, nullptr);
  return client_disconnected_type != nullptr &&
         PyModule_AddObjectRef(module, "ClientDisconnected", client_disconnected_type) == 0 &&
         make_message_templates() && add_operation_type() && add_request_types();
}

}  // namespace tricorn
