// JSON: what values look like as text.
#include "supervisor/steering/json.h"

#include <fmt/format.h>

#include <cmath>

namespace tricorn {
namespace {

// Bytes of the UTF-8 character (RFC 3629) that `text` begins with; 0 if it begins with none.
size_t utf8_character(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t size = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  if (size == 0 || text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool surrogate = first == 0xED && byte(1) >= 0xA0;
  const bool beyond = first == 0xF4 && byte(1) >= 0x90;
  return overlong || surrogate || beyond ? 0 : size;
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const char c = text.front();
    const auto byte = static_cast<unsigned char>(c);
    const size_t size = utf8_character(text);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04x}", byte);
    } else if (size == 0) {
      out += "\\ufffd";
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  out += '"';
}

void append_json(std::string& out, const Json& value);

void append_array(std::string& out, const Json::Array& array) {
  out += '[';
  for (size_t i = 0; i < array.size(); ++i) {
    if (i > 0) out += ',';
    append_json(out, array[i]);
  }
  out += ']';
}

void append_object(std::string& out, const Json::Object& object) {
  out += '{';
  for (size_t i = 0; i < object.size(); ++i) {
    if (i > 0) out += ',';
    append_string(out, object[i].name);
    out += ':';
    append_json(out, object[i].value);
  }
  out += '}';
}

void append_json(std::string& out, const Json& value) {
  if (const auto* text = value.string()) return append_string(out, *text);
  if (const auto* array = value.array()) return append_array(out, *array);
  if (const auto* object = value.object()) return append_object(out, *object);
  if (auto boolean = value.boolean()) {
    out += *boolean ? "true" : "false";
  } else if (auto integer = value.integer()) {
    out += fmt::format("{}", *integer);
  } else if (auto number = value.number(); number && std::isfinite(*number)) {
    out += fmt::format("{}", *number);
  } else {
    out += "null";
  }
}

}  // namespace

std::string Json::dump() const {
  std::string out;
  append_json(out, *this);
  return out;
}

std::optional<bool> Json::boolean() const {
  const auto* value = std::get_if<bool>(&value_);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<int64_t> Json::integer() const {
  const auto* value = std::get_if<int64_t>(&value_);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<double> Json::number() const {
  if (auto value = integer()) return static_cast<double>(*value);
  const auto* value = std::get_if<double>(&value_);
  return value ? std::optional(*value) : std::nullopt;
}

const Json& Json::operator[](std::string_view name) const {
  static const Json kNull;
  if (const Object* members = object()) {
    for (const JsonMember& member : *members) {
      if (member.name == name) return member.value;
    }
  }
  return kNull;
}

}  // namespace tricorn
