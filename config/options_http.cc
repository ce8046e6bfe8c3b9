// Options of group "HTTP": what every response carries, and how the app may send it.
#include <algorithm>

#include "common/text.h"
#include "config/option_values.h"

namespace tricorn {
namespace {

// RFC 9110 section 5.6.2
bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) ||
           std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

// RFC 9110 section 5.5: visible characters, blanks between them, and bytes above ASCII
bool is_field_value(std::string_view text) {
  return std::ranges::all_of(text,
                             [](unsigned char c) { return c == '\t' || (c >= ' ' && c != 0x7F); });
}

// Framing and the connection are decided per response; a fixed value would contradict it.
bool is_servers_own(std::string_view name) {
  constexpr std::string_view kOwn[] = {"connection", "content-length", "keep-alive",
                                       "transfer-encoding", "upgrade"};
  return std::ranges::any_of(kOwn, [&](std::string_view own) {
    return std::ranges::equal(name, own, {}, [](unsigned char c) { return std::tolower(c); });
  });
}

OptionValue header_value() {
  auto set = [](Options& options, const std::string& text) -> Result<> {
    size_t colon = text.find(':');
    std::string_view name = std::string_view(text).substr(0, colon);
    std::string_view value =
        colon == text.npos ? "" : trimmed(std::string_view(text).substr(colon + 1));
    if (colon == text.npos || !is_token(name) || !is_field_value(value)) {
      return fail(fmt::format("'{}' is not a header as in 'X-Name: value'", text));
    }
    if (is_servers_own(name)) return fail(fmt::format("'{}' is for the server to say", text));
    options.worker.http.extra_headers.emplace_back(name, value);
    return {};
  };
  return {.shape = OptionValue::Shape::kMany, .metavar = "'NAME: VALUE'", .set = set};
}

}  // namespace

OptionGroup http_options() {
  return {"HTTP",
          {
              {.name = "server-header",
               .value = switch_value([](auto& o) -> auto& { return o.worker.http.server_header; }),
               .help = "Add \"server: tricorn\" where the app sends no such header."},
              {.name = "date-header",
               .value = switch_value([](auto& o) -> auto& { return o.worker.http.date_header; }),
               .help = "Add the date where the app does not."},
              {.name = "header",
               .value = header_value(),
               .help = "Add this header to every response. May be repeated."},
              {.name = "pathsend",
               .value = switch_value([](auto& o) -> auto& { return o.worker.pathsend; }),
               .help = "Tell the app that it may hand over files by path. Off for middleware that "
                       "understands bodies only."},
          }};
}

}  // namespace tricorn
