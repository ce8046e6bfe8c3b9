// put: copies text into a buffer known to be large enough.
#pragma once

#include <string_view>

namespace tricorn {

// Returns the end of what was written.
inline char* put(char* out, std::string_view text) { return out + text.copy(out, text.size()); }

}  // namespace tricorn
