// ScopeBuilder: see the header.
#include "worker/gateway/scope_builder.h"

#include "worker/gateway/request_target.h"
#include "worker/python/interned.h"
#include "worker/python/py_error.h"

namespace tricorn {
namespace {

constexpr const char* kSpecVersion = "2.4";  // send() after a disconnect raises OSError

PyRef bytes_of(std::string_view text) {
  return PyRef::steal(PyBytes_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

// Whether the dict of an earlier scope is ours alone again and still has `size` items: then it
// serves once more.
bool is_unused(PyObject* dict, Py_ssize_t size) {
  return dict != nullptr && Py_REFCNT(dict) == 1 && PyDict_GET_SIZE(dict) == size;
}

PyRef address_tuple(const SocketAddress& address) {
  if (!address.known) return PyRef::none();
  if (address.port >= 0) {
    return PyRef::steal(Py_BuildValue("(s#i)", address.host.data(),
                                      static_cast<Py_ssize_t>(address.host.size()), address.port));
  }
  PyRef path = PyRef::steal(PyUnicode_DecodeFSDefaultAndSize(
      address.host.data(), static_cast<Py_ssize_t>(address.host.size())));
  return path ? PyRef::steal(PyTuple_Pack(2, path.get(), Py_None)) : PyRef();
}

}  // namespace

ScopeBuilder::ScopeBuilder(const std::string& root_path, PyObject* state)
    : root_path_(root_path), state_(PyRef::borrow(state)) {
  while (root_path_.ends_with('/')) root_path_.pop_back();
}

std::unique_ptr<ScopeBuilder> ScopeBuilder::create(const std::string& root_path, PyObject* state) {
  std::unique_ptr<ScopeBuilder> builder(new ScopeBuilder(root_path, state));
  return builder->make_template() ? std::move(builder) : nullptr;
}

bool ScopeBuilder::make_template() {
  http_10_ = PyRef::steal(PyUnicode_InternFromString("1.0"));
  http_11_ = PyRef::steal(PyUnicode_InternFromString("1.1"));
  http_2_ = PyRef::steal(PyUnicode_InternFromString("2"));
  version_ = PyRef::steal(PyUnicode_InternFromString("3.0"));
  spec_version_ = PyRef::steal(PyUnicode_InternFromString(kSpecVersion));
  asgi_ = PyRef::steal(Py_BuildValue("{O:O,O:O}", interned.version, version_.get(),
                                     interned.spec_version, spec_version_.get()));
  PyRef root_path = PyRef::steal(PyUnicode_DecodeUTF8(
      root_path_.data(), static_cast<Py_ssize_t>(root_path_.size()), "replace"));
  template_ = PyRef::steal(PyDict_New());
  if (!http_10_ || !http_11_ || !http_2_ || !asgi_ || !root_path || !template_) return false;

  // Every key, in the order the specification lists them; None where a request sets its own.
  PyObject* dict = template_.get();
  struct {
    PyObject* key;
    PyObject* value;
  } const fields[] = {
      {interned.type, interned.http},
      {interned.asgi, Py_None},
      {interned.http_version, http_11_.get()},
      {interned.method, Py_None},
      {interned.scheme, interned.http},
      {interned.path, Py_None},
      {interned.raw_path, Py_None},
      {interned.query_string, Py_None},
      {interned.root_path, root_path.get()},
      {interned.headers, Py_None},
      {interned.client, Py_None},
      {interned.server, Py_None},
      {interned.extensions, Py_None},
      {interned.state, Py_None},
  };
  for (const auto& field : fields) {
    if (field.key == interned.state && !state_) continue;
    if (PyDict_SetItem(dict, field.key, field.value) < 0) return false;
  }
  return true;
}

Result<ConnectionObjects> ScopeBuilder::describe(const ConnectionInfo& connection) {
  ConnectionObjects objects{address_tuple(connection.client), address_tuple(connection.server),
                            connection.tls ? interned.https : interned.http};
  if (!objects.client || !objects.server) return std::unexpected(PyError::take().to_error());
  return objects;
}

PyRef ScopeBuilder::build(const RequestHead& head, const ConnectionObjects& connection, PyRef& path,
                          PyRef& method) {
  const TargetObjects* parts = target(head.target);
  method = method_name(head.method);
  PyRef headers = header_list(head.headers);
  PyRef scope = PyRef::steal(PyDict_Copy(template_.get()));
  if (parts == nullptr || !method || !headers || !scope) return {};

  PyObject* dict = scope.get();
  bool set = PyDict_SetItem(dict, interned.method, method.get()) == 0 &&
             PyDict_SetItem(dict, interned.path, parts->path.get()) == 0 &&
             PyDict_SetItem(dict, interned.raw_path, parts->raw_path.get()) == 0 &&
             PyDict_SetItem(dict, interned.query_string, parts->query_string.get()) == 0 &&
             PyDict_SetItem(dict, interned.headers, headers.get()) == 0 &&
             PyDict_SetItem(dict, interned.client, connection.client.get()) == 0 &&
             PyDict_SetItem(dict, interned.server, connection.server.get()) == 0 &&
             set_copies(dict);
  if (set && head.version != HttpVersion::k11) {
    PyObject* version = head.version == HttpVersion::k10 ? http_10_.get() : http_2_.get();
    set = PyDict_SetItem(dict, interned.http_version, version) == 0;
  }
  if (set && connection.scheme != interned.http) {
    set = PyDict_SetItem(dict, interned.scheme, connection.scheme) == 0;
  }
  if (!set) return {};
  path = parts->path.clone();
  return scope;
}

// The values that an app may change in place: each scope has its own (P17).
bool ScopeBuilder::set_copies(PyObject* scope) {
  if (!is_pristine_asgi(spare_asgi_.get())) spare_asgi_ = PyRef::steal(PyDict_Copy(asgi_.get()));
  if (!is_unused(spare_extensions_.get(), 0)) spare_extensions_ = PyRef::steal(PyDict_New());
  if (!spare_asgi_ || !spare_extensions_ ||
      PyDict_SetItem(scope, interned.asgi, spare_asgi_.get()) < 0 ||
      PyDict_SetItem(scope, interned.extensions, spare_extensions_.get()) < 0) {
    return false;
  }
  if (!state_) return true;
  PyRef state = PyRef::steal(PyDict_Copy(state_.get()));
  return state && PyDict_SetItem(scope, interned.state, state.get()) == 0;
}

bool ScopeBuilder::is_pristine_asgi(PyObject* dict) const {
  return is_unused(dict, PyDict_GET_SIZE(asgi_.get())) &&
         PyDict_GetItemWithError(dict, interned.version) == version_.get() &&
         PyDict_GetItemWithError(dict, interned.spec_version) == spec_version_.get();
}

const TargetObjects* ScopeBuilder::target(std::string_view raw) {
  if (TargetObjects* cached = targets_.find(raw)) return cached;
  TargetObjects parts;
  if (!make_target(raw, parts)) return nullptr;
  targets_.put(raw, {}, {parts.path.clone(), parts.raw_path.clone(), parts.query_string.clone()});
  uncached_target_ = std::move(parts);
  return &uncached_target_;
}

bool ScopeBuilder::make_target(std::string_view raw, TargetObjects& parts) {
  auto [raw_path, query] = split_target(raw);
  std::string path = percent_decode(raw_path);
  std::string wire_path(raw_path);
  if (!root_path_.empty() && raw_path != "*" && !has_path_prefix(path, root_path_)) {
    path.insert(0, root_path_);
    wire_path.insert(0, root_path_);
  }
  parts.path = PyRef::steal(
      PyUnicode_DecodeUTF8(path.data(), static_cast<Py_ssize_t>(path.size()), "replace"));
  parts.raw_path = bytes_of(wire_path);
  parts.query_string = bytes_of(query);
  return parts.path && parts.raw_path && parts.query_string;
}

PyRef ScopeBuilder::header_list(std::span<const Header> headers) {
  PyRef list = PyRef::steal(PyList_New(static_cast<Py_ssize_t>(headers.size())));
  if (!list) return {};
  for (size_t i = 0; i < headers.size(); ++i) {
    PyRef tuple = header_tuple(headers[i]);
    if (!tuple) return {};
    PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), tuple.release());
  }
  return list;
}

PyRef ScopeBuilder::header_tuple(const Header& header) {
  if (PyRef* cached = header_tuples_.find(header.name, header.value)) return cached->clone();
  PyRef name = header_name(header.name);
  PyRef value = bytes_of(header.value);
  if (!name || !value) return {};
  PyRef tuple = PyRef::steal(PyTuple_Pack(2, name.get(), value.get()));
  if (tuple) header_tuples_.put(header.name, header.value, tuple.clone());
  return tuple;
}

PyRef ScopeBuilder::header_name(std::string_view name) {
  if (PyRef* cached = header_names_.find(name)) return cached->clone();
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  PyRef bytes = bytes_of(lower);
  if (bytes) header_names_.put(name, {}, bytes.clone());
  return bytes;
}

PyRef ScopeBuilder::method_name(std::string_view name) {
  if (PyRef* cached = methods_.find(name)) return cached->clone();
  PyRef text = PyRef::steal(
      PyUnicode_DecodeLatin1(name.data(), static_cast<Py_ssize_t>(name.size()), nullptr));
  if (text) methods_.put(name, {}, text.clone());
  return text;
}

}  // namespace tricorn
