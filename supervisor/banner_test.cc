// Both renderings tell the same facts; the plain one in one line without escapes.
#include "supervisor/banner.h"

#include <gtest/gtest.h>

namespace tricorn {
namespace {

const BannerFacts kFacts{.program = "tricorn 1.2.3",
                         .app = "main:app",
                         .python = "Python 3.11.2, /usr/bin/python3",
                         .workers = 4,
                         .urls = {"http://127.0.0.1:8000", "unix:/run/app.sock"}};

TEST(Banner, LineIsPlain) {
  EXPECT_EQ(banner_line(kFacts),
            "tricorn 1.2.3 serves main:app with 4 workers on Python 3.11.2, /usr/bin/python3 at "
            "http://127.0.0.1:8000 unix:/run/app.sock");
}

TEST(Banner, TerminalShowsEveryFact) {
  std::string text = banner_for_terminal(kFacts);
  for (const char* fact : {"tricorn 1.2.3", "main:app", "Python 3.11.2", "4",
                           "http://127.0.0.1:8000", "unix:/run/app.sock"}) {
    EXPECT_NE(text.find(fact), std::string::npos) << fact;
  }
}

}  // namespace
}  // namespace tricorn
