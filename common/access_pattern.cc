// AccessPattern: the table of atoms, and the compiler.
#include "common/access_pattern.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "common/near_miss.h"
#include "common/text.h"

namespace tricorn {
namespace {

constexpr size_t kMinTextRoom = 512;

struct NamedPattern {
  std::string_view name;
  std::string_view pattern;
};
constexpr NamedPattern kNamed[] = {
    {"default", R"(%(client_addr)s - "%(request_line)s" %(status_code)s)"},
    {"common", R"(%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s)"},
    {"combined", R"(%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s")"},
    {"json", R"({"time":"%(time)s","client":"%(client_addr)s","method":"%(m)s","target":"%(Uq)s",)"
             R"("version":"%(version)s","status":%(s)s,"bytes":%(B)s,"duration_s":%(L)s})"},
};

struct AtomName {
  std::string_view name;
  AccessAtom atom;
  std::string_view field = "";  // the request field that the atom shows or is made from
  std::string_view literal = "";
};
constexpr AtomName kAtoms[] = {
    // gunicorn's
    {"h", AccessAtom::kClientHost},
    {"l", AccessAtom::kLiteral, "", "-"},
    {"u", AccessAtom::kUser, "authorization"},
    {"t", AccessAtom::kClfTime},
    {"r", AccessAtom::kRequestLine},
    {"m", AccessAtom::kMethod},
    {"U", AccessAtom::kPath},
    {"q", AccessAtom::kQuery},
    {"H", AccessAtom::kProtocol},
    {"s", AccessAtom::kStatus},
    {"B", AccessAtom::kBytes},
    {"b", AccessAtom::kBytesOrDash},
    {"f", AccessAtom::kRequestField, "referer"},
    {"a", AccessAtom::kRequestField, "user-agent"},
    {"T", AccessAtom::kSeconds},
    {"M", AccessAtom::kMilliseconds},
    {"D", AccessAtom::kMicroseconds},
    {"L", AccessAtom::kDecimalSeconds},
    {"p", AccessAtom::kPid},
    // hypercorn's
    {"R", AccessAtom::kRequestLine},
    {"Uq", AccessAtom::kTarget},
    {"st", AccessAtom::kReason},
    {"S", AccessAtom::kScheme},
    // uvicorn's
    {"client_addr", AccessAtom::kClientAddress},
    {"request_line", AccessAtom::kRequestLine},
    {"status_code", AccessAtom::kStatus},
    // our own
    {"client_port", AccessAtom::kClientPort},
    {"connection_requests", AccessAtom::kConnectionRequests},
    {"request_id", AccessAtom::kRequestId, "x-request-id"},
    {"time", AccessAtom::kIsoTime},
    {"version", AccessAtom::kVersion},
};

// What a value may take up in a line, apart from text that others choose; of that only the "..." of
// a cut.
size_t fixed_size(AccessAtom atom) {
  switch (atom) {
    case AccessAtom::kLiteral:
      return 0;
    case AccessAtom::kMethod:
    case AccessAtom::kTarget:
    case AccessAtom::kPath:
    case AccessAtom::kQuery:
    case AccessAtom::kClientHost:
    case AccessAtom::kUser:
    case AccessAtom::kRequestField:
    case AccessAtom::kResponseField:
    case AccessAtom::kEnvironment:
      return 3;
    case AccessAtom::kClientAddress:
    case AccessAtom::kRequestLine:
      return 24;
    case AccessAtom::kClfTime:
    case AccessAtom::kIsoTime:
    case AccessAtom::kReason:
    case AccessAtom::kRequestId:
      return 40;
    default:
      return 24;  // a number, or as short
  }
}

bool is_duration(AccessAtom atom) {
  return atom == AccessAtom::kSeconds || atom == AccessAtom::kMilliseconds ||
         atom == AccessAtom::kMicroseconds || atom == AccessAtom::kDecimalSeconds;
}

std::string suggestion(std::string_view name) {
  std::vector<std::string_view> known;  // one letter is near to any other
  for (const AtomName& atom : kAtoms) {
    if (atom.name.size() > 2) known.push_back(atom.name);
  }
  std::string_view meant = name.size() > 2 ? near_miss(name, known) : std::string_view();
  return meant.empty() ? "" : did_you_mean(fmt::format("%({})s", meant));
}

class Compiler {
 public:
  explicit Compiler(std::string_view text) : rest_(text) {}

