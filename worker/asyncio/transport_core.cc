// TransportCore: see the header.
#include "worker/asyncio/transport_core.h"

#include "worker/asyncio/asyncio_names.h"
#include "worker/asyncio/callbacks.h"
#include "worker/python/interned.h"

namespace tricorn {
namespace {

constexpr uint32_t kWarnFromLostWrite = 5;  // asyncio's LOG_THRESHOLD_FOR_CONNLOST_WRITES

}  // namespace

bool is_name(PyObject* name, const char* text) {
  return PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, text) == 0;
}

TransportCore::TransportCore(PyObject* self, CoreParts parts, CoreCalls calls)
    : self_(self),
      loop_(parts.loop),
      file_(std::move(parts.file)),
      fd_(parts.duplicate ? parts.duplicate.get() : parts.fd),
      calls_(calls),
      duplicate_(std::move(parts.duplicate)),
      number_(parts.fd),
      loop_object_(PyRef::borrow(parts.loop->object())),
      protocol_(std::move(parts.protocol)),
      extra_(std::move(parts.extra)) {}

TransportCore::~TransportCore() { close_file(); }

bool TransportCore::start(PyRef waiter) {
  waiter_ = std::move(waiter);
  context_ = PyRef::steal(PyContext_CopyCurrent());
  if (!context_) return false;
  loop_->io().want(fd_, 0, *this);
  kept_ = PyRef::borrow(self_);
  return static_cast<bool>(loop_->call_soon_native(calls_.begin, self_, context_.get()));
}

void TransportCore::begin() {
  if (loop_ == nullptr) return;
  if (!call(interned.connection_made, self_)) report("Error in protocol.connection_made()");
  begun_ = true;
  if (alive()) update_interest();
  const PyRef waiter = std::move(waiter_);
  if (waiter && loop_ != nullptr) complete_future(*loop_, waiter.get());
}

PyRef TransportCore::call(PyObject* method, PyObject* first, PyObject* second) {
  PyRef protocol = protocol_.clone();  // it may set another one
  if (!protocol) return PyRef::none();
  PyObject* stack[] = {protocol.get(), first, second};
  const size_t count = first == nullptr ? 1 : second == nullptr ? 2 : 3;
  return PyRef::steal(
      PyObject_VectorcallMethod(method, stack, count | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
}

bool TransportCore::report(const char* message) {
  PyError error = PyError::take();
  if (loop_ != nullptr) {
    const PyRef told = protocol();
    return report_failure(*loop_, std::move(error), message, self_, told.get());
  }
  std::move(error).unraisable(self_);
  return true;
}

void TransportCore::fatal_error(const char* message) {
  PyError error = PyError::take();
  if (loop_ == nullptr) return std::move(error).unraisable(self_);
  PyRef exception = PyRef::borrow(error.exception());
  bool ends = true;
  if (is_quiet(error)) {
    log_in_debug_mode(*loop_, error, message, self_);
  } else {
    const PyRef told = protocol();
    ends = report_failure(*loop_, std::move(error), message, self_, told.get());
  }
  if (ends) abort(std::move(exception));
}

void TransportCore::abort(PyRef exception) {
  if (!alive()) return;
  drop_output();
  closing_ = true;
  lose(exception ? std::move(exception) : PyRef::none());
}

void TransportCore::lose(PyRef exception) {
  lost_ = closing_ = true;
  exception_ = std::move(exception);
  stop_watching();
  const PyRef kept = std::move(kept_);  // from here on what is scheduled keeps it
  if (loop_->closed()) {                // nobody would run it
    close_file();
    loop_ = nullptr;
  } else if (!loop_->call_soon_native(calls_.end, self_, context_.get())) {
    PyError::take().unraisable(self_);
  }
}

void TransportCore::end() {
  if (loop_ == nullptr) return;
  before_connection_lost();
  const PyRef exception = std::move(exception_);
  if (!call(interned.connection_lost, exception.get())) {
    report("Error in protocol.connection_lost()");
  }
  close_file();
  loop_ = nullptr;
  protocol_.reset();
}

// What the loop kept alive ends with it, without a callback: nobody would run it.
void TransportCore::on_set_closed() noexcept { const PyRef kept = std::move(kept_); }

void TransportCore::count_lost_write(const char* text) {
  if (++lost_writes_ >= kWarnFromLostWrite) {
    PyRef logged =
        PyRef::steal(PyObject_CallMethod(asyncio_names.logger.get(), "warning", "s", text));
    if (!logged) PyError::take().unraisable(self_);
  }
}

std::string TransportCore::state_text() const {
  const char* state = fd_ < 0 ? " closed" : closing_ ? " closing" : "";
  return state + (" fd=" + std::to_string(number_));
}

PyRef TransportCore::extra_info(PyObject* name, PyObject* missing) {
  if (extra_) {
    PyObject* value = PyDict_GetItemWithError(extra_.get(), name);
    if (value != nullptr || PyErr_Occurred() != nullptr) return PyRef::borrow(value);
  }
  PyRef value = make_info(name);
  if (!value) return PyErr_Occurred() != nullptr ? PyRef() : PyRef::borrow(missing);
  if (!extra_) extra_ = PyRef::steal(PyDict_New());
  if (!extra_ || PyDict_SetItem(extra_.get(), name, value.get()) < 0) return {};
  return value;
}

// If the user has closed the file, its number may be somebody else's by now.
void TransportCore::stop_watching() {
  EpollSet& io = loop_->io();
  if (io.listener(fd_) == this) io.release(fd_);
}

void TransportCore::close_file() {
  if (fd_ < 0) return;
  if (loop_ != nullptr) stop_watching();
  fd_ = -1;
  duplicate_.reset();
  PyRef closed = PyRef::steal(PyObject_CallMethodNoArgs(file_.get(), interned.close));
  if (!closed) PyError::take().unraisable(self_);
}

int TransportCore::traverse(visitproc visit, void* arg) const {
  for (const PyRef* ref :
       {&context_, &file_, &loop_object_, &protocol_, &extra_, &waiter_, &exception_}) {
    if (int stop = ref->traverse(visit, arg)) return stop;
  }
  return 0;
}

// The loop and the file stay: whoever still calls must find a whole object.
void TransportCore::clear() {
  for (PyRef* ref : {&protocol_, &extra_, &waiter_, &exception_}) ref->reset();
}

void TransportCore::finalize() {
  if (fd_ < 0) return;
  if (PyErr_ResourceWarning(self_, 1, "unclosed transport %R", self_) < 0) {
    PyError::take().unraisable(self_);
  }
  close_file();
  // Other garbage may still call it, as after connection_lost().
  closing_ = true;
  loop_ = nullptr;
}

}  // namespace tricorn
