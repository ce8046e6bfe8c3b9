// Tests of the request target's parts (P10, P11, P16).
#include "worker/gateway/request_target.h"

#include <gtest/gtest.h>

namespace tricorn {
namespace {

TEST(SplitTarget, CutsAtTheFirstQuestionMark) {
  EXPECT_EQ(split_target("/a/b").raw_path, "/a/b");
  EXPECT_EQ(split_target("/a/b").query, "");
  EXPECT_EQ(split_target("/a?x=1?y").raw_path, "/a");
  EXPECT_EQ(split_target("/a?x=1?y").query, "x=1?y");
  EXPECT_EQ(split_target("/?").raw_path, "/");
  EXPECT_EQ(split_target("/?").query, "");
  EXPECT_EQ(split_target("*").raw_path, "*");
}

TEST(PercentEncode, LeavesOnlyWhatIsVisible) {
  EXPECT_EQ(percent_encode("/a-b~c%20"), "/a-b~c%20");
  EXPECT_EQ(percent_encode("/a b\n\x1b\x7f"), "/a%20b%0A%1B%7F");
  EXPECT_EQ(percent_encode("/caf\xc3\xa9"), "/caf%C3%A9");
}

TEST(PercentDecode, ReplacesOnlyWholeEscapes) {
  EXPECT_EQ(percent_decode("/a%20b"), "/a b");
  EXPECT_EQ(percent_decode("/a%2Fb%2fc"), "/a/b/c");
  EXPECT_EQ(percent_decode("/a+b"), "/a+b");
  EXPECT_EQ(percent_decode("/%zz%4"), "/%zz%4");
  EXPECT_EQ(percent_decode("%"), "%");
  EXPECT_EQ(percent_decode("%41"), "A");
  EXPECT_EQ(percent_decode("/%00"), std::string("/\0", 2));
  EXPECT_EQ(percent_decode("/%C3%A9"), "/\xC3\xA9");
}

TEST(HasPathPrefix, MatchesWholeSegments) {
  EXPECT_TRUE(has_path_prefix("/api", "/api"));
  EXPECT_TRUE(has_path_prefix("/api/x", "/api"));
  EXPECT_FALSE(has_path_prefix("/apis", "/api"));
  EXPECT_FALSE(has_path_prefix("/x/api", "/api"));
}

}  // namespace
}  // namespace tricorn
