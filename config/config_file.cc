// The configuration file: a scanner over the text, one method for each thing TOML can have here.
#include "config/config_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace tricorn {
namespace {

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  int extra = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr unsigned char kLead[] = {0, 0xC0, 0xE0, 0xF0};
  out += static_cast<char>(kLead[extra] | (code >> (6 * extra)));
  for (int i = extra - 1; i >= 0; --i) out += static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3F));
}

// Ints and floats as TOML writes them; what an option makes of them is its own affair.
bool is_number(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  double value;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && text.front() >= '0' && text.front() <= '9' && error == std::errc() &&
         end == text.data() + text.size();
}

class Scanner {
 public:
  Scanner(std::string_view text, std::string_view origin) : text_(text), origin_(origin) {}

  Result<std::vector<FileEntry>> scan() {
    std::vector<FileEntry> entries;
    while (skip_to_content()) {
      Result<> done = peek() == '[' ? table() : entry(entries);
      if (done) done = end_of_line();
      if (!done) return pass_on(done);
    }
    return entries;
  }

 private:
  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(char c) {
    if (peek() != c || at_end()) return false;
    ++at_;
    return true;
  }
  std::unexpected<Error> wrong(std::string_view what) const {
    return fail(fmt::format("{}:{}: {}", origin_, line_, what));
  }

  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\r') ++at_;
  }
  void skip_comment() {
    if (peek() != '#') return;
    while (!at_end() && peek() != '\n') ++at_;
  }
  // Over blank lines and comments; false at the end of the file.
  bool skip_to_content() {
    while (true) {
      skip_blanks();
      skip_comment();
      if (!take('\n')) return !at_end();
      ++line_;
    }
  }
  Result<> end_of_line() {
    skip_blanks();
    skip_comment();
    if (at_end() || peek() == '\n') return {};
    return wrong(fmt::format("unexpected '{}' after the value", peek()));
  }

  Result<> table() {
    size_t end = text_.find_first_of("]\n", at_);
    std::string_view header = text_.substr(at_, end == text_.npos ? end : end + 1 - at_);
    if (header != "[tricorn]") return wrong("only the table [tricorn] is known");
    at_ += header.size();
    return {};
  }

  Result<> entry(std::vector<FileEntry>& entries) {
    FileEntry found{.line = line_};
    if (peek() == '"' || peek() == '\'') {
      if (auto key = string(found.key); !key) return key;
    } else {
      while (is_bare(peek())) found.key += text_[at_++];
    }
    skip_blanks();
    if (found.key.empty() || !take('=')) return wrong("expected: option = value");
    if (std::ranges::find(entries, found.key, &FileEntry::key) != entries.end()) {
      return wrong(fmt::format("'{}' is set twice", found.key));
    }
    skip_blanks();
    found.array = peek() == '[';
    auto read = found.array ? array(found.values) : scalar(found.values.emplace_back());
    if (read) entries.push_back(std::move(found));
    return read;
  }

  Result<> array(std::vector<std::string>& values) {
    take('[');
    while (skip_to_content()) {
      if (take(']')) return {};
      if (auto read = scalar(values.emplace_back()); !read) return read;
      if (!skip_to_content()) break;
      if (peek() != ']' && !take(',')) return wrong("expected ',' or ']' in the array");
    }
    return wrong("the array does not end");
  }

  Result<> scalar(std::string& value) {
    if (peek() == '"' || peek() == '\'') return string(value);
    while (is_bare(peek()) || peek() == '.' || peek() == '+') value += text_[at_++];
    if (value == "true" || value == "false") return {};
    if (!value.ends_with('_')) std::erase(value, '_');
    if (is_number(value)) return {};
    return wrong("expected a \"string\", a number, true, false or an [array] of them");
  }

  Result<> string(std::string& value) {
    const char quote = text_[at_];
    if (text_.substr(at_, 3) == std::string(3, quote))
      return wrong("multi-line strings are not supported");
    for (++at_; !at_end() && peek() != '\n'; ++at_) {
      if (take(quote)) return {};
      if (quote == '\'' || !take('\\')) {
        value += peek();
      } else if (auto read = escape(value); !read) {
        return read;
      }
    }
    return wrong("the string does not end");
  }

  // After a backslash; leaves at_ on the last character of the escape.
  Result<> escape(std::string& value) {
    constexpr std::string_view kLetters = "btnfr\"\\";
    constexpr std::string_view kMeanings = "\b\t\n\f\r\"\\";
    if (size_t known = kLetters.find(peek()); known != kLetters.npos) {
      value += kMeanings[known];
      return {};
    }
    size_t digits = peek() == 'u' ? 4 : peek() == 'U' ? 8 : 0;
    std::string_view hex = text_.substr(std::min(at_ + 1, text_.size()), digits);
    uint32_t code = 0;
    auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    bool whole =
        digits > 0 && hex.size() == digits && error == std::errc() && end == hex.data() + digits;
    if (!whole || code > 0x10FFFF) return wrong("unknown escape in the string");
    append_utf8(value, code);
    at_ += digits;
    return {};
  }

  std::string_view text_;
  std::string_view origin_;
  size_t at_ = 0;
  int line_ = 1;
};

}  // namespace

Result<std::vector<FileEntry>> parse_config_file(std::string_view text, std::string_view origin) {
  return Scanner(text, origin).scan();
}

}  // namespace tricorn
