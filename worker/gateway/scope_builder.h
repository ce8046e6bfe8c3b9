// ScopeBuilder: the `scope` dictionary of a request, made directly from the parsed head.
//
// A fresh dict per request (P17): a copy of a template that already has every key, so that nothing
// is resized, with the fields that differ set on top. A scope that its app has let go of as it got
// it is as good as a copy, and is sealed when that is seen (SealedScope). What clients repeat
// (paths, headers) comes from caches shared by all connections of the worker; cached objects are
// immutable. GIL held.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "worker/gateway/byte_cache.h"
#include "worker/gateway/extensions.h"
#include "worker/gateway/sealed_scope.h"
#include "worker/protocol/exchange.h"
#include "worker/python/py_ref.h"

namespace tricorn {

// What a connection's requests share.
struct ConnectionObjects {
  PyRef client;                // (host, port) or None
  PyRef server;                // (host, port), or (path, None) for a unix socket, or None
  PyObject* scheme = nullptr;  // interned
};

// The target as Python objects.
struct TargetObjects {
  PyRef path;          // str: percent-decoded, with root_path in front
  PyRef raw_path;      // bytes
  PyRef query_string;  // bytes
};

class ScopeBuilder {
 public:
  // `state`: the lifespan state, copied into every scope, or null when the app has no lifespan.
  // nullptr with an error set if Python could not allocate.
  // `pathsend`: see GatewayOptions.
  static std::unique_ptr<ScopeBuilder> create(const std::string& root_path, bool pathsend,
                                              PyObject* state);

  Result<ConnectionObjects> describe(const ConnectionInfo& connection);
  // The connection's, with what `origin` says in their place.
  Result<ConnectionObjects> describe(const RequestOrigin& origin,
                                     const ConnectionObjects& connection);

  // A new scope, or null with an error set. `path` and `method` receive the scope's, for names and
  // logs.
  PyRef build(const RequestHead& head, const ConnectionObjects& connection, PyRef& path,
              PyRef& method);
  // The same for a WebSocket's handshake (P80): a dict of its own, which is not retired.
  PyRef build_websocket(const RequestHead& head, const ConnectionObjects& connection, PyRef& path);
  // The request is over: keeps its scope for the next one if nobody else does.
  void retire(PyRef scope);

 private:
  ScopeBuilder(const std::string& root_path, PyObject* state);
  // Every key, in the order the specification lists them.
  enum Field : uint8_t {
    kType,
    kAsgi,
    kHttpVersion,
    kMethod,
    kScheme,
    kPath,
    kRawPath,
    kQueryString,
    kRootPath,
    kHeaders,
    kClient,
    kServer,
    kExtensions,
    kState,  // last: absent without a lifespan state
    kFields,
  };
  using Values = std::array<PyObject*, kFields>;

  bool make_template();
  bool make_extensions(bool pathsend);
  PyRef websocket_extensions() const;
  std::span<PyObject* const> keys() const { return {keys_.data(), field_count_}; }
  Extensions& extensions(const Values& values);
  PyRef take_sealed(const Values& values);
  PyRef fill(PyRef scope, const Values& values);
  void seal(const PyRef& scope, const Values& values);
  const TargetObjects* target(std::string_view raw);
  bool make_target(std::string_view raw, TargetObjects& parts);
  PyRef header_list(std::span<const Header> headers);
  PyRef new_header_list(std::span<const Header> headers);
  bool is_header_list(PyObject* list, std::span<const Header> headers);
  PyRef header_tuple(const Header& header);
  PyRef header_name(std::string_view name);
  PyRef method_name(std::string_view name);
  PyObject* asgi_copy(PyObject* scope_value);
  PyRef state_copy(PyObject* scope_value) const;
  PyObject* version_name(HttpVersion version) const;

  std::string root_path_;
  PyRef state_;
  PyRef template_;
  PyRef spare_;  // a scope that is over
  SealedScope sealed_;
  std::array<PyObject*, kFields> keys_{};  // interned
  size_t field_count_ = kFields;
  PyRef root_path_text_;
  SocketAddress server_address_;
  PyRef server_;  // its tuple, that of the last connection
  PyRef version_;
  PyRef spec_version_;
  PyRef asgi_;
  PyRef spare_asgi_;  // of the last scope: reused once that is gone
  Extensions extensions_;
  Extensions extensions_10_;  // what works with HTTP/1.0
  PyRef http_10_;
  PyRef http_11_;
  PyRef http_2_;
  ByteCache<TargetObjects> targets_{1024, 192};
  ByteCache<PyRef> header_tuples_{2048, 256};
  ByteCache<PyRef> header_names_{256, 64};
  ByteCache<PyRef> methods_{64, 32};
  TargetObjects
      uncached_target_;  // the parts of a target too long to cache, valid until the next one
};

}  // namespace tricorn
