// What an ExchangeRecord holds beyond the numbers: time, request line, captured fields, refusal.
#include "worker/protocol/captured_fields.h"

#include <gtest/gtest.h>

#include "worker/protocol/http1_session_harness.h"

namespace tricorn {
namespace {

struct Observer final : ExchangeObserver {
  TimePoint on_exchange_begin() override { return TimePoint{} + milliseconds(++begun); }
  void on_exchange_end(const ExchangeRecord& record) override {
    std::string text = std::string(record.method) + " " + std::string(record.target);
    for (size_t i = 0; record.fields != nullptr && i < 2; ++i) {
      text += " " + std::string(record.fields->request(i).value_or("-"));
    }
    if (record.fields != nullptr) {
      text += " " + std::string(record.fields->response(0).value_or("-"));
    }
    text += record.refused ? " refused" : "";
    EXPECT_EQ(record.begun, TimePoint{} + milliseconds(begun));
    lines.push_back(text);
  }
  int begun = 0;
  std::vector<std::string> lines;
};

struct Waker final : SessionWaker {
  void session_needs_turn() override {}
};

// Answers at once, or when `finish` is called.
struct App final : RequestHandler, RequestSink {
  RequestSink* on_request(const RequestHead& head, std::string_view, bool,
                          ResponseWriter& response) override {
    writer = &response;
    if (head.target == "/now") finish();
    return this;
  }
  void finish() {
    const Header fields[] = {{"X-Kind", "kept"}, {"x-kind", "second"}};
    EXPECT_TRUE(writer->start(200, fields, false));
    EXPECT_TRUE(writer->body({}, false));
  }
  void on_body(std::string_view, bool) override {}
  void on_input_end() override {}
  void on_writable() override {}
  void on_disconnect() override {}
  ResponseWriter* writer = nullptr;
};

class Captured : public testing::Test {
 protected:
  void start() { session = make_http1_session(context, app, waker, &observer); }
  HttpSettings settings;
  std::string date;
  RecordNeeds needs;
  Http1Context context{settings, date, needs};
  App app;
  Waker waker;
  Observer observer;
  std::unique_ptr<Session> session;
};

constexpr std::string_view kFields =
    " HTTP/1.1\r\nHost: a\r\nUser-AGENT: me\r\nuser-agent: other\r\n\r\n";

TEST_F(Captured, FieldsOutliveTheBytesTheyCameIn) {
  needs.request_fields = {"user-agent", "referer"};
  needs.response_fields = {"x-kind"};
  start();
  {
    std::string bytes = "GET /later" + std::string(kFields);
    session->on_input(bytes);
    std::ranges::fill(bytes, '!');
  }
  app.finish();
  session->on_input("GET /now HTTP/1.1\r\nHost: a\r\nReferer: r\r\n\r\n");
  session->on_input("nonsense\r\n\r\n");
  EXPECT_EQ(observer.lines, (std::vector<std::string>{"GET /later me - kept", "GET /now - r kept",
                                                      "  - - - refused"}));
}

TEST_F(Captured, NamesMayHoldAnyCharacterOfAToken) {
  needs.request_fields = {"x_one~", "x^two"};
  needs.response_fields = {"x-kind"};
  start();
  session->on_input(
      "GET /later HTTP/1.1\r\nHost: a\r\nX_One^: no\r\nX_One~: 1\r\nX^Two: 2\r\n\r\n");
  app.finish();
  EXPECT_EQ(observer.lines, std::vector<std::string>{"GET /later 1 2 kept"});
}

TEST_F(Captured, TheRequestLineIsKeptUnlessNobodyNeedsIt) {
  needs.request_line = false;
  start();
  session->on_input("GET /later" + std::string(kFields));
  app.finish();
  EXPECT_EQ(observer.lines, std::vector<std::string>{" "});
}

}  // namespace
}  // namespace tricorn
