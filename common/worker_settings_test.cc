// WorkerSettings survive their text form, field by field; every other text is refused.
#include "common/worker_settings.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>

namespace tricorn {
namespace {

// Converts to anything: the number of these that can initialise an aggregate is its number of
// fields.
struct Anything {
  template <class T>
  operator T() const;  // NOLINT: never defined
};

template <class Aggregate, class... Fields>
consteval size_t count_fields() {
  if constexpr (requires { Aggregate{Fields{}..., Anything{}}; }) {
    return count_fields<Aggregate, Fields..., Anything>();
  } else {
    return sizeof...(Fields);
  }
}

WorkerSettings all_changed() {
  return WorkerSettings{
      .app = "pkg.module:make_app",
      .app_dir = "/srv/my app/100%",
      .factory = true,
      .preload = true,
      .reload = true,
      .interface = Interface::kWsgi,
      .threads = 2,
      .lifespan = LifespanMode::kOff,
      .root_path = "/a=b,c",
      .readiness_path = "/-/ready",
      .pathsend = false,
      .http = {.keep_alive_timeout_ms = 1,
               .header_timeout_ms = 2,
               .body_timeout_ms = 12,
               .max_header_bytes = 3,
               .max_target_bytes = 4,
               .max_headers = 5,
               .max_body_bytes = std::numeric_limits<uint64_t>::max(),
               .body_high_water_bytes = 7,
               .write_high_water_bytes = std::numeric_limits<uint32_t>::max(),
               .server_header = false,
               .date_header = false,
               .extra_headers = {{"x-one", "a, b=c"}, {"x-empty", ""}, {"x-\u00e4", "\x01\xff\n"}},
               .websocket = {.enabled = false,
                             .max_message_bytes = 14,
                             .max_queue = 15,
                             .ping_interval_ms = 16,
                             .ping_timeout_ms = 17,
                             .deflate = {.enabled = true,
                                         .threshold_bytes = 18,
                                         .window_bits = 10,
                                         .context_takeover = true}}},
      .proxy = {.headers = false,
                .fields = kForwarded,
                .trusted = "10.0.0.0/8, unix",
                .protocol = ProxyProtocol::kAuto,
                .protocol_sources = "*"},
      .limit_concurrency = 8,
      .limit_max_requests = 9,
      .limit_max_requests_jitter = 10,
      .drain_timeout_ms = 11,
      .heartbeat_limit_ms = 13,
      .log_level = LogLevel::kCritical,
      .use_colors = UseColors::kNever,
      .log_format = LogFormat::kJson,
      .access_log = false,
      .access_log_format = "%(h)s = 100%%",
      .access_log_target = "/var/log/a file",
      .listeners = {{ListenerKind::kTcp, "[::1]:8000", 2, 4},
                    {ListenerKind::kUnix, "unix:/run/a b.sock"}}};
}

WorkerSettings round_trip(const WorkerSettings& settings) {
  auto decoded = decode_worker_settings(encode(settings));
  EXPECT_TRUE(decoded.has_value()) << decoded.error().message;
  return decoded.value_or(WorkerSettings{});
}

TEST(WorkerSettings, DefaultsSurvive) { EXPECT_EQ(round_trip({}), WorkerSettings{}); }

TEST(WorkerSettings, EveryFieldSurvives) { EXPECT_EQ(round_trip(all_changed()), all_changed()); }

TEST(WorkerSettings, NoFieldIsForgotten) {
  std::string text = encode({});
  constexpr size_t kFields = count_fields<WorkerSettings>() - 2 + count_fields<HttpSettings>() - 1 +
                             count_fields<WebSocketSettings>() - 1 +
                             count_fields<DeflateSettings>() + count_fields<ProxySettings>();
  EXPECT_EQ(std::ranges::count(text, '\n'), static_cast<ptrdiff_t>(kFields));
}

TEST(WorkerSettings, TheTestChangesEveryField) {
  std::string defaults = encode({});
  std::string changed = encode(all_changed());
  size_t at = 0;
  while (at < defaults.size()) {
    size_t end = defaults.find('\n', at);
    std::string line = defaults.substr(at, end + 1 - at);
    EXPECT_EQ(("\n" + changed).find("\n" + line), std::string::npos) << line;
    at = end + 1;
  }
}

TEST(WorkerSettings, OneEmptyHeaderIsNotNoHeader) {
  WorkerSettings settings;
  settings.http.extra_headers = {{"", ""}};
  EXPECT_EQ(round_trip(settings), settings);
}

struct Damage {
  const char* name;
  const char* find;
  const char* replace;
  const char* message;
};

class DamagedSettingsTest : public ::testing::TestWithParam<Damage> {};

TEST_P(DamagedSettingsTest, IsRefused) {
  std::string text = encode(all_changed());
  size_t at = text.find(GetParam().find);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, std::string_view(GetParam().find).size(), GetParam().replace);
  auto decoded = decode_worker_settings(text);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_NE(decoded.error().message.find(GetParam().message), std::string::npos)
      << decoded.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    All, DamagedSettingsTest,
    ::testing::Values(
        Damage{"missing", "factory=1\n", "", "'factory' is missing"},
        Damage{"unknown", "factory=1\n", "factory=1\nfoo=1\n", "'foo' is unknown"},
        Damage{"twice", "factory=1\n", "factory=1\nfactory=1\n", "'factory' twice"},
        Damage{"no_equals", "factory=1\n", "factory\n", "malformed line"},
        Damage{"bool", "factory=1\n", "factory=2\n", "'factory' has the malformed value '2'"},
        Damage{"enum", "lifespan=2\n", "lifespan=3\n", "'lifespan'"},
        Damage{"number", "http.max_headers=5\n", "http.max_headers=5x\n", "'http.max_headers'"},
        Damage{"negative", "http.max_headers=5\n", "http.max_headers=-5\n", "'http.max_headers'"},
        Damage{"empty_number", "http.max_headers=5\n", "http.max_headers=\n", "'http.max_headers'"},
        Damage{"overflow", "limit_concurrency=8\n", "limit_concurrency=4294967296\n",
               "'limit_concurrency'"},
        Damage{"escape", "app=pkg", "app=%4", "'app'"},
        Damage{"escape_sign", "app=pkg", "app=%-1", "'app'"},
        Damage{"list_comma", "x-one=", ",", "'http.extra_headers'"},
        Damage{"listener", "listeners=0=", "listeners=7=", "'listeners'"},
        Damage{"listener_part", "listeners=0=2=4", "listeners=0=4=4", "'listeners'"}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

TEST(WorkerSettings, CutTextIsRefused) {
  std::string text = encode(all_changed());
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(decode_worker_settings(text.substr(0, size)).has_value()) << size;
  }
}

}  // namespace
}  // namespace tricorn
