// Options of other servers that tricorn does not have. None is ignored in silence.
#pragma once

#include <span>
#include <string_view>

namespace tricorn {

struct ForeignOption {
  enum class Shape { kFlag, kSwitch, kOne };
  std::string_view names;  // "--ws", "-k,--worker-class": the long one names it
  Shape shape = Shape::kOne;
  // Values that ask for nothing tricorn does not do anyway: "auto|none".
  std::string_view harmless = "";
  // What to use instead, or why it has no effect.
  std::string_view remark = "";
  // A mere tuning hint: it is answered with a warning in place of an error.
  bool hint = false;

  std::string_view name() const;  // the long one, without dashes
  bool is_harmless(std::string_view value) const;
};

std::span<const ForeignOption> foreign_options();
// By the long name without dashes, "_" taken for "-". nullptr: there is none.
const ForeignOption* find_foreign_option(std::string_view name);

}  // namespace tricorn
