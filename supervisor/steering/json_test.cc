// JSON both ways: what is written can be read, and only JSON is read.
#include "supervisor/steering/json.h"

#include <gtest/gtest.h>

#include <limits>

namespace tricorn {
namespace {

std::string again(std::string_view text) {
  auto value = Json::parse(text);
  return value ? value->dump() : "refused: " + value.error().message;
}

TEST(Json, WritesValuesInOneLine) {
  const Json value(Json::Object{{"ok", true},
                                {"count", 3u},
                                {"age_s", 1.5},
                                {"name", "a\"b\\c\nd\x01"},
                                {"none", std::optional<int>()},
                                {"list", Json::Array{1, "x", Json()}}});
  EXPECT_EQ(value.dump(), R"({"ok":true,"count":3,"age_s":1.5,"name":"a\"b\\c\nd\u0001",)"
                          R"("none":null,"list":[1,"x",null]})");
}

TEST(Json, WritesValidTextWhateverTheBytes) {
  EXPECT_EQ(Json("gr\xC3\xBC\xC3\x9F \xF0\x9F\xA6\x84").dump(),
            "\"gr\xC3\xBC\xC3\x9F \xF0\x9F\xA6\x84\"");
  EXPECT_EQ(Json("\xFF|\xC3|\xED\xA0\x80|\xC0\xAF|\xF4\x90\x80\x80").dump(),
            "\"\uFFFD|\uFFFD|\uFFFD\uFFFD\uFFFD|\uFFFD\uFFFD|\uFFFD\uFFFD\uFFFD\uFFFD\"");
  EXPECT_EQ(Json(std::numeric_limits<double>::infinity()).dump(), "null");
}

TEST(Json, ReadsWhatItWrites) {
  for (const char* text :
       {"null", "true", "-17", "0", "[]", "{}", R"({"a":[1,{"b":"c"}],"d":1.25})",
        "9223372036854775807", R"("\"\\\n")"}) {
    EXPECT_EQ(again(text), text);
  }
  EXPECT_EQ(again(" { \"a\" : [ 1 , 2 ] } \r\n"), R"({"a":[1,2]})");
  EXPECT_EQ(again(R"("\u00fc\ud83e\udd84\t\/")"), "\"\xC3\xBC\xF0\x9F\xA6\x84\\t/\"");
  EXPECT_EQ(again("1e3"), "1000.0");
}

TEST(Json, RefusesWhatIsNone) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "[1,",
                           "[1 2]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{a:1}",
                           "{\"a\":1,}",
                           "01",
                           "+1",
                           "1.",
                           ".5",
                           "1e",
                           "tru",
                           "nul",
                           "\"",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\ud800\"",
                           "\"\\udc00\"",
                           "\"\\ud800\\u0041\"",
                           "\"a\nb\"",
                           "{} {}",
                           "1e999",
                           "status",
                           "\xFF"}) {
    EXPECT_FALSE(Json::parse(text)) << text;
  }
  EXPECT_FALSE(Json::parse(R"({"a":1,"a":2})")) << "which one would count?";
  EXPECT_FALSE(Json::parse(std::string(100'000, '['))) << "nesting is bounded";
}

TEST(Json, TellsKindsApart) {
  const Json value = Json::parse(R"({"n":1,"x":1.5,"s":"t","b":false})").value();
  EXPECT_EQ(value["n"].integer(), 1);
  EXPECT_EQ(value["n"].number(), 1.0);
  EXPECT_EQ(value["x"].integer(), std::nullopt);
  EXPECT_EQ(*value["s"].string(), "t");
  EXPECT_EQ(value["b"].boolean(), false);
  EXPECT_TRUE(value["missing"].null());
  EXPECT_TRUE(value["s"]["of a string"].null());
}

}  // namespace
}  // namespace tricorn
