// LineServer: a unix socket whose clients send one line each and are sent one line back, on the
// loop.
//
// Bounded in all that clients can take: their number, the length of what they send, the time that
// they let pass. Nothing blocks: who does not read its answer is dropped. Only our own user and
// root are heard.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "supervisor/os/event_loop.h"
#include "supervisor/os/listen_socket.h"

namespace tricorn {

class LineServer {
 public:
  using ClientId = uint64_t;  // never reused, by no other server of this process either

  struct Limits {
    size_t clients = 32;
    size_t line_bytes = 4096;
    Duration patience = std::chrono::seconds(10);  // for the line, and for reading the answer
  };
  enum class Refusal : uint8_t { kBusy, kForbidden, kTooLong };
  struct Handler {
    // May call answer(). Once per client; without the line's end.
    std::function<void(ClientId, std::string line)> on_line;
    // The client has gone before it was answered. Must not call answer().
    std::function<void(ClientId)> on_gone;
    // The answer to a client that is not heard.
    std::function<std::string(Refusal)> refusal;
  };

  // `socket` listens already. The loop and what the handler refers to outlive the server.
  LineServer(EventLoop& loop, ListenSocket socket, Limits limits, Handler handler);
  ~LineServer();

  // Sends the line and ends the conversation. One that has gone meanwhile is no error.
  void answer(ClientId client, std::string line);
  size_t clients() const { return clients_.size(); }

 private:
  struct Client;

  void watch();
  void accept_some();
  void admit(UniqueFd fd);
  void on_event(ClientId id);
  void read_line(ClientId id);
  void write_answer(ClientId id);
  void drop(ClientId id);

  EventLoop& loop_;
  const Limits limits_;
  const Handler handler_;
  std::map<ClientId, std::unique_ptr<Client>> clients_;
  inline static ClientId last_id_ = 0;  // an answer for a client of a server before reaches nobody
  ListenSocket socket_;
  std::unique_ptr<FdWatcher> watcher_;  // none while there are no descriptors for clients
  Timer resume_;
};

}  // namespace tricorn
