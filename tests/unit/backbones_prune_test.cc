// SPDX-License-Identifier: MIT
// Dropping tokens of ViViT and V-JEPA 2: against the networks written out plainly, with a class token that is in no group
// and rotary positions that stay with their tokens. The paper has no numbers for these networks. So what is tested is
// that the pass does what model/vit.h says.
#include <ATen/ATen.h>

#include <cmath>
#include <numeric>
#include <random>
#include <set>

#include "checkpoint_support.h"
#include "ops/ops.h"
#include "pruning/ragged.h"

using namespace checkpoint_test;

namespace {

using sta::ModelDescription;
using sta::PruneSettings;
using sta::StateDict;

sta::LoadedModel golden_model(const std::string &name) { return load(golden::path("hf_models/" + name)); }

// f32 [B,3,T,H,W]
at::Tensor noise(const ModelDescription &m, int64_t batch, uint64_t seed) {
  at::manual_seed(seed);
  return at::randn({batch, 3, m.num_frames, m.height, m.width});
}

std::vector<int64_t> list(const at::Tensor &t) {
  const at::Tensor whole = t.contiguous();
  return {whole.const_data_ptr<int64_t>(), whole.const_data_ptr<int64_t>() + whole.numel()};
}

sta::StillTokens all_tokens(const ModelDescription &m) {
  sta::StillTokens still;
  still.tokens.resize(static_cast<size_t>(m.tokens()));
  std::iota(still.tokens.begin(), still.tokens.end(), 0);
  still.runs.assign(still.tokens.size(), 1);
  return still;
}

// ---- The networks written out, in double, for one clip. Nothing of model/ or ops/ is used but the selection itself.

class Plain {
 public:
  Plain(const ModelDescription &m, const StateDict &weights) : m_(m) {
    for (const auto &[name, tensor] : weights) w_[name] = tensor.to(at::kDouble);
  }

  // rotate_keys: whether the scores use rotated keys, as they should not. Fills kept and the final places.
  at::Tensor logits(const at::Tensor &clip, int r, bool rotate_keys = false) {
    kept.clear();
    at::Tensor patches = patch_rows(clip.to(at::kDouble));  // [L,C]
    const int64_t e = m_.class_token ? 1 : 0;
    if (m_.positions == sta::Positions::kLearned) patches = patches + w_.at("positions").slice(0, e);
    places.resize(static_cast<size_t>(m_.tokens()));
    std::iota(places.begin(), places.end(), 0);
    at::Tensor x = e ? at::cat({(w_.at("class_token") + w_.at("positions")[0]).unsqueeze(0), patches}) : patches;
    for (int i = 0; i < m_.depth; ++i) {
      const std::string block = "blocks." + std::to_string(i) + ".";
      at::Tensor keys;
      x = block_of(x, block, /*rotated=*/m_.positions == sta::Positions::kRotary, rotate_keys, keys);
      const sta::PruneCall call = r > 0 ? sta::prune_call_after(m_, i) : sta::PruneCall{0, 0, false};
      if (call.index == 0) continue;
      const at::Tensor chosen =
          sta::select_sta(x.slice(0, e).unsqueeze(0).to(at::kFloat), keys.slice(0, e).mean(1).unsqueeze(0).to(at::kFloat), call, r, nullptr)[0];
      kept.push_back(chosen);
      std::vector<int64_t> next;
      for (const int64_t k : list(chosen)) next.push_back(places[static_cast<size_t>(k)]);
      places = next;
      x = e ? at::cat({x.slice(0, 0, 1), x.slice(0, 1).index_select(0, chosen)}) : x.index_select(0, chosen);
    }
    x = norm(x, "norm");
    at::Tensor row = x[0];
    if (m_.pooled_by_attention()) row = pooled(x);
    return linear(row, "head");
  }

  std::vector<at::Tensor> kept;
  std::vector<int64_t> places;  // of the patches that are left

