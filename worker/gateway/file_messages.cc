// FileMessages: see the header.
#include "worker/gateway/file_messages.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "worker/python/interned.h"

namespace tricorn {
namespace {

// A field of a message, borrowed; null with KeyError set if it is not there.
PyObject* required(PyObject* message, PyObject* key, const char* type) {
  PyObject* value = PyDict_GetItemWithError(message, key);
  if (value == nullptr && PyErr_Occurred() == nullptr) {
    PyErr_Format(PyExc_KeyError, "%s must have a %R", type, key);
  }
  return value;
}

// A number of bytes that may be absent or None.
bool read_bytes(PyObject* message, PyObject* key, std::optional<uint64_t>& number) {
  PyObject* value = PyDict_GetItemWithError(message, key);
  if (value == nullptr || value == Py_None) return PyErr_Occurred() == nullptr;
  const long long parsed = PyLong_AsLongLong(value);
  if (parsed == -1 && PyErr_Occurred() != nullptr) return false;
  if (parsed < 0) {
    PyErr_Format(PyExc_ValueError, "the %U of a file to send must not be negative", key);
    return false;
  }
  number = static_cast<uint64_t>(parsed);
  return true;
}

bool raise_errno(int number, PyObject* path) {
  errno = number;
  PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
  return false;
}

bool check_regular(const struct stat& info, PyObject* path) {
  if (S_ISREG(info.st_mode)) return true;
  if (S_ISDIR(info.st_mode)) return raise_errno(EISDIR, path);
  PyRef arguments = PyRef::steal(Py_BuildValue("(isO)", EINVAL, "not a regular file", path));
  if (arguments) PyErr_SetObject(PyExc_OSError, arguments.get());
  return false;
}

// Objects that keep a position of their own (a reader that buffers is ahead in its descriptor) are
// asked; of a bare descriptor the kernel knows.
bool is_descriptor(PyObject* file) { return PyLong_Check(file); }

bool read_position(PyObject* file, int fd, uint64_t& position) {
  if (is_descriptor(file)) {
    const off_t offset = ::lseek(fd, 0, SEEK_CUR);
    position = static_cast<uint64_t>(offset);
    return offset >= 0 || raise_errno(errno, file);
  }
  PyRef told = PyRef::steal(PyObject_CallMethodNoArgs(file, interned.tell));
  if (!told) return false;
  const unsigned long long offset = PyLong_AsUnsignedLongLong(told.get());
  position = offset;
  return PyErr_Occurred() == nullptr;
}

}  // namespace

bool open_path(PyObject* message, bool to_send, FileSlice& file) {
  PyObject* value = required(message, interned.path, "http.response.pathsend");
  PyObject* converted = nullptr;
  if (value == nullptr || PyUnicode_FSConverter(value, &converted) == 0) return false;
  PyRef path = PyRef::steal(converted);
  const char* name = PyBytes_AS_STRING(path.get());
  struct stat info{};
  if (to_send) {
    // Non-blocking, for a path that turns out to be a pipe.
    file.fd.reset(::open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file.fd || ::fstat(file.fd.get(), &info) != 0) return raise_errno(errno, value);
  } else if (::stat(name, &info) != 0) {
    return raise_errno(errno, value);
  }
  file.length = static_cast<uint64_t>(info.st_size);
  return check_regular(info, value);
}

bool borrow_file(PyObject* message, std::optional<uint64_t> room, BorrowedFile& file) {
  PyObject* value = required(message, interned.file, "http.response.zerocopysend");
  if (value == nullptr) return false;
  PyRef source = PyRef::borrow(value);  // its methods are the app's code
  std::optional<uint64_t> offset;
  std::optional<uint64_t> count;
  const int fd = PyObject_AsFileDescriptor(source.get());
  if (fd < 0 || !read_bytes(message, interned.offset, offset) ||
      !read_bytes(message, interned.count, count)) {
    return false;
  }
  struct stat info{};
  if (::fstat(fd, &info) != 0) return raise_errno(errno, source.get());
  if (!check_regular(info, source.get())) return false;
  file.from_position = !offset.has_value();
  if (!offset && !read_position(source.get(), fd, offset.emplace())) return false;

  const auto size = static_cast<uint64_t>(info.st_size);
  const uint64_t rest = size - std::min(*offset, size);
  const uint64_t most = count ? *count : room.value_or(rest);
  file.slice.offset = *offset;
  file.slice.length = std::min(rest, most);
  if (!room || file.slice.length == 0) return true;
  file.slice.fd.reset(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  return file.slice.fd || raise_errno(errno, source.get());
}

bool advance_position(PyObject* message, uint64_t end) {
  PyRef source = PyRef::borrow(PyDict_GetItemWithError(message, interned.file));
  if (!source) return PyErr_Occurred() == nullptr;
  if (is_descriptor(source.get())) {
    const int fd = PyObject_AsFileDescriptor(source.get());
    if (fd < 0) return false;
    return ::lseek(fd, static_cast<off_t>(end), SEEK_SET) >= 0 || raise_errno(errno, source.get());
  }
  PyRef position = PyRef::steal(PyLong_FromUnsignedLongLong(end));
  return position &&
         PyRef::steal(PyObject_CallMethodOneArg(source.get(), interned.seek, position.get()));
}

}  // namespace tricorn
