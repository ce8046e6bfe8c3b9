// Json: a JSON value (RFC 8259), as operators' tools read and write it. Small and strict; pure.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/result.h"

namespace tricorn {

class Json;

// A template because Json, which it holds, holds it.
template <class Value>
struct NamedValue {
  std::string name;
  Value value;
};
using JsonMember = NamedValue<Json>;

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<JsonMember>;  // in the order in which they are written

  Json() = default;  // null
  Json(bool value) : value_(value) {}
  template <std::integral T>
  Json(T value) : value_(static_cast<int64_t>(value)) {}
  Json(double value) : value_(value) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  Json(Object value) : value_(std::move(value)) {}
  template <class T>
  Json(const std::optional<T>& value) {
    if (value) *this = Json(*value);
  }

  // One line. Bytes that are no UTF-8 become U+FFFD.
  std::string dump() const;
  // The whole of `text` is one value, nested 32 deep at most, and no object has a member twice.
  static Result<Json> parse(std::string_view text);

  // The value if it is of that kind, else nullptr or nullopt.
  const std::string* string() const { return std::get_if<std::string>(&value_); }
  const Array* array() const { return std::get_if<Array>(&value_); }
  const Object* object() const { return std::get_if<Object>(&value_); }
  std::optional<bool> boolean() const;
  std::optional<int64_t> integer() const;
  std::optional<double> number() const;  // integers too
  bool null() const { return std::holds_alternative<std::monostate>(value_); }

  // The member of that name; null where there is none, or where this is no object.
  const Json& operator[](std::string_view name) const;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, Array, Object> value_;
};

}  // namespace tricorn
