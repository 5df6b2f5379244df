// SPDX-License-Identifier: MIT
// See display_matrix.h. The format is ISO 14496-12: boxes with a size, a type and contents. moov/trak/tkhd holds the
// matrix; moov/trak/mdia/hdlr holds the kind of the track.
#include "display_matrix.h"

#include <glib.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace cli {
namespace {

constexpr int kMostBoxes = 4096;  // on one level: a large file of tiny boxes must not take minutes

// A part of the file, [begin, end).
struct Span {
  uint64_t begin = 0, end = 0;
};

class Boxes {
 public:
  explicit Boxes(const std::string &path) : in_(path, std::ios::binary), size_(0) {
    std::error_code ec;
    const uintmax_t size = std::filesystem::file_size(path, ec);
    if (!ec) size_ = size;
  }
  Span all() const { return {0, size_}; }

  // Reads n bytes at a place. Returns false if they reach beyond the end.
  bool read(uint64_t at, void *to, size_t n) {
    if (at > size_ || n > size_ - at) return false;
    in_.clear();
    in_.seekg(static_cast<std::streamoff>(at));
    return static_cast<bool>(in_.read(static_cast<char *>(to), static_cast<std::streamsize>(n)));
  }
  std::optional<uint32_t> number(uint64_t at) {
    std::array<uint8_t, 4> b{};
    if (!read(at, b.data(), 4)) return std::nullopt;
    return static_cast<uint32_t>(b[0]) << 24 | static_cast<uint32_t>(b[1]) << 16 | static_cast<uint32_t>(b[2]) << 8 | b[3];
  }

  // The contents of the next box of this type in its parent, at or after `from`. *from moves behind that box.
  std::optional<Span> next(const Span &parent, const char *type, uint64_t *from) {
    uint64_t at = *from;
    for (int i = 0; i < kMostBoxes && at + 8 <= parent.end; ++i) {
      std::array<char, 4> kind{};
      const auto small = number(at);
      if (!small || !read(at + 4, kind.data(), 4)) return std::nullopt;
      uint64_t size = *small, head = 8;
      if (size == 1) {
        const auto high = number(at + 8), low = number(at + 12);
        if (!high || !low) return std::nullopt;
        size = static_cast<uint64_t>(*high) << 32 | *low;
        head = 16;
      } else if (size == 0) {
        size = parent.end - at;
      }
      if (size < head || size > parent.end - at) return std::nullopt;
      const Span contents{at + head, at + size};
      at += size;
      if (std::memcmp(kind.data(), type, 4) != 0) continue;
      *from = at;
      return contents;
    }
    return std::nullopt;
  }
  std::optional<Span> first(const Span &parent, const char *type) {
    uint64_t from = parent.begin;
    return next(parent, type, &from);
  }

 private:
  std::ifstream in_;
  uint64_t size_;
};

sta_orientation of_matrix(const std::array<int32_t, 4> &m) {
  struct Known {
    std::array<int, 4> signs;
    sta_orientation orientation;
  };
  static constexpr Known kKnown[] = {{{0, 1, -1, 0}, STA_ORIENTATION_90R},
                                     {{-1, 0, 0, -1}, STA_ORIENTATION_180},
                                     {{0, -1, 1, 0}, STA_ORIENTATION_90L},
                                     {{-1, 0, 0, 1}, STA_ORIENTATION_HORIZONTAL},
                                     {{1, 0, 0, -1}, STA_ORIENTATION_VERTICAL},
                                     {{0, 1, 1, 0}, STA_ORIENTATION_TRANSPOSED},
                                     {{0, -1, -1, 0}, STA_ORIENTATION_ANTITRANSPOSED}};
  for (const Known &known : kKnown) {
    bool same = true;
    for (size_t i = 0; i < 4; ++i) same = same && m[i] == known.signs[i] * 65536;
    if (same) return known.orientation;
  }
  return STA_ORIENTATION_NONE;
}

}  // namespace

std::optional<sta_orientation> display_orientation(const std::string &video) {
  gchar *local = g_filename_from_uri(video.c_str(), nullptr, nullptr);
  const std::string path = local ? local : video;
  g_free(local);
  std::error_code ec;
  if (!std::filesystem::is_regular_file(path, ec)) return std::nullopt;
  Boxes file(path);
  const auto movie = file.first(file.all(), "moov");
  if (!movie) return std::nullopt;
  uint64_t from = movie->begin;
  while (const auto track = file.next(*movie, "trak", &from)) {
    const auto header = file.first(*track, "tkhd"), media = file.first(*track, "mdia");
    const auto handler = media ? file.first(*media, "hdlr") : std::nullopt;
    std::array<char, 4> kind{};
    uint8_t version = 0;
    if (!header || !handler || !file.read(handler->begin + 8, kind.data(), 4) || std::memcmp(kind.data(), "vide", 4) != 0) continue;
    if (!file.read(header->begin, &version, 1)) return std::nullopt;
    // The order is a, b, u, c, d, ...: the third, u, has another number format.
    const uint64_t matrix = header->begin + (version == 1 ? 52 : 40);
    std::array<int32_t, 4> m{};
    const uint64_t places[4] = {0, 4, 12, 16};
    for (size_t i = 0; i < 4; ++i) {
      const auto value = file.number(matrix + places[i]);
      if (!value || matrix + places[i] + 4 > header->end) return std::nullopt;
      m[i] = static_cast<int32_t>(*value);
    }
    return of_matrix(m);
  }
  return std::nullopt;
}

const char *orientation_name(sta_orientation orientation, bool videoflip) {
  switch (orientation) {
    case STA_ORIENTATION_90R:
      return "90r";
    case STA_ORIENTATION_180:
      return "180";
    case STA_ORIENTATION_90L:
      return "90l";
    case STA_ORIENTATION_HORIZONTAL:
      return "horiz";
    case STA_ORIENTATION_VERTICAL:
      return "vert";
    case STA_ORIENTATION_TRANSPOSED:
      return "ul-lr";
    case STA_ORIENTATION_ANTITRANSPOSED:
      return "ur-ll";
    case STA_ORIENTATION_NONE:
      break;
  }
  return videoflip ? "identity" : "none";
}

}  // namespace cli
