// SPDX-License-Identifier: MIT
// The STA pruning step in three launches. pruning/sta.cc explains what it computes and why.
//
//   token_statistics   one warp per token: mean of the heads' keys -> unit length; Σ|x|
//   group_similarity   all pairs of neighbouring groups at once: the numerator of every column softmax, and its sum.
//                      This is possible because a column of P does not depend on which other old tokens survive. The
//                      same launch computes the first group's similarity of even to odd positions
//   prune_chain        one block per clip walks the groups: mat-vec, multiply, select, renormalise
//
// P stays unnormalised. Dividing the mass of an old token by the sum of its column once is cheaper than dividing N
// numbers. Cosines lie within ±1, so no maximum has to be subtracted before the exponential.
//
// The selection sorts by counting: the rank of a token is the number of scores that are smaller, or equal and earlier.
// If N is a few hundred, one block makes the N² comparisons in a microsecond. The result cannot depend on the order in
// which threads run.
#include <cstdio>

#include "cuda/numeric.h"
#include "cuda/rank.h"
#include "cuda/sta_cuda.h"
#include "cuda/status.h"

namespace sta::cuda {
namespace {

constexpr int kMaxGroupTokens = 2048, kMaxHeadDim = 128, kMaxGroups = 256, kMaxBatch = 65535;

// Sizes of one call, and the group order of its scan. Where groups differ in size, n is the size of the largest: memory
// and grids are laid out for it.
struct Shape {
  int batch, groups, n, channels, heads, dim, drop;
  bool backward;
  int keep_group, keep_position;  // where the token is that is never dropped; -1, -1: there is none
  int padded;                     // D rounded up to a multiple of 4, so that rows are whole float4
  int64_t length;                 // tokens of a clip: L, or K where groups differ in size
  int64_t emitted;                // tokens of a clip that are kept

  __host__ __device__ int kept() const { return n - drop; }
  __host__ __device__ int64_t tokens() const { return length; }
  __host__ __device__ int sources() const { return (n + 1) / 2; }  // even positions of the first group
  /// The group at position `step` of the scan.
  __host__ __device__ int scanned(int step) const { return backward ? groups - 1 - step : step; }
  /// The group at position `step` of the scan of clip b. plan: where groups differ in size, else NULL.
  __host__ __device__ sta_cuda_group group(const sta_cuda_group *plan, int64_t b, int step) const {
    if (plan) return plan[b * groups + step];
    const int g = scanned(step);
    return {g * n, n, kept(), g * kept(), g == keep_group ? keep_position : -1};
  }
};

// Scratch memory, all fp32, in this order. `unit_key` comes first because it is read in pieces of 16 bytes.
struct Workspace {
  float *unit_key;    // [B,L,padded], unit length, zeros behind D
  float *magnitude;   // F [B,L]
  float *similarity;  // [B,ceil(N/2)] of the first group's even positions
  float *column_sum;  // [B,T-1,N]
  float *numerator;   // [B,T-1,N,N]: row = old token, column = new token

  static size_t floats(const Shape &s) {
    const size_t b = static_cast<size_t>(s.batch), l = static_cast<size_t>(s.tokens()), n = static_cast<size_t>(s.n), pairs = s.groups - 1;
    return b * (l * (s.padded + 1) + s.sources() + pairs * n + pairs * n * n);
  }
  Workspace(const Shape &s, void *memory) : unit_key(static_cast<float *>(memory)) {
    const size_t b = static_cast<size_t>(s.batch), l = static_cast<size_t>(s.tokens());
    magnitude = unit_key + b * l * s.padded;
    similarity = magnitude + b * l;
    column_sum = similarity + b * s.sources();
    numerator = column_sum + b * (s.groups - 1) * s.n;
  }
};

// -------------------------------------------------------------------------------------------- 1: every token by itself

constexpr int kTokensPerBlock = 8;

template <typename T>
__global__ void __launch_bounds__(kTokensPerBlock *kWarpSize)
    token_statistics(Shape s, const T *x, int64_t x_batch, int64_t x_token, bool packed, const T *keys, int64_t key_batch, int64_t key_token,
                     int64_t key_head, float *unit_key, float *magnitude) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const int64_t token = static_cast<int64_t>(blockIdx.x) * kTokensPerBlock + threadIdx.x / kWarpSize;
  if (token >= s.batch * s.tokens()) return;  // the whole warp returns; the block has no barrier
  const int64_t b = token / s.tokens(), l = token % s.tokens();