  Result<AccessPattern> run() {
    out_.json = rest_.starts_with('{');
    while (!rest_.empty()) {
      if (auto taken = take_next(); !taken) return pass_on(taken);
    }
    size_t fixed = 1;  // the newline
    for (const AccessPiece& piece : out_.pieces) {
      fixed += fixed_size(piece.atom);
      if (piece.atom == AccessAtom::kLiteral) fixed += piece.text.size();
    }
    if (fixed + kMinTextRoom > kMaxAccessLine) {
      return fail(
          fmt::format("the pattern is too long: a line has at most {} bytes, and its "
                      "values need some",
                      kMaxAccessLine));
    }
    out_.text_room = kMaxAccessLine - fixed;
    return std::move(out_);
  }

 private:
  Result<> take_next() {
    size_t plain = std::min(rest_.find('%'), rest_.size());
    if (plain > 0) return add_literal(take(plain));
    if (rest_.starts_with("%%")) {
      take(1);
      return add_literal(take(1));
    }
    size_t end = rest_.find(')');
    bool is_atom = rest_.starts_with("%(") && end != rest_.npos && end + 1 < rest_.size() &&
                   (rest_[end + 1] == 's' || rest_[end + 1] == 'd');
    if (!is_atom) {
      return fail(fmt::format("'{}' begins no atom such as %(h)s; a percent sign is written %%",
                              rest_.substr(0, 12)));
    }
    std::string_view name = take(end + 2).substr(2);
    name.remove_suffix(2);
    return name.starts_with('{') ? add_field(name) : add_atom(name);
  }

  std::string_view take(size_t size) {
    std::string_view front = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return front;
  }

  Result<> add_literal(std::string_view text) {
    auto is_control = [](char c) { return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7F; };
    if (std::ranges::any_of(text, is_control)) {
      return fail("a pattern is one line without control characters");
    }
    bool joins = !out_.pieces.empty() && out_.pieces.back().atom == AccessAtom::kLiteral;
    if (!joins) out_.pieces.emplace_back();
    out_.pieces.back().text += text;
    return {};
  }

  Result<> add_atom(std::string_view name) {
    auto found = std::ranges::find(kAtoms, name, &AtomName::name);
    if (found == std::end(kAtoms)) {
      return fail(fmt::format("unknown atom %({})s{}", name, suggestion(name)));
    }
    if (!found->literal.empty()) return add_literal(found->literal);
    uint16_t index = 0;
    if (!found->field.empty()) index = index_of(out_.request_fields, std::string(found->field));
    out_.needs_duration |= is_duration(found->atom);
    out_.pieces.push_back({found->atom, index});
    return {};
  }

  // "{name}i", "{name}o", "{name}e"
  Result<> add_field(std::string_view text) {
    size_t end = text.rfind('}');
    std::string_view name = text.substr(1, end == text.npos ? 0 : end - 1);
    std::string_view kind = end == text.npos ? "" : text.substr(end + 1);
    if (name.empty() || (kind != "i" && kind != "o" && kind != "e")) {
      return fail(fmt::format(
          "unknown atom %({})s: %({{name}}i)s is a field of the request, %({{name}}o)s of the "
          "response, %({{NAME}}e)s an environment variable",
          text));
    }
    if (kind == "e") {
      out_.pieces.push_back({AccessAtom::kEnvironment, 0, std::string(name)});
    } else if (kind == "i") {
      out_.pieces.push_back(
          {AccessAtom::kRequestField, index_of(out_.request_fields, lowered(name))});
    } else {
      out_.pieces.push_back(
          {AccessAtom::kResponseField, index_of(out_.response_fields, lowered(name))});
    }
    return {};
  }

  static uint16_t index_of(std::vector<std::string>& names, std::string name) {
    auto found = std::ranges::find(names, name);
    auto index = static_cast<uint16_t>(found - names.begin());
    if (found == names.end()) names.push_back(std::move(name));
    return index;
  }

  std::string_view rest_;
  AccessPattern out_;
};

}  // namespace

Result<AccessPattern> compile_access_pattern(std::string_view text) {
  std::vector<std::string_view> names;
  for (const auto& [name, pattern] : kNamed) {
    if (text == name) return Compiler(pattern).run();
    names.push_back(name);
  }
  if (text.find('%') == text.npos) {
    return fail(
        fmt::format("'{}' is neither default, common, combined or json, nor a pattern with "
                    "atoms such as %(h)s{}",
                    text, did_you_mean(near_miss(text, names))));
  }
  return Compiler(text).run();
}

}  // namespace tricorn
