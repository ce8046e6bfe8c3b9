// FailureReport: see the header.
#include "worker/gateway/failure_report.h"

#include <fmt/core.h>

#include <string>
#include <vector>

#include "worker/gateway/request_target.h"
#include "worker/python/interned.h"
#include "worker/python/py_error.h"
#include "worker/python/utf8.h"

namespace tricorn {
namespace {

constexpr std::string_view kRequestId = "x-request-id";
constexpr size_t kMaxRequestId = 128;

// A value of the scope, borrowed; null if it has none.
PyObject* item(PyObject* scope, PyObject* key) {
  return scope != nullptr && PyDict_CheckExact(scope) ? PyDict_GetItem(scope, key) : nullptr;
}

std::string client_of(PyObject* scope) {
  PyObject* client = item(scope, interned.client);
  if (client == nullptr || !PyTuple_Check(client) || PyTuple_GET_SIZE(client) != 2) return {};
  PyObject* host = PyTuple_GET_ITEM(client, 0);
  PyObject* port = PyTuple_GET_ITEM(client, 1);
  if (!PyUnicode_Check(host) || !PyLong_Check(port)) return {};
  int overflow = 0;
  return fmt::format("{}:{}", utf8_of(host), PyLong_AsLongAndOverflow(port, &overflow));
}

bool is_field(PyObject* pair, std::string_view name) {
  if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) return false;
  PyObject* key = PyTuple_GET_ITEM(pair, 0);
  return PyBytes_Check(key) && PyBytes_Check(PyTuple_GET_ITEM(pair, 1)) &&
         std::string_view(PyBytes_AS_STRING(key), static_cast<size_t>(PyBytes_GET_SIZE(key))) ==
             name;
}

std::string request_id_of(PyObject* scope) {
  PyObject* headers = item(scope, interned.headers);
  if (headers == nullptr || !PyList_Check(headers)) return {};
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(headers); ++i) {
    PyObject* pair = PyList_GET_ITEM(headers, i);
    if (!is_field(pair, kRequestId)) continue;
    PyObject* value = PyTuple_GET_ITEM(pair, 1);
    std::string_view bytes(PyBytes_AS_STRING(value), static_cast<size_t>(PyBytes_GET_SIZE(value)));
    return percent_encode(bytes.substr(0, kMaxRequestId));
  }
  return {};
}

// From the app's own first frame on; as Python prints it where that fails.
std::string traceback_of(PyObject* exception) {
  PyRef module = PyRef::steal(PyImport_ImportModule("tricorn._log"));
  PyRef text;
  if (module) {
    text = PyRef::steal(PyObject_CallMethod(module.get(), "format_failure", "O", exception));
  }
  if (text && PyUnicode_Check(text.get())) return utf8_of(text.get());
  if (PyErr_Occurred() != nullptr) PyError::take().unraisable(nullptr);
  return PyError::of(exception).traceback();
}

}  // namespace

void report_failure(LogLevel level, const FailedRequest& request, std::string_view what,
                    PyObject* exception) {
  if (!log_enabled(level)) return;
  const std::string method = utf8_of(request.method);
  const std::string path = percent_encode(utf8_of(request.path));
  const std::string client = client_of(request.scope);
  const std::string id = request_id_of(request.scope);
  std::string text = fmt::format("{} {}: {}", method, path, what);
  std::vector<LogField> fields = {{"method", method}, {"path", path}};
  if (!client.empty()) {
    fields.push_back({"client", client});
    text += " (client " + client;
  }
  if (!id.empty()) {
    fields.push_back({"request_id", id});
    text += (client.empty() ? " (request id " : ", request id ") + id;
  }
  if (fields.size() > 2) text += ")";
  log_event(level, text, fields, exception != nullptr ? traceback_of(exception) : std::string());
}

}  // namespace tricorn
