// The command line as a whole: defaults, precedence, other servers' spellings, warnings.
#include "config/cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "config/cli_fixture.h"

namespace tricorn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Words spelled(const Options& options) {
  Words words;
  for (const BindSpec& bind : options.binds) words.push_back(to_string(bind));
  return words;
}

TEST_F(CliTest, Defaults) {
  Options got = options({});
  Options expected;
  expected.worker.app = "main:app";
  expected.worker.app_dir = std::filesystem::current_path();
  expected.reload.folders = {expected.worker.app_dir};
  expected.worker.access_log_format = "default";
  expected.binds = {{.host = "127.0.0.1", .port = 8000}};
  EXPECT_EQ(got, expected);
}

TEST_F(CliTest, MemoryOfWorkersIsInMibUnlessItSaysOtherwise) {
  EXPECT_EQ(options({"--workers-max-rss", "300"}).worker_max_rss_bytes, 300u << 20);
  EXPECT_EQ(options({"--workers-max-rss", "2g"}).worker_max_rss_bytes, uint64_t{2} << 30);
}

TEST_F(CliTest, ReloadWatchesTheFoldersThatAreNamed) {
  const ReloadOptions got =
      options({"--reload", "--reload-dir", "/tmp/", "--reload-dir=/", "--reload-include", "*.html",
               "--reload-exclude", "a", "--reload-delay", "1.5"})
          .reload;
  const ReloadOptions expected{.enabled = true,
                               .folders = {"/tmp", "/"},
                               .includes = {"*.html"},
                               .excludes = {"a"},
                               .delay_ms = 1500};
  EXPECT_EQ(got, expected);
}

