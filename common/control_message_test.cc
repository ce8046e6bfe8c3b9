// Control messages: what is sent arrives whole, what is malformed is refused, and no path leaks a
// descriptor.
#include "common/control_message.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstring>

namespace tricorn {
namespace {

size_t open_descriptors() {
  size_t count = 0;
  DIR* directory = ::opendir("/proc/self/fd");
  while (::readdir(directory) != nullptr) ++count;
  ::closedir(directory);
  return count;
}

UniqueFd open_null() { return UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)); }

class ControlMessageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto pair = make_control_pair();
    ASSERT_TRUE(pair.has_value()) << pair.error().message;
    ours_ = std::move((*pair)[0]);
    theirs_ = std::move((*pair)[1]);
  }
  ControlMessage receive_one() {
    ControlMessage got{.type = ControlType::kRetireMe};
    auto status = receive_control(theirs_.get(), got);
    EXPECT_TRUE(status.has_value()) << status.error().message;
    EXPECT_EQ(status.value_or(ReceiveStatus::kClosed), ReceiveStatus::kMessage);
    return got;
  }
  UniqueFd ours_, theirs_;
};

TEST_F(ControlMessageTest, EveryFieldArrives) {
  ControlMessage sent{.type = ControlType::kSpawn,
                      .slot = 3,
                      .generation = 7,
                      .board = 1023,
                      .worker = 0xFFFF'FFFF'FFFFull,
                      .value = -42,
                      .flag = 1,
                      .text = std::string("Zeile 1\nZeile 2\0x", 17)};
  ASSERT_TRUE(send_control(ours_.get(), sent).has_value());
  ControlMessage got = receive_one();
  EXPECT_EQ(got.type, sent.type);
  EXPECT_EQ(got.slot, sent.slot);
  EXPECT_EQ(got.generation, sent.generation);
  EXPECT_EQ(got.board, sent.board);
  EXPECT_EQ(got.worker, sent.worker);
  EXPECT_EQ(got.value, sent.value);
  EXPECT_EQ(got.flag, sent.flag);
  EXPECT_EQ(got.text, sent.text);
  EXPECT_TRUE(got.fds.empty());
}

