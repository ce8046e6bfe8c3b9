// Http1SessionHarness: a session with a recording app, for tests and the fuzzer.
//
// Everything that crosses a border is written to one log, so that two runs can be compared as text.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/protocol/http1_session.h"
#include "worker/protocol/session_io.h"

namespace tricorn {

// "https 192.0.2.1 80"; "?" and "-" for what is not said.
inline std::string shown(const RequestOrigin& origin) {
  const std::string scheme = !origin.https ? "?" : *origin.https ? "https" : "http";
  if (!origin.client.known) return scheme + " -";
  return scheme + " " + origin.client.host + " " + std::to_string(origin.client.port);
}

class Http1SessionHarness final : public RequestHandler,
                                  public RequestSink,
                                  public SessionWaker,
                                  public ExchangeObserver {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;
  struct Request {
    std::string method;
    std::string target;
    HttpVersion version = HttpVersion::k11;
    Headers headers;
    bool websocket_upgrade = false;
    std::optional<RequestOrigin> origin;
    std::string body;
    size_t initial_body_bytes = 0;
    bool complete = false;
    bool disconnected = false;
  };
  struct Record {
    std::string method;
    std::string target;
    int status = 0;
    uint64_t response_bytes = 0;
    bool aborted = false;
    std::string origin = {};  // as in shown()
    bool operator==(const Record&) const = default;
  };

  explicit Http1SessionHarness(HttpSettings http_settings = {},
                               const ForwardedRules* forwarded = nullptr)
      : settings(std::move(http_settings)) {
    session = make_http1_session(context, *this, *this, this, forwarded);
  }

  // What the app does when a request, or the last piece of its body, has come.
  std::function<void(Http1SessionHarness&)> on_request_begin = [](Http1SessionHarness&) {};
  std::function<void(Http1SessionHarness&)> on_request_complete = [](Http1SessionHarness&) {};

  // The usual app: answers once the request is complete.
  void answer_complete_requests(std::string body = "hello") {
    on_request_complete = [text = std::move(body)](Http1SessionHarness& app) { app.answer(text); };
  }
  void answer(std::string_view body, int status = 200) {
    const Header fields[] = {{"content-type", "text/plain"}};
    if (writer->start(status, fields, false).has_value()) {
      static_cast<void>(writer->body(Chunk::borrowed(body), false));
    }
  }
  Result<> start(int status, const Headers& fields = {}, bool trailers = false) {
    return writer->start(status, views_of(fields), trailers);
  }
  Result<> inform(int status, const Headers& fields) {
    return writer->inform(status, views_of(fields));
  }
  Result<> trailers(const Headers& fields, bool more = false) {
    return writer->trailers(views_of(fields), more);
  }
  Result<> body(std::string_view bytes, bool more) {
    return writer->body(Chunk::borrowed(bytes), more);
  }

  // Feeds `bytes` in pieces of `piece` bytes (0: whole), as a connection would: resume() at the end
  // of each turn.
  void input(std::string_view bytes, size_t piece = 0) {
    in_pieces(bytes, piece, [this](std::string_view fed) {
      session->on_input(fed);
      end_turn();
    });
  }
  void end_turn() {
    while (std::exchange(needs_turn, false)) session->resume();
  }

  // Takes what is ready to be written, as a transport would.
  std::string sent() { return take_output(*session); }

  const Request& last() const { return requests.back(); }

  HttpSettings settings;
  std::string date = "Sun, 22 Nov 2026 12:00:00 GMT";
  RecordNeeds needs;
  Http1Context context{settings, date, needs};
  std::vector<Request> requests;
  std::vector<Record> records;
  int begun = 0;
  int writable_calls = 0;
  int input_ends = 0;
  int turns_wanted = 0;
  bool needs_turn = false;
  bool in_request = false;
  ResponseWriter* writer = nullptr;
  std::unique_ptr<Session> session;

 private:
  static std::vector<Header> views_of(const Headers& fields) {
    std::vector<Header> views;
    for (const auto& [name, value] : fields) views.push_back({name, value});
    return views;
  }
  RequestSink* on_request(const RequestHead& head, std::string_view initial_body, bool complete,
                          ResponseWriter& response_writer) override {
    Request request{.method = std::string(head.method),
                    .target = std::string(head.target),
                    .version = head.version,
                    .headers = {},
                    .websocket_upgrade = head.websocket_upgrade,
                    .origin = head.origin ? std::optional(*head.origin) : std::nullopt,
                    .body = std::string(initial_body),
                    .initial_body_bytes = initial_body.size(),
                    .complete = complete};
    for (const Header& header : head.headers)
      request.headers.emplace_back(header.name, header.value);
    requests.push_back(std::move(request));
    writer = &response_writer;
    in_request = true;
    on_request_begin(*this);
    if (complete) on_request_complete(*this);
    in_request = false;
    return this;
  }
  void on_body(std::string_view bytes, bool complete) override {
    requests.back().body.append(bytes);
    requests.back().complete = complete;
    if (complete) on_request_complete(*this);
  }
  void on_input_end() override { ++input_ends; }
  void on_writable() override { ++writable_calls; }
  void on_disconnect() override { requests.back().disconnected = true; }
  void session_needs_turn() override {
    needs_turn = true;
    ++turns_wanted;
  }
  TimePoint on_exchange_begin() override {
    ++begun;
    return TimePoint{} + milliseconds(begun);
  }
  void on_exchange_end(const ExchangeRecord& record) override {
    records.push_back({std::string(record.method), std::string(record.target), record.status,
                       record.response_bytes, record.aborted,
                       record.origin ? shown(*record.origin) : ""});
  }
};

}  // namespace tricorn
