// SPDX-License-Identifier: MIT
// Tests folders that Hugging Face writes, beyond the published ones: fine-tuned by its tutorial (the class is read from
// token 0), several labels at once, no biases, tensors that the classifier does not use. The numbers come from
// transformers (tests/golden/README.md, hf_models).
#include <ATen/ATen.h>

#include <nlohmann/json.hpp>
#include <set>

#include "checkpoint/convert.h"
#include "checkpoint_support.h"

using namespace checkpoint_test;

namespace {

std::string hf(const std::string &name) { return golden::path("hf_models/" + name); }

// [1,T,3,H,W], the clip layout of transformers -> [1,3,T,H,W].
at::Tensor clip_of(const sta::TensorFile &file) { return file.tensors.at("clip").transpose(1, 2).contiguous(); }

std::vector<int64_t> list(const at::Tensor &t) { return {t.const_data_ptr<int64_t>(), t.const_data_ptr<int64_t>() + t.numel()}; }

class HuggingFace : public testing::TestWithParam<const char *> {};

TEST_P(HuggingFace, DenseLogitsAndEveryBlock) {
  const c10::InferenceMode guard;
  const sta::LoadedModel model = load(hf(GetParam()));
  EXPECT_EQ(model.description.warnings, "");
  const sta::Vit vit(model.description, model.weights, at::kFloat, at::kCPU);
  const sta::TensorFile file = golden::read("hf_models/" + std::string(GetParam()) + "_golden.safetensors");
  int blocks = 0;
  sta::ForwardProbe probe;
  probe.block = [&](int block, const at::Tensor &x) {
    EXPECT_LE(max_diff(x, file.tensors.at("hidden_" + std::to_string(block + 1))), 3e-4) << "block " << block;
    ++blocks;
  };
  const sta::ForwardOutput out = vit.forward(clip_of(file), {}, &probe);
  EXPECT_EQ(blocks, model.description.depth);
  EXPECT_LE(max_diff(out.logits, file.tensors.at("logits")), 5e-5);
}

TEST_P(HuggingFace, ConvertedFolderIsTheSameModel) {
  const c10::InferenceMode guard;
  const TempFolder folder;
  const sta::LoadedModel model = load(hf(GetParam()));
  ASSERT_TRUE(sta::write_model_folder(model, folder / "out"));
  const sta::LoadedModel again = load(folder / "out");
  EXPECT_EQ(again.description.mean_pooling, model.description.mean_pooling);
  EXPECT_EQ(again.description.multi_label, model.description.multi_label);
  EXPECT_EQ(again.description.labels, model.description.labels);
  const sta::TensorFile file = golden::read("hf_models/" + std::string(GetParam()) + "_golden.safetensors");
  EXPECT_LE(max_diff(sta::Vit(again.description, again.weights, at::kFloat, at::kCPU).forward(clip_of(file), {}).logits, file.tensors.at("logits")),
            5e-5);
}

INSTANTIATE_TEST_SUITE_P(Transformers, HuggingFace, testing::Values("videomae_tutorial_nano", "videomae_multilabel_nano", "videomae_nobias_nano"),
                         [](const auto &info) { return std::string(info.param); });

TEST(ClassToken, EveryRuleKeepsItInEveryCallAndReadsItsClass) {
  const c10::InferenceMode guard;
  const sta::LoadedModel model = load(hf("videomae_tutorial_nano"));
  const sta::ModelDescription &m = model.description;
  ASSERT_FALSE(m.mean_pooling);
  // 16 tokens per step, 8 sources. One source has to stay.
  ASSERT_EQ(m.max_drop_number(), 7);
  const sta::Vit vit(m, model.weights, at::kFloat, at::kCPU);
  const at::Tensor noise = golden::clip("noise", 64, 5).unsqueeze(0), scene = golden::clip("scene", 64, 6).unsqueeze(0);
  const at::Tensor clip = at::cat({noise, scene, at::zeros_like(noise)});
  for (const sta_pruning rule : {STA_PRUNING_STA, STA_PRUNING_RANDOM})
    for (int r = 1; r <= 7; ++r) {
      at::Tensor stream;  // of the last block, whose output is not pruned any more
      sta::ForwardProbe probe;
      probe.block = [&](int, const at::Tensor &x) { stream = x.clone(); };
      const sta::ForwardOutput out = vit.forward(clip, {rule, r, {11, 12, 13}}, &probe);
      ASSERT_EQ(out.kept.size(), 3u);
      for (int item = 0; item < 3; ++item) {
        std::vector<int64_t> tokens(m.tokens());
        std::iota(tokens.begin(), tokens.end(), 0);
        int groups = 8;
        for (const at::Tensor &kept : out.kept) {
          const std::vector<int64_t> indices = list(kept[item].contiguous());
          ASSERT_EQ(indices.size() % groups, 0u);
          ASSERT_EQ(indices.size() / groups, tokens.size() / groups - r) << "groups lose r tokens each";
          EXPECT_EQ(std::set<int64_t>(indices.begin(), indices.end()).size(), indices.size());
          std::vector<int64_t> next;
          for (const int64_t i : indices) next.push_back(tokens[i]);
          tokens = next;
          groups /= 2;
        }
        const auto at = std::find(tokens.begin(), tokens.end(), 0);
        ASSERT_NE(at, tokens.end()) << "rule " << rule << " r " << r << ": token 0 was dropped";
        const at::Tensor row = stream[item][at - tokens.begin()];
        const at::Tensor features = at::layer_norm(row, {m.embed_dim}, model.weights.at("norm.weight"), model.weights.at("norm.bias"), m.block_eps);
        EXPECT_LE(max_diff(out.features[item], features), 1e-5) << "rule " << rule << " r " << r << ": the class was read from another token";
      }
    }
}

TEST(ClassToken, PlaceIsKnownWithoutLooking) {
  const c10::InferenceMode guard;
  at::manual_seed(3);
  for (const auto &[call, r] : {std::pair<sta::PruneCall, int>{{1, 4, false, 0}, 3},
                                {{2, 4, true, 0}, 6},
                                {{3, 1, false, 6}, 2},
                                {{1, 4, false, 25}, 5},
                                {{2, 3, true, 0}, 1}}) {
    const at::Tensor x = at::randn({2, call.groups * 13, 7}), key = at::randn({2, call.groups * 13, 5});
    const sta::PruneSettings settings{STA_PRUNING_STA, r, {}};
    const at::Tensor kept = sta::select_tokens(x, key, call, settings);
    const int64_t place = sta::keep_token_after(call, settings, x.size(1));
    for (int b = 0; b < 2; ++b) EXPECT_EQ(kept[b][place].item<int64_t>(), call.keep_token) << "call " << call.index;
  }
}

TEST(ClassToken, NobodyElseIsAffected) {
  const c10::InferenceMode guard;
  at::manual_seed(4);
  const at::Tensor x = at::randn({3, 4 * 16, 7}), key = at::randn({3, 4 * 16, 5});
  // If token 0 would have stayed anyway, keeping it changes nothing but its place.
  const sta::PruneSettings settings{STA_PRUNING_STA, 3, {}};
  const at::Tensor free = sta::select_tokens(x, key, {1, 4, false}, settings), bound = sta::select_tokens(x, key, {1, 4, false, 0}, settings);
  int compared = 0;
  for (int b = 0; b < 3; ++b) {
    const std::vector<int64_t> a = list(free[b].contiguous()), c = list(bound[b].contiguous());
    if (std::count(a.begin(), a.end(), 0) == 0) continue;
    EXPECT_EQ(std::set<int64_t>(a.begin(), a.end()), std::set<int64_t>(c.begin(), c.end()));
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

// A copy of a golden folder with another config.json.
void copy_with(const TempFolder &to, const std::string &name, const std::function<void(nlohmann::json &)> &change) {
  auto config = nlohmann::json::parse(read_all(hf(name + "/config.json")));
  change(config);
  to.write("config.json", config.dump());
  for (const char *file : {"model.safetensors", "preprocessor_config.json"})
    std::filesystem::copy_file(hf(name + "/" + file), to / file, std::filesystem::copy_options::overwrite_existing);
}

TEST(HuggingFaceContradictions, AreNamed) {
  const TempFolder folder;
  copy_with(folder, "videomae_tutorial_nano", [](auto &c) { c["use_mean_pooling"] = true; });
  EXPECT_NE(failure(folder.path(), STA_ERROR_BAD_MODEL).find("fc_norm.bias missing"), std::string::npos);
  copy_with(folder, "videomae_nobias_nano", [](auto &c) { c["use_mean_pooling"] = false; });
  EXPECT_NE(failure(folder.path(), STA_ERROR_BAD_MODEL).find("norm.bias missing"), std::string::npos);
  copy_with(folder, "videomae_nobias_nano", [](auto &c) { c["qv_bias"] = true; });
  EXPECT_NE(failure(folder.path(), STA_ERROR_BAD_MODEL).find("a bias is never assumed to be zero"), std::string::npos);
  copy_with(folder, "videomae_multilabel_nano", [](auto &c) { c["qv_bias"] = false; });
  EXPECT_NE(failure(folder.path(), STA_ERROR_BAD_MODEL).find("although the configuration says qkv_bias false"), std::string::npos);
  copy_with(folder, "videomae_multilabel_nano", [](auto &c) { c["problem_type"] = "regression"; });
  EXPECT_NE(failure(folder.path(), STA_ERROR_UNSUPPORTED).find("a classifier is needed"), std::string::npos);
  copy_with(folder, "videomae_multilabel_nano", [](auto &c) { c["problem_type"] = 3; });
  EXPECT_NE(failure(folder.path(), STA_ERROR_BAD_MODEL).find("problem_type 3 should be"), std::string::npos);
}

TEST(EventHints, AreReadAndSurviveConversion) {
  const TempFolder folder;
  copy_with(folder, "videomae_tutorial_nano", [](auto &c) {
    c["sta"] = {{"background", "action 3"},
                {"events", {{"smoothing", 2}, {"enter_threshold", 0.6}, {"exit_threshold", 0.25}, {"min_duration", 1.5}, {"release_duration", 0}}}};
  });
  const sta::LoadedModel model = load(folder.path());
  ASSERT_TRUE(sta::write_model_folder(model, folder / "out"));
  for (const sta::LoadedModel &m : {model, load(folder / "out")}) {
    const sta::EventHints &hints = m.description.events;
    EXPECT_EQ(hints.background, 3);
    EXPECT_EQ(hints.smoothing, 2);
    EXPECT_EQ(hints.enter_threshold, 0.6);
    EXPECT_EQ(hints.exit_threshold, 0.25);
    EXPECT_EQ(hints.min_duration, 1.5);
    EXPECT_EQ(hints.release_duration, 0);
  }
  EXPECT_EQ(load(hf("videomae_tutorial_nano")).description.events.background, -1);
}

TEST(EventHints, AreChecked) {
  for (const auto &[sta, says] :
       {std::pair<const char *, const char *>{R"({"background": "nobody"})", "sta.background \"nobody\" should be one of the labels"},
        {R"({"background": 3})", "should be one of the labels"},
        {R"({"events": 3})", "sta.events should be an object"},
        {R"({"events": {"enter": 0.5}})", "sta.events has the key \"enter\"; smoothing, enter_threshold"},
        {R"({"events": {"enter_threshold": 1.5}})", "enter_threshold should be a number from 0 to 1"},
        {R"({"events": {"enter_threshold": 0.4, "exit_threshold": 0.5}})", "exit_threshold should be at most enter_threshold"},
        {R"({"events": {"min_duration": "1s"}})", "min_duration should be a number from 0 to 3600"},
        {R"({"events": {"smoothing": 5000}})", "smoothing should be 1 to 1000"}}) {
    const TempFolder folder;
    copy_with(folder, "videomae_tutorial_nano", [&, text = sta](auto &c) { c["sta"] = nlohmann::json::parse(text); });
    EXPECT_NE(failure(folder.path(), STA_ERROR_BAD_MODEL).find(says), std::string::npos) << sta;
  }
}

TEST(HuggingFaceNorms, OneThatIsNotUsedIsLeftOutWithAWarning) {
  const c10::InferenceMode guard;
  const TempFolder folder;
  auto file = sta::read_safetensors(golden::path("checkpoints_bad/control_good.safetensors"));
  ASSERT_TRUE(file);
  const sta::LoadedModel plain = load(golden::path("checkpoints_bad/control_good.safetensors"), options(1));
  const at::Tensor norm = file->tensors.at("fc_norm.weight");
  file->tensors["norm.weight"] = norm + 1;
  file->tensors["norm.bias"] = norm - 1;
  ASSERT_TRUE(sta::write_safetensors(folder / "m.safetensors", file->tensors, file->metadata));
  const sta::LoadedModel model = load(folder / "m.safetensors", options(1));
  EXPECT_NE(model.description.warnings.find("norm.weight and norm.bias are in the file"), std::string::npos);
  EXPECT_EQ(model.weights.count("norm.weight"), 0u);
  EXPECT_TRUE(model.description.mean_pooling);
  EXPECT_EQ(model.weights.size(), plain.weights.size());
}

TEST(HuggingFaceNorms, RawFileOfAClassTokenModelIsUnderstood) {
  const c10::InferenceMode guard;
  const TempFolder folder;
  auto file = sta::read_safetensors(golden::path("checkpoints_bad/control_good.safetensors"));
  ASSERT_TRUE(file);
  for (const char *part : {".weight", ".bias"}) {
    file->tensors["norm" + std::string(part)] = file->tensors.at("fc_norm" + std::string(part));
    file->tensors.erase("fc_norm" + std::string(part));
  }
  ASSERT_TRUE(sta::write_safetensors(folder / "m.safetensors", file->tensors, file->metadata));
  EXPECT_FALSE(load(folder / "m.safetensors", options(1)).description.mean_pooling);
}

}  // namespace
