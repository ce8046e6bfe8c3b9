// "did you mean …?": the known word that somebody most likely meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tricorn {

// The closest of `known`, or "" when none is close: a few letters wrong, missing, surplus or
// swapped, or a beginning of it that is no other's.
std::string_view near_miss(std::string_view word, std::span<const std::string_view> known);

// " (did you mean --workers?)", or "" for an empty `suggestion`.
std::string did_you_mean(std::string_view suggestion);

}  // namespace tricorn
