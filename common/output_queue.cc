// OutputQueue: the paths beyond one reused buffer.
#include "common/output_queue.h"

#include <algorithm>
#include <cassert>

namespace tricorn {
namespace {

// Drops the sent front of a buffer that never drains in full, at a cost linear in what was sent.
void drop_sent_front(std::string& buffer, size_t& sent) {
  if (sent < OutputQueue::kCopyBelow || sent < buffer.size() / 2) return;
  buffer.erase(0, sent);
  sent = 0;
}

}  // namespace

std::string& OutputQueue::rest_tail() {
  if (!rest_.back().grows()) {
    rest_closed_size_ += rest_.back().size();
    rest_.emplace_back();
  }
  return rest_.back().copied;
}

void OutputQueue::keep(Segment segment) {
  if (!rest_.empty()) rest_closed_size_ += rest_.back().size();
  rest_.push_back(std::move(segment));
}

FileView OutputQueue::file_view() const {
  const FileSlice& file = rest_.front().file;
  return {file.fd.get(), file.offset + rest_front_sent_, file.length - rest_front_sent_};
}

size_t OutputQueue::iovecs(std::span<iovec> out, bool* file_follows) const {
  const size_t limit = std::min(out.size(), kMaxIovecs);
  size_t count = 0;
  auto show = [&](std::string_view bytes) {
    if (!bytes.empty() && count < limit) {
      out[count++] = {const_cast<char*>(bytes.data()), bytes.size()};
    }
  };
  show(std::string_view(first_).substr(first_sent_));
  size_t sent = rest_front_sent_;
  for (const Segment& segment : rest_) {
    if (count == limit) break;
    if (segment.file.fd) {
      if (file_follows != nullptr) *file_follows = true;
      break;
    }
    show(segment.bytes().substr(sent));
    sent = 0;
  }
  return count;
}

size_t OutputQueue::consume_first(size_t bytes) {
  const size_t here = std::min(bytes, first_.size() - first_sent_);
  first_sent_ += here;
  if (first_sent_ < first_.size()) {
    drop_sent_front(first_, first_sent_);
  } else {
    reset_first();
  }
  return bytes - here;
}

void OutputQueue::reset_first() {
  first_sent_ = 0;
  if (first_.capacity() > kKeepCapacity) {
    std::string().swap(first_);
  } else {
    first_.clear();
  }
}

void OutputQueue::consume(size_t bytes) {
  assert(bytes <= size());
  bytes = consume_first(bytes);
  while (!rest_.empty()) {
    const size_t unsent = rest_.front().size() - rest_front_sent_;
    if (bytes < unsent) {
      rest_front_sent_ += bytes;
      // Only the last segment still grows, and only its size is not counted in rest_closed_size_.
      const bool grows = rest_.size() == 1 && rest_.front().grows();
      if (grows) drop_sent_front(rest_.front().copied, rest_front_sent_);
      return;
    }
    bytes -= unsent;
    const Segment done = std::move(rest_.front());  // released at the end of this round
    if (rest_.size() > 1) rest_closed_size_ -= rest_front_sent_ + unsent;
    rest_.pop_front();
    rest_front_sent_ = 0;
  }
}

void OutputQueue::clear() {
  const std::deque<Segment> released = std::exchange(rest_, {});
  rest_front_sent_ = rest_closed_size_ = 0;
  reset_first();
}

}  // namespace tricorn
