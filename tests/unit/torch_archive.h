// SPDX-License-Identifier: MIT
// Archives of torch.save made by hand, byte by byte. The reader must refuse archives that no writer would write, and no
// writer can be asked to make those.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace checkpoint_test {

/// Appends `value`, little-endian.
inline void put(std::string &out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

/// The ways in which make_zip departs from the plainest archive.
struct ZipOptions {
  bool zip64 = false;
  bool overlap = false;  // all entries are the first one
  uint16_t method = 0, flags = 0;
  std::string comment;
};

/// A zip archive of stored entries (name, bytes), whose checksums are not stated.
inline std::string make_zip(const std::vector<std::pair<std::string, std::string>> &entries, const ZipOptions &o = {}) {
  std::string out, directory;
  for (const auto &[name, data] : entries) {
    const uint64_t offset = o.overlap ? 0 : out.size();
    std::string extra;
    if (o.zip64) {
      put(extra, 1, 2);
      put(extra, 24, 2);
      put(extra, data.size(), 8);
      put(extra, data.size(), 8);
      put(extra, offset, 8);
    }
    const uint64_t size32 = o.zip64 ? 0xffffffff : data.size();
    out += "PK\x03\x04";
    for (const auto &[value, bytes] :
         {std::pair<uint64_t, int>{45, 2}, {o.flags, 2}, {o.method, 2}, {0, 4}, {0, 4}, {size32, 4}, {size32, 4}, {name.size(), 2}, {0, 2}})
      put(out, value, bytes);
    out += name + data;
    if (o.overlap && !directory.empty()) out.resize(out.size() - 30 - name.size() - data.size());
    directory += "PK\x01\x02";
    for (const auto &[value, bytes] : {std::pair<uint64_t, int>{45, 2},
                                       {45, 2},
                                       {o.flags, 2},
                                       {o.method, 2},
                                       {0, 4},
                                       {0, 4},
                                       {size32, 4},
                                       {size32, 4},
                                       {name.size(), 2},
                                       {extra.size(), 2},
                                       {0, 2},
                                       {0, 2},
                                       {0, 2},
                                       {0, 4},
                                       {o.zip64 ? 0xffffffff : offset, 4}})
      put(directory, value, bytes);
    directory += name + extra;
  }
  const uint64_t begin = out.size(), n = entries.size();
  out += directory;
  if (o.zip64) {
    const uint64_t record = out.size();
    out += "PK\x06\x06";
    for (const auto &[value, bytes] :
         {std::pair<uint64_t, int>{44, 8}, {45, 2}, {45, 2}, {0, 4}, {0, 4}, {n, 8}, {n, 8}, {directory.size(), 8}, {begin, 8}})
      put(out, value, bytes);
    out += "PK\x06\x07";
    for (const auto &[value, bytes] : {std::pair<uint64_t, int>{0, 4}, {record, 8}, {1, 4}}) put(out, value, bytes);
  }
  out += "PK\x05\x06";
  for (const auto &[value, bytes] : {std::pair<uint64_t, int>{0, 2},
                                     {0, 2},
                                     {o.zip64 ? 0xffff : n, 2},
                                     {o.zip64 ? 0xffff : n, 2},
                                     {o.zip64 ? 0xffffffff : directory.size(), 4},
                                     {o.zip64 ? 0xffffffff : begin, 4},
                                     {o.comment.size(), 2}})
    put(out, value, bytes);
  return out + o.comment;
}

// Pieces of a pickle of protocol 2.

inline std::string text(const std::string &s) {
  std::string out = "X";
  put(out, s.size(), 4);
  return out + s;
}

inline std::string integer(int64_t i) {
  std::string out = "\x8a\x08";
  put(out, static_cast<uint64_t>(i), 8);
  return out;
}

inline std::string tuple(const std::vector<int64_t> &values) {
  std::string out = "(";
  for (const int64_t v : values) out += integer(v);
  return out + "t";
}

inline std::string tensor(const std::string &type, const std::string &key, int64_t numel, int64_t offset, const std::vector<int64_t> &shape,
                          const std::vector<int64_t> &stride) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\n" + type + "\n" + text(key) + text("cpu") + integer(numel) + "tQ" +
         integer(offset) + tuple(shape) + tuple(stride) + "\x89}tR";
}

inline std::string dict(const std::vector<std::pair<std::string, std::string>> &items) {
  std::string out = "}(";
  for (const auto &[key, value] : items) out += text(key) + value;
  return out + "u";
}

inline std::string floats(const std::vector<float> &values) { return std::string(reinterpret_cast<const char *>(values.data()), 4 * values.size()); }

}  // namespace checkpoint_test