  const T *row = x + b * x_batch + l * x_token;
  float sum = 0;
  for (int c = lane * kPack; c < s.channels; c += kWarpSize * kPack) {
    float values[kPack];
    load8(row + c, s.channels - c, packed, values);
    for (int i = 0; i < kPack; ++i) sum += fabsf(values[i]);
  }
  sum = warp_sum(sum);
  if (lane == 0) magnitude[token] = sum;

  const T *key = keys + b * key_batch + l * key_token;
  float mean[kMaxHeadDim / kWarpSize], square = 0;
  STA_UNROLL(4)
  for (int i = 0; i < kMaxHeadDim / kWarpSize; ++i) {
    const int d = lane + i * kWarpSize;
    float total = 0;
    if (d < s.dim)
      for (int h = 0; h < s.heads; ++h) total += to_float(key[h * key_head + d]);
    mean[i] = total / static_cast<float>(s.heads);
    square = fmaf(mean[i], mean[i], square);
  }
  const float norm = fmaxf(sqrtf(warp_sum(square)), kTiny);
  STA_UNROLL(4)
  for (int i = 0; i < kMaxHeadDim / kWarpSize; ++i) {
    const int d = lane + i * kWarpSize;
    if (d < s.padded) unit_key[token * s.padded + d] = mean[i] / norm;
  }
}

// --------------------------------------------------------------------------------------------- 2: every pair of tokens

constexpr int kSimilarityThreads = 256, kTileRows = 16, kTileColumns = 64;
// Rows are padded by four floats, so lanes that read the same piece of neighbouring rows use different banks.
__host__ __device__ constexpr int tile_stride(int padded) { return padded + 4; }

// Copies `count` keys into tile [tile_rows, stride]. They begin at token `first` and are `step` tokens apart. Rows
// beyond `count` become zero.
__device__ __forceinline__ void load_keys(const float *group_keys, int padded, int first, int step, int count, int tile_rows, float *tile) {
  const int pieces = padded / 4;
  for (int i = static_cast<int>(threadIdx.x); i < tile_rows * pieces; i += kSimilarityThreads) {
    const int row = i / pieces, piece = i % pieces;
    float4 v = make_float4(0, 0, 0, 0);
    if (row < count) v = *reinterpret_cast<const float4 *>(group_keys + static_cast<int64_t>(first + row * step) * padded + piece * 4);
    *reinterpret_cast<float4 *>(tile + row * tile_stride(padded) + piece * 4) = v;
  }
}

__device__ __forceinline__ float multiply_add(float4 a, float4 b, float sum) {
  return fmaf(a.w, b.w, fmaf(a.z, b.z, fmaf(a.y, b.y, fmaf(a.x, b.x, sum))));
}

// Grid: row tiles x T x B. Plane 0 of the grid is the first group (rows: even positions, columns: odd ones). Plane p >
// 0 is the pair of groups p-1 (rows) and p (columns) of the scan. Each warp owns two rows of the tile, each lane two
// columns.
__global__ void __launch_bounds__(kSimilarityThreads)
    group_similarity(Shape s, const sta_cuda_group *plan, const float *unit_key, float *similarity, float *column_sum, float *numerator) {
  STA_DYNAMIC_SHARED(shared);
  const int stride = tile_stride(s.padded), pair = static_cast<int>(blockIdx.y), b = static_cast<int>(blockIdx.z);
  const bool first = pair == 0;
  const sta_cuda_group fresh = s.group(plan, b, pair), old = first ? fresh : s.group(plan, b, pair - 1);
  if (fresh.count == 0) return;  // the whole block returns
  const int rows = first ? (old.count + 1) / 2 : old.count, columns = first ? fresh.count / 2 : fresh.count, step = first ? 2 : 1;
  const int row0 = static_cast<int>(blockIdx.x) * kTileRows;
  if (row0 >= rows) return;                             // the whole block returns
  float *old_tile = reinterpret_cast<float *>(shared);  // [kTileRows, stride]
  float *new_tile = old_tile + kTileRows * stride;      // [kTileColumns, stride]
  const float *clip_keys = unit_key + b * s.tokens() * s.padded;
  const float *old_keys = clip_keys + static_cast<int64_t>(old.start) * s.padded;
  const float *new_keys = clip_keys + static_cast<int64_t>(fresh.start) * s.padded;
  const int64_t plane = static_cast<int64_t>(b) * (s.groups - 1) + pair - 1;  // of the pair; unused for the first group

  const int lane = static_cast<int>(threadIdx.x) % kWarpSize, warp = static_cast<int>(threadIdx.x) / kWarpSize;
  float sum[2] = {0, 0}, most[2] = {-INFINITY, -INFINITY};
  load_keys(old_keys, s.padded, row0 * step, step, rows - row0, kTileRows, old_tile);
  for (int column0 = 0; column0 < columns; column0 += kTileColumns) {
    __syncthreads();  // nobody reads the tile any more
    load_keys(new_keys, s.padded, column0 * step + (first ? 1 : 0), step, columns - column0, kTileColumns, new_tile);
    __syncthreads();
    float dot[2][2] = {{0, 0}, {0, 0}};
    const float *row = old_tile + 2 * warp * stride, *column = new_tile + lane * stride;
    for (int d = 0; d < s.padded; d += 4) {
      float4 a[2], c[2];
      for (int i = 0; i < 2; ++i) a[i] = *reinterpret_cast<const float4 *>(row + i * stride + d);
      for (int j = 0; j < 2; ++j) c[j] = *reinterpret_cast<const float4 *>(column + j * kWarpSize * stride + d);
      for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 2; ++j) dot[i][j] = multiply_add(a[i], c[j], dot[i][j]);
    }
    for (int i = 0; i < 2; ++i)
      for (int j = 0; j < 2; ++j) {
        const int r = row0 + 2 * warp + i, c = column0 + lane + j * kWarpSize;
        if (c >= columns) continue;
        if (first) {
          most[i] = fmaxf(most[i], dot[i][j]);
        } else {
          const float e = exponential(dot[i][j]);
          sum[i] += e;
          if (r < rows) numerator[(plane * s.n + r) * s.n + c] = e;
        }
      }
  }
  for (int i = 0; i < 2; ++i) {
    const int r = row0 + 2 * warp + i;
    const float total = warp_sum(sum[i]), largest = warp_max(most[i]);
    if (lane != 0 || r >= rows) continue;
    if (first)
      similarity[static_cast<int64_t>(b) * s.sources() + r] = columns > 0 ? largest : 0.0f;
    else
      column_sum[plane * s.n + r] = total;
  }
}