TEST_F(ControlMessageTest, PairIsPrivateAndNonBlocking) {
  for (int fd : {ours_.get(), theirs_.get()}) {
    EXPECT_EQ(::fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    EXPECT_EQ(::fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  }
}

TEST_F(ControlMessageTest, DescriptorsArriveInOrderAndCloexec) {
  int pipe_ends[2];
  ASSERT_EQ(::pipe2(pipe_ends, O_CLOEXEC), 0);
  UniqueFd reader(pipe_ends[0]);
  ControlMessage sent{.type = ControlType::kSetup};
  sent.fds.push_back(open_null());
  sent.fds.emplace_back(pipe_ends[1]);
  ASSERT_TRUE(send_control(ours_.get(), sent).has_value());
  ControlMessage got = receive_one();
  ASSERT_EQ(got.fds.size(), 2u);
  ASSERT_EQ(::write(got.fds[1].get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(reader.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
  for (const UniqueFd& fd : got.fds) EXPECT_EQ(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST_F(ControlMessageTest, TheMostDescriptorsArriveAndOneMoreIsRefused) {
  ControlMessage sent{.type = ControlType::kSetup};
  for (size_t i = 0; i < kMaxControlFds; ++i) sent.fds.push_back(open_null());
  ASSERT_TRUE(send_control(ours_.get(), sent).has_value());
  EXPECT_EQ(receive_one().fds.size(), kMaxControlFds);
  sent.fds.push_back(open_null());
  EXPECT_FALSE(send_control(ours_.get(), sent).has_value());
}

TEST_F(ControlMessageTest, MessagesKeepTheirBorders) {
  for (const char* text : {"one", "", "three"}) {
    ASSERT_TRUE(
        send_control(ours_.get(), {.type = ControlType::kRetireMe, .text = text}).has_value());
  }
  EXPECT_EQ(receive_one().text, "one");
  EXPECT_EQ(receive_one().text, "");
  EXPECT_EQ(receive_one().text, "three");
}

TEST_F(ControlMessageTest, LongTextLosesItsMiddleBetweenCharacters) {
  std::string text = "BEGIN";
  for (int i = 0; i < 100'000; ++i) text += "\u00e4";
  text += "END";
  ASSERT_TRUE(
      send_control(ours_.get(), {.type = ControlType::kBootFailed, .text = text}).has_value());
  std::string got = receive_one().text;
  EXPECT_LE(got.size(), kMaxControlText);
  EXPECT_TRUE(got.starts_with("BEGIN\u00e4"));
  EXPECT_TRUE(got.ends_with("\u00e4END"));
  size_t note = got.find("\n[... ");
  ASSERT_NE(note, std::string::npos);
  EXPECT_EQ(got.substr(note - 2, 2), "\u00e4");
  size_t after = got.find("...]\n");
  EXPECT_EQ(got.substr(after + 5, 2), "\u00e4");
}

TEST_F(ControlMessageTest, TheLongestTextArrivesWhole) {
  std::string text(kMaxControlText, 'x');
  ASSERT_TRUE(send_control(ours_.get(), {.type = ControlType::kSetup, .text = text}).has_value());
  EXPECT_EQ(receive_one().text, text);
}

TEST_F(ControlMessageTest, ATextFromASignalHandlerArrivesAndIsCutAtTheLimit) {
  send_control_text(ours_.get(), ControlType::kStacks, 1, "File \"app.py\", line 3");
  ControlMessage got = receive_one();
  EXPECT_EQ(got.type, ControlType::kStacks);
  EXPECT_EQ(got.flag, 1u);
  EXPECT_EQ(got.text, "File \"app.py\", line 3");
  send_control_text(ours_.get(), ControlType::kStacks, 0, std::string(kMaxControlText + 1, 'x'));
  EXPECT_EQ(receive_one().text.size(), kMaxControlText);
  send_control_text(ours_.get(), ControlType::kStacks, 0, "");
  EXPECT_EQ(receive_one().text, "");
}

TEST_F(ControlMessageTest, SettingsAreNeverCut) {
  std::string text(kMaxControlText + 1, 'x');
  EXPECT_FALSE(send_control(ours_.get(), {.type = ControlType::kSetup, .text = text}).has_value());
}

TEST_F(ControlMessageTest, EmptySocketWouldBlock) {
  ControlMessage got{.type = ControlType::kReady};
  auto status = receive_control(theirs_.get(), got);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(*status, ReceiveStatus::kWouldBlock);
}

TEST_F(ControlMessageTest, DeadPeerIsClosedAfterItsLastMessage) {
  ASSERT_TRUE(send_control(ours_.get(), {.type = ControlType::kRetireMe}).has_value());
  ours_.reset();
  EXPECT_EQ(receive_one().type, ControlType::kRetireMe);
  ControlMessage got{.type = ControlType::kReady};
  EXPECT_EQ(receive_control(theirs_.get(), got), ReceiveStatus::kClosed);
}

TEST_F(ControlMessageTest, PeerThatDiedWithMessagesUnreadIsClosed) {
  ASSERT_TRUE(send_control(theirs_.get(), {.type = ControlType::kReady}).has_value());
  ours_.reset();
  ControlMessage got{.type = ControlType::kReady};
  EXPECT_EQ(receive_control(theirs_.get(), got), ReceiveStatus::kClosed);
}

TEST_F(ControlMessageTest, LastWordsArriveThoughThePeerDiedWithMessagesUnread) {
  ASSERT_TRUE(send_control(theirs_.get(), {.type = ControlType::kQuit}).has_value());
  ASSERT_TRUE(send_control(ours_.get(), {.type = ControlType::kRetireMe}).has_value());
  ours_.reset();
  EXPECT_EQ(receive_one().type, ControlType::kRetireMe);
  ControlMessage got{.type = ControlType::kReady};
  EXPECT_EQ(receive_control(theirs_.get(), got), ReceiveStatus::kClosed);
}

TEST_F(ControlMessageTest, SendingToADeadPeerIsAnErrorNotASignal) {
  theirs_.reset();
  auto sent = send_control(ours_.get(), {.type = ControlType::kQuit});
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().sys_errno, EPIPE);
}

TEST_F(ControlMessageTest, PeerThatDoesNotReadIsAnError) {
  Result<> sent;
  int count = 0;
  while (sent && count < 100'000) {
    sent = send_control(ours_.get(), {.type = ControlType::kQuit});
    ++count;
  }
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().sys_errno, EAGAIN);
}

// Raw datagrams that no send_control() makes; each carries a descriptor, which must not stay open.
struct Malformed {
  const char* name;
  size_t patch_at;  // the byte of a good message to change, or npos
  char patch;
  size_t length;  // bytes to send
};

class MalformedMessageTest : public ControlMessageTest,
                             public ::testing::WithParamInterface<Malformed> {};

TEST_P(MalformedMessageTest, IsRefusedAndItsDescriptorsAreClosed) {
  constexpr size_t kHeader = 48;
  ControlMessage good{.type = ControlType::kSpawn, .text = "hello"};
  ASSERT_TRUE(send_control(ours_.get(), good).has_value());
  std::string wire(200'000, '\0');
  ASSERT_EQ(::recv(theirs_.get(), wire.data(), wire.size(), 0), ssize_t{kHeader + 5});
  const Malformed& bad = GetParam();
  wire[6] = 1;  // fd_count: the descriptor sent below
  if (bad.patch_at != std::string::npos) wire[bad.patch_at] = bad.patch;

  UniqueFd null = open_null();
  int passed = null.get();
  iovec part{wire.data(), bad.length};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr envelope{};
  envelope.msg_iov = &part;
  envelope.msg_iovlen = 1;
  envelope.msg_control = control;
  envelope.msg_controllen = sizeof control;
  cmsghdr* rights = CMSG_FIRSTHDR(&envelope);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(rights), &passed, sizeof passed);
  ASSERT_EQ(::sendmsg(ours_.get(), &envelope, MSG_NOSIGNAL), static_cast<ssize_t>(bad.length));

  size_t before = open_descriptors();
  ControlMessage got{.type = ControlType::kReady, .slot = 99};
  auto status = receive_control(theirs_.get(), got);
  ASSERT_FALSE(status.has_value());
  EXPECT_TRUE(status.error().message.starts_with("malformed control message: "));
  EXPECT_EQ(got.slot, 99u) << "a refused message leaves `out` alone";
  EXPECT_EQ(open_descriptors(), before);
}

INSTANTIATE_TEST_SUITE_P(All, MalformedMessageTest,
                         ::testing::Values(Malformed{"short", std::string::npos, 0, 10},
                                           Malformed{"magic", 0, 'X', 53},
                                           Malformed{"type_zero", 4, 0, 53},
                                           Malformed{"type_unknown", 4, 99, 53},
                                           Malformed{"fd_count", 6, 2, 53},
                                           Malformed{"text_missing", std::string::npos, 0, 50},
                                           Malformed{"text_surplus", std::string::npos, 0, 60},
                                           Malformed{"too_long", std::string::npos, 0, 150'000}),
                         [](const auto& param_info) { return std::string(param_info.param.name); });

TEST_F(ControlMessageTest, NothingLeaksOverASession) {
  size_t before = open_descriptors();
  for (int i = 0; i < 50; ++i) {
    ControlMessage sent{.type = ControlType::kSpawn};
    sent.fds.push_back(open_null());
    ASSERT_TRUE(send_control(ours_.get(), sent).has_value());
    receive_one();
  }
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace tricorn
