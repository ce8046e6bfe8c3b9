// AccessLog: when lines leave, and what is said of those that do not.
#include "worker/observe/access_log.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "common/logging.h"

namespace tricorn {
namespace {

constexpr Duration kReportInterval = std::chrono::minutes(1);

}  // namespace

AccessLog::AccessLog(AccessLine line, AccessTarget target, std::unique_ptr<LineOutput> output)
    : line_(std::move(line)), target_(std::move(target)), output_(std::move(output)) {
  buffer_.reserve(2 * kGatherBytes);
}

void AccessLog::consider(TimePoint now) {
  if (buffer_.size() >= kGatherBytes || now >= due_) {
    write_out(now);
  } else if (due_ == TimePoint::max()) {
    due_ = now + kMaxAge;
  }
}

void AccessLog::write_out(TimePoint now) {
  if (output_ != nullptr) {
    lost_ += output_->write(buffer_);
  } else {
    lost_ += static_cast<uint64_t>(std::ranges::count(buffer_, '\n'));
  }
  buffer_.clear();
  due_ = TimePoint::max();
  if (lost_ > reported_ && now >= next_report_) {
    report_loss();
    next_report_ = now + kReportInterval;
  }
}

void AccessLog::report_loss() {
  const int error = output_ != nullptr ? output_->error() : 0;
  log_warning("access log: {} lines lost: {}: {}", lost_ - reported_, target_.name(),
              error != 0 ? std::generic_category().message(error) : "could not be opened");
  reported_ = lost_;
}

void AccessLog::reopen(TimePoint now) {
  flush(now);
  Result<> reopened;
  if (output_ != nullptr) {
    reopened = output_->reopen();
  } else if (auto opened = open_line_output(target_)) {
    output_ = std::move(*opened);
  } else {
    reopened = pass_on(opened);
  }
  if (!reopened) log_error("access log: not reopened: {}", reopened.error().message);
}

// The last lines, and the loss that nobody heard of yet.
void AccessLog::finish() {
  flush(TimePoint::min());
  if (lost_ > reported_) report_loss();
}

}  // namespace tricorn
