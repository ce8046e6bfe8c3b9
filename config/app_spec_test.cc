// App specs: the form, and what is said about the usual mistakes.
#include "config/app_spec.h"

#include <gtest/gtest.h>

#include <string>

namespace tricorn {
namespace {

TEST(AppSpec, AllowedForms) {
  EXPECT_EQ(parse_app_spec("main:app"), (AppSpec{"main", "app"}));
  EXPECT_EQ(parse_app_spec("pkg.sub_1.mod:obj.app"), (AppSpec{"pkg.sub_1.mod", "obj.app"}));
  EXPECT_EQ(parse_app_spec("_m:__call__"), (AppSpec{"_m", "__call__"}));
  EXPECT_EQ(parse_app_spec("m\u00fcsli:app"), (AppSpec{"m\u00fcsli", "app"}));
}

struct Bad {
  const char* text;
  const char* message;
};

TEST(AppSpec, RefusedForms) {
  const Bad cases[] = {
      {"app.py", "'app.py' is not module:attribute, as in main:app (did you mean app:app?)"},
      {"app.py:api", "(did you mean app:api?)"},
      {"main", "(did you mean main:app?)"},
      {"main.app", "(did you mean main:app?)"},
      {"pkg.main.app", "(did you mean pkg.main:app?)"},
      {"path/app:app", "(did you mean path.app:app?)"},
      {"./src/app.py", "(did you mean src.app:app?)"},
      {"main:create()", "'main:create()' is a call: write --factory main:create"},
      {"", "'' is not module:attribute, as in main:app"},
      {":app", "':app' is not module:attribute, as in main:app"},
      {"main:", "'main:' is not module:attribute, as in main:app"},
      {"a:b:c", "'a:b:c' is not module:attribute, as in main:app"},
      {"1main:app", "is not module:attribute"},
      {"main..x:app", "is not module:attribute"},
      {"main:app.", "is not module:attribute"},
      {"my-app:app", "is not module:attribute"},
      {"/abs/app.py", "is not module:attribute"},
      {"main:app app", "is not module:attribute"},
  };
  for (const Bad& bad : cases) {
    auto spec = parse_app_spec(bad.text);
    ASSERT_FALSE(spec.has_value()) << bad.text;
    EXPECT_NE(spec.error().message.find(bad.message), std::string::npos) << spec.error().message;
  }
}

}  // namespace
}  // namespace tricorn
