// SPDX-License-Identifier: MIT
// The inner loops of kernels.h. Helpers are forced inline, so they are compiled for the instruction set of the function
// that uses them.
#include "preprocess/kernels.h"

#include <algorithm>
#include <cstring>

// Function multiversioning needs ifunc (GNU libc). It is off under sanitizers, because they are not yet running when
// the dynamic linker calls the resolvers.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define STA_NO_CLONES
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STA_NO_CLONES
#endif
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(STA_NO_CLONES)
#define STA_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define STA_CLONES
#endif
// Goes before a loop over the rows of a tile. Otherwise GCC would unroll the loop into scalar code before it looks for
// vectors.
#define STA_LANES _Pragma("GCC unroll 1")
#define STA_INLINE inline __attribute__((always_inline))

namespace sta::kernels {

namespace {

STA_INLINE uint16_t multiply_high(uint16_t a, uint16_t b) { return static_cast<uint16_t>((static_cast<uint32_t>(a) * b) >> 16); }

// Loads a little-endian word from any address.
STA_INLINE uint16_t load_word(const uint8_t *p) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  uint16_t v;
  std::memcpy(&v, p, sizeof(v));
  return v;
#else
  return static_cast<uint16_t>(p[0] | p[1] << 8);
#endif
}

struct LoadByte {
  STA_INLINE uint16_t operator()(const uint8_t *row, int i) const { return static_cast<uint16_t>(row[i] << 8); }
};
struct LoadHigh10 {
  STA_INLINE uint16_t operator()(const uint8_t *row, int i) const { return load_word(row + 2 * static_cast<ptrdiff_t>(i)) & 0xffc0; }
};
struct LoadLow10 {
  STA_INLINE uint16_t operator()(const uint8_t *row, int i) const {
    return static_cast<uint16_t>(load_word(row + 2 * static_cast<ptrdiff_t>(i)) << 6);
  }
};

template <typename Load>
STA_INLINE void filter_rows_of(Load load, const uint8_t *base, ptrdiff_t stride, const TapList &taps, int n, uint16_t *__restrict out) {
  for (int k = 0; k < taps.count; k += 4) {
    const uint8_t *__restrict r0 = base + taps.index[k] * stride;
    const uint8_t *__restrict r1 = base + taps.index[k + 1] * stride;
    const uint8_t *__restrict r2 = base + taps.index[k + 2] * stride;
    const uint8_t *__restrict r3 = base + taps.index[k + 3] * stride;
    const uint16_t w0 = taps.weight[k], w1 = taps.weight[k + 1], w2 = taps.weight[k + 2], w3 = taps.weight[k + 3];
    if (k == 0)
      for (int i = 0; i < n; ++i)
        out[i] = static_cast<uint16_t>(taps.bias + multiply_high(load(r0, i), w0) + multiply_high(load(r1, i), w1) + multiply_high(load(r2, i), w2) +
                                       multiply_high(load(r3, i), w3));
    else
      for (int i = 0; i < n; ++i)
        out[i] = static_cast<uint16_t>(out[i] + multiply_high(load(r0, i), w0) + multiply_high(load(r1, i), w1) + multiply_high(load(r2, i), w2) +
                                       multiply_high(load(r3, i), w3));
  }
}

template <typename Load>
STA_INLINE void filter_rows_exact_of(Load load, const uint8_t *base, ptrdiff_t stride, const TapList &taps, int n, uint32_t *__restrict sums,
                                     uint16_t *__restrict out) {
  for (int i = 0; i < n; ++i) sums[i] = 1u << 15;
  for (int k = 0; k < taps.count; ++k) {
    const uint8_t *__restrict row = base + taps.index[k] * stride;
    const uint32_t w = taps.weight[k];
    for (int i = 0; i < n; ++i) sums[i] += load(row, i) * w;
  }
  for (int i = 0; i < n; ++i) out[i] = static_cast<uint16_t>(sums[i] >> 16);
}

STA_INLINE uint8_t level(int32_t fixed) { return static_cast<uint8_t>(std::clamp((fixed + (1 << (kColorBits - 1))) >> kColorBits, 0, 255)); }

// Internal linkage. Otherwise the library would export the resolvers that the compiler makes, whatever its visibility.
namespace clones {

STA_CLONES void filter_rows(SampleType type, const uint8_t *base, ptrdiff_t stride, const TapList &taps, int n, uint16_t *out) {
  switch (type) {
    case SampleType::kByte:
      return filter_rows_of(LoadByte(), base, stride, taps, n, out);
    case SampleType::kHigh10:
      return filter_rows_of(LoadHigh10(), base, stride, taps, n, out);
    case SampleType::kLow10:
      return filter_rows_of(LoadLow10(), base, stride, taps, n, out);
  }
}

STA_CLONES void filter_rows_exact(SampleType type, const uint8_t *base, ptrdiff_t stride, const TapList &taps, int n, uint32_t *sums, uint16_t *out) {
  switch (type) {
    case SampleType::kByte:
      return filter_rows_exact_of(LoadByte(), base, stride, taps, n, sums, out);
    case SampleType::kHigh10:
      return filter_rows_exact_of(LoadHigh10(), base, stride, taps, n, sums, out);
    case SampleType::kLow10:
      return filter_rows_exact_of(LoadLow10(), base, stride, taps, n, sums, out);
  }
}

STA_CLONES void transpose_tile(const uint16_t *__restrict in, int in_stride, int n, uint16_t *__restrict out) {
  for (int x = 0; x < n; ++x)
    for (int r = 0; r < kTileRows; ++r) out[x * kTileRows + r] = in[r * static_cast<ptrdiff_t>(in_stride) + x];
}

STA_CLONES void filter_columns(const uint16_t *__restrict in, const int32_t *begin, const int32_t *index, const uint16_t *weight,
                               const uint16_t *bias, int n, uint16_t *__restrict out) {
  for (int x = 0; x < n; ++x, out += kTileRows) {
    STA_LANES
    for (int r = 0; r < kTileRows; ++r) out[r] = bias[x];
    for (int k = begin[x]; k < begin[x + 1]; k += 4) {
      const uint16_t *__restrict c0 = in + index[k] * kTileRows;
      const uint16_t *__restrict c1 = in + index[k + 1] * kTileRows;
      const uint16_t *__restrict c2 = in + index[k + 2] * kTileRows;
      const uint16_t *__restrict c3 = in + index[k + 3] * kTileRows;
      const uint16_t w0 = weight[k], w1 = weight[k + 1], w2 = weight[k + 2], w3 = weight[k + 3];
      STA_LANES
      for (int r = 0; r < kTileRows; ++r)
        out[r] =
            static_cast<uint16_t>(out[r] + multiply_high(c0[r], w0) + multiply_high(c1[r], w1) + multiply_high(c2[r], w2) + multiply_high(c3[r], w3));
    }
  }
}

STA_CLONES void filter_columns_exact(const uint16_t *__restrict in, const int32_t *begin, const int32_t *index, const uint16_t *weight, int n,
                                     uint16_t *__restrict out) {
  for (int x = 0; x < n; ++x, out += kTileRows) {
    uint32_t sum[kTileRows];
    STA_LANES
    for (int r = 0; r < kTileRows; ++r) sum[r] = 1u << 15;
    for (int k = begin[x]; k < begin[x + 1]; ++k) {
      const uint16_t *column = in + index[k] * kTileRows;
      const uint32_t w = weight[k];
      STA_LANES
      for (int r = 0; r < kTileRows; ++r) sum[r] += column[r] * w;
    }
    STA_LANES
    for (int r = 0; r < kTileRows; ++r) out[r] = static_cast<uint16_t>(sum[r] >> 16);
  }
}

STA_CLONES void lerp_columns(const uint8_t *__restrict left, const uint8_t *__restrict right, const int16_t *__restrict weight_left,
                             const int16_t *__restrict weight_right, int n, int16_t *__restrict out) {
  for (int i = 0; i < n; ++i) out[i] = static_cast<int16_t>((left[i] * weight_left[i] + right[i] * weight_right[i]) >> 4);
}

STA_CLONES void lerp_rows(const int16_t *__restrict row0, const int16_t *__restrict row1, int16_t w0, int16_t w1, int n, uint8_t *__restrict out) {
  for (int i = 0; i < n; ++i) {
    const int16_t sum = static_cast<int16_t>(static_cast<int16_t>((row0[i] * w0) >> 16) + static_cast<int16_t>((row1[i] * w1) >> 16) + 2);
    out[i] = static_cast<uint8_t>(sum >> 2);
  }
}

STA_CLONES void convert_yuv(const uint16_t *__restrict y, const uint16_t *__restrict u, const uint16_t *__restrict v, int shift,
                            const ColorConversion &conversion, int n, uint8_t *__restrict r, uint8_t *__restrict g, uint8_t *__restrict b) {
  const ColorConversion c = conversion;
  const int32_t half = (1 << shift) >> 1;
  for (int i = 0; i < n; ++i) {
    const int32_t luma = (((y[i] + half) >> shift) - c.y_zero) * c.ky;
    const int32_t cb = ((u[i] + half) >> shift) - c.c_zero, cr = ((v[i] + half) >> shift) - c.c_zero;
    r[i] = level(luma + cr * c.krv);
    g[i] = level(luma - cb * c.kgu - cr * c.kgv);
    b[i] = level(luma + cb * c.kbu);
  }
}

STA_CLONES void convert_gray(const uint16_t *__restrict y, int shift, const ColorConversion &conversion, int n, uint8_t *__restrict gray) {
  const ColorConversion c = conversion;
  const int32_t half = (1 << shift) >> 1;
  for (int i = 0; i < n; ++i) gray[i] = level((((y[i] + half) >> shift) - c.y_zero) * c.ky);
}

STA_CLONES void round_q8(const uint16_t *__restrict in, int n, uint8_t *__restrict out) {
  for (int i = 0; i < n; ++i) out[i] = static_cast<uint8_t>(std::min((in[i] + 128) >> 8, 255));
}

STA_CLONES void interleave(const uint8_t *__restrict r, const uint8_t *__restrict g, const uint8_t *__restrict b, int n, uint8_t *__restrict rgb) {
  for (int i = 0; i < n; ++i) {
    rgb[3 * i] = r[i];
    rgb[3 * i + 1] = g[i];
    rgb[3 * i + 2] = b[i];
  }
}

}  // namespace clones

}  // namespace

