// WallClock: the forms that are sent and logged.
#include "worker/server/wall_clock.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>

namespace tricorn {
namespace {

// Not strftime: its names follow the locale that an app may have set.
constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::tm utc(std::time_t time) {
  std::tm parts{};
  gmtime_r(&time, &parts);
  return parts;
}

}  // namespace

std::string http_date(std::time_t time) {
  const std::tm t = utc(time);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[t.tm_wday], t.tm_mday,
                     kMonths[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

std::string rfc3339_time(std::time_t time) {
  const std::tm t = utc(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", t.tm_year + 1900, t.tm_mon + 1,
                     t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
}

std::string clf_time(std::time_t time) {
  std::tm t{};
  localtime_r(&time, &t);
  const long minutes = std::labs(t.tm_gmtoff) / 60;
  return fmt::format("[{:02}/{}/{:04}:{:02}:{:02}:{:02} {}{:02}{:02}]", t.tm_mday,
                     kMonths[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec,
                     t.tm_gmtoff < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

void WallClock::read_clock(TimePoint now) {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  http_ = http_date(time.tv_sec);
  rfc3339_ = rfc3339_time(time.tv_sec);
  clf_ = clf_time(time.tv_sec);
  next_second_ = now + std::chrono::seconds(1) - std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace tricorn
