// LogText: values on their way into a log line: escaped, and cut where they are too long.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tricorn {

class LogText {
 public:
  // `room`: the bytes that all text values may take up together, apart from their "...".
  LogText(std::string& out, bool json, size_t room) : out_(out), json_(json), room_(room) {}

  std::string& out() { return out_; }
  // At most `limit` bytes of it, escapes included, and "..." when there were more. Bytes other than
  // visible ASCII, quotes and backslashes become \xHH, in JSON \u00HH.
  void append(std::string_view text, size_t limit);

 private:
  void append_escaped(char c);
  std::string& out_;
  const bool json_;
  size_t room_;
};

// The user of "Basic dXNlcjpwYXNz" (RFC 7617); "" if there is none. `out` holds the result.
std::string_view basic_auth_user(std::string_view authorization, std::string& out);

}  // namespace tricorn
