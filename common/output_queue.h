// OutputQueue: bytes on their way to a socket. Small pieces are copied together, large ones are
// kept by reference, parts of files stay in the file.
//
// A protocol session appends. A transport writes what is in front, memory (`iovecs`) or a file
// (`front_file`: by sendfile(2), or read and written where the bytes must be seen, as under TLS),
// and calls `consume`. Pure, but for closing files; one thread.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "common/file_slice.h"

namespace tricorn {

// Bytes that somebody else owns, with the way to let go of them. Move-only; releases once.
class Chunk {
 public:
  using Release = void (*)(void* owner) noexcept;
  Chunk() = default;
  Chunk(std::string_view bytes, void* owner, Release release)
      : bytes_(bytes), owner_(owner), release_(release) {}
  // Bytes that need no release: literals, or memory that outlives the call they are passed to.
  static Chunk borrowed(std::string_view bytes) { return Chunk(bytes, nullptr, nullptr); }
  Chunk(Chunk&& other) noexcept { swap(other); }
  Chunk& operator=(Chunk&& other) noexcept {
    Chunk(std::move(other)).swap(*this);
    return *this;
  }
  ~Chunk() {
    if (release_ != nullptr) release_(owner_);
  }
  std::string_view bytes() const { return bytes_; }
  bool owned() const { return release_ != nullptr; }

 private:
  void swap(Chunk& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(owner_, other.owner_);
    std::swap(release_, other.release_);
  }
  std::string_view bytes_;
  void* owner_ = nullptr;
  Release release_ = nullptr;
};

// A chunk's release may append to the queue or ask it anything: it runs when the queue is
// consistent.
class OutputQueue {
 public:
  // Pieces below this are copied even when they are owned: a copy costs less than an iovec.
  static constexpr size_t kCopyBelow = 16 * 1024;
  static constexpr size_t kMaxIovecs = 64;
  // A buffer that grew beyond this is given back when it has drained.
  static constexpr size_t kKeepCapacity = 64 * 1024;

  // The buffer that copies go to; callers may append to it directly (heads are serialised in
  // place), and take back what they appended as long as none of it was consumed.
  std::string& tail() { return rest_.empty() ? first_ : rest_tail(); }
  void append(std::string_view bytes) { tail().append(bytes); }
  void append(Chunk chunk) {  // kept by reference if owned and large, else copied
    if (chunk.owned() && chunk.bytes().size() >= kCopyBelow) {
      keep({{}, std::move(chunk), {}});
    } else {
      append(chunk.bytes());
    }
  }
  void append(FileSlice file) {  // an empty one is nothing
    if (file.length > 0) keep({{}, {}, std::move(file)});
  }

  bool empty() const { return size() == 0; }
  size_t size() const {  // unsent bytes
    return first_.size() - first_sent_ + (rest_.empty() ? 0 : rest_size());
  }
  // Fills up to kMaxIovecs entries with the front of the queue, as far as it is memory; valid until
  // the next change. `file_follows`: all of the memory before a file was shown.
  size_t iovecs(std::span<iovec> out, bool* file_follows = nullptr) const;
  // What is left of the file in front, if there is one: `iovecs` shows nothing then.
  std::optional<FileView> front_file() const {
    if (rest_.empty() || first_sent_ < first_.size() || !rest_.front().file.fd) return std::nullopt;
    return file_view();
  }
  void consume(size_t bytes);  // at most size()
  void clear();

 private:
  struct Segment {  // one of the three
    std::string copied;
    Chunk chunk;
    FileSlice file;
    bool grows() const { return chunk.bytes().empty() && !file.fd; }
    std::string_view bytes() const { return chunk.bytes().empty() ? copied : chunk.bytes(); }
    size_t size() const { return file.fd ? file.length : bytes().size(); }
  };
  std::string& rest_tail();
  void keep(Segment segment);
  FileView file_view() const;
  size_t rest_size() const { return rest_closed_size_ + rest_.back().size() - rest_front_sent_; }
  size_t consume_first(size_t bytes);
  void reset_first();

  std::string first_;  // the usual case: everything fits in one reused buffer
  size_t first_sent_ = 0;
  std::deque<Segment> rest_;  // only once a large chunk or a file was appended
  size_t rest_front_sent_ = 0;
  size_t rest_closed_size_ = 0;  // of all but the last segment, which callers may append to
};

}  // namespace tricorn
