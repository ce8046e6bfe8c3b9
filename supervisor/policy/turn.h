// Turn: one call of Policy::on: its time, and the effects decided so far, in order.
#pragma once

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "supervisor/policy/policy_types.h"

namespace tricorn {

struct Turn {
  TimePoint now;
  std::vector<Effect> effects;

  template <class E>
  void emit(E effect) {
    effects.emplace_back(std::move(effect));
  }

  template <class... Args>
  void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
    emit(LogLine{level, fmt::format(format, std::forward<Args>(args)...)});
  }
};

}  // namespace tricorn