TEST_F(CliTest, AtTheDeskADrainIsShortUnlessItIsGiven) {
  EXPECT_EQ(options({"--reload"}).drain_timeout_ms, 2'000u);
  EXPECT_EQ(options({"--reload"}).worker.drain_timeout_ms, 2'000u);
  EXPECT_EQ(options({"--reload", "--timeout-graceful-shutdown", "30"}).drain_timeout_ms, 30'000u);
  EXPECT_EQ(options({"--reload"}, {{"TRICORN_TIMEOUT_GRACEFUL_SHUTDOWN", "5"}}).drain_timeout_ms,
            5'000u);
}

TEST_F(CliTest, EveryOptionArrives) {
  std::string env_file = file("app.env", "A=1\nB=2\n");
  Options got = options({"--factory",
                         "--app-dir",
                         "/tmp/",
                         "--lifespan",
                         "on",
                         "--root-path",
                         "/api/",
                         "--interface",
                         "wsgi",
                         "--threads",
                         "16",
                         "--env-file",
                         env_file,
                         "--preload",
                         "--python",
                         "python3.13",
                         "--host",
                         "::1",
                         "--port",
                         "81",
                         "--uds-permissions",
                         "660",
                         "--backlog",
                         "5",
                         "--workers",
                         "3",
                         "--limit-max-requests",
                         "10",
                         "--limit-max-requests-jitter",
                         "2",
                         "--timeout-boot",
                         "90",
                         "--timeout-graceful-shutdown",
                         "2.5",
                         "--no-server-header",
                         "--no-date-header",
                         "--header",
                         "X-A: b: c ",
                         "--header",
                         "X-E:",
                         "--limit-concurrency",
                         "7",
                         "--limit-header-bytes",
                         "8K",
                         "--limit-target-bytes",
                         "1000",
                         "--limit-headers",
                         "9",
                         "--limit-body-bytes",
                         "2M",
                         "--timeout-keep-alive",
                         "0",
                         "--timeout-header",
                         "0.5",
                         "--log-level",
                         "DEBUG",
                         "--log-format",
                         "json",
                         "--use-colors",
                         "--no-access-log",
                         "--pid-file",
                         "/run/t.pid"});
  Options expected;
  expected.host = "::1";
  expected.port = 81;
  expected.binds = {{.host = "::1", .port = 81}};
  expected.uds_permissions = 0660;
  expected.backlog = 5;
  expected.workers = 3;
  expected.boot_timeout_ms = 90'000;
  expected.drain_timeout_ms = 2'500;
  expected.python = "python3.13";
  expected.app_environment = {{"A", "1"}, {"B", "2"}};
  expected.pid_file = "/run/t.pid";
  expected.reload.folders = {"/tmp"};
  expected.worker = {.app = "main:app",
                     .app_dir = "/tmp",
                     .factory = true,
                     .preload = true,
                     .interface = Interface::kWsgi,
                     .threads = 16,
                     .lifespan = LifespanMode::kOn,
                     .root_path = "/api",
                     .http = {.keep_alive_timeout_ms = 0,
                              .header_timeout_ms = 500,
                              .max_header_bytes = 8192,
                              .max_target_bytes = 1000,
                              .max_headers = 9,
                              .max_body_bytes = 2 << 20,
                              .server_header = false,
                              .date_header = false,
                              .extra_headers = {{"X-A", "b: c"}, {"X-E", ""}}},
                     .limit_concurrency = 7,
                     .limit_max_requests = 10,
                     .limit_max_requests_jitter = 2,
                     .drain_timeout_ms = 2'500,
                     .log_level = LogLevel::kDebug,
                     .use_colors = UseColors::kAlways,
                     .log_format = LogFormat::kJson,
                     .access_log = false,
                     .access_log_format = "json"};
  EXPECT_EQ(got, expected);
}

TEST_F(CliTest, TheAccessLogsFormFollowsTheLogsUnlessItIsSaid) {
  EXPECT_EQ(options({}).worker.access_log_format, "default");
  EXPECT_EQ(options({"--log-format", "json"}).worker.access_log_format, "json");
  EXPECT_EQ(
      options({"--access-log-format", "%(h)s", "--log-format", "json"}).worker.access_log_format,
      "%(h)s");
  EXPECT_EQ(options({"--access-logformat", "common"}).worker.access_log_format, "common");
}

TEST_F(CliTest, TheAccessLogsFileIsNamedFromTheRoot) {
  EXPECT_EQ(options({}).worker.access_log_target, "-");
  EXPECT_EQ(options({"--access-logfile", "/var/log/../a"}).worker.access_log_target, "/var/a");
  std::string relative = options({"--access-logfile", "a.log"}).worker.access_log_target;
  EXPECT_TRUE(relative.starts_with("/") && relative.ends_with("/a.log")) << relative;
  EXPECT_EQ(options({"--access-logfile", "syslog"}).worker.access_log_target,
            "syslog:unix:/dev/log");
}

TEST_F(CliTest, OtherServersSpellings) {
  EXPECT_EQ(options({"-w", "4"}).workers, 4u);
  EXPECT_EQ(options({"-w4"}).workers, 4u);
  EXPECT_EQ(options({"--workers=4"}).workers, 4u);
  EXPECT_THAT(spelled(options({"-b", "unix:/a", "-b", "[::1]:80"})),
              ElementsAre("unix:/a", "[::1]:80"));
  EXPECT_EQ(options({"--h11-max-incomplete-event-size", "4096"}).worker.http.max_header_bytes,
            4096u);
  EXPECT_EQ(options({"--max-requests", "9"}).worker.limit_max_requests, 9u);
  EXPECT_EQ(options({"--graceful-timeout", "9"}).drain_timeout_ms, 9'000u);
  EXPECT_EQ(options({"--interface", "asgi"}).worker.interface, Interface::kAsgi3);
  EXPECT_EQ(options({"--blocking-threads", "9"}).worker.threads, 9u);
  EXPECT_EQ(options({"--keep-alive", "9"}).worker.http.keep_alive_timeout_ms, 9'000u);
  EXPECT_GE(options({"--workers", "auto"}).workers, 1u);
  EXPECT_EQ(options({"--no-use-colors"}).worker.use_colors, UseColors::kNever);
}

TEST_F(CliTest, TwoDashesEndTheOptions) {
  EXPECT_EQ(options({"-w", "4", "--"}).workers, 4u);
  EXPECT_EQ(parse({"a:b", "--"})->options.worker.app, "a:b");
}

TEST_F(CliTest, TheLastOfSeveralCounts) {
  EXPECT_EQ(options({"--port", "1", "--port", "2"}).port, 2);
  EXPECT_TRUE(options({"--no-access-log", "--access-log"}).worker.access_log);
}

TEST_F(CliTest, CommandLineBeatsEnvironmentBeatsFile) {
  std::string config = file("t.toml", "workers = 2\n");
  Environment environment = {{"TRICORN_WORKERS", "3"}, {"WEB_CONCURRENCY", "4"}};
  EXPECT_EQ(options({"-c", config}).workers, 2u);
  EXPECT_EQ(options({"-c", config}, {{"WEB_CONCURRENCY", "4"}}).workers, 4u);
  EXPECT_EQ(options({"-c", config}, environment).workers, 3u);
  EXPECT_EQ(options({"-c", config, "-w", "5"}, environment).workers, 5u);
  EXPECT_EQ(options({"-c", config}, {{"TRICORN_WORKERS", ""}}).workers, 2u) << "empty is unset";
}

TEST_F(CliTest, ASwitchIsTurnedBackOn) {
  std::string config = file("t.toml", "access-log = false\nfactory = true\n");
  EXPECT_FALSE(options({"-c", config}).worker.access_log);
  EXPECT_TRUE(options({"-c", config, "--access-log"}).worker.access_log);
  EXPECT_FALSE(options({"-c", config}, {{"TRICORN_FACTORY", "off"}}).worker.factory);
}

TEST_F(CliTest, AListIsReplacedNotAddedTo) {
  std::string config = file("t.toml", "header = ['A: 1', 'B: 2']\n");
  EXPECT_EQ(options({"-c", config}).worker.http.extra_headers.size(), 2u);
  EXPECT_EQ(options({"-c", config, "--header", "C: 3"}).worker.http.extra_headers.size(), 1u);
  EXPECT_EQ(options({}, {{"TRICORN_HEADER", "A: 1, x\nB: 2\n"}}).worker.http.extra_headers.size(),
            2u);
}

TEST_F(CliTest, TheAppMayComeFromAnywhere) {
  EXPECT_EQ(parse({}, {{"TRICORN_APP", "env:app"}})->options.worker.app, "env:app");
  std::string config = file("t.toml", "[tricorn]\napp = 'file:app'\n");
  EXPECT_EQ(parse({}, {{"TRICORN_CONFIG", config}})->options.worker.app, "file:app");
  EXPECT_EQ(options({"--config", config}).worker.app, "main:app");
}

struct BindCase {
  Words words;
  Environment environment;
  std::string file;
  Words binds;
};

TEST_F(CliTest, WhereToListen) {
  const BindCase cases[] = {
      {{"--uds", "/a", "--fd", "3", "--bind", "x:1"}, {}, "", {"x:1", "unix:/a", "fd://3"}},
      {{"--bind", "x:1,y:2"}, {}, "", {"x:1", "y:2"}},
      {{"--port", "9"}, {}, "host = '::'", {"[::]:9"}},
      {{"--port", "9"}, {}, "bind = ['x:1', 'y:2']", {"127.0.0.1:9"}},
      {{"--port", "9"}, {{"TRICORN_UDS", "/a"}}, "", {"127.0.0.1:9"}},
      {{"--uds", "/a"}, {{"TRICORN_PORT", "9"}}, "host = '::'", {"unix:/a"}},
      {{}, {{"TRICORN_BIND", "x:1"}}, "bind = 'y:2'", {"x:1"}},
      {{}, {{"PORT", "9"}}, "", {"0.0.0.0:9"}},
      {{}, {{"PORT", "9"}}, "host = '::1'\nport = 7", {"[::1]:9"}},
      {{"--host", "h"}, {{"PORT", "9"}}, "", {"h:9"}},
      {{"--port", "8"}, {{"PORT", "9"}}, "", {"127.0.0.1:8"}},
      {{"--bind", "x:1"}, {{"PORT", "9"}}, "", {"x:1"}},
      {{}, {{"PORT", "9"}}, "bind = 'unix:/a'", {"unix:/a"}},
      {{}, {{"PORT", "9"}, {"TRICORN_PORT", "7"}}, "", {"127.0.0.1:7"}},
  };
  for (const BindCase& one : cases) {
    Words words = {"--config", file("t.toml", one.file)};
    words.insert(words.end(), one.words.begin(), one.words.end());
    EXPECT_EQ(spelled(options(words, one.environment)), one.binds)
        << ::testing::PrintToString(one.words) << one.file;
  }
}

TEST_F(CliTest, HintsOfOthersGetOneWarning) {
  EXPECT_THAT(parsed({"--loop", "uvloop", "--http", "h11"}).warnings,
              ElementsAre("--http has no effect: tricorn has its own HTTP parser",
                          "--loop has no effect: tricorn has its own event loop"));
  EXPECT_THAT(parsed({"--loop", "auto", "--http", "auto", "--ws", "none"}).warnings, IsEmpty());
}

TEST_F(CliTest, WebSocketHasUvicornsNames) {
  EXPECT_EQ(options({}).worker.http.websocket, WebSocketSettings{});
  EXPECT_FALSE(options({"--ws", "none"}).worker.http.websocket.enabled);
  for (const char* word : {"auto", "websockets", "websockets-sansio", "wsproto", "AUTO"}) {
    EXPECT_TRUE(options({"--ws", word}, {{"TRICORN_WS", "none"}}).worker.http.websocket.enabled);
  }
  EXPECT_EQ(options({"--ws-max-size", "1M", "--ws-max-queue", "5", "--ws-ping-interval", "0",
                     "--ws-ping-timeout", "2.5", "--ws-per-message-deflate", "true",
                     "--ws-deflate-threshold", "1k", "--ws-deflate-window-bits", "12",
                     "--ws-deflate-context-takeover"})
                .worker.http.websocket,
            (WebSocketSettings{.enabled = true,
                               .max_message_bytes = 1 << 20,
                               .max_queue = 5,
                               .ping_interval_ms = 0,
                               .ping_timeout_ms = 2'500,
                               .deflate = {.enabled = true,
                                           .threshold_bytes = 1024,
                                           .window_bits = 12,
                                           .context_takeover = true}}));
  EXPECT_FALSE(
      options({"--ws-per-message-deflate", "False"}).worker.http.websocket.deflate.enabled);
}

TEST_F(CliTest, TheHeartbeatLimitHasUvicornsName) {
  EXPECT_EQ(options({}).worker.heartbeat_limit_ms, 60'000u);
  EXPECT_EQ(options({"--timeout-worker-healthcheck", "5"}).worker.heartbeat_limit_ms, 5'000u);
  EXPECT_EQ(options({"--timeout-worker-healthcheck", "0"}).worker.heartbeat_limit_ms, 0u);
  EXPECT_FALSE(options({}).exit_on_worker_crash);
  EXPECT_TRUE(options({"--exit-on-worker-crash"}).exit_on_worker_crash);
}

TEST_F(CliTest, ProxiesAreTrustedAsInUvicorn) {
  EXPECT_EQ(options({}).worker.proxy, ProxySettings{});
  EXPECT_FALSE(options({"--no-proxy-headers"}).worker.proxy.headers);
  EXPECT_EQ(options({}, {{"FORWARDED_ALLOW_IPS", "*"}}).worker.proxy.trusted, "*");
  EXPECT_EQ(
      options({"--forwarded-allow-ips", ""}, {{"FORWARDED_ALLOW_IPS", "*"}}).worker.proxy.trusted,
      "");
  EXPECT_EQ(
      options({"--forwarded-headers", "X-Forwarded-For, x-forwarded-host"}).worker.proxy.fields,
      uint32_t{kXForwardedFor | kXForwardedHost});
  EXPECT_EQ(options({"--forwarded-headers", "forwarded"}).worker.proxy.fields,
            uint32_t{kForwarded});
}

TEST_F(CliTest, AnEmptyValueBehindAnEqualsSignIsOne) {
  EXPECT_EQ(options({"--forwarded-allow-ips="}).worker.proxy.trusted, "");  // not the app behind it
  EXPECT_EQ(options({"--forwarded-allow-ips=", "--port", "1"}).worker.proxy.trusted, "");
  EXPECT_EQ(options({"--proxy-allow-ips=", "--proxy-protocol=v1"}).worker.proxy.protocol_sources,
            "");
  EXPECT_EQ(parse({"main:app", "--forwarded-allow-ips="})->options.worker.proxy.trusted, "");
  EXPECT_EQ(error({"--proxy-protocol="}), "--proxy-protocol: '' is none of off|v1|v2|auto");
}

TEST_F(CliTest, ProxyProtocolAsInGunicorn) {
  auto protocol = [&](const char* word) {
    return options({std::string("--proxy-protocol=") + word}).worker.proxy.protocol;
  };
  EXPECT_EQ(protocol("off"), ProxyProtocol::kOff);
  EXPECT_EQ(protocol("v1"), ProxyProtocol::kV1);
  EXPECT_EQ(protocol("v2"), ProxyProtocol::kV2);
  EXPECT_EQ(protocol("AUTO"), ProxyProtocol::kAuto);
  EXPECT_EQ(protocol("true"), ProxyProtocol::kAuto);
  EXPECT_EQ(protocol("false"), ProxyProtocol::kOff);
  EXPECT_EQ(
      options({"--proxy-protocol", "v2", "--proxy-allow-ips", "*"}).worker.proxy.protocol_sources,
      "*");
}

TEST_F(CliTest, WhatHasNoEffectIsSaid) {
  EXPECT_THAT(parsed({"--limit-max-requests-jitter", "5"}).warnings,
              ElementsAre(HasSubstr("--limit-max-requests-jitter has no effect")));
  EXPECT_THAT(parsed({"--interface", "asgi3", "--threads", "4"}).warnings,
              ElementsAre(HasSubstr("--threads has no effect")));
  EXPECT_THAT(parsed({"--threads", "4"}).warnings, ElementsAre());
  EXPECT_THAT(parsed({"--uds-permissions", "600"}).warnings,
              ElementsAre(HasSubstr("no unix socket")));
  EXPECT_THAT(parsed({"--proxy-allow-from", "10.0.0.1"}).warnings,
              ElementsAre("--proxy-allow-from has no effect without --proxy-protocol"));
  EXPECT_THAT(parsed({}, {{"TRICORN_WORKER", "5"}}).warnings,
              ElementsAre("unknown variable TRICORN_WORKER (did you mean TRICORN_WORKERS?)"));
  EXPECT_THAT(parsed({}, {{"TRICORN_MASTER_PID", "5"}}).warnings, IsEmpty());
}

TEST_F(CliTest, CheckHelpAndVersion) {
  EXPECT_EQ(parsed({"--check"}).action, ParsedCommand::Action::kCheck);
  auto help = parse({"--help"});
  ASSERT_TRUE(help.has_value());
  EXPECT_EQ(help->action, ParsedCommand::Action::kPrint);
  EXPECT_THAT(help->text, HasSubstr("--workers"));
  EXPECT_THAT(parse({"--version"})->text, ::testing::MatchesRegex("tricorn [0-9.]+\n"));
}

TEST_F(CliTest, AppDirFollowsTheShellsNameOfTheFolder) {
  std::string link = file("x", "") + "-link";
  std::filesystem::create_directory_symlink(std::filesystem::current_path(), link);
  EXPECT_EQ(options({}, {{"PWD", link}}).worker.app_dir, link);
  EXPECT_EQ(options({}, {{"PWD", "/"}}).worker.app_dir, std::filesystem::current_path());
}

TEST_F(CliTest, ParsingAgainGivesTheSame) {
  Words words = {"-w", "2", "--header", "A: b", "--uds", "/a"};
  EXPECT_EQ(options(words), options(words));
}

TEST(EnvironmentFrom, SplitsAtTheFirstEqualsSign) {
  const char* variables[] = {"A=1=2", "EMPTY=", "nonsense", nullptr};
  EXPECT_EQ(environment_from(variables), (Environment{{"A", "1=2"}, {"EMPTY", ""}}));
}

}  // namespace
}  // namespace tricorn