// ---------------------------------------------------------------------------------------------- 3: the chain of groups

constexpr int kMaxColumnThreads = 256;

// Shared memory of the chain, in 32-bit words.
struct ChainMemory {
  float *weight;       // [N] mass / column sum of the old tokens in `list`
  int *list;           // [N] old tokens that carry mass; after a selection, position -> token
  float *accumulated;  // A [N]
  uint32_t *key;       // [N] sort keys
  float *partial;      // [kSlices, column threads]
  float *low, *range;  // [T] minimum and range of the semantic score
  float *total;        // [1]

  __host__ __device__ static int words(int n, int groups, int threads) { return 4 * n + threads + 2 * groups + 1; }
  __device__ ChainMemory(unsigned char *memory, int n, int groups, int threads) : weight(reinterpret_cast<float *>(memory)) {
    list = reinterpret_cast<int *>(weight + n);
    accumulated = weight + 2 * n;
    key = reinterpret_cast<uint32_t *>(weight + 3 * n);
    partial = weight + 4 * n;
    low = partial + threads;
    range = low + groups;
    total = range + groups;
  }
};

__global__ void __launch_bounds__(kSlices *kMaxColumnThreads)
    prune_chain(Shape s, const sta_cuda_group *plan, const float *magnitude, const float *similarity, const float *column_sum, const float *numerator,
                int64_t *kept_out, float *semantic_out, float *accumulated_out, float *score_out, float *similarity_out) {
  STA_DYNAMIC_SHARED(shared);
  const int threads = static_cast<int>(blockDim.x), thread = static_cast<int>(threadIdx.x), lane = thread % kWarpSize, n = s.n;
  const int64_t b = blockIdx.x;
  const ChainMemory m(shared, n, s.groups, threads);
  const Worker w{thread / (threads / kSlices), thread % (threads / kSlices), threads / kSlices};
  const float *f = magnitude + b * s.tokens();
  const auto emit = [&](const sta_cuda_group &group, int position, int token) {
    kept_out[b * s.emitted + group.place + position] = static_cast<int64_t>(group.start) + token;
  };

  // Minimum and range of the semantic score of each group, in the order of the scan. One warp handles one group.
  for (int step = thread / kWarpSize; step < s.groups; step += threads / kWarpSize) {
    const sta_cuda_group group = s.group(plan, b, step);
    float low = INFINITY, high = -INFINITY;
    for (int i = lane; i < group.count; i += kWarpSize) {
      low = fminf(low, f[group.start + i]);
      high = fmaxf(high, f[group.start + i]);
    }
    low = warp_min(low);
    high = warp_max(high);
    if (lane == 0) {
      m.low[step] = low;
      m.range[step] = fmaxf(high - low, kTiny);
    }
  }

  // The first group: odd positions stay, then the even ones follow by ascending similarity.
  const sta_cuda_group first = s.group(plan, b, 0);
  const int sources = (first.count + 1) / 2, targets = first.count / 2;
  for (int i = thread; i < sources; i += threads) {
    const float v = similarity[b * s.sources() + i];
    m.key[i] = 2 * i == first.stays ? 0 : sort_key(v);
    if (similarity_out) similarity_out[b * s.sources() + i] = v;
  }
  for (int i = thread; i < targets; i += threads) emit(first, i, 2 * i + 1);
  __syncthreads();
  // The scores for tests, of groups of one size.
  if (semantic_out)
    for (int i = thread; i < s.groups * n; i += threads) {
      const int step = s.scanned(i / n);
      semantic_out[b * s.tokens() + i] = (f[i] - m.low[step]) / m.range[step];
    }
  if (accumulated_out)
    for (int i = thread; i < n; i += threads) accumulated_out[b * s.tokens() + first.start + i] = -1;
  if (score_out)
    for (int i = thread; i < n; i += threads) score_out[b * s.tokens() + first.start + i] = -1;
  rank_keys(m.key, sources, w, m.partial, [&](int i, int rank) {
    if (targets + rank < first.kept) emit(first, targets + rank, 2 * i);
  });

  // A_1 counts all tokens of the first group, including the dropped ones, as the official code does.
  const float *sums = column_sum + b * (s.groups - 1) * n;
  sta_cuda_group group = s.groups > 1 ? s.group(plan, b, 1) : sta_cuda_group{};
  for (int i = thread; i < first.count && group.count > 0; i += threads) {
    m.list[i] = i;
    m.weight[i] = 1.0f / sums[i];
  }
  __syncthreads();
  int old_count = first.count;
  for (int step = 1; group.count > 0; ++step) {
    const float *spread = numerator + (b * (s.groups - 1) + step - 1) * n * n;  // [old, new], rows of n
    for (int base = 0; base < group.count; base += w.columns) {
      const int i = base + w.column;
      float sum = 0;
      if (i < group.count) {
        STA_UNROLL(8)
        for (int k = w.slice; k < old_count; k += kSlices) sum = fmaf(spread[m.list[k] * n + i], m.weight[k], sum);
      }
      m.partial[w.slice * w.columns + w.column] = sum;
      __syncthreads();
      if (w.slice == 0 && i < group.count) {
        float accumulated = m.partial[w.column];
        for (int slice = 1; slice < kSlices; ++slice) accumulated += m.partial[slice * w.columns + w.column];
        const float semantic = (f[group.start + i] - m.low[step]) / m.range[step], score = accumulated * (1.0f - semantic);
        m.accumulated[i] = accumulated;
        m.key[i] = i == group.stays ? 0 : sort_key(score);
        const int64_t at = b * s.tokens() + group.start + i;
        if (accumulated_out) accumulated_out[at] = accumulated;
        if (score_out) score_out[at] = score;
      }
      __syncthreads();
    }
    rank_keys(m.key, group.count, w, m.partial, [&](int i, int rank) {
      if (rank >= group.kept) return;
      m.list[rank] = i;
      emit(group, rank, i);
    });
    const sta_cuda_group next = step + 1 < s.groups ? s.group(plan, b, step + 1) : sta_cuda_group{};
    if (next.count == 0) break;
    old_count = group.kept;
    if (thread < kWarpSize) {
      float total = 0;
      for (int k = lane; k < old_count; k += kWarpSize) total += m.accumulated[m.list[k]];
      total = warp_sum(total);
      if (lane == 0) *m.total = fmaxf(total, kTiny);
    }
    __syncthreads();
    for (int k = thread; k < old_count; k += threads) m.weight[k] = m.accumulated[m.list[k]] / *m.total / sums[step * n + m.list[k]];
    __syncthreads();
    group = next;
  }
}

