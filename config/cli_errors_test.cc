// Bad input, by source: one line that names the option, the value and what is allowed.
#include <gtest/gtest.h>

#include "config/cli.h"
#include "config/cli_fixture.h"

namespace tricorn {
namespace {

struct BadCase {
  Words words;
  std::string message;
};

TEST_F(CliTest, BadArgumentsAreNamed) {
  const BadCase cases[] = {
      {{"--worker", "4"}, "unknown option --worker (did you mean --workers?)"},
      {{"--prot=80"}, "unknown option --prot (did you mean --port?)"},
      {{"--no-acess-log"}, "unknown option --no-acess-log (did you mean --no-access-log?)"},
      {{"--banana"}, "unknown option --banana"},
      {{"-x"}, "unknown option -x"},
      {{"-workers", "4"}, "unknown option -workers (did you mean --workers?)"},
      {{"--port", "http"}, "--port: 'http' is not a number from 0 to 65535"},
      {{"--port", "65536"}, "--port: '65536' is not a number from 0 to 65535"},
      {{"--port", "-1"}, "--port: '-1' is not a number from 0 to 65535"},
      {{"--port", ""}, "--port: '' is not a number from 0 to 65535"},
      {{"-w", "0"}, "--workers: '0' is not a number from 1 to 512, nor auto"},
      {{"--bind", "localhost"}, "--bind: 'localhost' has no port (allowed: "},
      {{"--bind", "a:1", "--bind", "a:1"}, "--bind: 'a:1' is there twice"},
      {{"--bind", "a:1", "--port", "80"},
       "--bind and --port exclude each other: write --bind HOST:PORT"},
      {{"--fd", "x"}, "--fd: 'x' is no descriptor"},
      {{"--uds-permissions", "888"}, "--uds-permissions: '888' is not an octal mode from 0 to 777"},
      {{"--umask", "8"}, "--umask: '8' is not an octal mode from 0 to 777"},
      {{"--user", "no such"}, "--user: there is no user 'no such' here"},
      {{"--group", "no such"}, "--group: there is no group 'no such' here"},
      {{"-u", "4000000123"}, "--user: no account has the number 4000000123: name its group with"},
      {{"--chdir", "/no/such"}, "--chdir: '/no/such' is not a folder"},
      {{"--lifespan", "maybe"}, "--lifespan: 'maybe' is none of auto|on|off"},
      {{"--log-level", "loud"},
       "--log-level: 'loud' is none of critical|error|warning|info|debug|trace"},
      {{"--timeout-keep-alive", "1s"},
       "--timeout-keep-alive: '1s' is not a number of seconds from 0 to 86400"},
      {{"--timeout-keep-alive", "nan"}, "--timeout-keep-alive: 'nan' is not a number of seconds"},
      {{"--timeout-worker-healthcheck", "0.5"},
       "--timeout-worker-healthcheck: '0.5' is neither 0 nor a number of seconds from 1 on"},
      {{"--timeout-worker-healthcheck", "never"},
       "--timeout-worker-healthcheck: 'never' is not a number of seconds from 0 to 86400"},
      {{"--timeout", "30"}, "--timeout is not supported yet: use --timeout-worker-healthcheck"},
      {{"--timeout-header", "0"},
       "--timeout-header: '0' is not a number of seconds from 0.1 to 86400"},
      {{"--limit-header-bytes", "1T"}, "--limit-header-bytes: '1T' is not a number of bytes"},
      {{"--limit-body-bytes", "99999999999G"},
       "--limit-body-bytes: '99999999999G' is not a number of bytes"},
      {{"--header", "nonsense"}, "--header: 'nonsense' is not a header as in 'X-Name: value'"},
      {{"--header", "a b: c"}, "--header: 'a b: c' is not a header"},
      {{"--header", "a: b\r\nc: d"}, "is not a header"},
      {{"--header", "Content-Length: 5"}, "--header: 'Content-Length: 5' is for the server to say"},
      {{"--header", "transfer-encoding: chunked"}, "is for the server to say"},
      {{"--readiness-path", "ready"},
       "--readiness-path: 'ready' is no path: it begins with '/' and has no '?', '#' or blank"},
      {{"--root-path", "api"}, "--root-path: 'api' does not begin with '/'"},
      {{"--app-dir", "/no/such"}, "--app-dir: '/no/such' is not a folder"},
      {{"--env-file", "/no/such"}, "--env-file: open /no/such: No such file or directory"},
      {{"--factory=perhaps"}, "--factory: 'perhaps' is neither true nor false"},
      {{"--interface", "rsgi"},
       "--interface: 'rsgi' is granian's own: most apps speak asgi3 as well"},
      {{"--interface", "asginl"}, "'asginl' is --interface asgi3 --lifespan off here"},
      {{"--interface", "cgi"}, "--interface: 'cgi' is none of auto|asgi3|asgi2|wsgi"},
      {{"--threads", "0"}, "--threads: '0' is not a number from 1 to 4096"},
      {{"--config", "/no/such"}, "--config: open /no/such: No such file or directory"},
      {{"--config", "gunicorn.conf.py"}, "--config: 'gunicorn.conf.py' is a Python file"},
      {{"extra:app"}, "unexpected argument 'main:app'"},
      {{"--reload-dir", "/no/such"}, "--reload-dir: '/no/such' is not a folder"},
      {{"--ssl-keyfile", "key.pem"}, "--ssl-keyfile is not supported yet"},
      {{"--proxy-protocol", "v3"}, "--proxy-protocol: 'v3' is none of off|v1|v2|auto"},
      {{"--proxy-allow-from", "haproxy"}, "--proxy-allow-from: 'haproxy' is no address"},
      {{"--forwarded-allow-ips", "::1,nginx"},
       "--forwarded-allow-ips: 'nginx' is no address, network (10.0.0.0/8), unix or *"},
      {{"--forwarded-allow-ips", "10.0.0.1/8"}, "write 10.0.0.0/8"},
      {{"--forwarded-headers", "x-real-ip"}, "--forwarded-headers: 'x-real-ip' is none of"},
      {{"--forwarded-headers", "forwarded,x-forwarded-for"}, "forwarded goes alone"},
      {{"--ws", "socketio"}, "--ws: 'socketio' is none of auto|none"},
      {{"--ws-max-size", "0"}, "--ws-max-size: '0' is not a number of bytes from 1 to"},
      {{"--ws-max-queue", "0"}, "--ws-max-queue: '0' is not a number from 1 to 65536"},
      {{"--ws-ping-interval", "-1"}, "--ws-ping-interval: '-1' is not a number of seconds"},
      {{"--ws-per-message-deflate", "maybe"}, "'maybe' is neither true nor false"},
      {{"--pythonpath", "/srv"}, "--pythonpath is not supported yet: use --app-dir or PYTHONPATH"},
  };
  for (const BadCase& bad : cases) {
    std::string message = error(bad.words);
    EXPECT_NE(message.find(bad.message), std::string::npos)
        << ::testing::PrintToString(bad.words) << " says: " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

TEST_F(CliTest, BadAppsAndMissingValues) {
  auto message = [&](const Words& words) {
    auto command = parse(words);
    return command ? "" : command.error().message;
  };
  EXPECT_EQ(message({}), "no app given: name it as module:attribute, for example tricorn main:app");
  EXPECT_EQ(message({"app.py"}),
            "APP: 'app.py' is not module:attribute, as in main:app (did you mean app:app?)");
  EXPECT_EQ(message({"main:app", "--port"}), "--port: a value is missing");
  EXPECT_EQ(message({"main:app", "-w"}), "--workers: a value is missing");
}

TEST_F(CliTest, BadVariablesAreNamed) {
  EXPECT_EQ(error({}, {{"TRICORN_PORT", "x"}}),
            "TRICORN_PORT: 'x' is not a number from 0 to 65535");
  EXPECT_EQ(error({}, {{"WEB_CONCURRENCY", "many"}}),
            "WEB_CONCURRENCY: 'many' is not a number from 1 to 512, nor auto");
  EXPECT_EQ(error({}, {{"TRICORN_SSL_VERSION", "1"}}), "TRICORN_SSL_VERSION is not supported yet");
}

TEST_F(CliTest, BadFilesAreNamedWithTheLine) {
  struct Bad {
    const char* text;
    const char* message;
  };
  const Bad cases[] = {
      {"\nwrokers = 4", ":2: unknown option 'wrokers' (did you mean workers?)"},
      {"banana = 4", ":1: unknown option 'banana'"},
      {"config = 'x'", ":1: unknown option 'config'"},
      {"workers = 'many'", ":1: workers: 'many' is not a number from 1 to 512, nor auto"},
      {"workers = [1, 2]", ":1: workers takes one value, not an array"},
      {"\n\nworkers", ":3: expected: option = value"},
      {"access-log = 'perhaps'", ":1: access-log: 'perhaps' is neither true nor false"},
      {"keep-alive = 1\ntimeout_keep_alive = 2", ":2: 'timeout-keep-alive' is set twice"},
      {"ssl_keyfile = 'x'", ":1: ssl_keyfile is not supported yet"},
  };
  for (const Bad& bad : cases) {
    std::string config = file("t.toml", bad.text);
    EXPECT_EQ(error({"-c", config}), config + bad.message);
  }
}

}  // namespace
}  // namespace tricorn
