// feed_stream_reader: what asyncio.StreamReaderProtocol.data_received and StreamReader.feed_data
// do, without their Python frames and without a bytes object for what is copied anyway.
//
// Only while both are asyncio's own: a subclass or a patch that changes either is served by it.
#pragma once

#include <string_view>

#include "worker/python/py_ref.h"

namespace tricorn {

// Whether `protocol` is one whose data_received is asyncio.StreamReaderProtocol's. Never leaves an
// error set.
bool feeds_stream_reader(PyObject* protocol);

enum class Fed { kYes, kNo, kFailed };

// kNo: data_received must be called, nothing has happened. kFailed: an error is set.
Fed feed_stream_reader(PyObject* protocol, std::string_view bytes);

// Once, after asyncio can be imported. False with an error set.
bool load_stream_reader();

}  // namespace tricorn
