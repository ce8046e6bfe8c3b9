// JSON by nlohmann-json: values into and out of its.
#include "supervisor/steering/json.h"

#include <nlohmann/json.hpp>

#include <set>

namespace tricorn {
namespace {

using Library = nlohmann::ordered_json;

constexpr size_t kMaxDepth = 32;

Library to_library(const Json& value) {
  if (const auto* text = value.string()) return *text;
  if (auto boolean = value.boolean()) return *boolean;
  if (auto integer = value.integer()) return *integer;
  if (auto number = value.number()) return *number;
  if (const auto* array = value.array()) {
    Library items = Library::array();
    for (const Json& item : *array) items.push_back(to_library(item));
    return items;
  }
  if (const auto* object = value.object()) {
    Library members = Library::object();
    for (const JsonMember& member : *object) members[member.name] = to_library(member.value);
    return members;
  }
  return nullptr;
}

// Builds a value as the library reads one, since its own tree keeps the last of two members of a
// name without a word, and takes any depth. Each callback returns whether to read on.
class Builder : public nlohmann::json_sax<Library> {
 public:
  Json take() { return std::move(root_); }
  const std::string& failure() const { return failure_; }

  bool null() override { return put(Json()); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override {
    if (std::in_range<int64_t>(value)) return put(value);
    return put(static_cast<double>(value));
  }
  bool number_float(number_float_t value, const string_t&) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // JSON has none
  bool start_object(std::size_t) override { return open(Json::Object()); }
  bool start_array(std::size_t) override { return open(Json::Array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    Level& level = levels_.back();
    if (!level.names.insert(name).second) return refuse("a member twice: " + name);
    level.name = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return refuse("no JSON at byte " + std::to_string(position));
  }

 private:
  struct Level {
    Json::Array items;
    Json::Object members;
    bool is_object;
    std::string name;  // of the member that comes next
    std::set<std::string> names;
  };

  bool refuse(std::string failure) {
    failure_ = std::move(failure);
    return false;
  }
  bool put(Json value) {
    if (levels_.empty()) {
      root_ = std::move(value);
    } else if (Level& level = levels_.back(); level.is_object) {
      level.members.push_back({std::move(level.name), std::move(value)});
    } else {
      level.items.push_back(std::move(value));
    }
    return true;
  }
  bool open(const Json& kind) {
    if (levels_.size() == kMaxDepth) return refuse("nested too deep");
    levels_.push_back({.items = {},
                       .members = {},
                       .is_object = kind.object() != nullptr,
                       .name = {},
                       .names = {}});
    return true;
  }
  bool close() {
    Level done = std::move(levels_.back());
    levels_.pop_back();
    return done.is_object ? put(std::move(done.members)) : put(std::move(done.items));
  }

  std::vector<Level> levels_;
  Json root_;
  std::string failure_;
};

}  // namespace

std::string Json::dump() const {
  return to_library(*this).dump(-1, ' ', false, Library::error_handler_t::replace);
}

Result<Json> Json::parse(std::string_view text) {
  Builder builder;
  if (!Library::sax_parse(text, &builder)) return fail(builder.failure());
  return builder.take();
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
