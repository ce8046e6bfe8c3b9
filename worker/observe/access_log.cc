// AccessLog: formatting and the write at the end of a turn.
#include "worker/observe/access_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <climits>
#include <iterator>

namespace tricorn {
namespace {

constexpr size_t kMaxTargetText = 3000;  // with a client, a method and the rest below PIPE_BUF
constexpr size_t kMaxMethodText = 64;
constexpr int kClientClosedRequest = 499;
constexpr Duration kReportInterval = std::chrono::minutes(1);

constexpr std::array<bool, 256> make_plain_table() {
  std::array<bool, 256> plain{};
  for (int c = 0x20; c < 0x7f; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}
constexpr std::array<bool, 256> kPlain = make_plain_table();

bool is_plain(char c) { return kPlain[static_cast<unsigned char>(c)]; }

void append_escaped(std::string& out, char c, LogFormat format) {
  static constexpr char kHex[] = "0123456789abcdef";
  auto byte = static_cast<unsigned char>(c);
  out += format == LogFormat::kJson ? "\\u00" : "\\x";  // JSON: the byte as its Latin-1 character
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

void append_text(std::string& out, std::string_view text, size_t limit, LogFormat format) {
  size_t begin = out.size();
  while (!text.empty()) {
    auto end = std::find_if_not(text.begin(), text.end(), is_plain);
    auto plain = static_cast<size_t>(end - text.begin());
    size_t room = limit - std::min(limit, out.size() - begin);
    out.append(text.substr(0, std::min(plain, room)));
    text.remove_prefix(std::min(plain, room));
    if (text.empty()) return;
    if (out.size() - begin + 6 > limit) {  // 6: the longest escape
      out += "...";
      return;
    }
    append_escaped(out, text.front(), format);
    text.remove_prefix(1);
  }
}

void append_number(std::string& out, uint64_t number) {
  fmt::format_int text(number);
  out.append(text.data(), text.size());
}

int shown_status(const AccessRecord& record) {
  return record.status == 0 ? kClientClosedRequest : record.status;
}

void format_text_line(std::string& out, const AccessRecord& record) {
  out += record.client;
  out += " - \"";
  append_text(out, record.method, kMaxMethodText, LogFormat::kText);
  out += ' ';
  append_text(out, record.target, kMaxTargetText, LogFormat::kText);
  out += " HTTP/";
  out += record.version;
  out += "\" ";
  append_number(out, static_cast<uint64_t>(shown_status(record)));
  out += '\n';
}

void format_json_line(std::string& out, const AccessRecord& record) {
  out += R"({"time":")";
  out += record.time;
  out += R"(","client":")";
  append_text(out, record.client, PIPE_BUF / 8, LogFormat::kJson);
  out += R"(","method":")";
  append_text(out, record.method, kMaxMethodText, LogFormat::kJson);
  out += R"(","target":")";
  append_text(out, record.target, kMaxTargetText, LogFormat::kJson);
  out += R"(","version":")";
  out += record.version;
  out += R"(","status":)";
  append_number(out, static_cast<uint64_t>(shown_status(record)));
  out += R"(,"bytes":)";
  append_number(out, record.response_bytes);
  out += "}\n";
}

// The longest front of `lines` that ends with a newline and that a pipe takes whole or not at all.
std::string_view atomic_front(std::string_view lines) {
  if (lines.size() <= PIPE_BUF) return lines;
  return lines.substr(0, lines.rfind('\n', PIPE_BUF - 1) + 1);
}

}  // namespace

void format_access_line(std::string& out, LogFormat format, const AccessRecord& record) {
  if (format == LogFormat::kJson) {
    format_json_line(out, record);
  } else {
    format_text_line(out, record);
  }
}

void AccessLog::write_out(TimePoint now) {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    std::string_view piece = atomic_front(rest);
    rest.remove_prefix(piece.size());
    if (!output_.write(piece)) {
      lost_ += static_cast<uint64_t>(std::count(piece.begin(), piece.end(), '\n'));
    }
  }
  buffer_.clear();
  if (lost_ > reported_ && now >= next_report_) report_loss(now);
}

void AccessLog::report_loss(TimePoint now) {
  log_warning("access log: {} lines lost: standard output takes no more", lost_ - reported_);
  reported_ = lost_;
  next_report_ = now + kReportInterval;
}

}  // namespace tricorn
