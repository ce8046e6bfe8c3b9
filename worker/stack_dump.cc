// Stack dumps: see the header.
#include "worker/stack_dump.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "common/control_message.h"
#include "common/unique_fd.h"
#include "worker/python/py_ref.h"

namespace tricorn {
namespace {

constexpr timespec kPatience{.tv_sec = 1, .tv_nsec = 0};
constexpr std::string_view kLeftOut = "\n[... left out ...]\n";

struct State {
  UniqueFd memory;                 // faulthandler writes into it
  std::atomic<int> listener = -1;  // the control socket
  std::atomic<pid_t> pid = 0;      // a process that the app forks has the handlers, but no say
  pthread_t main{};
  void (*write_stacks)(int) = nullptr;  // faulthandler's own handler of stacks_signal()
  struct sigaction abort_before{};
  std::atomic<void (*)(void*)> last_words = nullptr;
  std::atomic<void*> last_words_of = nullptr;
  std::atomic_flag busy;  // of `memory` and `text`
  std::array<char, kMaxControlText> text;
  std::atomic<bool> wanted_by_thread = false;  // by one of ours, which has set `busy`
  enum class Handover { kPending, kWritten, kAbandoned };
  std::atomic<Handover> handover = Handover::kPending;  // to that thread
  size_t size_for_thread = 0;                           // in `text`, once `written` was posted
  sem_t written;
};

// Never destroyed: a signal may come while the process exits.
State& state() {
  static State* const kept = [] {
    auto* made = new State;
    sem_init(&made->written, 0, 0);
    return made;
  }();
  return *kept;
}

// --- async-signal-safe ------------------------------------------------------------------------

size_t read_memory(char* to, size_t size, off_t offset) {
  ssize_t got = ::pread(state().memory.get(), to, size, offset);
  return got > 0 ? static_cast<size_t>(got) : 0;
}

// What is in `memory`, without its middle where it is too long: the main thread comes last.
size_t read_text() {
  State& s = state();
  char* const text = s.text.data();
  const off_t size = ::lseek(s.memory.get(), 0, SEEK_END);
  if (size <= static_cast<off_t>(s.text.size())) return read_memory(text, s.text.size(), 0);
  const size_t half = (s.text.size() - kLeftOut.size()) / 2;
  size_t length = read_memory(text, half, 0);
  std::memcpy(text + length, kLeftOut.data(), kLeftOut.size());
  length += kLeftOut.size();
  return length + read_memory(text + length, half, size - static_cast<off_t>(half));
}

// For who has set `busy`. Returns the size of what is in `text` then.
size_t write_text() {
  State& s = state();
  if (::ftruncate(s.memory.get(), 0) == -1 || ::lseek(s.memory.get(), 0, SEEK_SET) == -1) return 0;
  s.write_stacks(stacks_signal());
  const size_t size = read_text();
  (void)!::ftruncate(s.memory.get(), 0);  // its pages are given back
  return size;
}

bool begin() { return !state().busy.test_and_set(std::memory_order_acquire); }
void end() { state().busy.clear(std::memory_order_release); }

void tell_master(StacksReason reason) {
  State& s = state();
  if (!begin()) return;
  const std::string_view text(s.text.data(), write_text());
  send_control_text(s.listener.load(), ControlType::kStacks, static_cast<uint32_t>(reason), text);
  end();
}

void tell_own_thread() {
  State& s = state();
  s.size_for_thread = write_text();
  if (s.handover.exchange(State::Handover::kWritten) == State::Handover::kAbandoned) return end();
  ::sem_post(&s.written);
}

void on_stacks_signal(int) {
  const int saved = errno;
  State& s = state();
  if (s.pid.load() == ::getpid()) {
    s.wanted_by_thread.exchange(false) ? tell_own_thread() : tell_master(StacksReason::kAsked);
  }
  errno = saved;
}

void say_last_words() {
  State& s = state();
  if (::pthread_equal(::pthread_self(), s.main) == 0) return;
  // Taken: they may abort in turn.
  if (auto* const words = s.last_words.exchange(nullptr)) words(s.last_words_of.load());
}

// The signal is blocked until this returns, and then takes its former course.
void on_abort(int) {
  State& s = state();
  if (s.pid.load() == ::getpid()) {
    tell_master(StacksReason::kAborted);
    say_last_words();
  }
  ::sigaction(SIGABRT, &s.abort_before, nullptr);
  ::raise(SIGABRT);
}

// ------------------------------------------------------------------------------------------------

bool handle(int signal, void (*handler)(int), struct sigaction* before) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigfillset(&action.sa_mask);
  if (::sigaction(signal, &action, before) == 0) return true;
  PyErr_SetFromErrno(PyExc_OSError);
  return false;
}

// faulthandler.register(stacks_signal(), file=memory): a second time only changes the file.
bool register_with_faulthandler(int memory) {
  PyRef module = PyRef::steal(PyImport_ImportModule("faulthandler"));
  if (!module) return false;
  PyRef done =
      PyRef::steal(PyObject_CallMethod(module.get(), "register", "ii", stacks_signal(), memory));
  return static_cast<bool>(done);
}

// Puts our handlers in front of faulthandler's.
bool install_handlers() {
  State& s = state();
  struct sigaction faulthandlers{};
  if (!handle(stacks_signal(), on_stacks_signal, &faulthandlers)) return false;
  s.write_stacks = faulthandlers.sa_handler;
  return handle(SIGABRT, on_abort, &s.abort_before);
}

std::string take_text(size_t size) {
  std::string text(state().text.data(), size);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

bool wait_for_main_thread() {
  timespec until{};
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += kPatience.tv_sec;
  int waited = 0;
  do {
    waited = sem_clockwait(&state().written, CLOCK_MONOTONIC, &until);
  } while (waited == -1 && errno == EINTR);
  return waited == 0;
}

}  // namespace

bool arm_stack_dump(int control_fd) {
  State& s = state();
  UniqueFd memory(::memfd_create("tricorn-stacks", MFD_CLOEXEC));
  if (!memory) {
    PyErr_SetFromErrno(PyExc_OSError);
    return false;
  }
  if (!register_with_faulthandler(memory.get())) return false;
  s.memory = std::move(memory);
  s.main = pthread_self();
  s.listener = control_fd;
  if (s.write_stacks == nullptr && !install_handlers()) return false;
  s.pid = ::getpid();
  return true;
}

void set_last_words(void (*words)(void*), void* of) {
  state().last_words_of = of;
  state().last_words = words;
}

void forget_stack_listener() { state().listener = -1; }

std::string python_stacks() {
  if (!begin()) return "";
  std::string text = take_text(write_text());
  end();
  return text;
}

std::string python_stacks_of_stuck_process() {
  State& s = state();
  if (!begin()) return "";
  s.handover = State::Handover::kPending;
  s.wanted_by_thread = true;
  ::pthread_kill(s.main, stacks_signal());
  if (!wait_for_main_thread()) {
    // It blocks signals, or waits for a disk. Should it be writing just now, it gets one more
    // second.
    if (s.wanted_by_thread.exchange(false)) {
      s.size_for_thread = write_text();
    } else if (!wait_for_main_thread()) {
      if (s.handover.exchange(State::Handover::kAbandoned) != State::Handover::kWritten) return "";
      (void)wait_for_main_thread();  // it was about to say so
    }
  }
  std::string text = take_text(s.size_for_thread);
  end();
  return text;
}

}  // namespace tricorn
