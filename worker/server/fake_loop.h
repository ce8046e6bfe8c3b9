// FakeLoop: for tests: a LoopApi over a real libuv loop, without an interpreter.
#pragma once

#include <cstdlib>
#include <utility>

#include "worker/loop/loop_api.h"

namespace tricorn {

class FakeLoop final : public LoopApi {
 public:
  FakeLoop() { uv_loop_init(&uv_); }
  // Lets the close callbacks run. A handle that is still open then is a leak, and aborts.
  ~FakeLoop() {
    uv_run(&uv_, UV_RUN_NOWAIT);
    if (uv_loop_close(&uv_) != 0) std::abort();
  }

  // One turn of the real loop: sleeps (up to `max_sleep_ms`; -1: as long as libuv would), then I/O,
  // then the hook.
  void turn(int max_sleep_ms = -1) {
    int timeout = uv_backend_timeout(&uv_);
    if (max_sleep_ms >= 0 && (timeout < 0 || timeout > max_sleep_ms)) timeout = max_sleep_ms;
    if (outer_ != nullptr) {
      outer_->wait(timeout);
      outer_->dispatch();
    }
    uv_run(&uv_, UV_RUN_NOWAIT);
    if (hook_ != nullptr) hook_->on_turn();
  }

  uv_loop_t* uv() override { return &uv_; }
  PyObject* object() override { std::abort(); }
  void set_turn_hook(TurnHook* hook) override { hook_ = hook; }
  void set_outer_poll(OuterPoll* poll) override { outer_ = poll; }
  void ensure_gil() override { ++gil_calls_; }
  PyRef start_task(PyObject*, PyObject*, PyObject*) override { std::abort(); }
  bool resume_task(PyObject*, PyObject*) override { std::abort(); }
  PyRef future_to_await() override { std::abort(); }

  size_t gil_calls() const { return gil_calls_; }

 private:
  uv_loop_t uv_{};
  TurnHook* hook_ = nullptr;
  OuterPoll* outer_ = nullptr;
  size_t gil_calls_ = 0;
};

}  // namespace tricorn
