// `_tricorn.Zygote`: see the header.
#include "worker/zygote_object.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <optional>

#include "common/control_message.h"
#include "common/logging.h"
#include "common/process_title.h"
#include "common/scoreboard.h"
#include "common/syscall.h"
#include "worker/python/py_error.h"
#include "worker/python/py_type.h"
#include "worker/python/utf8.h"
#include "worker/settings_dict.h"
#include "worker/stack_dump.h"
#include "worker/worker_object.h"
#include "worker/zygote_fork.h"

namespace tricorn {
namespace {

// What the zygote holds for its workers; a worker takes it over after the fork.
struct ZygoteState {
  UniqueFd control;
  pid_t master = 0;
  WorkerSettings settings;
  std::vector<UniqueFd> listeners;
  std::optional<Scoreboard> scoreboard;
};

struct ZygoteObject {
  PyObject_HEAD;
  ZygoteState state;
};

ZygoteState& state_of(PyObject* self) { return reinterpret_cast<ZygoteObject*>(self)->state; }

PyObject* raise(const Error& error) {
  PyErr_SetString(PyExc_RuntimeError, error.message.c_str());
  return nullptr;
}

// The next message; kClosed when the master is gone. Blocks.
Result<ReceiveStatus> receive(int fd, ControlMessage& message) {
  for (;;) {
    Result<ReceiveStatus> status = receive_control(fd, message);
    if (!status || *status != ReceiveStatus::kWouldBlock) return status;
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    auto polled = sys("poll", "the control socket", [&] { return poll(&waiting, 1, -1); });
    if (!polled) return pass_on(polled);
  }
}

Result<> set_up(ZygoteState& state) {
  ControlMessage setup;
  Result<ReceiveStatus> status = receive(state.control.get(), setup);
  if (!status) return pass_on(status);
  if (*status == ReceiveStatus::kClosed) return fail("the master is gone");
  if (setup.type != ControlType::kSetup || setup.fds.empty()) {
    return fail("the master sent no set-up; do the tricorn command and package versions match?");
  }
  auto settings = decode_worker_settings(setup.text);
  if (!settings) return pass_on(settings);
  state.settings = std::move(*settings);
  auto scoreboard = Scoreboard::attach(std::move(setup.fds.front()));
  if (!scoreboard) return pass_on(scoreboard);
  state.scoreboard.emplace(std::move(*scoreboard));
  for (size_t i = 1; i < setup.fds.size(); ++i) {
    state.listeners.push_back(std::move(setup.fds[i]));
  }
  start_logging(state.settings.log_level, state.settings.use_colors, state.settings.log_format);
  set_process_name("zygote");
  set_process_title("tricorn: zygote gen " + std::to_string(setup.generation) + " [" +
                    state.settings.app + "]");
  return {};
}

int init(PyObject* self, PyObject* args, PyObject*) {
  int fd = -1;
  if (PyArg_ParseTuple(args, "i", &fd) == 0) return -1;
  ZygoteState& state = state_of(self);
  state.control.reset(fd);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);  // it came through an exec; no child of the app's is to have it
  state.master = getppid();
  if (Result<> ready = set_up(state); !ready) {
    raise(ready.error());
    return -1;
  }
  return arm_stack_dump(fd) ? 0 : -1;
}

PyObject* settings(PyObject* self, void*) {
  return settings_dict(state_of(self).settings).release();
}

PyObject* tell_master(PyObject* self, const ControlMessage& message) {
  if (Result<> sent = send_control(state_of(self).control.get(), message); !sent) {
    return raise(sent.error());
  }
  Py_RETURN_NONE;
}

PyObject* ready(PyObject* self, PyObject* args) {
  std::string text;
  if (PyArg_ParseTuple(args, "O&", utf8_argument, &text) == 0) return nullptr;
  return tell_master(self, {.type = ControlType::kZygoteReady, .text = text});
}

PyObject* has_threads(PyObject* self, PyObject* args) {
  std::string names;
  if (PyArg_ParseTuple(args, "O&", utf8_argument, &names) == 0) return nullptr;
  return tell_master(self, {.type = ControlType::kHasThreads, .text = names});
}

PyObject* boot_failed(PyObject* self, PyObject* args) {
  int kind = 0;
  std::string text;
  if (PyArg_ParseTuple(args, "iO&", &kind, utf8_argument, &text) == 0) return nullptr;
  return tell_master(self, {.type = ControlType::kBootFailed, .value = kind, .text = text});
}

// The worker's side of a spawn order: everything the zygote held becomes the worker's.
PyObject* become_worker(ZygoteState& state, ControlMessage order) {
  set_process_name("worker " + std::to_string(order.slot));
  state.control.reset();
  if (!arm_stack_dump(order.fds.front().get())) return nullptr;
  return make_worker({.control = std::move(order.fds.front()),
                      .slot = order.slot,
                      .generation = order.generation,
                      .board = order.board,
                      .master = state.master,
                      .settings = state.settings,
                      .listeners = std::move(state.listeners),
                      .scoreboard = std::move(*state.scoreboard)});
}

// Serves spawn orders until it returns: a Worker in each forked worker, None in the zygote when the
// master is gone.
PyObject* next_worker(PyObject* self, PyObject*) {
  ZygoteState& state = state_of(self);
  for (;;) {
    ControlMessage order;
    Result<ReceiveStatus> status = receive(state.control.get(), order);
    if (!status) return raise(status.error());
    if (*status == ReceiveStatus::kClosed) Py_RETURN_NONE;
    if (order.type != ControlType::kSpawn || order.fds.size() != 1) continue;
    Result<ForkedAs> forked = fork_worker(state.control.get(), order.worker, state.master);
    if (!forked) {
      log_debug("{}", forked.error().message);  // the master says it, once for many in a row
      (void)send_control(state.control.get(), {.type = ControlType::kSpawnFailed,
                                               .worker = order.worker,
                                               .value = forked.error().sys_errno});
    } else if (*forked == ForkedAs::kWorker) {
      return become_worker(state, std::move(order));
    }
  }
}

PyObject* make(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* self = type->tp_alloc(type, 0);
  if (self != nullptr) new (&state_of(self)) ZygoteState();
  return self;
}

void dealloc(PyObject* self) {
  std::destroy_at(&state_of(self));
  free_object(self);
}

}  // namespace

bool add_zygote_type(PyObject* module) {
  static PyMethodDef methods[] = {
      {"ready", ready, METH_VARARGS, "Tells the master that workers can be forked."},
      {"has_threads", has_threads, METH_VARARGS,
       "Tells the master that workers must not be forked, and the names of the threads."},
      {"boot_failed", boot_failed, METH_VARARGS, "Tells the master why the app did not load."},
      {"next_worker", next_worker, METH_NOARGS,
       "Forks workers as ordered. Returns a Worker in each, None when the master is gone."},
      {}};
  static PyGetSetDef properties[] = {
      {"settings", settings, nullptr, "What the master was told, as a dict.", nullptr}, {}};
  static PyType_Slot slots[] = {{Py_tp_new, slot(make)},        {Py_tp_init, slot(init)},
                                {Py_tp_dealloc, slot(dealloc)}, {Py_tp_methods, methods},
                                {Py_tp_getset, properties},     {0, nullptr}};
  static PyType_Spec spec = {"tricorn._tricorn.Zygote", sizeof(ZygoteObject), 0, Py_TPFLAGS_DEFAULT,
                             slots};
  return make_type(module, &spec) != nullptr;
}

}  // namespace tricorn