 private:
  at::Tensor linear(const at::Tensor &x, const std::string &name) const { return at::linear(x, w_.at(name + ".weight"), w_.at(name + ".bias")); }
  at::Tensor norm(const at::Tensor &x, const std::string &name) const {
    const at::Tensor centred = x - x.mean(-1, true);
    return centred / (centred.square().mean(-1, true) + m_.block_eps).sqrt() * w_.at(name + ".weight") + w_.at(name + ".bias");
  }
  at::Tensor gelu(const at::Tensor &x) const {
    if (!m_.tanh_gelu) return x * 0.5 * (1 + (x / std::sqrt(2.0)).erf());
    return x * 0.5 * (1 + (std::sqrt(2 / M_PI) * (x + 0.044715 * x.pow(3))).tanh());
  }
  at::Tensor mlp(const at::Tensor &x, const std::string &prefix) const { return linear(gelu(linear(x, prefix + "mlp.fc1")), prefix + "mlp.fc2"); }

  // clip [3,T,H,W] -> [L,C], token by token.
  at::Tensor patch_rows(const at::Tensor &clip) const {
    const at::Tensor weight = w_.at("patch_embed.proj.weight");
    std::vector<at::Tensor> rows;
    for (int t = 0; t < m_.steps(); ++t)
      for (int y = 0; y < m_.height / m_.patch; ++y)
        for (int x = 0; x < m_.width / m_.patch; ++x) {
          const at::Tensor cube = clip.narrow(1, t * m_.tubelet, m_.tubelet).narrow(2, y * m_.patch, m_.patch).narrow(3, x * m_.patch, m_.patch);
          rows.push_back((weight * cube.unsqueeze(0)).sum(at::IntArrayRef{1, 2, 3, 4}) + w_.at("patch_embed.proj.bias"));
        }
    return at::stack(rows);
  }

  // x [K,h,D], channel by channel: the pairs of a part turn by position / 10000^(j mod d/2 / (d/2)).
  at::Tensor rotated(const at::Tensor &x) const {
    const int64_t part = m_.head_dim() / 3 / 2 * 2, columns = m_.width / m_.patch, n = m_.step_tokens();
    at::Tensor out = x.clone();
    for (size_t k = 0; k < places.size(); ++k)
      for (int64_t axis = 0; axis < 3; ++axis) {
        const int64_t place = places[k], position = axis == 0 ? place / n : axis == 1 ? place % n / columns : place % columns;
        for (int64_t j = 0; j < part; ++j) {
          const double angle =
              static_cast<double>(position) / std::pow(10000.0, static_cast<double>(j % (part / 2)) / (static_cast<double>(part) / 2));
          const int64_t channel = axis * part + j, pair = j % 2 == 0 ? channel + 1 : channel - 1;
          const auto at = [&](int64_t c) { return x[static_cast<int64_t>(k)].select(1, c); };
          out[static_cast<int64_t>(k)]
              .select(1, channel)
              .copy_(at(channel) * std::cos(angle) + (j % 2 == 0 ? -1.0 : 1.0) * at(pair) * std::sin(angle));
        }
      }
    return out;
  }

  at::Tensor attend(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v) const {  // [.,h,D] -> [.,C]
    const at::Tensor scores = at::einsum("qhd,khd->hqk", {q, k}) / std::sqrt(static_cast<double>(m_.head_dim()));
    return at::einsum("hqk,khd->qhd", {scores.softmax(-1), v}).reshape({q.size(0), m_.embed_dim});
  }

  at::Tensor block_of(const at::Tensor &x, const std::string &block, bool rotary, bool rotate_keys, at::Tensor &keys) const {
    const at::Tensor qkv = linear(norm(x, block + "norm1"), block + "attn.qkv").view({x.size(0), 3, m_.num_heads, m_.head_dim()});
    const at::Tensor q = qkv.select(1, 0), k = qkv.select(1, 1), v = qkv.select(1, 2);
    const at::Tensor turned = rotary ? rotated(k) : k;
    keys = rotate_keys ? turned : k;
    const at::Tensor y = x + linear(attend(rotary ? rotated(q) : q, turned, v), block + "attn.proj");
    return y + mlp(norm(y, block + "norm2"), block);
  }

