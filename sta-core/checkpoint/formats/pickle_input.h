// SPDX-License-Identifier: MIT
// Reads the bytes of a pickle from front to back. If fewer bytes are left than a function needs, it returns false and
// reads nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace sta::pickle {

class PickleInput {
 public:
  explicit PickleInput(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  /// Bytes read so far.
  size_t at() const { return at_; }

  /// The next `count` bytes, as a view of the pickle.
  bool take(uint64_t count, std::string_view &out) {
    if (count > bytes_.size() - at_) return false;
    out = {reinterpret_cast<const char *>(bytes_.data()) + at_, static_cast<size_t>(count)};
    at_ += count;
    return true;
  }

  /// The next byte.
  bool byte(uint8_t &out) {
    std::string_view one;
    if (!take(1, one)) return false;
    out = static_cast<uint8_t>(one[0]);
    return true;
  }

  /// Little-endian, 1 to 8 bytes.
  bool number(size_t count, uint64_t &out) {
    std::string_view raw;
    if (!take(count, raw)) return false;
    out = 0;
    for (size_t i = 0; i < count; ++i) out |= static_cast<uint64_t>(static_cast<uint8_t>(raw[i])) << (8 * i);
    return true;
  }

  /// The text up to the next end of line. The end of line is read too, but left out of the text.
  bool line(std::string_view &out) {
    const std::string_view rest(reinterpret_cast<const char *>(bytes_.data()) + at_, bytes_.size() - at_);
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) return false;
    out = rest.substr(0, end);
    at_ += end + 1;
    return true;
  }

 private:
  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
};

}  // namespace sta::pickle
