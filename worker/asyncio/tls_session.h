// TlsSession: the ssl.SSLObject of one connection and the two memory BIOs at its sides: ciphertext
// in and out, plaintext above. https://docs.python.org/3/library/ssl.html#memory-bio-support
//
// Much data pass the BIOs record by record: what goes through a BIO is cleared, written and
// read, which a small one does within the CPU's cache.
//
// GIL held. What fails leaves a Python error set. SSL_read and its kin are called past the methods
// of ssl.SSLObject, which are Python code, unless a context has an SSLObject class of its own.
#pragma once

#include <span>
#include <string_view>

#include "worker/python/py_ref.h"

namespace tricorn {

enum class TlsResult {
  kDone,
  kAgain,   // more ciphertext is needed
  kEnd,     // the peer has said close_notify
  kFailed,  // an error is set
};

class TlsSession {
 public:
  // False with an error set. `server_hostname`: None for none.
  bool open(PyObject* ssl_context, bool server_side, PyObject* server_hostname);

  TlsResult handshake() { return call(handshake_); }
  // Says close_notify; done when the peer has said it as well.
  TlsResult shutdown() { return call(shutdown_); }

  // Ciphertext from the peer, bytes-like.
  bool receive(PyObject* ciphertext);
  // All the plaintext that can be had now as one bytes object; null if there is none. kAgain or
  // kEnd beside plaintext say how it goes on.
  TlsResult read(PyRef& plaintext);
  // The same into memory, until it is full (kDone).
  TlsResult read_into(std::span<char> target, size_t& count);
  // `written` bytes were encrypted: all of them unless the result is another one than kDone.
  TlsResult write(PyObject* data, std::string_view bytes, size_t& written);
  // Ciphertext for the peer: bytes, empty if there is none, or a list of bytes. Null with an error
  // set.
  PyRef take_output();

  // Whether SSL_read may bring something. Asked before it, since raising SSLWantReadError costs
  // more than the question.
  bool has_input() const;
  size_t incoming_size() const { return pending(incoming_) + unfed_.size(); }
  size_t outgoing_size() const { return pending(outgoing_) + output_size_; }
  PyObject* ssl_object() const { return ssl_object_.get(); }  // null: not open

  int traverse(visitproc visit, void* arg) const;

 private:
  static size_t pending(const PyRef& bio);
  TlsResult call(const PyRef& method);
  bool feed(size_t most);
  bool fill(size_t& waiting);
  bool has_plaintext() const;
  TlsResult read_some(std::span<char> target, size_t& count);
  TlsResult read_small(PyRef& plaintext);
  TlsResult read_much(PyRef& plaintext, size_t room);
  TlsResult write_some(PyObject* data, size_t& count);
  bool set_output_aside();

  bool plain_ = true;  // an ssl.SSLObject itself
  PyRef ssl_object_;
  PyRef incoming_;
  PyRef outgoing_;
  PyRef feed_;   // incoming.write
  PyRef drain_;  // outgoing.read
  PyRef handshake_;
  PyRef shutdown_;
  PyRef read_;
  PyRef write_;
  PyRef pending_;
  PyRef received_;          // holds what unfed_ is a part of
  std::string_view unfed_;  // ciphertext that is not in incoming_ yet
  PyRef output_;            // a list of bytes that were in outgoing_
  size_t output_size_ = 0;
};

}  // namespace tricorn
