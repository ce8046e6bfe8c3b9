// AccessTarget: where the access log goes: the value of --access-logfile, taken apart and opened.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"
#include "common/unique_fd.h"

namespace tricorn {

struct AccessTarget {
  enum class Kind : uint8_t { kStdout, kFile, kSyslogUnix, kSyslogUdp };
  Kind kind = Kind::kStdout;
  std::string place;  // a path, or the host of kSyslogUdp
  uint16_t port = 0;
  bool operator==(const AccessTarget&) const = default;

  bool is_syslog() const { return kind == Kind::kSyslogUnix || kind == Kind::kSyslogUdp; }
  std::string name() const;  // for messages: "standard output", "/var/log/access.log"
};

// "-", a path, "syslog", "syslog:unix:PATH", "syslog:udp:HOST:PORT". The Error goes on after
// "--option: ".
Result<AccessTarget> parse_access_target(std::string_view text);
// What parse_access_target takes, for `target`.
std::string to_string(const AccessTarget& target);

// A descriptor of its own that never blocks; none for standard output, which is there already. A
// file is made if it is missing (mode 644) and appended to; a syslog socket is connected. Errors
// name the target. Resolving a host's name may take its time.
Result<UniqueFd> open_access_target(const AccessTarget& target);

}  // namespace tricorn
