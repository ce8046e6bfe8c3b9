// ScopeBuilder: the scope of a WebSocket. One per socket, not per message: made plainly.
#include <algorithm>

#include "worker/gateway/scope_builder.h"
#include "worker/protocol/char_class.h"
#include "worker/python/interned.h"

namespace tricorn {
namespace {

bool append_text(PyObject* list, std::string_view text) {
  PyRef object = PyRef::steal(
      PyUnicode_DecodeLatin1(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr));
  return object && PyList_Append(list, object.get()) == 0;
}

// The members of a comma list, trimmed; empty ones do not count (RFC 9110 5.6.1).
bool append_members(PyObject* list, std::string_view members) {
  constexpr std::string_view kBlank = " \t";
  while (!members.empty()) {
    std::string_view member = members.substr(0, members.find(','));
    members.remove_prefix(std::min(member.size() + 1, members.size()));
    member.remove_prefix(std::min(member.find_first_not_of(kBlank), member.size()));
    member = member.substr(0, member.find_last_not_of(kBlank) + 1);
    if (!member.empty() && !append_text(list, member)) return false;
  }
  return true;
}

// What the client offers, in its order, over all fields of that name (P69).
PyRef subprotocols_of(std::span<const Header> headers) {
  PyRef list = PyRef::steal(PyList_New(0));
  for (const Header& header : headers) {
    if (!list || !equals_ignoring_case(header.name, "sec-websocket-protocol")) continue;
    if (!append_members(list.get(), header.value)) return {};
  }
  return list;
}

PyObject* websocket_scheme(PyObject* scheme) {
  return scheme == interned.https ? interned.wss : interned.ws;
}

}  // namespace

PyRef ScopeBuilder::websocket_extensions() const {
  PyRef extensions = PyRef::steal(PyDict_New());
  PyRef none = PyRef::steal(PyDict_New());
  const bool made = extensions && none &&
                    PyDict_SetItem(extensions.get(), interned.websocket_response, none.get()) == 0;
  return made ? std::move(extensions) : PyRef();
}

PyRef ScopeBuilder::build_websocket(const RequestHead& head, const ConnectionObjects& connection,
                                    PyRef& path) {
  const TargetObjects* parts = target(head.target);
  PyRef scope = PyRef::steal(PyDict_New());
  if (parts == nullptr || !scope) return {};
  path = parts->path.clone();
  const auto set = [&scope](PyObject* key, const PyRef& value) {
    return value && PyDict_SetItem(scope.get(), key, value.get()) == 0;
  };
  const bool made =
      set(interned.type, PyRef::borrow(interned.websocket)) &&
      set(interned.asgi, PyRef::steal(PyDict_Copy(asgi_.get()))) &&
      set(interned.http_version, PyRef::borrow(version_name(head.version))) &&
      set(interned.scheme, PyRef::borrow(websocket_scheme(connection.scheme))) &&
      set(interned.path, parts->path) && set(interned.raw_path, parts->raw_path) &&
      set(interned.query_string, parts->query_string) && set(interned.root_path, root_path_text_) &&
      set(interned.headers, new_header_list(head.headers)) &&
      set(interned.client, connection.client) && set(interned.server, connection.server) &&
      set(interned.subprotocols, subprotocols_of(head.headers)) &&
      set(interned.extensions, websocket_extensions()) &&
      (!state_ || set(interned.state, PyRef::steal(PyDict_Copy(state_.get()))));
  return made ? std::move(scope) : PyRef();
}

}  // namespace tricorn
