// SPDX-License-Identifier: MIT
// See prune_case.h.
#include "prune_case.h"

#include <algorithm>
#include <cstddef>

#include "random.h"

namespace prune_case {

Size random_size(uint64_t seed) {
  Random random(seed ^ 0xC0FFEE);
  static constexpr int kGroups[] = {1, 2, 2, 3, 4, 4, 8};
  Size size;
  size.groups = kGroups[random.below(7)];
  size.n = 1 + random.below(70);
  size.channels = 1 + random.below(300);
  size.heads = 1 + random.below(4);
  size.dim = 1 + random.below(100);
  size.drop = random.below(std::min((size.n + 1) / 2, size.n - 1) + 1);
  size.backward = random.below(2) != 0;
  return size;
}

namespace {

// A position of the keep token. In the group scanned first it must be even, and one even position must be left.
int legal_keep_token(const Size &size, Random &random) {
  const int sources = (size.n + 1) / 2, group = random.below(size.groups);
  const bool first = group == (size.backward ? size.groups - 1 : 0);
  if (!first) return group * size.n + random.below(size.n);
  return size.drop < sources ? group * size.n + 2 * random.below(sources) : -1;
}

}  // namespace

reference::PruneInput make(Kind kind, const Size &size, uint64_t seed) {
  Random random(seed);
  const int l = size.groups * size.n, key_size = size.heads * size.dim;
  reference::PruneInput in{size.groups, size.n, size.channels, size.heads, size.dim, size.drop, size.backward, -1, {}, {}};
  in.x.resize(static_cast<size_t>(l) * size.channels);
  in.keys.resize(static_cast<size_t>(l) * key_size);
  for (float &v : in.x) v = random.real();
  for (float &v : in.keys) v = random.real();
  const auto x = [&](int token) { return in.x.begin() + static_cast<ptrdiff_t>(token) * size.channels; };
  const auto key = [&](int token) { return in.keys.begin() + static_cast<ptrdiff_t>(token) * key_size; };
  const auto copy = [&](int from, int to) {
    std::copy_n(x(from), size.channels, x(to));
    std::copy_n(key(from), key_size, key(to));
  };
  switch (kind) {
    case Kind::kRandom:
    case Kind::kCount:
      break;
    case Kind::kClustered:
      for (int i = std::min(5, l); i < l; ++i) {
        const int center = random.below(5);
        for (int j = 0; j < key_size; ++j) key(i)[j] = key(center)[j] + 0.1f * random.real();
        if (random.below(25) == 0) std::for_each_n(x(i), size.channels, [](float &v) { v *= 4; });
      }
      break;
    case Kind::kPrototypes:
      for (int i = std::min(3, l); i < l; ++i) copy(random.below(3), i);
      break;
    case Kind::kEqual:
      for (int i = 1; i < l; ++i) copy(0, i);
      break;
    case Kind::kZeroKeys:
      for (int i = 0; i < l; ++i)
        if (random.below(2) == 0) std::fill_n(key(i), key_size, random.below(2) == 0 ? 0.0f : -0.0f);
      break;
    case Kind::kFlat:
      for (float &v : in.x) v = random.below(2) == 0 ? 0.75f : -0.75f;
      break;
    case Kind::kHuge:
      for (float &v : in.x) v *= 65504;
      for (float &v : in.keys) v *= 65504;
      break;
    case Kind::kTiny:
      for (float &v : in.x) v *= 1e-40f;
      for (float &v : in.keys) v *= random.below(2) == 0 ? 1e-40f : 1e-20f;
      break;
    case Kind::kOpposite:
      for (int i = 1; i < l; ++i) {
        copy(0, i);
        if (random.below(2) == 0) std::for_each_n(key(i), key_size, [](float &v) { v = -v; });
        for (int c = 0; c < size.channels; ++c) x(i)[c] = random.real();
      }
      break;
    case Kind::kPermuted:
      for (int i = size.n; i < l; ++i) copy(i / size.n * size.n - size.n + (i * 7 + 3) % size.n, i);
      break;
  }
  if (random.below(3) == 0) in.keep_token = legal_keep_token(size, random);
  return in;
}

}  // namespace prune_case
