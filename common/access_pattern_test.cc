// AccessPattern: names, atoms, and what is said of a wrong pattern.
#include "common/access_pattern.h"

#include <gtest/gtest.h>

namespace tricorn {
namespace {

using Pieces = std::vector<AccessPiece>;

AccessPattern compiled(std::string_view text) {
  auto pattern = compile_access_pattern(text);
  EXPECT_TRUE(pattern) << text << ": " << (pattern ? "" : pattern.error().message);
  return pattern ? *pattern : AccessPattern{};
}

TEST(AccessPattern, IsAFlatListOfPieces) {
  AccessPattern pattern = compiled("%(h)s %(l)s 100%% %(s)d %({X-Kind}o)s %({HOME}e)s");
  EXPECT_EQ(pattern.pieces, (Pieces{{AccessAtom::kClientHost},
                                    {AccessAtom::kLiteral, 0, " - 100% "},
                                    {AccessAtom::kStatus},
                                    {AccessAtom::kLiteral, 0, " "},
                                    {AccessAtom::kResponseField, 0},
                                    {AccessAtom::kLiteral, 0, " "},
                                    {AccessAtom::kEnvironment, 0, "HOME"}}));
  EXPECT_EQ(pattern.response_fields, std::vector<std::string>{"x-kind"});
  EXPECT_TRUE(pattern.request_fields.empty());
  EXPECT_FALSE(pattern.json);
  EXPECT_FALSE(pattern.needs_duration);
}

TEST(AccessPattern, NamesEachRequestFieldOnce) {
  AccessPattern pattern = compiled("%(a)s %({User-Agent}i)s %(request_id)s %(u)s %(f)s");
  EXPECT_EQ(pattern.request_fields,
            (std::vector<std::string>{"user-agent", "x-request-id", "authorization", "referer"}));
  EXPECT_EQ(pattern.pieces[2], (AccessPiece{AccessAtom::kRequestField, 0}));
}

TEST(AccessPattern, AsksForTheClockOnlyForDurations) {
  for (const char* atom : {"%(T)s", "%(M)s", "%(D)s", "%(L)s", "json"}) {
    EXPECT_TRUE(compiled(atom).needs_duration) << atom;
  }
  for (const char* name : {"default", "common", "combined"}) {
    EXPECT_FALSE(compiled(name).needs_duration) << name;
  }
}

TEST(AccessPattern, DefaultNeedsNoField) {
  AccessPattern pattern = compiled("default");
  EXPECT_TRUE(pattern.request_fields.empty() && pattern.response_fields.empty());
}

TEST(AccessPattern, ABraceMakesJson) {
  EXPECT_TRUE(compiled("json").json);
  EXPECT_TRUE(compiled(R"({"status":%(s)s})").json);
  EXPECT_FALSE(compiled("combined").json);
}

TEST(AccessPattern, LeavesRoomForValuesInALine) {
  EXPECT_LT(compiled("combined").text_room, kMaxAccessLine);
  EXPECT_GT(compiled("combined").text_room, kMaxAccessLine / 2);
}

struct Wrong {
  std::string pattern;
  std::string message;
};

class WrongPattern : public testing::TestWithParam<Wrong> {};

TEST_P(WrongPattern, IsRefusedInOneLine) {
  auto pattern = compile_access_pattern(GetParam().pattern);
  ASSERT_FALSE(pattern);
  EXPECT_EQ(pattern.error().message, GetParam().message);
}

const Wrong kWrong[] = {
    {"comon",
     "'comon' is neither default, common, combined or json, nor a pattern with atoms such as "
     "%(h)s (did you mean common?)"},
    {"", "'' is neither default, common, combined or json, nor a pattern with atoms such as %(h)s"},
    {"%(statuscode)s", "unknown atom %(statuscode)s (did you mean %(status_code)s?)"},
    {"%(x)s", "unknown atom %(x)s"},
    {"%(h)s %(D)", "'%(D)' begins no atom such as %(h)s; a percent sign is written %%"},
    {"%h %l", "'%h %l' begins no atom such as %(h)s; a percent sign is written %%"},
    {"%(L).3f", "'%(L).3f' begins no atom such as %(h)s; a percent sign is written %%"},
    {"100%", "'%' begins no atom such as %(h)s; a percent sign is written %%"},
    {"%({host})s",
     "unknown atom %({host})s: %({name}i)s is a field of the request, %({name}o)s of the "
     "response, %({NAME}e)s an environment variable"},
    {"%({}i)s",
     "unknown atom %({}i)s: %({name}i)s is a field of the request, %({name}o)s of the response, "
     "%({NAME}e)s an environment variable"},
    {"%(h)s\n%(s)s", "a pattern is one line without control characters"},
    {"%(h)s" + std::string(4000, 'x'),
     "the pattern is too long: a line has at most 4096 bytes, and its values need some"},
};
INSTANTIATE_TEST_SUITE_P(Table, WrongPattern, testing::ValuesIn(kWrong));

}  // namespace
}  // namespace tricorn