// ----------------------------------------------------------------------------------------------------------- host side

// Returns what is wrong with the sizes, or NULL.
const char *check_sizes(const sta_cuda_prune_args &a) {
  if (a.type < STA_CUDA_FP32 || a.type > STA_CUDA_BF16) return "type is none of fp32, fp16, bf16";
  if (a.batch < 1 || a.batch > kMaxBatch) return "the batch is not within 1 .. 65535";
  if (a.groups < 1 || a.groups > kMaxGroups) return "the number of groups is not within 1 .. 256";
  if (a.group_tokens < 1 || a.group_tokens > kMaxGroupTokens) return "the tokens of a group are not within 1 .. 2048";
  if (a.channels < 1) return "there are no channels";
  if (a.heads < 1) return "there are no heads";
  if (a.head_dim < 1 || a.head_dim > kMaxHeadDim) return "the head size is not within 1 .. 128";
  if (a.plan) {
    if (a.tokens < 1 || a.tokens > static_cast<int64_t>(a.groups) * a.group_tokens) return "the tokens of a clip are more than its groups can have";
    if (a.kept_count < 1 || a.kept_count > a.tokens) return "the tokens to keep are none, or more than there are";
    return nullptr;
  }
  if (a.drop < 0 || a.drop >= a.group_tokens || a.drop > (a.group_tokens + 1) / 2)
    return "the drop number is more than half of a group's tokens, or all of them";
  if (a.keep_token < -1 || a.keep_token >= a.groups * a.group_tokens) return "the token to keep is not one of them";
  const bool in_first = a.keep_token >= 0 && a.keep_token / a.group_tokens == (a.backward ? a.groups - 1 : 0);
  if (in_first && (a.keep_token % a.group_tokens % 2 != 0 || a.drop >= (a.group_tokens + 1) / 2))
    return "the token to keep is at an odd position of the first group, or all even ones are to be dropped";
  return nullptr;
}

