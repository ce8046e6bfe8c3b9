// Identity: who --user and --group are, with the accounts that every system has.
#include "config/identity.h"

#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>

namespace tricorn {
namespace {

constexpr const char* kNobody = "4000000123";  // no account has it

TEST(Identity, NothingAskedForIsNone) {
  auto identity = resolve_identity("", "");
  ASSERT_TRUE(identity);
  EXPECT_FALSE(*identity);
}

TEST(Identity, AUserBringsItsGroupsAndHome) {
  auto identity = resolve_identity("root", "");
  ASSERT_TRUE(identity && *identity);
  EXPECT_EQ((*identity)->uid, 0u);
  EXPECT_EQ((*identity)->gid, 0u);
  EXPECT_EQ((*identity)->home, ::getpwuid(0)->pw_dir);
  EXPECT_EQ(std::ranges::count((*identity)->groups, 0u), 1);
  EXPECT_EQ((*identity)->name(), "user root");
}

TEST(Identity, ANumberIsAsGoodAsItsName) {
  EXPECT_EQ(resolve_identity("0", "0").value(), resolve_identity("root", "root").value());
}

TEST(Identity, AGroupReplacesTheAccounts) {
  auto identity = resolve_identity("root", "4711");
  ASSERT_TRUE(identity && *identity);
  EXPECT_EQ((*identity)->gid, 4711u);
  EXPECT_EQ(std::ranges::count((*identity)->groups, 4711u), 1);
}

TEST(Identity, AGroupAloneKeepsTheUser) {
  auto identity = resolve_identity("", "4711");
  ASSERT_TRUE(identity && *identity);
  EXPECT_EQ((*identity)->uid, ::geteuid());
  EXPECT_EQ((*identity)->gid, 4711u);
}

TEST(Identity, ANumberWithoutAccountNeedsAGroup) {
  auto alone = resolve_identity(kNobody, "");
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().message,
            "--user: no account has the number 4000000123: name its group with --group");
  auto identity = resolve_identity(kNobody, "4711");
  ASSERT_TRUE(identity && *identity);
  EXPECT_EQ((*identity)->groups, std::vector<gid_t>{4711});
  EXPECT_EQ((*identity)->home, "");
  EXPECT_EQ((*identity)->name(), "user 4000000123");
}

TEST(Identity, UnknownNamesAreNamed) {
  EXPECT_EQ(check_user("no such").error().message, "there is no user 'no such' here");
  EXPECT_EQ(check_group("no such").error().message, "there is no group 'no such' here");
  EXPECT_FALSE(check_user("4294967295")) << "means \"unchanged\" to the kernel";
  EXPECT_FALSE(check_user("-1"));
  EXPECT_FALSE(check_user(""));
}

}  // namespace
}  // namespace tricorn
