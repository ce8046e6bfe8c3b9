// JSON: text read by recursive descent.
#include <fmt/format.h>

#include <charconv>

#include "supervisor/steering/json.h"

namespace tricorn {
namespace {

constexpr int kMaxDepth = 32;

void append_utf8(std::string& out, uint32_t code) {
  const auto tail = [](uint32_t bits) { return static_cast<char>(0x80 | (bits & 0x3F)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += {static_cast<char>(0xC0 | code >> 6), tail(code)};
  } else if (code < 0x10000) {
    out += {static_cast<char>(0xE0 | code >> 12), tail(code >> 6), tail(code)};
  } else {
    out += {static_cast<char>(0xF0 | code >> 18), tail(code >> 12), tail(code >> 6), tail(code)};
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Json> run() {
    auto value = parse_value(0);
    skip_space();
    if (value && at_ < text_.size()) return unexpected();
    return value;
  }

 private:
  std::unexpected<Error> unexpected() const {
    return fail(at_ < text_.size() ? fmt::format("no JSON: at byte {}", at_)
                                   : "no JSON: it ends too early");
  }

  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").contains(text_[at_])) ++at_;
  }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  Result<Json> parse_value(int depth) {
    skip_space();
    if (depth > kMaxDepth) return fail("no JSON that is accepted: it is nested too deep");
    if (take("null")) return Json();
    if (take("true")) return Json(true);
    if (take("false")) return Json(false);
    switch (peek()) {
      case '"': {
        auto text = parse_string();
        if (!text) return pass_on(text);
        return Json(std::move(*text));
      }
      case '[':
        return parse_array(depth);
      case '{':
        return parse_object(depth);
      default:
        return parse_number();
    }
  }

  Result<Json> parse_array(int depth) {
    Json::Array array;
    ++at_;
    skip_space();
    if (take("]")) return Json(std::move(array));
    for (;;) {
      auto value = parse_value(depth + 1);
      if (!value) return value;
      array.push_back(std::move(*value));
      skip_space();
      if (take("]")) return Json(std::move(array));
      if (!take(",")) return unexpected();
    }
  }

  Result<Json> parse_object(int depth) {
    Json::Object object;
    ++at_;
    skip_space();
    if (take("}")) return Json(std::move(object));
    for (;;) {
      skip_space();
      if (peek() != '"') return unexpected();
      auto name = parse_string();
      if (!name) return pass_on(name);
      for (const JsonMember& member : object) {
        if (member.name == *name) return fail(fmt::format("'{}' is there twice", *name));
      }
      skip_space();
      if (!take(":")) return unexpected();
      auto value = parse_value(depth + 1);
      if (!value) return value;
      object.push_back({std::move(*name), std::move(*value)});
      skip_space();
      if (take("}")) return Json(std::move(object));
      if (!take(",")) return unexpected();
    }
  }

  Result<std::string> parse_string() {
    std::string out;
    for (++at_; at_ < text_.size();) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return out;
      }
      if (static_cast<unsigned char>(c) < 0x20) return unexpected();
      if (c != '\\') {
        out += c;
        ++at_;
      } else if (auto escaped = parse_escape(out); !escaped) {
        return pass_on(escaped);
      }
    }
    return unexpected();
  }

  Result<> parse_escape(std::string& out) {
    ++at_;
    constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    if (const size_t letter = kLetters.find(peek()); letter != kLetters.npos) {
      out += kMeanings[letter];
      ++at_;
      return {};
    }
    if (!take("u")) return unexpected();
    auto code = parse_code_unit();
    if (!code) return pass_on(code);
    if (*code >= 0xD800 && *code < 0xDC00) {  // the first half of a pair
      if (!take("\\u")) return unexpected();
      auto second = parse_code_unit();
      if (!second) return pass_on(second);
      if (*second < 0xDC00 || *second >= 0xE000) return unexpected();
      *code = 0x10000 + ((*code - 0xD800) << 10) + (*second - 0xDC00);
    } else if (*code >= 0xDC00 && *code < 0xE000) {
      return unexpected();
    }
    append_utf8(out, *code);
    return {};
  }

  Result<uint32_t> parse_code_unit() {
    uint32_t code = 0;
    const std::string_view digits = text_.substr(at_, 4);
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() < 4 || error != std::errc() || end != digits.data() + 4) return unexpected();
    at_ += 4;
    return code;
  }

  bool take_digits() {
    const size_t start = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ > start;
  }

  Result<Json> parse_number() {
    const size_t start = at_;
    take("-");
    if (!take("0") && !take_digits()) return unexpected();
    bool whole = true;
    if (take(".")) {
      whole = false;
      if (!take_digits()) return unexpected();
    }
    if (take("e") || take("E")) {
      whole = false;
      if (!take("+")) take("-");
      if (!take_digits()) return unexpected();
    }
    const char* begin = text_.data() + start;
    const char* end = text_.data() + at_;
    int64_t integer = 0;
    if (whole && std::from_chars(begin, end, integer).ec == std::errc()) return Json(integer);
    double number = 0;
    if (std::from_chars(begin, end, number).ec != std::errc()) {
      return fail("a number is out of range");
    }
    return Json(number);
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<Json> Json::parse(std::string_view text) { return Parser(text).run(); }

}  // namespace tricorn