Shape shape_of(const sta_cuda_prune_args &a) {
  const bool keeps = a.keep_token >= 0;
  return {a.batch,
          a.groups,
          a.group_tokens,
          a.channels,
          a.heads,
          a.head_dim,
          a.drop,
          a.backward != 0,
          keeps ? a.keep_token / a.group_tokens : -1,
          keeps ? a.keep_token % a.group_tokens : -1,
          (a.head_dim + 3) / 4 * 4,
          a.plan ? a.tokens : static_cast<int64_t>(a.groups) * a.group_tokens,
          a.plan ? a.kept_count : static_cast<int64_t>(a.groups) * (a.group_tokens - a.drop)};
}

template <typename T>
void launch_statistics(const Shape &s, const sta_cuda_prune_args &a, const Workspace &memory, cudaStream_t stream) {
  const bool packed = is_packed<T>(a.x, {a.x_batch, a.x_token, a.channels});
  const int64_t tokens = s.batch * s.tokens();
  STA_LAUNCH(token_statistics<T>, dim3(static_cast<unsigned>((tokens + kTokensPerBlock - 1) / kTokensPerBlock)), dim3(kTokensPerBlock * kWarpSize), 0,
             stream, s, static_cast<const T *>(a.x), a.x_batch, a.x_token, packed, static_cast<const T *>(a.keys), a.key_batch, a.key_token,
             a.key_head, memory.unit_key, memory.magnitude);
}

}  // namespace
}  // namespace sta::cuda

