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

// Whether the dict of an earlier scope is ours alone again, apart from the `scope_value` that is
// about to be replaced, and still has `size` items: then it serves once more.
bool is_unused(PyObject* dict, PyObject* scope_value, Py_ssize_t size) {
  const Py_ssize_t references = dict == scope_value ? 2 : 1;
  return dict != nullptr && Py_REFCNT(dict) == references && PyDict_GET_SIZE(dict) == size;
}

bool is_empty_dict(PyObject* object) {
  return object != nullptr && PyDict_CheckExact(object) && PyDict_GET_SIZE(object) == 0;
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

std::unique_ptr<ScopeBuilder> ScopeBuilder::create(const std::string& root_path, bool pathsend,
                                                   PyObject* state) {
  std::unique_ptr<ScopeBuilder> builder(new ScopeBuilder(root_path, state));
  const bool made = builder->make_template() && builder->make_extensions(pathsend);
  return made ? std::move(builder) : nullptr;
}

bool ScopeBuilder::make_extensions(bool pathsend) {
  bool made = true;
  for (Extensions* extensions : {&extensions_, &extensions_10_}) {
    if (pathsend) made &= extensions->add(interned.pathsend);
    made &= extensions->add(interned.zerocopysend);
  }
  return made && extensions_.add(interned.early_hint) &&
         extensions_.add(interned.response_trailers);
}

bool ScopeBuilder::make_template() {
  http_10_ = PyRef::steal(PyUnicode_InternFromString("1.0"));
  http_11_ = PyRef::steal(PyUnicode_InternFromString("1.1"));
  http_2_ = PyRef::steal(PyUnicode_InternFromString("2"));
  version_ = PyRef::steal(PyUnicode_InternFromString("3.0"));
  spec_version_ = PyRef::steal(PyUnicode_InternFromString(kSpecVersion));
  asgi_ = PyRef::steal(Py_BuildValue("{O:O,O:O}", interned.version, version_.get(),
                                     interned.spec_version, spec_version_.get()));
  root_path_text_ = PyRef::steal(PyUnicode_DecodeUTF8(
      root_path_.data(), static_cast<Py_ssize_t>(root_path_.size()), "replace"));
  template_ = PyRef::steal(PyDict_New());
  if (!http_10_ || !http_11_ || !http_2_ || !asgi_ || !root_path_text_ || !template_) return false;

  keys_ = {interned.type,       interned.asgi,    interned.http_version, interned.method,
           interned.scheme,     interned.path,    interned.raw_path,     interned.query_string,
           interned.root_path,  interned.headers, interned.client,       interned.server,
           interned.extensions, interned.state};
  field_count_ = state_ ? kFields : kState;
  for (size_t i = 0; i < field_count_; ++i) {
    if (PyDict_SetItem(template_.get(), keys_[i], Py_None) < 0) return false;
  }
  return PyDict_SetItem(template_.get(), interned.type, interned.http) == 0 &&
         PyDict_SetItem(template_.get(), interned.root_path, root_path_text_.get()) == 0;
}

Result<ConnectionObjects> ScopeBuilder::describe(const ConnectionInfo& connection) {
  if (!server_ || connection.server != server_address_) {  // most connections come to the same one
    server_ = address_tuple(connection.server);
    server_address_ = connection.server;
  }
  ConnectionObjects objects{address_tuple(connection.client), server_.clone(),
                            connection.tls ? interned.https : interned.http};
  if (!objects.client || !objects.server) return std::unexpected(PyError::take().to_error());
  return objects;
}

Result<ConnectionObjects> ScopeBuilder::describe(const RequestOrigin& origin,
                                                 const ConnectionObjects& connection) {
  ConnectionObjects objects{connection.client.clone(), connection.server.clone(),
                            connection.scheme};
  if (origin.client.known) objects.client = address_tuple(origin.client);
  if (origin.https) objects.scheme = *origin.https ? interned.https : interned.http;
  if (!objects.client) return std::unexpected(PyError::take().to_error());
  return objects;
}

PyRef ScopeBuilder::build(const RequestHead& head, const ConnectionObjects& connection, PyRef& path,
                          PyRef& method) {
  const TargetObjects* parts = target(head.target);
  method = method_name(head.method);
  PyRef headers = header_list(head.headers);
  if (parts == nullptr || !method || !headers) return {};

  Values values{};
  values[kType] = interned.http;
  values[kHttpVersion] = version_name(head.version);
  values[kMethod] = method.get();
  values[kScheme] = connection.scheme;
  values[kPath] = parts->path.get();
  values[kRawPath] = parts->raw_path.get();
  values[kQueryString] = parts->query_string.get();
  values[kRootPath] = root_path_text_.get();
  values[kHeaders] = headers.get();
  values[kClient] = connection.client.get();
  values[kServer] = connection.server.get();
  PyRef scope = take_sealed(values);
  if (!scope && spare_) {
    scope = fill(std::move(spare_), values);
    if (scope) seal(scope, values);
  }
  if (!scope) scope = fill(PyRef::steal(PyDict_Copy(template_.get())), values);
  if (scope) path = parts->path.clone();
  return scope;
}

Extensions& ScopeBuilder::extensions(const Values& values) {
  return values[kHttpVersion] == http_10_.get() ? extensions_10_ : extensions_;
}

// Each HTTP version has extensions of its own; a lifespan's state that has grown is copied anew.
PyRef ScopeBuilder::take_sealed(const Values& values) {
  const bool has_state = state_ && PyDict_GET_SIZE(state_.get()) != 0;
  if (has_state || sealed_.spare_value(kHttpVersion) != values[kHttpVersion]) return {};
  return sealed_.take(keys(), {values.data(), field_count_});
}

// An app that left its scope alone once will do so again.
void ScopeBuilder::seal(const PyRef& scope, const Values& values) {
  if (!sealed_.is_wanted()) return;
  spare_asgi_.reset();
  extensions(values).give_away();
  sealed_.seal(scope, keys());
}

// `scope` with these values; null if it is not one of ours any more (without an error set), or on
// failure.
PyRef ScopeBuilder::fill(PyRef scope, const Values& values) {
  PyObject *key, *value;
  PyRef state;
  Py_ssize_t position = 0;
  for (size_t i = 0; i < field_count_; ++i) {
    if (!scope || PyDict_Next(scope.get(), &position, &key, &value) == 0 || key != keys_[i])
      return {};
    PyObject* wanted = i == kAsgi         ? asgi_copy(value)
                       : i == kExtensions ? extensions(values).take(value)
                       : i == kState      ? (state = state_copy(value)).get()
                                          : values[i];
    if (wanted == nullptr || (value != wanted && PyDict_SetItem(scope.get(), key, wanted) < 0))
      return {};
  }
  return scope;
}

// The lifespan's state may have grown since.
PyRef ScopeBuilder::state_copy(PyObject* scope_value) const {
  const bool serves_again = PyDict_GET_SIZE(state_.get()) == 0 && is_empty_dict(scope_value) &&
                            Py_REFCNT(scope_value) == 1;
  return serves_again ? PyRef::borrow(scope_value) : PyRef::steal(PyDict_Copy(state_.get()));
}

// What apps put into the state lives as long as the scope: then it must go with its request.
void ScopeBuilder::retire(PyRef scope) {
  if (sealed_.retire(scope)) return;
  const bool is_ours = scope && Py_REFCNT(scope.get()) == 1 &&
                       PyDict_GET_SIZE(scope.get()) == static_cast<Py_ssize_t>(field_count_);
  if (is_ours && (!state_ || is_empty_dict(PyDict_GetItemWithError(scope.get(), interned.state)))) {
    spare_ = std::move(scope);
  }
}

PyObject* ScopeBuilder::version_name(HttpVersion version) const {
  switch (version) {
    case HttpVersion::k10:
      return http_10_.get();
    case HttpVersion::k11:
      return http_11_.get();
    case HttpVersion::k2:
      return http_2_.get();
  }
  Py_UNREACHABLE();
}

// The values that an app may change in place: each scope has its own (P17). Null with an error set.
PyObject* ScopeBuilder::asgi_copy(PyObject* scope_value) {
  PyObject* spare = spare_asgi_.get();
  const bool pristine =
      is_unused(spare, scope_value, PyDict_GET_SIZE(asgi_.get())) &&
      PyDict_GetItemWithError(spare, interned.version) == version_.get() &&
      PyDict_GetItemWithError(spare, interned.spec_version) == spec_version_.get();
  if (!pristine) spare_asgi_ = PyRef::steal(PyDict_Copy(asgi_.get()));
  return spare_asgi_.get();
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
  PyRef spare = PyRef::borrow(sealed_.spare_value(kHeaders));
  return spare && is_header_list(spare.get(), headers) ? std::move(spare)
                                                       : new_header_list(headers);
}

// Whether `list`, which is the sealed scope's and ours, has these very fields.
bool ScopeBuilder::is_header_list(PyObject* list, std::span<const Header> headers) {
  if (Py_REFCNT(list) != 2 || PyList_GET_SIZE(list) != static_cast<Py_ssize_t>(headers.size())) {
    return false;
  }
  for (size_t i = 0; i < headers.size(); ++i) {
    const PyRef* cached = header_tuples_.find(headers[i].name, headers[i].value);
    if (cached == nullptr || cached->get() != PyList_GET_ITEM(list, static_cast<Py_ssize_t>(i))) {
      return false;
    }
  }
  return true;
}

PyRef ScopeBuilder::new_header_list(std::span<const Header> headers) {
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
