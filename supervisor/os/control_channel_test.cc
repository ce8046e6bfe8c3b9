// A control channel on a loop: order, last words, end of file.
#include "supervisor/os/control_channel.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "common/logging.h"

namespace tricorn {
namespace {

class ControlChannelTest : public testing::Test {
 protected:
  ControlChannelTest() {
    auto pair = make_control_pair();
    peer_ = std::move(pair->at(1));
    channel_ = std::make_unique<ControlChannel>(std::move(pair->at(0)));
  }
  void start() {
    channel_->start(loop_,
                    {.on_message = [this](ControlMessage message) { got_.push_back(message.type); },
                     .on_closed =
                         [this] {
                           closed_ = true;
                           channel_.reset();
                           loop_.stop();
                         }});
  }
  void say(ControlType type) { ASSERT_TRUE(send_control(peer_.get(), {.type = type})); }

  EventLoop loop_;
  UniqueFd peer_;
  std::unique_ptr<ControlChannel> channel_;
  std::vector<ControlType> got_;
  bool closed_ = false;
};

TEST_F(ControlChannelTest, DeliversLastWordsBeforeTheEndWhichMayDestroyIt) {
  say(ControlType::kReady);
  start();
  say(ControlType::kRetireMe);
  peer_.reset();
  loop_.run();
  EXPECT_EQ(got_, (std::vector{ControlType::kReady, ControlType::kRetireMe}));
  EXPECT_TRUE(closed_);
  EXPECT_EQ(channel_, nullptr);
}

TEST_F(ControlChannelTest, DeliversWhatHasArrivedWithoutTheLoop) {
  say(ControlType::kReady);
  channel_->deliver_arrived();
  EXPECT_TRUE(got_.empty()) << "not before start()";
  start();
  channel_->deliver_arrived();
  EXPECT_EQ(got_, std::vector{ControlType::kReady});
  EXPECT_FALSE(closed_);
}

TEST_F(ControlChannelTest, PeerSeesTheEndButIsStillHeard) {
  start();
  channel_->close_sending();
  ControlMessage message{};
  EXPECT_EQ(receive_control(peer_.get(), message), ReceiveStatus::kClosed);
  say(ControlType::kSpawned);
  channel_->deliver_arrived();
  EXPECT_EQ(got_, std::vector{ControlType::kSpawned});
}

TEST_F(ControlChannelTest, MalformedMessageEndsTheChannel) {
  start_logging(LogLevel::kCritical, UseColors::kNever, LogFormat::kText);
  start();
  ASSERT_EQ(::write(peer_.get(), "junk", 4), 4);
  loop_.run();
  EXPECT_TRUE(closed_);
}

}  // namespace
}  // namespace tricorn
