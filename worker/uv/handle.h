// UvHandle<T>: the one owner type of libuv handles.
//
// libuv frees nothing: a handle must stay in memory until its close callback. So the handle lives
// on the heap, the owner's destructor asks libuv to close it, and the close callback frees it.
// After that no callback of the handle reaches its owner: `data` is null, and callbacks check it
// through `owner<>`.
#pragma once

#include <uv.h>

#include <utility>

namespace tricorn {

template <class T>
class UvHandle {
 public:
  UvHandle() = default;
  UvHandle(UvHandle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  UvHandle& operator=(UvHandle&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~UvHandle() { close(); }

  // Makes the handle with `init(T*) -> int` (a uv_*_init call). Returns libuv's negative errno, or
  // 0.
  template <class Init>
  int open(void* owner, Init&& init) {
    close();
    auto* handle = new T{};
    if (int error = init(handle); error < 0) {
      delete handle;  // libuv does not know a handle whose init failed
      return error;
    }
    handle->data = owner;
    handle_ = handle;
    return 0;
  }

  // Idempotent. The owner gets no more callbacks.
  void close() {
    T* handle = std::exchange(handle_, nullptr);
    if (handle == nullptr) return;
    handle->data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(handle),
             [](uv_handle_t* closed) { delete reinterpret_cast<T*>(closed); });
  }

  T* get() const { return handle_; }
  uv_handle_t* base() const { return reinterpret_cast<uv_handle_t*>(handle_); }
  uv_stream_t* stream() const { return reinterpret_cast<uv_stream_t*>(handle_); }
  explicit operator bool() const { return handle_ != nullptr; }

 private:
  T* handle_ = nullptr;
};

}  // namespace tricorn
