// TrustedPeers: which entries are taken, and who is in them. IpAddress: text and bytes.
#include "common/trusted_peers.h"

#include <gtest/gtest.h>

namespace tricorn {
namespace {

TrustedPeers peers(std::string_view list) {
  auto parsed = TrustedPeers::parse(list);
  EXPECT_TRUE(parsed.has_value()) << list << ": " << parsed.error().message;
  return parsed.value_or(TrustedPeers());
}

bool contains(std::string_view list, std::string_view address) {
  const auto parsed = parse_ip_address(address);
  EXPECT_TRUE(parsed.has_value()) << address;
  return peers(list).contains(*parsed);
}

TEST(IpAddress, TextAndBack) {
  struct Case {
    std::string_view text;
    std::string_view shown;  // "": no address
  };
  const Case cases[] = {
      {"192.0.2.1", "192.0.2.1"},
      {"0.0.0.0", "0.0.0.0"},
      {"2001:DB8:0::1", "2001:db8::1"},
      {"::ffff:192.0.2.1", "192.0.2.1"},
      {"::ffff:c000:201", "192.0.2.1"},
      {"1111:2222:3333:4444:5555:6666:255.255.255.255", "1111:2222:3333:4444:5555:6666:ffff:ffff"},
      {"", ""},
      {"192.0.2", ""},
      {"192.0.2.01", ""},
      {"192.0.2.256", ""},
      {"192.0.2.1 ", ""},
      {"[::1]", ""},
      {"fe80::1%eth0", ""},
      {"unknown", ""},
      {std::string_view("::1\0x", 5), ""},
      {"1111:2222:3333:4444:5555:6666:255.255.255.2555", ""},
  };
  for (const Case& one : cases) {
    const auto address = parse_ip_address(one.text);
    EXPECT_EQ(address ? to_string(*address) : "", one.shown) << one.text;
  }
}

TEST(TrustedPeers, Addresses) {
  struct Case {
    std::string_view list;
    std::string_view address;
    bool trusted;
  };
  const Case cases[] = {
      {"", "127.0.0.1", false},
      {"*", "192.0.2.1", true},
      {"10.0.0.1, *", "2001:db8::1", true},
      {"127.0.0.1, 10.0.0.1", "10.0.0.1", true},
      {"127.0.0.1, 10.0.0.1", "10.0.0.2", false},
      {",127.0.0.1,,", "127.0.0.1", true},
      {"127.0.0.0/8,10.0.0.0/8", "127.255.255.255", true},
      {"127.0.0.0/8,10.0.0.0/8", "11.0.0.0", false},
      {"192.0.2.128/25", "192.0.2.128", true},
      {"192.0.2.128/25", "192.0.2.127", false},
      {"0.0.0.0/0", "192.0.2.1", true},
      {"0.0.0.0/0", "::1", false},
      {"::/0", "2001:db8::1", true},
      {"::/0", "192.0.2.1", false},
      {"2001:db8:abcd:12::/64", "2001:db8:abcd:12::1:1", true},
      {"2001:db8:abcd:12::/64", "2001:db8:abcd:13::", false},
      {"2001:db8:0001:0000:0000:0ab9:C0A8:0102", "2001:db8:1::ab9:c0a8:102", true},
      {"::11.22.33.44", "::b16:212c", true},
      {"::11.22.33.44", "11.22.33.44", false},
      {"10.0.0.1", "::ffff:10.0.0.1", true},
      {"::ffff:10.0.0.0/104", "10.1.1.1", true},
      {"::1/128", "::1", true},
      {"unix", "127.0.0.1", false},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(contains(one.list, one.address), one.trusted) << one.list << " and " << one.address;
  }
}

TEST(TrustedPeers, EndsOfConnections) {
  const SocketAddress unnamed_unix;
  const SocketAddress named_unix{.host = "/run/proxy.sock", .known = true};
  const SocketAddress tcp{.host = "10.0.0.1", .port = 5, .known = true};
  for (const SocketAddress& peer : {unnamed_unix, named_unix}) {
    EXPECT_TRUE(peers("unix").contains(peer));
    EXPECT_TRUE(peers("*").contains(peer));
    EXPECT_FALSE(peers("127.0.0.1,::/0,0.0.0.0/0").contains(peer));
  }
  EXPECT_TRUE(peers("10.0.0.0/8").contains(tcp));
  EXPECT_FALSE(peers("unix").contains(tcp));
}

TEST(TrustedPeers, WrongEntriesAreNamed) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"127.0.0.1,nginx", "'nginx' is no address, network (10.0.0.0/8), unix or *"},
      {"127.0.0.1 10.0.0.1", "'127.0.0.1 10.0.0.1' is no address"},
      {"10.0.0.0/33", "'10.0.0.0/33' has no prefix length from 0 to 32"},
      {"10.0.0.0/", "from 0 to 32"},
      {"10.0.0.0/8x", "from 0 to 32"},
      {"10.0.0.0/-1", "from 0 to 32"},
      {"::/129", "from 0 to 128"},
      {"10.0.0.1/8", "'10.0.0.1/8' has bits behind its prefix: write 10.0.0.0/8 for the network"},
      {"2001:db8::1/32", "write 2001:db8::/32"},
      {"10.0.0.*", "'10.0.0.*' is no address"},
      {"[::1]", "'[::1]' is no address"},
  };
  for (const auto& [list, message] : cases) {
    const auto parsed = TrustedPeers::parse(list);
    ASSERT_FALSE(parsed.has_value()) << list;
    EXPECT_NE(parsed.error().message.find(message), std::string::npos) << parsed.error().message;
  }
}

}  // namespace
}  // namespace tricorn
