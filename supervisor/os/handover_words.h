// The words of HandoverLink's messages. Masters of other versions know them: never change one.
#pragma once

namespace tricorn::words {

inline constexpr const char* kOffer = "offer";
inline constexpr const char* kTakeOver = "take-over";
inline constexpr const char* kReturn = "return";
inline constexpr const char* kDismiss = "dismiss";
inline constexpr const char* kReady = "ready";
inline constexpr const char* kReturned = "returned";
inline constexpr const char* kStopping = "stopping";

// Names of fields.
inline constexpr const char* kSocket = "socket";     // a bind, as to_string(BindSpec) writes it
inline constexpr const char* kPidFile = "pid-file";  // its path
inline constexpr const char* kPid = "pid";           // the old master's
inline constexpr const char* kLimitMs = "limit-ms";  // within which who leaves will have ended
inline constexpr const char* kServiceStops = "service-stops";    // of a dismissal; no value
inline constexpr const char* kControlSocket = "control-socket";  // its path
inline constexpr const char* kActivated =
    "activated";  // how many sockets the service manager passed

}  // namespace tricorn::words
