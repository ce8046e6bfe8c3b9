// SealedScope: a scope that serves one request after the other as long as no app changes it.
//
// No request may see what another one did to its scope (P17), yet most raw apps only read theirs. A
// scope that came back as it was built is sealed: it and the dicts inside it are watched, and serve
// again while nobody changed them (DictWatch) or kept them (their reference counts). Only the
// values that differ are set then. GIL held.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "worker/python/dict_watch.h"
#include "worker/python/py_ref.h"

namespace tricorn {

class SealedScope {
 public:
  using Fields = std::span<PyObject* const>;

  SealedScope() = default;
  ~SealedScope() { drop(); }

  // Whether a scope that came back untouched is to be sealed. Not while another one is in use,
  // unless that takes long: a stream's scope must not keep all others from it.
  bool is_wanted() {
    return DictWatch::available() && (!in_use_ || ++turned_away_ == kMostTurnedAway);
  }
  // `scope`, on its way to a request, is the sealed one from now on. Its values that are dicts are
  // sealed with it.
  void seal(const PyRef& scope, Fields keys);
  // The sealed scope with these values, each null for one that stays; empty, without an error set,
  // if there is none to be had.
  PyRef take(Fields keys, Fields values);
  // Its value under field `index`, borrowed, for the next take(); null if that gives none.
  PyObject* spare_value(size_t index) const;
  // False: it is another one.
  bool retire(PyRef& scope);

 private:
  static constexpr unsigned kMostTurnedAway = 64;

  void drop();
  bool is_untouched() const;

  PyRef scope_;
  std::vector<PyObject*> values_;  // what it holds, by field; borrowed from it
  std::vector<PyRef> children_;    // those of them that are dicts, and the dicts in these
  DictWatch watch_;
  bool in_use_ = false;
  unsigned turned_away_ = 0;  // while it was in use
};

}  // namespace tricorn
