// A look every eighth of the limit, and one just when it is time.
#include "worker/observe/hang_watch.h"

#include <algorithm>

namespace tricorn {

HangWatch::Look HangWatch::look(TimePoint now, TimePoint beat) {
  meter_.wake(now);
  const Duration silence = meter_.silence(now, beat);
  const Duration left = tell_after_ - silence;
  if (left > Duration::zero()) return {.next_in = std::min(left, meter_.period())};
  if (told_of_ == beat) return {.next_in = meter_.period()};
  told_of_ = beat;
  return {.stuck_for = silence, .next_in = meter_.period()};
}

}  // namespace tricorn
