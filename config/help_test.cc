// --help is complete and readable, and the option table holds together.
#include "config/help.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>

#include "config/foreign_options.h"
#include "config/option_spec.h"

namespace tricorn {
namespace {

TEST(Help, FitsHundredColumns) {
  std::istringstream lines(help_text());
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 100u) << line;
    EXPECT_FALSE(line.ends_with(' ')) << line;
  }
}

TEST(Help, DescribesEveryOption) {
  std::string text = help_text();
  for (const OptionGroup& group : option_groups()) {
    EXPECT_NE(text.find("\n" + group.title + ":\n"), std::string::npos);
    for (const OptionSpec& option : group.options) {
      EXPECT_TRUE(option.help.ends_with('.')) << option.name;
      EXPECT_TRUE(option.value.set != nullptr) << option.name;
      if (option.positional) continue;
      EXPECT_NE(text.find("--" + option.name), std::string::npos) << option.name;
      if (option.command_line_only) continue;
      EXPECT_NE(text.find(variable_of(option.name)), std::string::npos) << option.name;
    }
  }
}

TEST(Help, ShowsDefaultsAndVariables) {
  std::string text = help_text();
  EXPECT_NE(text.find("[default: 1; env: TRICORN_WORKERS, WEB_CONCURRENCY]"), std::string::npos);
  EXPECT_NE(text.find("default: 75;"), std::string::npos);
  EXPECT_NE(text.find("--access-log / --no-access-log"), std::string::npos);
  EXPECT_NE(text.find("-b, --bind ADDRESS"), std::string::npos);
}

TEST(Help, PromisesNothingThatIsMissing) {
  std::string text = help_text();
  for (const ForeignOption& option : foreign_options()) {
    EXPECT_EQ(text.find("--" + std::string(option.name()) + " "), std::string::npos)
        << option.name();
  }
}

TEST(OptionTable, NamesAreUnique) {
  std::set<std::string> seen;
  for (const OptionGroup& group : option_groups()) {
    for (const OptionSpec& option : group.options) {
      EXPECT_TRUE(seen.insert("--" + option.name).second) << option.name;
      for (const std::string& alias : option.aliases)
        EXPECT_TRUE(seen.insert(alias).second) << alias;
      EXPECT_EQ(find_option(option.name), &option);
    }
  }
  for (const ForeignOption& option : foreign_options()) {
    EXPECT_TRUE(seen.insert("--" + std::string(option.name())).second) << option.name();
    EXPECT_EQ(find_foreign_option(option.name()), &option);
    EXPECT_FALSE(option.hint && option.remark.empty()) << option.name() << ": a warning says why";
  }
}

TEST(OptionTable, UnderscoresAreDashes) {
  ASSERT_NE(find_option("timeout_keep_alive"), nullptr);
  EXPECT_EQ(find_option("timeout_keep_alive"), find_option("keep-alive"));
  EXPECT_EQ(find_option("nonsense"), nullptr);
}

// A default that its own option would refuse would be a trap for whoever writes it down.
TEST(OptionTable, EveryShownDefaultOfANumberIsAccepted) {
  for (const OptionGroup& group : option_groups()) {
    for (const OptionSpec& option : group.options) {
      if (!option.value.show) continue;
      std::string shown = option.value.show(Options{});
      if (shown.empty() || shown.find_first_not_of("0123456789.") != std::string::npos) continue;
      Options changed;
      EXPECT_TRUE(option.value.set(changed, shown).has_value()) << option.name;
      EXPECT_EQ(changed, Options{}) << option.name;
    }
  }
}

}  // namespace
}  // namespace tricorn
