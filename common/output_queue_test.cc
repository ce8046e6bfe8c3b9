// OutputQueue: order, iovecs, partial sends, releases, and that memory stays bounded.
#include "common/output_queue.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <random>
#include <vector>

namespace tricorn {
namespace {

// A large owned piece that counts its releases.
struct Owned {
  explicit Owned(size_t size, char fill = 'x') : text(size, fill) {}
  Chunk chunk() {
    return Chunk(text, this, [](void* self) noexcept { ++static_cast<Owned*>(self)->released; });
  }
  std::string text;
  int released = 0;
};

std::string shown(const OutputQueue& queue) {
  std::array<iovec, OutputQueue::kMaxIovecs> iovecs;
  std::string text;
  const size_t count = queue.iovecs(iovecs);
  for (size_t i = 0; i < count; ++i) {
    text.append(static_cast<const char*>(iovecs[i].iov_base), iovecs[i].iov_len);
  }
  return text;
}

TEST(Chunk, ReleasesOnceHoweverItIsMoved) {
  Owned owned(3);
  {
    Chunk first = owned.chunk();
    Chunk second = std::move(first);
    first = std::move(second);
    second = Chunk();
    EXPECT_EQ(first.bytes(), "xxx");
    EXPECT_EQ(owned.released, 0);
  }
  EXPECT_EQ(owned.released, 1);
}

TEST(OutputQueue, CopiesSmallPiecesTogether) {
  OutputQueue queue;
  EXPECT_TRUE(queue.empty());
  Owned owned(100);
  queue.tail().append("head ");
  queue.append(owned.chunk());
  EXPECT_EQ(owned.released, 1);
  std::array<iovec, 4> iovecs;
  EXPECT_EQ(queue.iovecs(iovecs), 1u);
  EXPECT_EQ(queue.size(), 105u);
  EXPECT_EQ(shown(queue), "head " + owned.text);
}

TEST(OutputQueue, CopiesLargePiecesThatNobodyOwns) {
  OutputQueue queue;
  {
    const std::string large(100'000, 'y');
    queue.append(Chunk::borrowed(large));
  }
  EXPECT_EQ(shown(queue), std::string(100'000, 'y'));
}

TEST(OutputQueue, KeepsLargeOwnedPiecesInOrder) {
  OutputQueue queue;
  Owned a(OutputQueue::kCopyBelow, 'a');
  Owned b(50'000, 'b');
  queue.append(std::string_view("1"));
  queue.append(a.chunk());
  queue.append(std::string_view("2"));
  queue.append(std::string_view("3"));
  queue.append(b.chunk());
  queue.append(std::string_view("4"));
  std::array<iovec, 8> iovecs;
  EXPECT_EQ(queue.iovecs(iovecs), 5u);
  EXPECT_EQ(iovecs[1].iov_base, a.text.data());
  const std::string all = "1" + a.text + "23" + b.text + "4";
  EXPECT_EQ(shown(queue), all);
  EXPECT_EQ(queue.size(), all.size());
  queue.consume(1 + a.text.size());
  EXPECT_EQ(a.released, 1);
  EXPECT_EQ(b.released, 0);
  queue.consume(3);
  EXPECT_EQ(shown(queue), all.substr(4 + a.text.size()));
  queue.consume(queue.size());
  EXPECT_EQ(b.released, 1);
  EXPECT_TRUE(queue.empty());
  queue.append(std::string_view("again"));
  EXPECT_EQ(shown(queue), "again");
}

TEST(OutputQueue, ShowsNoMoreThanAsked) {
  OutputQueue queue;
  Owned owned(20'000);
  for (int i = 0; i < 100; ++i) queue.append(owned.chunk());
  std::array<iovec, 100> iovecs;
  EXPECT_EQ(queue.iovecs(std::span(iovecs).first(3)), 3u);
  EXPECT_EQ(queue.iovecs(iovecs), OutputQueue::kMaxIovecs);
  EXPECT_EQ(queue.size(), 2'000'000u);
  queue.clear();
  EXPECT_EQ(owned.released, 100);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.iovecs(iovecs), 0u);
}

TEST(OutputQueue, ReleasesWhatIsLeftWhenItGoes) {
  Owned owned(20'000);
  {
    OutputQueue queue;
    queue.append(owned.chunk());
    queue.consume(5);
  }
  EXPECT_EQ(owned.released, 1);
}

// What an app's object may do when it is let go of: use the connection.
struct Reentrant {
  OutputQueue& queue;
  std::string text = std::string(20'000, 'r');
  size_t size_seen = 0;
};

TEST(OutputQueue, AReleaseMayUseTheQueue) {
  OutputQueue queue;
  Reentrant owner{.queue = queue};
  auto release = [](void* self) noexcept {
    auto& reentrant = *static_cast<Reentrant*>(self);
    reentrant.size_seen = reentrant.queue.size();
    reentrant.queue.append(std::string_view("new"));
  };
  queue.append(Chunk(owner.text, &owner, release));
  queue.consume(owner.text.size());
  EXPECT_EQ(owner.size_seen, 0u);
  EXPECT_EQ(shown(queue), "new");
  queue.clear();
  queue.append(Chunk(owner.text, &owner, release));
  queue.append(std::string_view("tail"));
  queue.consume(owner.text.size());
  EXPECT_EQ(owner.size_seen, 4u);
  EXPECT_EQ(shown(queue), "tailnew");
  queue.append(Chunk(owner.text, &owner, release));
  queue.clear();
  EXPECT_EQ(shown(queue), "new");
}

TEST(OutputQueue, GivesAHugeBufferBack) {
  OutputQueue queue;
  queue.append(std::string_view("small"));
  queue.consume(5);
  const size_t small = queue.tail().capacity();
  queue.append(std::string(1'000'000, 'x'));
  queue.consume(queue.size());
  EXPECT_LE(queue.tail().capacity(), small);
  queue.append(std::string(1'000'000, 'x'));
  queue.clear();
  EXPECT_LE(queue.tail().capacity(), OutputQueue::kKeepCapacity);
}

// A client that always leaves something unread must not make the sent part pile up.
TEST(OutputQueue, StaysSmallWhenItNeverDrains) {
  for (const bool behind_a_chunk : {false, true}) {
    OutputQueue queue;
    Owned owned(20'000);
    if (behind_a_chunk) {
      queue.append(owned.chunk());
      queue.append(std::string_view("x"));
      queue.consume(owned.text.size());
    } else {
      queue.append(std::string_view("x"));
    }
    for (int i = 0; i < 10'000; ++i) {
      queue.append(std::string(1'000, 'y'));
      queue.consume(1'000);
      ASSERT_EQ(queue.size(), 1u);
    }
    EXPECT_LT(queue.tail().capacity(), 100'000u);
  }
}

TEST(OutputQueue, EqualsAPlainStringUnderRandomUse) {
  std::mt19937 random(7);
  auto up_to = [&random](size_t limit) { return random() % (limit + 1); };
  for (int round = 0; round < 50; ++round) {
    OutputQueue queue;
    std::string expected;
    Owned small(1'000, 's');
    Owned large(30'000, 'l');
    for (int step = 0; step < 100; ++step) {
      switch (up_to(4)) {
        case 0:
          queue.append(small.chunk());
          expected += small.text;
          break;
        case 1:
          queue.append(large.chunk());
          expected += large.text;
          break;
        case 2:
          queue.tail().append("0123456789");
          expected += "0123456789";
          break;
        default: {
          const size_t sent = up_to(std::min<size_t>(queue.size(), 40'000));
          queue.consume(sent);
          expected.erase(0, sent);
        }
      }
      ASSERT_EQ(queue.size(), expected.size());
      const std::string front = shown(queue);
      ASSERT_EQ(front, expected.substr(0, front.size()));
    }
  }
}

// A file with these bytes, nowhere in the file system.
FileSlice file_of(std::string_view text, uint64_t offset, uint64_t length) {
  FileSlice file{UniqueFd(memfd_create("test", MFD_CLOEXEC)), offset, length};
  EXPECT_EQ(write(file.fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  return file;
}

bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

TEST(OutputQueue, ShowsAFileOnceTheMemoryBeforeItIsSent) {
  OutputQueue queue;
  queue.append(std::string_view("head"));
  queue.append(file_of("0123456789", 2, 6));
  queue.append(std::string_view("tail"));
  EXPECT_EQ(queue.size(), 14u);
  std::array<iovec, 4> iovecs;
  bool file_follows = false;
  EXPECT_EQ(queue.iovecs(iovecs, &file_follows), 1u);
  EXPECT_TRUE(file_follows);
  EXPECT_FALSE(queue.front_file());
  queue.consume(3);
  EXPECT_FALSE(queue.front_file());
  queue.consume(1);
  EXPECT_EQ(queue.iovecs(iovecs), 0u);
  auto file = queue.front_file();
  ASSERT_TRUE(file);
  EXPECT_EQ(std::pair(file->offset, file->length), std::pair(uint64_t{2}, size_t{6}));
  queue.consume(4);
  file = queue.front_file();
  ASSERT_TRUE(file);
  EXPECT_EQ(std::pair(file->offset, file->length), std::pair(uint64_t{6}, size_t{2}));
  std::array<char, 10> bytes;
  EXPECT_EQ(file->read(bytes), 2);
  EXPECT_EQ(std::string_view(bytes.data(), 2), "67");
  EXPECT_TRUE(is_open(file->fd));
  const int fd = file->fd;
  queue.consume(2);
  EXPECT_FALSE(is_open(fd));
  EXPECT_FALSE(queue.front_file());
  EXPECT_EQ(shown(queue), "tail");
}

TEST(OutputQueue, KeepsFilesAndChunksInOrder) {
  OutputQueue queue;
  Owned large(OutputQueue::kCopyBelow, 'a');
  queue.append(file_of("first", 0, 5));
  queue.append(file_of("second", 0, 6));
  queue.append(large.chunk());
  queue.append(std::string_view("end"));
  queue.append(file_of("", 0, 0));
  EXPECT_EQ(queue.size(), 5 + 6 + OutputQueue::kCopyBelow + 3);
  EXPECT_EQ(queue.front_file()->length, 5u);
  queue.consume(5 + 1);
  EXPECT_EQ(queue.front_file()->length, 5u);
  queue.consume(5);
  EXPECT_EQ(shown(queue), large.text + "end");
  queue.consume(queue.size());
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(large.released, 1);
}

TEST(OutputQueue, ClosesItsFilesWhenCleared) {
  OutputQueue queue;
  FileSlice file = file_of("0123456789", 0, 10);
  const int fd = file.fd.get();
  queue.append(std::move(file));
  EXPECT_TRUE(is_open(fd));
  queue.clear();
  EXPECT_FALSE(is_open(fd));
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace tricorn
