// Fuzzes ScopeBuilder with a real interpreter: whatever a client sends, the scope has the types of
// the specification, and caches and reuse change nothing of it.
//
// The input is a byte stream for an HTTP/1 session; each request that it accepts becomes a scope
// twice: from a builder that has seen all earlier requests, and from a new one.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "worker/gateway/scope_builder.h"
#include "worker/protocol/http1_session_harness.h"
#include "worker/python/interned.h"

namespace {

using tricorn::ConnectionObjects;
using tricorn::Http1SessionHarness;
using tricorn::PyRef;
using tricorn::ScopeBuilder;

// Raises AssertionError with what is wrong.
constexpr const char* kCheck = R"(
def check(scope, again):
    assert scope == again, (scope, again)
    assert list(scope) == list(again), "order of the keys"
    expected = {"type": str, "asgi": dict, "http_version": str, "method": str, "scheme": str, "path": str, "raw_path": bytes,
                "query_string": bytes, "root_path": str, "headers": list, "client": tuple, "server": tuple, "extensions": dict}
    assert {key: type(value) for key, value in scope.items()} == expected, scope
    assert scope["asgi"] is not again["asgi"] and scope["extensions"] is not again["extensions"]
    assert scope["method"] == scope["method"].upper()
    assert b"?" not in scope["raw_path"] and scope["path"].startswith(("/root", "*")), scope
    for pair in scope["headers"]:
        name, value = pair
        assert type(pair) is tuple and type(name) is bytes and type(value) is bytes, pair
        assert name and name == name.lower() and value == value.strip(b" \t"), pair
        assert not set(value) & {0, 10, 13}, pair
    scope["path"].encode("utf-8")
)";

PyObject* check = nullptr;

[[noreturn]] void fail() {
  PyErr_Print();
  std::abort();
}

PyRef build(ScopeBuilder& builder, const Http1SessionHarness::Request& request) {
  std::vector<tricorn::Header> headers;
  for (const auto& [name, value] : request.headers) headers.push_back({name, value});
  const tricorn::RequestHead head{request.method, request.target, request.version, headers};
  static const ConnectionObjects connection =
      *builder.describe({.client = {.host = "127.0.0.1", .port = 1, .known = true},
                         .server = {.host = "::1", .port = 2, .known = true}});
  PyRef path, method;
  PyRef scope = builder.build(head, connection, path, method);
  if (!scope) fail();
  return scope;
}

std::unique_ptr<ScopeBuilder> make_builder() {
  return ScopeBuilder::create("/root", true, nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  Py_InitializeEx(0);
  PyRef globals = PyRef::steal(PyDict_New());
  PyRef ran = PyRef::steal(PyRun_String(kCheck, Py_file_input, globals.get(), globals.get()));
  check = PyRef::borrow(PyDict_GetItemString(globals.get(), "check")).release();
  if (!tricorn::make_interned() || check == nullptr) fail();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static ScopeBuilder& experienced = *make_builder().release();
  Http1SessionHarness app;
  app.answer_complete_requests();
  app.session->on_input({reinterpret_cast<const char*>(data), size});
  app.end_turn();
  for (const auto& request : app.requests) {
    PyRef scope = build(experienced, request);
    PyRef again = build(*make_builder(), request);
    if (!PyRef::steal(PyObject_CallFunctionObjArgs(check, scope.get(), again.get(), nullptr)))
      fail();
    if (request.headers.size() % 2 == 0) experienced.retire(std::move(scope));
  }
  return 0;
}
