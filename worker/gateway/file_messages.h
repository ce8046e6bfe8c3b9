// FileMessages: what http.response.pathsend and http.response.zerocopysend name, as a FileSlice
// (asgiref, extensions.rst). GIL held; files are opened and looked at on the loop's thread.
#pragma once

#include <cstdint>
#include <optional>

#include "common/file_slice.h"
#include "worker/python/py_ref.h"

namespace tricorn {

// The whole regular file at message["path"]. Without `to_send` it is only looked at: no descriptor.
// False with OSError set (FileNotFoundError and the like; not a regular file: EINVAL,
// IsADirectoryError), or TypeError or ValueError for a path that is none.
bool open_path(PyObject* message, bool to_send, FileSlice& file);

// A part of an open file of the app's, which may close it at once: the slice has a descriptor of
// its own.
struct BorrowedFile {
  FileSlice slice;
  bool from_position = false;  // no offset was given: the file's position is to move on
};
// message["file"] (a regular file: an object with fileno(), or a descriptor), ["offset"], ["count"]
// (both optional). A count beyond the file's end is taken as up to there; without one, no more than
// `room` bytes (no value: nothing is to be sent, the slice has no descriptor). False with an error
// set.
bool borrow_file(PyObject* message, std::optional<uint64_t> room, BorrowedFile& file);
// Moves the position of message["file"] to `end`, as os.sendfile does. False with an error set.
bool advance_position(PyObject* message, uint64_t end);

}  // namespace tricorn
