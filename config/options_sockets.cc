// Options of group "Sockets": where to listen.
#include "config/option_values.h"

namespace tricorn {
namespace {

Result<> add_bind(Options& options, Result<BindSpec> bind) {
  if (!bind) return pass_on(bind);
  options.binds.push_back(std::move(*bind));
  return {};
}

OptionValue bind_value() {
  auto set = [](Options& options, const std::string& text) -> Result<> {
    std::string_view rest = text;  // "a,b" as in gunicorn's files and in TRICORN_BIND
    while (true) {
      size_t comma = rest.find(',');
      if (auto added = add_bind(options, parse_bind_spec(rest.substr(0, comma))); !added)
        return added;
      if (comma == rest.npos) return {};
      rest.remove_prefix(comma + 1);
    }
  };
  return {.shape = OptionValue::Shape::kMany, .metavar = "ADDRESS", .set = set};
}

OptionValue uds_value() {
  auto set = [](Options& options, const std::string& text) {
    return add_bind(options, unix_bind_spec(text));
  };
  return {.metavar = "PATH", .set = set};
}

OptionValue fd_value() {
  auto set = [](Options& options, const std::string& text) -> Result<> {
    auto fd = parse_count(text);
    if (!fd || *fd > 0xFFFF) return fail(fmt::format("'{}' is no descriptor", text));
    return add_bind(options, BindSpec{.kind = BindSpec::Kind::kFd, .fd = static_cast<int>(*fd)});
  };
  return {.metavar = "N", .set = set};
}

}  // namespace

OptionGroup socket_options() {
  return {
      "Sockets",
      {
          {.name = "host",
           .value = text_value("HOST", [](auto& o) -> auto& { return o.host; }),
           .help = "Address or name to listen on."},
          {.name = "port",
           .value = count_value("PORT", [](auto& o) -> auto& { return o.port; }, {.most = 65535}),
           .help = "Port to listen on; 0 lets the kernel choose. With $PORT the default host is "
                   "0.0.0.0.",
           .variable = "PORT"},
          {.name = "bind",
           .aliases = {"-b"},
           .value = bind_value(),
           .help = "Instead of host and port: host:port, [v6]:port, port, unix:path or fd://N. May "
                   "be repeated."},
          {.name = "uds",
           .value = uds_value(),
           .help = "Listen on a unix socket: short for --bind unix:PATH."},
          {.name = "uds-permissions",
           .value =
               mode_value([](auto& o) -> auto& { return o.uds_permissions; }, "as the umask says"),
           .help = "Octal mode of unix sockets, for example 660."},
          {.name = "fd",
           .value = fd_value(),
           .help = "Listen on an inherited socket: short for --bind fd://N. Sockets passed by "
                   "systemd are "
                   "found without it."},
          {.name = "backlog",
           .value = count_value("N", [](auto& o) -> auto& { return o.backlog; },
                                {.least = 1, .most = 0x7FFFFFFF}),
           .help = "Connections that may wait in the kernel, per socket."},
          {.name = "reuse-port",
           .value = flag_value([](auto& o) -> auto& { return o.reuse_port; }),
           .help =
               "One TCP socket per worker, held by the master, among which the kernel deals new "
               "connections out."},
      }};
}

}  // namespace tricorn
