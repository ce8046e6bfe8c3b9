// ExchangeLog: see the header.
#include "worker/server/exchange_log.h"

#include <fmt/format.h>

#include <random>

#include "common/logging.h"
#include "worker/observe/log_text.h"
#include "worker/protocol/status_line.h"

namespace tricorn {
namespace {

constexpr size_t kMaxRefusalText = 256;

uint64_t random_seed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

std::unique_ptr<LineOutput> open_output(const AccessTarget& target) {
  auto output = open_line_output(target);
  if (output) return std::move(*output);
  log_error("access log: {}; its lines are lost until USR1 finds it repaired",
            output.error().message);
  return nullptr;
}

}  // namespace

ExchangeLog::ExchangeLog(const WorkerSettings& settings, const WallClock& clock) : clock_(clock) {
  if (!settings.access_log) return;
  auto pattern = compile_access_pattern(settings.access_log_format);
  auto target = parse_access_target(settings.access_log_target);
  if (!pattern || !target) {  // the master has checked them
    log_error("access log: {}", pattern ? target.error().message : pattern.error().message);
    return;
  }
  timed_ = pattern->needs_duration;
  needs_ = {.request_line = true,
            .request_fields = pattern->request_fields,
            .response_fields = pattern->response_fields};
  auto output = open_output(*target);
  access_log_.emplace(AccessLine(std::move(*pattern), random_seed()), std::move(*target),
                      std::move(output));
}

OuterPoll& ExchangeLog::before(OuterPoll& poll) {
  poll_ = &poll;
  return access_log_ ? *this : poll;
}

void ExchangeLog::wait(int timeout_ms) noexcept {
  if (timeout_ms != 0) access_log_->flush(now_);
  poll_->wait(timeout_ms);
}

// As uvicorn, the log names the client that the app sees.
void ExchangeLog::append(const Connection& connection, const ExchangeRecord& record) {
  const RequestOrigin* origin = record.origin;
  const bool forwarded = origin != nullptr && origin->client.known;
  const std::optional<bool> said_https = origin != nullptr ? origin->https : std::nullopt;
  access_log_->append({.exchange = record,
                       .client = forwarded ? origin->client : connection.client(),
                       .https = said_https.value_or(connection.tls()),
                       .connection_requests = connection.requests(),
                       .took = timed_ ? monotonic_now() - record.begun : Duration::zero(),
                       .clf_time = clock_.clf(),
                       .iso_time = clock_.rfc3339()});
}

// Scanners send a lot of it: the lines are limited, and their text is the client's.
void ExchangeLog::report_refusal(const Connection& connection, const ExchangeRecord& record,
                                 TimePoint now) {
  const std::optional<size_t> left_out = refusals_.admit(now);
  if (!left_out) return;
  std::string what;
  LogText text(what, false, kMaxRefusalText);
  text.append(connection.client().known ? connection.client().host : "a client", kMaxRefusalText);
  what += ": refused a request with ";
  what += fmt::format("{} {}", record.status, reason_phrase(record.status));
  if (!record.method.empty()) {
    what += ": ";
    text.append(record.method, kMaxRefusalText);
    what += ' ';
    text.append(record.target, kMaxRefusalText);
  }
  if (*left_out > 0) what += fmt::format(" ({} more before it are not shown)", *left_out);
  log_warning("{}", what);
}

}  // namespace tricorn
