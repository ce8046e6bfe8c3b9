// Bind specs: every allowed form and its canonical spelling; every other one is refused with its
// remedy.
#include "config/bind_spec.h"

#include <gtest/gtest.h>

#include <string>

namespace tricorn {
namespace {

using Kind = BindSpec::Kind;

struct Good {
  std::string text;
  BindSpec spec;
  std::string spelling;
};

TEST(BindSpec, AllowedForms) {
  const Good cases[] = {
      {"127.0.0.1:8000", {.host = "127.0.0.1", .port = 8000}, "127.0.0.1:8000"},
      {"localhost:0", {.host = "localhost", .port = 0}, "localhost:0"},
      {"[::1]:65535", {.host = "::1", .port = 65535}, "[::1]:65535"},
      {"[fe80::1%eth0]:80", {.host = "fe80::1%eth0", .port = 80}, "[fe80::1%eth0]:80"},
      {":8000", {.host = "0.0.0.0", .port = 8000}, "0.0.0.0:8000"},
      {"8000", {.host = "127.0.0.1", .port = 8000}, "127.0.0.1:8000"},
      {"unix:/run/app.sock", {.kind = Kind::kUnix, .path = "/run/app.sock"}, "unix:/run/app.sock"},
      {"unix:///run/a", {.kind = Kind::kUnix, .path = "/run/a"}, "unix:/run/a"},
      {"unix:app:1.sock", {.kind = Kind::kUnix, .path = "app:1.sock"}, "unix:app:1.sock"},
      {"unix:@name", {.kind = Kind::kUnix, .path = "@name"}, "unix:@name"},
      {"fd://3", {.kind = Kind::kFd, .fd = 3}, "fd://3"},
  };
  for (const Good& good : cases) {
    auto spec = parse_bind_spec(good.text);
    ASSERT_TRUE(spec.has_value()) << good.text << ": " << spec.error().message;
    EXPECT_EQ(*spec, good.spec) << good.text;
    EXPECT_EQ(to_string(*spec), good.spelling);
    EXPECT_EQ(parse_bind_spec(good.spelling), *spec) << good.spelling;
  }
}

struct Bad {
  std::string text;
  std::string message;
};

TEST(BindSpec, RefusedForms) {
  const Bad cases[] = {
      {"", "has no port"},
      {"localhost", "has no port"},
      {"localhost:", "has no port from 0 to 65535"},
      {"host:http", "has no port from 0 to 65535"},
      {"host:65536", "has no port from 0 to 65535"},
      {"host:-1", "has no port from 0 to 65535"},
      {"host:80 ", "has no port from 0 to 65535"},
      {"65536", "has no port"},
      {"::1", "write [::1]:port"},
      {"::1:80", "write [::1:80]:port"},
      {"[::1]", "write [address]:port"},
      {"[]:80", "has no address"},
      {"/run/app.sock", "write unix:/run/app.sock"},
      {"http://localhost:80", "is not an address"},
      {"unix:", "is no path"},
      {"unix:" + std::string(108, 'x'), "too long for a unix socket: 108 bytes, at most 107"},
      {"fd://", "write fd://N"},
      {"fd://x", "write fd://N"},
      {"fd://-1", "write fd://N"},
  };
  for (const Bad& bad : cases) {
    auto spec = parse_bind_spec(bad.text);
    ASSERT_FALSE(spec.has_value()) << bad.text;
    EXPECT_NE(spec.error().message.find(bad.message), std::string::npos) << spec.error().message;
  }
}

}  // namespace
}  // namespace tricorn