void filter_rows(SampleType type, const uint8_t *base, ptrdiff_t stride, const TapList &taps, int n, uint16_t *out) {
  clones::filter_rows(type, base, stride, taps, n, out);
}
void filter_rows_exact(SampleType type, const uint8_t *base, ptrdiff_t stride, const TapList &taps, int n, uint32_t *sums, uint16_t *out) {
  clones::filter_rows_exact(type, base, stride, taps, n, sums, out);
}
void transpose_tile(const uint16_t *in, int in_stride, int n, uint16_t *out) { clones::transpose_tile(in, in_stride, n, out); }
void filter_columns(const uint16_t *in, const int32_t *begin, const int32_t *index, const uint16_t *weight, const uint16_t *bias, int n,
                    uint16_t *out) {
  clones::filter_columns(in, begin, index, weight, bias, n, out);
}
void filter_columns_exact(const uint16_t *in, const int32_t *begin, const int32_t *index, const uint16_t *weight, int n, uint16_t *out) {
  clones::filter_columns_exact(in, begin, index, weight, n, out);
}
void lerp_columns(const uint8_t *left, const uint8_t *right, const int16_t *weight_left, const int16_t *weight_right, int n, int16_t *out) {
  clones::lerp_columns(left, right, weight_left, weight_right, n, out);
}
void lerp_rows(const int16_t *row0, const int16_t *row1, int16_t w0, int16_t w1, int n, uint8_t *out) {
  clones::lerp_rows(row0, row1, w0, w1, n, out);
}
void convert_yuv(const uint16_t *y, const uint16_t *u, const uint16_t *v, int shift, const ColorConversion &conversion, int n, uint8_t *r, uint8_t *g,
                 uint8_t *b) {
  clones::convert_yuv(y, u, v, shift, conversion, n, r, g, b);
}
void convert_gray(const uint16_t *y, int shift, const ColorConversion &conversion, int n, uint8_t *gray) {
  clones::convert_gray(y, shift, conversion, n, gray);
}
void round_q8(const uint16_t *in, int n, uint8_t *out) { clones::round_q8(in, n, out); }
void interleave(const uint8_t *r, const uint8_t *g, const uint8_t *b, int n, uint8_t *rgb) { clones::interleave(r, g, b, n, rgb); }

void store_tile(const uint8_t *r, const uint8_t *g, const uint8_t *b, int width, int rows, uint8_t *rgb) {
  for (int y = 0; y < rows; ++y)
    for (int x = 0; x < width; ++x, rgb += 3) {
      rgb[0] = r[x * kTileRows + y];
      rgb[1] = g[x * kTileRows + y];
      rgb[2] = b[x * kTileRows + y];
    }
}

}  // namespace sta::kernels