using namespace sta::cuda;

extern "C" size_t sta_cuda_prune_workspace(const sta_cuda_prune_args *args) {
  return check_sizes(*args) ? 0 : Workspace::floats(shape_of(*args)) * sizeof(float);
}

extern "C" sta_cuda_status sta_cuda_prune(const sta_cuda_prune_args *args, void *stream_pointer, char *message) {
  const sta_cuda_prune_args &a = *args;
  if (const char *wrong = check_sizes(a)) return report(STA_CUDA_UNSUPPORTED, "pruning", wrong, message);
  if (!a.x || !a.keys || !a.workspace || !a.kept) return report(STA_CUDA_UNSUPPORTED, "pruning", "a pointer is NULL", message);
  if (!aligned16(a.workspace)) return report(STA_CUDA_UNSUPPORTED, "pruning", "the workspace is not aligned to 16 bytes", message);
  const auto stream = static_cast<cudaStream_t>(stream_pointer);
  const Shape s = shape_of(a);
  const Workspace memory(s, a.workspace);

  if (a.type == STA_CUDA_FP32) launch_statistics<float>(s, a, memory, stream);
  if (a.type == STA_CUDA_FP16) launch_statistics<Half>(s, a, memory, stream);
  if (a.type == STA_CUDA_BF16) launch_statistics<Bfloat16>(s, a, memory, stream);

  const unsigned row_tiles = static_cast<unsigned>(((s.groups > 1 ? s.n : s.sources()) + kTileRows - 1) / kTileRows);
  const size_t tiles = static_cast<size_t>(kTileRows + kTileColumns) * tile_stride(s.padded) * sizeof(float);
  STA_LAUNCH(group_similarity, dim3(row_tiles, static_cast<unsigned>(s.groups), static_cast<unsigned>(s.batch)), dim3(kSimilarityThreads), tiles,
             stream, s, a.plan, memory.unit_key, memory.similarity, memory.column_sum, memory.numerator);

  const int column_threads = s.n >= kMaxColumnThreads ? kMaxColumnThreads : (s.n + kWarpSize - 1) / kWarpSize * kWarpSize;
  const int threads = kSlices * column_threads;
  STA_LAUNCH(prune_chain, dim3(static_cast<unsigned>(s.batch)), dim3(static_cast<unsigned>(threads)),
             static_cast<size_t>(ChainMemory::words(s.n, s.groups, threads)) * 4, stream, s, a.plan, memory.magnitude, memory.similarity,
             memory.column_sum, memory.numerator, a.kept, a.plan ? nullptr : a.semantic, a.plan ? nullptr : a.accumulated, a.plan ? nullptr : a.score,
             a.plan ? nullptr : a.first_similarity);
  return finish("pruning", message);
}
