// SteeringDesk: where operators' requests arrive (`tricorn ctl`), are carried out and answered.
//
// Without a control socket nobody comes, and it only keeps what it is told.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "supervisor/os/line_server.h"
#include "supervisor/policy/policy.h"
#include "supervisor/steering/status_report.h"
#include "supervisor/steering/steering_request.h"
#include "supervisor/steering/steering_waits.h"

namespace tricorn {

// Listens there, for our own user only. nullopt for "": none is asked for. Replaces what a server
// that is dead left behind; the socket of one that lives is an Error.
Result<std::optional<ListenSocket>> open_control_socket(const std::string& path);

class SteeringDesk {
 public:
  // What is steered: the Runner.
  struct Server {
    std::function<StatusReport()> status;  // last_reload is the desk's to fill in
    std::function<Result<>()> reload;      // as SIGHUP; an Error: the configuration is wrong
    std::function<void(Event)> feed;
    std::function<void()> reopen_logs;
    // Calls back once, from the loop or at once.
    std::function<void(std::function<void(Json::Array workers)>)> dump_stacks;
  };

  // `policy` outlives it, and so does what `server` refers to.
  SteeringDesk(const Policy& policy, Server server) : policy_(policy), server_(std::move(server)) {}
  // Hears requests from now on. `socket` listens already.
  void open(EventLoop& loop, ListenSocket socket);
  bool is_open() const { return clients_ != nullptr; }
  // Hangs up on everybody, and forgets what they waited for. Never from within a request.
  void close();

  void on_rollout_ended(const RolloutEnded& ended);
  void on_reload_refused(const std::string& reason);
  void on_change();        // after each event of the policy
  void on_exit(int code);  // of the master, now

 private:
  using ClientId = LineServer::ClientId;

  struct LastReload {
    ReloadStatus status;
    TimePoint at;
  };

  void on_line(ClientId client, const std::string& line);
  void obey(ClientId client, const SteeringRequest& request);
  void reload(ClientId client, bool wait);
  void scale(ClientId client, uint32_t workers, bool wait);
  void stop(ClientId client, bool fast, bool wait);
  Json status() const;
  void answer(ClientId client, const Json& answer);
  void answer_all(const SteeringWaits::Answers& answers);

  const Policy& policy_;
  const Server server_;
  SteeringWaits waits_;
  std::optional<LastReload> last_reload_;
  std::optional<int>
      exit_code_;  // the server has stopped; its process waits for another master's end
  std::unique_ptr<LineServer> clients_;
};

}  // namespace tricorn
