// SPDX-License-Identifier: MIT
// See picture_sequence.h.
#include "picture_sequence.h"

#include <glib.h>
#include <gst/gst.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>

#include "options.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostDigits = 9;  // fits an int
constexpr const char *kDigits = "0123456789";

// The parts of a file name around its number.
struct NamePattern {
  std::string before, after;
  size_t width = 0;  // least number of digits, filled with zeros; 0 for %d

  std::string name(int number) const {
    std::string digits = std::to_string(number);
    if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
    return before + digits + after;
  }

  // The number of a file, if its name has this pattern.
  std::optional<int> number(const std::string &name) const {
    if (name.size() <= before.size() + after.size() || !name.starts_with(before) || !name.ends_with(after)) return std::nullopt;
    const std::string digits = name.substr(before.size(), name.size() - before.size() - after.size());
    if (digits.size() > kMostDigits || digits.find_first_not_of(kDigits) != std::string::npos) return std::nullopt;
    const int value = std::stoi(digits);
    return this->name(value) == name ? std::optional(value) : std::nullopt;
  }
};

std::optional<NamePattern> parse_name(const std::string &name) {
  const size_t percent = name.find('%');
  if (percent == std::string::npos || name.find('%', percent + 1) != std::string::npos) return std::nullopt;
  const size_t d = name.find_first_not_of(kDigits, percent + 1);
  if (d == std::string::npos || name[d] != 'd') return std::nullopt;
  NamePattern pattern{name.substr(0, percent), name.substr(d + 1), 0};
  const std::string width = name.substr(percent + 1, d - percent - 1);
  if (width.empty()) return pattern;
  if (width.size() != 2 || width[0] != '0' || width[1] == '0') return std::nullopt;
  pattern.width = static_cast<size_t>(width[1] - '0');
  return pattern;
}

// The numbers of the files that have this pattern, in order.
std::set<int> numbers_in(const fs::path &folder, const NamePattern &pattern) {
  std::set<int> numbers;
  std::error_code ec;
  for (fs::directory_iterator entry(folder.empty() ? "." : folder, ec), end; !ec && entry != end; entry.increment(ec))
    if (const auto number = pattern.number(entry->path().filename().string())) numbers.insert(*number);
  return numbers;
}

const char *media_type_of(const std::string &name) {
  std::string extension = fs::path(name).extension().string();
  for (char &c : extension) c = g_ascii_tolower(c);
  return extension == ".png" ? "image/png" : extension == ".jpg" || extension == ".jpeg" ? "image/jpeg" : nullptr;
}

std::string escaped(const std::string &folder) {
  std::string out;
  for (const char c : folder) out.append(c == '%' ? 2 : 1, c);
  return out;
}

}  // namespace

bool is_sequence(const std::string &name) {
  std::error_code ec;
  return parse_name(fs::path(name).filename().string()) && !gst_uri_is_valid(name.c_str()) && !fs::exists(name, ec);
}

PictureSequence find_sequence(const std::string &pattern) {
  const fs::path path(pattern);
  const std::string name = path.filename().string(), folder = pattern.substr(0, pattern.size() - name.size());
  const NamePattern parsed = parse_name(name).value();
  const char *type = media_type_of(name);
  if (!type) throw RunError(pattern + ": the pictures of a sequence should be .png, .jpg or .jpeg");
  const std::set<int> numbers = numbers_in(path.parent_path(), parsed);
  if (numbers.empty()) throw RunError(pattern + ": there is no such picture, neither " + folder + parsed.name(0) + " nor one of another number");
  const int first = *numbers.begin(), last = *numbers.rbegin();
  for (int i = first; i <= last; ++i)
    if (!numbers.count(i))
      throw RunError(pattern + ": " + parsed.name(i) + " is missing between " + parsed.name(first) + " and " + parsed.name(last) +
                     "; the pictures of a sequence should be numbered one by one");
  return {escaped(folder) + name, type, first, last};
}

std::string sequence_around(const std::string &picture) {
  const fs::path path(picture);
  const std::string name = path.filename().string();
  const size_t end = name.find_last_of(kDigits);
  if (end == std::string::npos || name.find('%') != std::string::npos || !media_type_of(name)) return "";
  const size_t other = name.find_last_not_of(kDigits, end), begin = other == std::string::npos ? 0 : other + 1, width = end + 1 - begin;
  if (width > kMostDigits) return "";
  // Numbers may be filled up with zeros to the width of this number, or not. Takes the form that more existing pictures
  // have.
  const NamePattern plain{name.substr(0, begin), name.substr(end + 1), 0}, filled{plain.before, plain.after, width};
  const size_t of_plain = numbers_in(path.parent_path(), plain).size(), of_filled = numbers_in(path.parent_path(), filled).size();
  if (std::max(of_plain, of_filled) < 2) return "";
  const std::string number = of_filled > of_plain ? "%0" + std::to_string(width) + "d" : "%d";
  return picture.substr(0, picture.size() - name.size()) + plain.before + number + plain.after;
}

}  // namespace cli
