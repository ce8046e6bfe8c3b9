// Which files and folders count, with uvicorn's defaults and with what may be added and taken away.
#include "supervisor/policy/reload_filter.h"

#include <gtest/gtest.h>

namespace tricorn {
namespace {

struct Case {
  std::vector<std::string> includes;
  std::vector<std::string> excludes;
  const char* path;
  bool wanted;
};

TEST(ReloadFilter, WantsFiles) {
  const Case cases[] = {
      {{}, {}, "/srv/app/main.py", true},
      {{}, {}, "/srv/app/pkg/deep/main.py", true},
      {{}, {}, "/srv/app/main.pyc", false},
      {{}, {}, "/srv/app/page.html", false},
      {{}, {}, "/srv/app/.hidden.py", false},
      {{}, {}, "/srv/app/~main.py", false},
      {{}, {}, "/srv/.venv/app/main.py", true},  // where the folder stands is not its business
      {{"*.html"}, {}, "/srv/app/page.html", true},
      {{"*.html"}, {}, "/srv/app/main.py", true},
      {{"templates/*"}, {}, "/srv/app/templates/a.txt", true},
      {{"templates/*"}, {}, "/srv/app/templates/deep/a.txt", false},
      {{"templates/*"}, {}, "templates", false},
      {{"./settings.toml"}, {}, "/srv/app/settings.toml", true},
      {{".env"}, {}, "/srv/app/.env", true},
      {{".*"}, {}, "/srv/app/.env", true},
      {{".env*"}, {}, "/srv/app/.env.local", false},
      {{}, {"*.py"}, "/srv/app/main.py", false},
      {{"*.html"}, {"*.py"}, "/srv/app/page.html", true},
      {{}, {"test_*"}, "/srv/app/test_main.py", false},
      {{}, {"test_*"}, "/srv/app/main.py", true},
      {{}, {"gen/*.py"}, "/srv/app/gen/a.py", false},
      {{}, {"gen/*.py"}, "/srv/app/gen/deep/a.py", true},
      {{}, {"/srv/app/main.py"}, "/srv/app/main.py", false},
      {{}, {"/srv/app/main.py"}, "/other/srv/app/main.py", true},
      {{}, {"[!m]*.py"}, "/srv/app/main.py", true},
      {{}, {"[!m]*.py"}, "/srv/app/other.py", false},
      {{"*"}, {}, "/srv/app/Makefile", true},
      {{""}, {""}, "/srv/app/main.py", true},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(ReloadFilter(c.includes, c.excludes).wants_file(c.path), c.wanted)
        << c.path << " with " << testing::PrintToString(c.includes) << " without "
        << testing::PrintToString(c.excludes);
  }
}

TEST(ReloadFilter, WantsFolders) {
  const Case cases[] = {
      {{}, {}, "/srv/app/pkg", true},
      {{}, {}, "/srv/app/.git", false},
      {{}, {}, "/srv/app/pkg/__pycache__", false},
      {{".*"}, {}, "/srv/app/.git", true},
      {{}, {"build"}, "/srv/app/build", false},
      {{}, {"./build/"}, "/srv/app/deep/build", false},
      {{}, {"/srv/app/build"}, "/srv/app/build", false},
      {{}, {"/srv/app/build"}, "/srv/app/deep/build", true},
      {{}, {"node_modules"}, "/srv/app/my_node_modules", true},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(ReloadFilter(c.includes, c.excludes).wants_folder(c.path), c.wanted) << c.path;
  }
}

}  // namespace
}  // namespace tricorn
