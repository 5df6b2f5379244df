// SPDX-License-Identifier: MIT
// See flops.h.
#include "model/flops.h"

#include "model/vit.h"

namespace sta {
namespace {

// Similarities and mat-vecs of one call with N tokens a group; from the second transition on only kept tokens are old ones.
uint64_t scoring(uint64_t t, uint64_t n, uint64_t r, uint64_t d) {
  const uint64_t first = (n + 1) / 2 * (n / 2) * d;
  if (t < 2) return first;
  const uint64_t later = (t - 2) * (n - r);  // old tokens of all transitions but the first, whose mat-vec is a plain row sum
  return first + (n + later) * n * d + later * n;
}

}  // namespace

void count_flops(const ModelDescription &m, int drop_number, sta_flops &f) {
  const uint64_t c = m.embed_dim, d = m.head_dim(), mlp = m.mlp_dim, r = drop_number;
  uint64_t l = m.tokens();
  f.patch_embed = l * c * m.patch_volume();
  f.qkv = f.attention_matmul = f.proj = f.mlp = f.layer_norm = f.scoring = 0;
  for (int i = 0; i < m.depth; ++i) {
    f.qkv += l * c * 3 * c;
    f.attention_matmul += 2 * l * l * c;
    f.proj += l * c * c;
    f.mlp += 2 * l * c * mlp;
    f.layer_norm += 2 * 5 * l * c;
    const PruneCall call = prune_call_after(m, i);
    if (r == 0 || call.index == 0) continue;
    const uint64_t t = call.groups, n = l / t;
    f.scoring += scoring(t, n, r, d);
    l = t * (n - r);
  }
  f.layer_norm += 5 * c;
  f.head = c * m.num_classes;
  f.total = f.patch_embed + f.qkv + f.attention_matmul + f.proj + f.mlp + f.layer_norm + f.scoring + f.head;
}

bool describe_arch(const std::string &name, ModelDescription &m) {
  struct Arch {
    const char *name;
    int embed_dim, depth, num_heads;
  };
  for (const Arch &a :
       {Arch{"vit_small", 384, 12, 6}, Arch{"vit_base", 768, 12, 12}, Arch{"vit_large", 1024, 24, 16}, Arch{"vit_huge", 1280, 32, 16}}) {
    if (name != a.name) continue;
    m = ModelDescription();
    m.name = name;
    m.path = "arch:" + name;
    m.embed_dim = a.embed_dim;
    m.depth = a.depth;
    m.num_heads = a.num_heads;
    m.mlp_dim = 4 * a.embed_dim;
    m.num_classes = 400;
    for (int i = 0; i < m.num_classes; ++i) m.labels.push_back("class " + std::to_string(i));
    return true;
  }
  return false;
}

}  // namespace sta
