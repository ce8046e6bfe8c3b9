// Options of group "Privileges": whom the app runs as, and what others may do with its files.
#include "config/identity.h"
#include "config/option_values.h"

namespace tricorn {
namespace {

OptionValue user_value() {
  auto set = [](Options& options, const std::string& text) -> Result<> {
    options.user = text;
    return check_user(text);
  };
  return {
      .metavar = "NAME|UID", .set = set, .show = [](const Options&) { return "as the master"; }};
}

OptionValue group_value() {
  auto set = [](Options& options, const std::string& text) -> Result<> {
    options.group = text;
    return check_group(text);
  };
  return {
      .metavar = "NAME|GID", .set = set, .show = [](const Options&) { return "the user's own"; }};
}

}  // namespace

OptionGroup privilege_options() {
  return {"Privileges",
          {
              {.name = "user",
               .aliases = {"-u"},
               .value = user_value(),
               .help = "Run the interpreter and the workers as this user, with its groups. The "
                       "master stays root."},
              {.name = "group",
               .aliases = {"-g"},
               .value = group_value(),
               .help = "Run them with this group instead of the user's own."},
              {.name = "umask",
               .aliases = {"-m"},
               .value = mode_value([](auto& o) -> auto& { return o.umask; }, "as inherited"),
               .help = "Octal mask of permissions that new files and sockets do not get, for "
                       "example 027."},
          }};
}

}  // namespace tricorn
