// SPDX-License-Identifier: MIT
// See flops.h.
#include "model/flops.h"

#include <algorithm>

#include "model/video_swin.h"
#include "model/vit.h"
#include "pruning/ragged_plan.h"

namespace sta {
namespace {

// Similarities and mat-vecs of one call with N tokens per group. From the second transition on, the old tokens are only
// the kept ones.
uint64_t scoring(uint64_t t, uint64_t n, uint64_t r, uint64_t d) {
  uint64_t left = n, drop = r;  // of the first group; its matching is repeated if r is more than half
  for (; drop > (left + 1) / 2; left /= 2) drop -= (left + 1) / 2;
  const uint64_t first = (left + 1) / 2 * (left / 2) * d;
  if (t < 2) return first;
  const uint64_t later = (t - 2) * (n - r);  // old tokens after the first transition; that one is only a row sum
  return first + (n + later) * n * d + later * n;
}

// Of a call whose groups differ in size.
uint64_t ragged_scoring(const RaggedGroups &w, bool backward, uint64_t d) {
  uint64_t sum = 0, old = 0, mass = 0;  // tokens of the group before, and those of them that have mass
  for (size_t i = 0; i < w.counts.size(); ++i) {
    const size_t g = backward ? w.counts.size() - 1 - i : i;
    const uint64_t n = w.counts[g], kept = n - w.drops[g];
    if (n == 0) continue;
    sum += old == 0 ? (n + 1) / 2 * (n / 2) * d : old * n * d + mass * n;
    mass = old == 0 ? n : kept;
    old = n;
  }
  return sum;
}

// tokens: K.
std::vector<RaggedCall> even_plan(const ModelDescription &m, int drop_number, int tokens) {
  std::vector<int> counts(static_cast<size_t>(m.steps()), m.step_tokens());
  const int later = tokens - m.step_tokens(), steps = m.steps() - 1;
  for (int t = 1; t <= steps; ++t) counts[static_cast<size_t>(t)] = later * t / steps - later * (t - 1) / steps;
  return plan_ragged({counts}, m.step_tokens(), drop_number, m.reads_first_patch(), true);
}

// A block on l tokens, each of which attends to all.
void count_block(uint64_t l, uint64_t c, uint64_t mlp, sta_flops &f) {
  f.qkv += l * c * 3 * c;
  f.attention_matmul += 2 * l * l * c;
  f.proj += l * c * c;
  f.mlp += 2 * l * c * mlp;
  f.layer_norm += 2 * 5 * l * c;
}

// Blocks on the l tokens that are left, then the attention of one query, which is projected once for all clips.
void count_pooler(const ModelDescription &m, uint64_t l, sta_flops &f) {
  const uint64_t c = m.embed_dim, mlp = m.pooler_mlp_dim;
  f.layer_norm += 5 * l * c;  // after the last block
  for (int i = 0; i < m.pooler_blocks; ++i) count_block(l, c, mlp, f);
  f.layer_norm += 5 * l * c + 5 * c;
  f.qkv += l * c * 2 * c;
  f.attention_matmul += 2 * l * c;
  f.mlp += 2 * c * mlp;
}

void count_vit(const ModelDescription &m, int drop_number, int tokens, sta_flops &f) {
  const uint64_t c = m.embed_dim, d = m.head_dim(), r = drop_number, e = m.extra_tokens();
  const bool still = tokens > 0 && tokens < m.tokens();
  uint64_t l = still ? tokens : m.tokens();
  std::vector<RaggedCall> plan;
  if (still && r > 0) plan = even_plan(m, drop_number, tokens);
  f.patch_embed = l * c * m.patch_volume();
  for (int i = 0; i < m.depth; ++i) {
    count_block(e + l, c, m.mlp_dim, f);
    const PruneCall call = prune_call_after(m, i);
    if (r == 0 || call.index == 0) continue;
    if (still) {
      const RaggedCall &ragged = plan[static_cast<size_t>(call.index - 1)];
      f.scoring += ragged_scoring(ragged.windows[0], ragged.backward, d);
      l = ragged.kept;
      continue;
    }
    const uint64_t t = call.groups, n = l / t;
    f.scoring += scoring(t, n, r, d);
    l = t * (n - r);
  }
  if (m.pooled_by_attention())
    count_pooler(m, l, f);
  else
    f.layer_norm += 5 * c;
  f.head = c * m.num_classes;
}

// In each block every token attends to the steps of its place, then to the places of its step.
void count_timesformer(const ModelDescription &m, sta_flops &f) {
  const uint64_t c = m.embed_dim, t = m.steps(), n = m.step_tokens(), depth = m.depth, spatial = t * (1 + n);
  f.patch_embed = t * n * c * m.patch_volume();
  f.qkv = depth * (t * n + spatial) * c * 3 * c;
  f.attention_matmul = depth * 2 * (n * t * t + t * (1 + n) * (1 + n)) * c;
  f.proj = depth * (2 * t * n + spatial) * c * c;  // with the product behind the attention to time
  f.mlp = depth * 2 * (1 + t * n) * c * m.mlp_dim;
  f.layer_norm = depth * 5 * (t * n + spatial + 1 + t * n) * c + 5 * c;
  f.head = c * m.num_classes;
}

// Windows stay full whatever is dropped. So attention is counted over all slots including padding, but linear maps only
// over kept tokens.
void count_swin(const ModelDescription &m, int drop_number, sta_flops &f) {
  f.patch_embed = uint64_t(m.tokens()) * m.embed_dim * m.patch_volume();
  f.layer_norm = 5ull * m.tokens() * m.embed_dim;
  for (int s = 0; s < m.stages(); ++s) {
    const std::array<int, 3> grid = m.stage_grid(s);
    const uint64_t l = uint64_t(grid[0]) * grid[1] * grid[2], c = m.stage_dim(s), depth = m.stage_depths[s];
    const uint64_t mlp = uint64_t(m.mlp_dim) << s;
    uint64_t kept = l, slots = 1, window = 1;
    if (const StagePrune p = stage_prune(m, s, drop_number); p.call.index != 0) {
      const uint64_t t = p.call.groups, n = l / t;
      f.scoring += scoring(t, n, p.drop_number, c / m.stage_heads[s]);
      kept = t * (n - p.drop_number);
    }
    for (int i = 0; i < 3; ++i) {
      const int w = std::min(grid[i], m.window[i]);
      window *= w;
      slots *= (grid[i] + w - 1) / w * w;
    }
    f.qkv += depth * kept * c * 3 * c;
    f.attention_matmul += depth * 2 * slots * window * c;
    f.proj += depth * kept * c * c;
    f.mlp += depth * 2 * kept * c * mlp;
    f.layer_norm += depth * 2 * 5 * kept * c;
    if (s + 1 == m.stages()) {
      f.layer_norm += 5 * l * c;
      f.head = c * m.num_classes;
      break;
    }
    const std::array<int, 3> next = m.stage_grid(s + 1);
    const uint64_t merged = uint64_t(next[0]) * next[1] * next[2];
    f.patch_embed += merged * 4 * c * 2 * c;
    f.layer_norm += 5 * merged * 4 * c;
  }
}

struct Arch {
  const char *name;
  int embed_dim, depth, num_heads;
};

void describe_vivit(ModelDescription &m) {
  m.architecture = "vivit";
  m.positions = Positions::kLearned;
  m.class_token = m.tanh_gelu = true;
  m.mean_pooling = false;
  m.num_frames = 32;
  m.spacing = {200'000'000, 3};  // 2/30 s
  m.embed_dim = 768;
  m.depth = m.num_heads = 12;
}

void describe_vjepa2(ModelDescription &m, const Arch &arch) {
  m.architecture = "vjepa2";
  m.positions = Positions::kRotary;
  m.height = m.width = 256;
  m.short_side = 292;
  m.antialias = true;
  m.embed_dim = arch.embed_dim;
  m.depth = arch.depth;
  m.num_heads = arch.num_heads;
  if (arch.embed_dim == 1408) m.mlp_dim = 6144;  // 48/11 times the width
  m.pooler_blocks = 3;
  m.pooler_mlp_dim = 4 * arch.embed_dim;
  m.num_classes = 174;
}

}  // namespace

void count_flops(const ModelDescription &m, int drop_number, sta_flops &f, int tokens) {
  f.patch_embed = f.qkv = f.attention_matmul = f.proj = f.mlp = f.layer_norm = f.scoring = f.head = 0;
  if (m.pyramid())
    count_swin(m, drop_number, f);
  else if (m.divided)
    count_timesformer(m, f);
  else
    count_vit(m, drop_number, tokens, f);
  f.total = f.patch_embed + f.qkv + f.attention_matmul + f.proj + f.mlp + f.layer_norm + f.scoring + f.head;
}

bool describe_arch(const std::string &name, ModelDescription &m) {
  struct Swin {
    const char *name;
    int embed_dim, third_depth, num_heads, window, num_classes;
  };
  m = ModelDescription();
  m.name = name;
  m.path = "arch:" + name;
  m.num_classes = 400;
  for (const Arch &a :
       {Arch{"vit_small", 384, 12, 6}, Arch{"vit_base", 768, 12, 12}, Arch{"vit_large", 1024, 24, 16}, Arch{"vit_huge", 1280, 32, 16}}) {
    if (name != a.name) continue;
    m.embed_dim = a.embed_dim;
    m.depth = a.depth;
    m.num_heads = a.num_heads;
  }
  for (const Swin &a : {Swin{"video_swin_tiny", 96, 6, 3, 8, 400}, Swin{"video_swin_small", 96, 18, 3, 8, 400},
                        Swin{"video_swin_base", 128, 18, 4, 8, 400}, Swin{"video_swin_base_w16", 128, 18, 4, 16, 174}}) {
    if (name != a.name) continue;
    describe_swin_defaults(m);
    m.embed_dim = a.embed_dim;
    m.stage_depths = {2, 2, a.third_depth, 2};
    m.depth = a.third_depth + 6;
    m.num_heads = a.num_heads;
    m.stage_heads = {a.num_heads, 2 * a.num_heads, 4 * a.num_heads, 8 * a.num_heads};
    m.window = {a.window, 7, 7};
    m.num_classes = a.num_classes;
  }
  if (name == "vivit_base") describe_vivit(m);
  for (const Arch &a : {Arch{"vjepa2_large", 1024, 24, 16}, Arch{"vjepa2_huge", 1280, 32, 16}, Arch{"vjepa2_giant", 1408, 40, 22}})
    if (name == a.name) describe_vjepa2(m, a);
  if (m.embed_dim == 0) return false;
  if (m.mlp_dim == 0) m.mlp_dim = 4 * m.embed_dim;
  for (int i = 0; i < m.num_classes; ++i) m.labels.push_back("class " + std::to_string(i));
  return true;
}

std::string arch_names() {
  return "vit_small, vit_base, vit_large, vit_huge, vivit_base, vjepa2_large, vjepa2_huge, vjepa2_giant, video_swin_tiny, video_swin_small, "
         "video_swin_base or video_swin_base_w16";
}

}  // namespace sta