  at::Tensor pooled(at::Tensor x) const {
    at::Tensor unused;
    for (int i = 0; i < m_.pooler_blocks; ++i) x = block_of(x, "pooler.blocks." + std::to_string(i) + ".", false, false, unused);
    const at::Tensor query = w_.at("pooler.query").unsqueeze(0),
                     kv = linear(norm(x, "pooler.cross.norm1"), "pooler.cross.attn.kv").view({x.size(0), 2, m_.num_heads, m_.head_dim()});
    const at::Tensor q = linear(query, "pooler.cross.attn.q").view({1, m_.num_heads, m_.head_dim()});
    const at::Tensor y = query + attend(q, kv.select(1, 0), kv.select(1, 1));
    return (y + mlp(norm(y, "pooler.cross.norm2"), "pooler.cross."))[0];
  }

  const ModelDescription m_;
  StateDict w_;
};

class BackbonePrune : public testing::TestWithParam<const char *> {};

TEST_P(BackbonePrune, AsTheNetworkWrittenOut) {
  const c10::InferenceMode guard;
  const sta::LoadedModel loaded = golden_model(GetParam());
  const ModelDescription &m = loaded.description;
  const sta::Vit vit(m, loaded.weights, at::kFloat, at::kCPU);
  Plain plain(m, loaded.weights);
  const at::Tensor clip = noise(m, 1, 21);
  for (const int r : {0, 1, m.max_drop_number() / 2, m.max_drop_number()}) {
    const at::Tensor want = plain.logits(clip[0], r);
    const sta::ForwardOutput out = vit.forward(clip, {STA_PRUNING_STA, r, {}});
    ASSERT_EQ(out.kept.size(), plain.kept.size());
    for (size_t i = 0; i < out.kept.size(); ++i) EXPECT_EQ(list(out.kept[i]), list(plain.kept[i])) << "call " << i + 1 << " r " << r;
    EXPECT_LE((out.logits[0].to(at::kDouble) - want).abs().max().item<double>(), 5e-5) << "r " << r;
  }
}

TEST_P(BackbonePrune, KeepsSoManyOfEveryGroupDeterministically) {
  const c10::InferenceMode guard;
  const sta::LoadedModel loaded = golden_model(GetParam());
  const ModelDescription &m = loaded.description;
  ASSERT_EQ(m.max_drop_number(), m.step_tokens() / 2);
  const sta::Vit vit(m, loaded.weights, at::kFloat, at::kCPU);
  const at::Tensor clip = noise(m, 2, 22);
  for (const sta_pruning rule : {STA_PRUNING_STA, STA_PRUNING_RANDOM})
    for (const int r : {1, 3, m.max_drop_number()}) {
      int64_t rows = 0;  // of the last block
      sta::ForwardProbe probe;
      probe.block = [&](int, const at::Tensor &x) { rows = x.size(1); };
      const PruneSettings settings{rule, r, {5, 6}};
      const sta::ForwardOutput out = vit.forward(clip, settings, &probe), again = vit.forward(clip, settings);
      EXPECT_TRUE(at::equal(out.logits, again.logits));
      int64_t groups = m.steps(), tokens = m.tokens(), seen = tokens;  // seen: by the last block
      ASSERT_EQ(out.kept.size(), 3u);
      for (size_t call = 0; call < 3; ++call, groups /= 2) {
        EXPECT_TRUE(at::equal(out.kept[call], again.kept[call]));
        const int64_t size = tokens / groups;
        ASSERT_EQ(out.kept[call].size(1), groups * (size - r)) << "rule " << rule << " r " << r << " call " << call + 1;
        for (int item = 0; item < 2; ++item) {
          const std::vector<int64_t> kept = list(out.kept[call][item]);
          EXPECT_EQ(std::set<int64_t>(kept.begin(), kept.end()).size(), kept.size());
          for (size_t i = 0; i < kept.size(); ++i) ASSERT_EQ(kept[i] / size, static_cast<int64_t>(i) / (size - r)) << "a token of another group";
        }
        // The third call of a network of three blocks comes after the last of them.
        if (call == 2 && m.depth == 3) seen = tokens;
        tokens = groups * (size - r);
      }
      EXPECT_EQ(rows, m.extra_tokens() + (m.depth == 3 ? seen : tokens));
    }
}

TEST_P(BackbonePrune, ItemsOfABatchPruneIndependently) {
  const c10::InferenceMode guard;
  const sta::LoadedModel loaded = golden_model(GetParam());
  const ModelDescription &m = loaded.description;
  const sta::Vit vit(m, loaded.weights, at::kFloat, at::kCPU);
  const at::Tensor clips = noise(m, 3, 23);
  const PruneSettings settings{STA_PRUNING_STA, 4, {}};
  const sta::ForwardOutput out = vit.forward(clips, settings);
  for (int64_t b = 0; b < 3; ++b) {
    const sta::ForwardOutput one = vit.forward(clips.narrow(0, b, 1), settings);
    for (size_t call = 0; call < 3; ++call) EXPECT_EQ(list(out.kept[call][b]), list(one.kept[call][0]));
    EXPECT_LE(max_diff(out.logits[b], one.logits[0]), 2e-5);
  }
}

// Tokens that enter in another order, each with its position, are the same clip.
TEST_P(BackbonePrune, PositionsBelongToTokensAndNotToTheirOrder) {
  const c10::InferenceMode guard;
  const sta::LoadedModel loaded = golden_model(GetParam());
  const ModelDescription &m = loaded.description;
  const sta::Vit vit(m, loaded.weights, at::kFloat, at::kCPU);
  const at::Tensor clip = noise(m, 1, 24);
  const at::Tensor dense = vit.forward(clip, {}).logits;
  PruneSettings settings;
  settings.still = {all_tokens(m)};
  EXPECT_LE(max_diff(vit.forward(clip, settings).logits, dense), 1e-5);
  std::mt19937 random(24);
  std::shuffle(settings.still[0].tokens.begin(), settings.still[0].tokens.end(), random);
  EXPECT_LE(max_diff(vit.forward(clip, settings).logits, dense), 2e-5);
  // The test can fail: the same patches at other places are another clip.
  EXPECT_GT(max_diff(vit.forward(at::roll(clip, {m.patch}, {4}), {}).logits, dense), 1e-3);
}

// Still tokens leave before the first block, others between blocks.
TEST_P(BackbonePrune, StillTokensAreLeftOutWithTheirPlaces) {
  const c10::InferenceMode guard;
  const sta::LoadedModel loaded = golden_model(GetParam());
  const ModelDescription &m = loaded.description;
  const sta::Vit vit(m, loaded.weights, at::kFloat, at::kCPU);
  const at::Tensor clips = noise(m, 2, 25);
  const int n = m.step_tokens();
  std::vector<sta::StillTokens> still(2);
  for (int b = 0; b < 2; ++b)
    for (int i = 0; i < m.tokens(); ++i)
      if (i < n || (i * 7 + i / n) % 3 != b) {
        still[static_cast<size_t>(b)].tokens.push_back(i);
        still[static_cast<size_t>(b)].runs.push_back(1);
      }
  const size_t count = std::min(still[0].tokens.size(), still[1].tokens.size());
  for (sta::StillTokens &s : still) {
    s.tokens.resize(count);
    s.runs.resize(count);
  }
  for (const sta_pruning rule : {STA_PRUNING_STA, STA_PRUNING_RANDOM})
    for (const int r : {0, 3}) {
      PruneSettings settings{rule, r, {1, 2}};
      settings.still = still;
      const sta::ForwardOutput out = vit.forward(clips, settings);
      for (int64_t b = 0; b < 2; ++b) {
        PruneSettings alone{rule, r, {static_cast<uint64_t>(b) + 1}};
        alone.still = {still[static_cast<size_t>(b)]};
        const sta::ForwardOutput one = vit.forward(clips.narrow(0, b, 1), alone);
        ASSERT_EQ(out.kept.size(), r > 0 ? 3u : 0u);
        for (size_t call = 0; call < out.kept.size(); ++call) EXPECT_EQ(list(out.kept[call][b]), list(one.kept[call][0]));
        EXPECT_LE(max_diff(out.logits[b], one.logits[0]), 2e-5) << "rule " << rule << " r " << r;
      }
      // With every token there, groups of one size are those of the pass without stillness.
      if (rule == STA_PRUNING_RANDOM) continue;
      settings.still = {all_tokens(m), all_tokens(m)};
      const sta::ForwardOutput all = vit.forward(clips, settings), dense = vit.forward(clips, {rule, r, {}});
      EXPECT_LE(max_diff(all.logits, dense.logits), 2e-5);
      for (size_t call = 0; call < dense.kept.size(); ++call) EXPECT_TRUE(at::equal(all.kept[call], dense.kept[call]));
    }
}

TEST_P(BackbonePrune, ReducedPrecisionRuns) {
  const c10::InferenceMode guard;
  const sta::LoadedModel loaded = golden_model(GetParam());
  const at::Tensor clip = noise(loaded.description, 1, 26);
  const at::Tensor want = sta::Vit(loaded.description, loaded.weights, at::kFloat, at::kCPU).forward(clip, {STA_PRUNING_STA, 2, {}}).logits;
  for (const at::ScalarType type : {at::kBFloat16, at::kHalf}) {
    const at::Tensor got = sta::Vit(loaded.description, loaded.weights, type, at::kCPU).forward(clip, {STA_PRUNING_STA, 2, {}}).logits;
    EXPECT_GT(at::cosine_similarity(got, want).item<double>(), 0.95) << type;
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, BackbonePrune, testing::Values("vivit_nano", "vivit_micro", "vjepa2_nano", "vjepa2_micro"),
                         [](const auto &info) { return std::string(info.param); });

// ---- What one of the two alone has.

TEST(RotaryPrune, ScoresUseKeysBeforeTheyAreRotated) {
  const c10::InferenceMode guard;
  const sta::LoadedModel loaded = golden_model("vjepa2_micro");
  Plain plain(loaded.description, loaded.weights);
  const at::Tensor clip = noise(loaded.description, 1, 31);
  const sta::ForwardOutput out = sta::Vit(loaded.description, loaded.weights, at::kFloat, at::kCPU).forward(clip, {STA_PRUNING_STA, 6, {}});
  plain.logits(clip[0], 6);
  EXPECT_EQ(list(out.kept[0]), list(plain.kept[0]));
  plain.logits(clip[0], 6, /*rotate_keys=*/true);
  EXPECT_NE(list(out.kept[0]), list(plain.kept[0])) << "rotated keys choose the same tokens here, so this test shows nothing";
}

// Without positions that are added, all tokens of a uniform clip are equal. So any of them give the dense result.
TEST(RotaryPrune, TokensThatSayNothingNewCanGo) {
  const c10::InferenceMode guard;
  for (const char *name : {"vjepa2_nano", "vjepa2_micro"}) {
    const sta::LoadedModel loaded = golden_model(name);
    const ModelDescription &m = loaded.description;
    const sta::Vit vit(m, loaded.weights, at::kFloat, at::kCPU);
    const at::Tensor clip = at::full({1, 3, m.num_frames, m.height, m.width}, 0.7);
    const at::Tensor dense = vit.forward(clip, {}).logits;
    for (const sta_pruning rule : {STA_PRUNING_STA, STA_PRUNING_RANDOM})
      EXPECT_LE(max_diff(vit.forward(clip, {rule, m.max_drop_number(), {7}}).logits, dense), 2e-5);
  }
}

TEST(RotaryPrune, TableIsThatOfTheCoordinates) {
  const sta::ops::Rotation table = sta::ops::rotary_table(2, 3, 5, 20);  // parts of 6 channels
  ASSERT_EQ(table.cosines.sizes(), (at::IntArrayRef{30, 18}));
  const int64_t token = 15 + 2 * 5 + 4;  // step 1, row 2, column 4
  for (const auto &[axis, position] : {std::pair{0, 1.0}, {1, 2.0}, {2, 4.0}})
    for (int64_t j = 0; j < 6; ++j) {
      const double angle = position / std::pow(10000.0, static_cast<double>(j % 3) / 3);
      EXPECT_NEAR(table.cosines[token][axis * 6 + j].item<double>(), std::cos(angle), 1e-7);
      EXPECT_NEAR(table.sines[token][axis * 6 + j].item<double>(), (j % 2 == 0 ? -1 : 1) * std::sin(angle), 1e-7);
    }
  EXPECT_EQ(sta::ops::rotary_table(1, 1, 2, 5).cosines.size(1), 0) << "a head of 5 channels has no pairs to turn";
  const at::Tensor x = at::randn({1, 2, 3, 5});
  EXPECT_TRUE(at::equal(sta::ops::rotate(x, sta::ops::rotation_of(sta::ops::rotary_table(1, 1, 2, 5), {})), x));
}

// If no later block mixes tokens, what was dropped cannot reach the class token.
TEST(ClassTokenPrune, TokensThatCannotReachTheHeadDoNotMatter) {
  const c10::InferenceMode guard;
  for (const char *name : {"vivit_nano", "vivit_micro"}) {
    sta::LoadedModel loaded = golden_model(name);
    const ModelDescription &m = loaded.description;
    for (int i = 1; i < m.depth; ++i)
      for (const char *end : {".weight", ".bias"}) {
        at::Tensor &proj = loaded.weights.at("blocks." + std::to_string(i) + ".attn.proj" + end);
        proj = at::zeros_like(proj);
      }
    const sta::Vit vit(m, loaded.weights, at::kFloat, at::kCPU);
    const at::Tensor clip = noise(m, 2, 32), dense = vit.forward(clip, {}).logits;
    for (const sta_pruning rule : {STA_PRUNING_STA, STA_PRUNING_RANDOM})
      for (const int r : {1, m.max_drop_number()}) EXPECT_LE(max_diff(vit.forward(clip, {rule, r, {7, 8}}).logits, dense), 1e-6);
  }
}

// The class is read from the token before the patches, which is in the stream after every block.
TEST(ClassTokenPrune, ItIsNeverDropped) {
  const c10::InferenceMode guard;
  const sta::LoadedModel loaded = golden_model("vivit_nano");
  const ModelDescription &m = loaded.description;
  const sta::Vit vit(m, loaded.weights, at::kFloat, at::kCPU);
  for (const sta_pruning rule : {STA_PRUNING_STA, STA_PRUNING_RANDOM})
    for (int r = 1; r <= m.max_drop_number(); ++r) {
      at::Tensor stream;
      sta::ForwardProbe probe;
      probe.block = [&](int, const at::Tensor &x) { stream = x.clone(); };
      const sta::ForwardOutput out = vit.forward(noise(m, 1, 33), {rule, r, {9}}, &probe);
      const at::Tensor features =
          at::layer_norm(stream.select(1, 0), {m.embed_dim}, loaded.weights.at("norm.weight"), loaded.weights.at("norm.bias"), m.block_eps);
      EXPECT_LE(max_diff(out.features, features), 1e-5) << "rule " << rule << " r " << r;
    }
}

TEST(TimeSformerPrune, DropsNothingAndSaysWhy) {
  const sta::LoadedModel loaded = golden_model("timesformer_nano");
  const ModelDescription &m = loaded.description;
  EXPECT_EQ(m.max_drop_number(), 0);
  const auto model = sta::make_model(m, loaded.weights, at::kFloat, at::kCPU);
  EXPECT_THROW(model->forward(noise(m, 1, 34), {STA_PRUNING_STA, 1, {}}), c10::Error);
  PruneSettings settings;
  settings.still = {all_tokens(m)};
  EXPECT_THROW(model->forward(noise(m, 1, 34), settings), c10::Error);
}

}  // namespace
