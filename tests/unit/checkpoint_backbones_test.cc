// SPDX-License-Identifier: MIT
// Loads folders of ViViT, V-JEPA 2, TimeSformer and VideoMAE v2: what their configurations and processor files say, what
// is written by a conversion, and a sentence for each variant that this library does not have.
#include <ATen/ATen.h>

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "checkpoint/convert.h"
#include "checkpoint_support.h"
#include "engine/preprocess_spec.h"
#include "model/model.h"

using namespace checkpoint_test;
using nlohmann::json;

namespace {

std::string hf(const std::string &name) { return golden::path("hf_models/" + name); }

at::Tensor logits_of(const sta::LoadedModel &model, const at::Tensor &clip, int r = 0) {
  const c10::InferenceMode guard;
  return sta::make_model(model.description, model.weights, at::kFloat, at::kCPU)->forward(clip, {STA_PRUNING_STA, r, {}}).logits;
}

at::Tensor clip_of(const std::string &name) {
  return golden::read("hf_models/" + name + "_golden.safetensors").tensors.at("clip").transpose(1, 2).contiguous();
}

// A copy of a golden folder with another config.json.
void copy_with(const TempFolder &to, const std::string &name, const std::function<void(json &)> &change) {
  auto config = json::parse(read_all(hf(name + "/config.json")));
  change(config);
  to.write("config.json", config.dump());
  for (const char *file : {"model.safetensors", "preprocessor_config.json", "video_preprocessor_config.json"})
    if (std::filesystem::exists(hf(name + "/" + file)))
      std::filesystem::copy_file(hf(name + "/" + file), to / file, std::filesystem::copy_options::overwrite_existing);
}

// A folder of a golden with other tensors.
void copy_tensors(const TempFolder &to, const std::string &name, const std::function<void(sta::StateDict &)> &change) {
  copy_with(to, name, [](json &) {});
  auto file = sta::read_safetensors(hf(name + "/model.safetensors"));
  ASSERT_TRUE(file);
  change(file->tensors);
  std::filesystem::remove(to / "model.safetensors");
  ASSERT_TRUE(sta::write_safetensors(to / "model.safetensors", file->tensors, {{"format", "pt"}}));
}

TEST(Backbones, AreDescribedByTheirParts) {
  const sta::ModelDescription vivit = load(hf("vivit_nano")).description;
  EXPECT_EQ(vivit.architecture, "vivit");
  EXPECT_EQ(vivit.positions, sta::Positions::kLearned);
  EXPECT_TRUE(vivit.class_token && vivit.tanh_gelu && !vivit.mean_pooling && vivit.joint());
  EXPECT_EQ(vivit.tokens(), 128);
  EXPECT_EQ(vivit.max_drop_number(), 8) << "the class token is in no group, so no source has to stay";
  // 16 frames, every fourth of 30 a second; 1/127.5 and an offset of 1, then 0.5 and 0.5: (x·2 - 1 - 0.5) / 0.5 of values 0..1.
  EXPECT_EQ(vivit.spacing.times(15), 2'000'000'000u);
  EXPECT_EQ(vivit.short_side, 73);
  EXPECT_FALSE(vivit.antialias);
  for (int c = 0; c < 3; ++c) {
    EXPECT_FLOAT_EQ(vivit.mean[static_cast<size_t>(c)], 0.75f);
    EXPECT_FLOAT_EQ(vivit.std[static_cast<size_t>(c)], 0.25f);
  }
  const sta::ModelDescription vjepa2 = load(hf("vjepa2_micro")).description;
  EXPECT_EQ(vjepa2.architecture, "vjepa2");
  EXPECT_EQ(vjepa2.positions, sta::Positions::kRotary);
  EXPECT_EQ(vjepa2.pooler_blocks, 2);
  EXPECT_EQ(vjepa2.pooler_mlp_dim, 240);
  EXPECT_EQ(vjepa2.short_side, 110);
  EXPECT_EQ(vjepa2.height, 96);
  EXPECT_TRUE(vjepa2.antialias);
  EXPECT_EQ(vjepa2.max_drop_number(), 18);
  const sta::ModelDescription timesformer = load(hf("timesformer_nano")).description;
  EXPECT_TRUE(timesformer.divided && !timesformer.joint());
  EXPECT_EQ(timesformer.steps(), 8);
  EXPECT_EQ(timesformer.max_drop_number(), 0);
  EXPECT_EQ(timesformer.spacing.times(15), 16'000'000'000u) << "8 frames, every 32nd of 30 a second";
}

// What the classes of transformers take where a configuration or a processor file leaves a key out.
TEST(Backbones, DefaultsAreThoseOfTransformers) {
  const TempFolder folder;
  folder.write("config.json", R"({"model_type":"vjepa2","frames_per_clip":16})");
  auto m = sta::read_config(folder.path(), {});
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->embed_dim, 1024);
  EXPECT_EQ(m->depth, 24);
  EXPECT_EQ(m->mlp_dim, 4096);
  EXPECT_EQ(m->pooler_blocks, 3);
  EXPECT_EQ(m->tokens(), 2048);
  EXPECT_EQ(m->short_side, 292);
  EXPECT_EQ(m->block_eps, 1e-6);
  // ViT-g: the product of width and ratio is cut off as Python does it.
  folder.write("config.json", R"({"model_type":"vjepa2","hidden_size":1408,"num_attention_heads":22,"mlp_ratio":4.363636363636363})");
  m = sta::read_config(folder.path(), {});
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->mlp_dim, static_cast<int>(1408 * 4.363636363636363));
  EXPECT_EQ(m->num_frames, 64);
  folder.write("config.json", R"({"model_type":"vivit"})");
  m = sta::read_config(folder.path(), {});
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->num_frames, 32);
  EXPECT_EQ(m->tokens(), 3136);
  EXPECT_EQ(m->short_side, 256);
  EXPECT_TRUE(m->tanh_gelu);
  EXPECT_FLOAT_EQ(m->mean[0], 0.75f) << "without a processor file, that of ViViT's class";
  folder.write("preprocessor_config.json", R"({"offset":false,"rescale_factor":0.00392156862745098})");
  m = sta::read_config(folder.path(), {});
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_FLOAT_EQ(m->mean[0], 0.5f);
  folder.write("preprocessor_config.json", R"({"offset":true,"do_rescale":false})");
  m = sta::read_config(folder.path(), {});
  ASSERT_FALSE(m);
  EXPECT_NE(m.error().message.find("offset true needs do_rescale true"), std::string::npos);
}

TEST(Backbones, VideoProcessorSaysHowFramesArePicked) {
  const TempFolder folder;
  const std::string config = R"({"model_type":"vjepa2","frames_per_clip":16)";
  folder.write("config.json", config + "}");
  folder.write("video_preprocessor_config.json", R"({"do_sample_frames":true,"fps":8})");
  EXPECT_EQ(sta::read_config(folder.path(), {})->spacing.times(8), 1'000'000'000u);
  folder.write("video_preprocessor_config.json", R"({"do_sample_frames":false,"fps":8})");
  EXPECT_EQ(sta::read_config(folder.path(), {})->spacing.times(15), 2'000'000'000u);
  folder.write("video_preprocessor_config.json", R"({"do_sample_frames":true,"num_frames":32})");
  auto m = sta::read_config(folder.path(), {});
  ASSERT_FALSE(m);
  EXPECT_NE(m.error().message.find("num_frames is 32, but the model takes 16"), std::string::npos) << m.error().message;
  // The folder's own recommendation comes first.
  folder.write("config.json", config + R"(,"sta":{"sample_interval":"1/5"}})");
  folder.write("video_preprocessor_config.json", R"({"do_sample_frames":true,"fps":8})");
  EXPECT_EQ(sta::read_config(folder.path(), {})->spacing.times(5), 1'000'000'000u);
}

class BackboneFolder : public testing::TestWithParam<const char *> {};

TEST_P(BackboneFolder, ConvertedIsTheSameModel) {
  const TempFolder folder;
  const sta::LoadedModel model = load(hf(GetParam()));
  const sta::Status written = sta::write_model_folder(model, folder / "out");
  ASSERT_TRUE(written) << written.error().message;
  const sta::LoadedModel again = load(folder / "out");
  const sta::ModelDescription &a = model.description, &b = again.description;
  EXPECT_EQ(b.warnings, "");
  EXPECT_EQ(b.architecture, a.architecture);
  EXPECT_EQ(b.labels, a.labels);
  EXPECT_EQ(b.short_side, a.short_side);
  EXPECT_EQ(b.antialias, a.antialias);
  EXPECT_EQ(b.spacing.num * a.spacing.den, a.spacing.num * b.spacing.den);
  for (size_t c = 0; c < 3; ++c) {
    EXPECT_EQ(b.mean[c], a.mean[c]);
    EXPECT_EQ(b.std[c], a.std[c]);
  }
  EXPECT_EQ(again.weights.size(), model.weights.size());
  EXPECT_TRUE(at::equal(logits_of(again, clip_of(GetParam())), logits_of(model, clip_of(GetParam()))));
  // Its tensors have the names and shapes of transformers again.
  auto before = sta::read_safetensors(hf(GetParam()) + "/model.safetensors"), after = sta::read_safetensors(folder / "out/model.safetensors");
  ASSERT_TRUE(before && after);
  for (const auto &[name, tensor] : before->tensors) {
    if (name.starts_with("vjepa2.predictor.")) continue;
    ASSERT_EQ(after->tensors.count(name), 1u) << name;
    EXPECT_TRUE(at::equal(after->tensors.at(name), tensor)) << name;
  }
}

TEST_P(BackboneFolder, ShardsAreTheSameModel) {
  const TempFolder folder;
  copy_with(folder, GetParam(), [](json &) {});
  auto file = sta::read_safetensors(hf(GetParam()) + "/model.safetensors");
  ASSERT_TRUE(file);
  sta::StateDict first, second;
  json map = json::object();
  for (const auto &[name, tensor] : file->tensors) {
    const bool one = map.size() % 2 == 0;
    (one ? first : second)[name] = tensor;
    map[name] = one ? "model-00001-of-00002.safetensors" : "model-00002-of-00002.safetensors";
  }
  std::filesystem::remove(folder / "model.safetensors");
  ASSERT_TRUE(sta::write_safetensors(folder / "model-00001-of-00002.safetensors", first, {}));
  ASSERT_TRUE(sta::write_safetensors(folder / "model-00002-of-00002.safetensors", second, {}));
  folder.write("model.safetensors.index.json", json{{"weight_map", map}}.dump());
  const at::Tensor clip = clip_of(GetParam());
  EXPECT_TRUE(at::equal(logits_of(load(folder.path()), clip), logits_of(load(hf(GetParam())), clip)));
}

INSTANTIATE_TEST_SUITE_P(Transformers, BackboneFolder, testing::Values("vivit_nano", "vjepa2_nano", "vjepa2_micro", "timesformer_nano"),
                         [](const auto &info) { return std::string(info.param); });

// No tensor of the network may be missing or unknown, whatever it is.
TEST(BackboneContradictions, EveryMissingTensorIsNamed) {
  for (const char *name : {"vivit_nano", "vjepa2_nano", "timesformer_nano"}) {
    auto file = sta::read_safetensors(hf(name) + "/model.safetensors");
    ASSERT_TRUE(file);
    for (const auto &[tensor, value] : file->tensors) {
      if (tensor.starts_with("vjepa2.predictor.")) continue;
      const TempFolder folder;
      copy_tensors(folder, name, [&](sta::StateDict &t) { t.erase(tensor); });
      EXPECT_NE(failure(folder.path(), STA_ERROR_BAD_MODEL).find("missing"), std::string::npos) << name << " without " << tensor;
    }
  }
}

TEST(BackboneContradictions, AreOneSentenceEach) {
  struct Case {
    const char *name;
    std::function<void(json &)> change;
    sta_status status;
    const char *says;
  };
  for (const Case &c :
       {Case{"vivit_nano", [](json &j) { j["num_frames"] = 32; }, STA_ERROR_BAD_MODEL,
             "the learned positions are those of 129 tokens, but 32 frames of 64x64 have 257"},
        Case{"vivit_nano", [](json &j) { j["num_frames"] = 15; }, STA_ERROR_BAD_MODEL, "15 frames are not a multiple of the tubelet size 2"},
        Case{"vivit_nano", [](json &j) { j["image_size"] = 48; }, STA_ERROR_BAD_MODEL, "crop_size 64x64 is not the model's image size 48x48"},
        Case{"vivit_nano",
             [](json &j) {
               j["tubelet_size"] = {2, 16, 8};
             },
             STA_ERROR_UNSUPPORTED, "patches that are not square"},
        Case{"vivit_nano", [](json &j) { j["hidden_act"] = "relu"; }, STA_ERROR_UNSUPPORTED, "hidden_act \"relu\" is not supported"},
        Case{"vivit_nano", [](json &j) { j["qkv_bias"] = false; }, STA_ERROR_BAD_MODEL, "although the configuration says qkv_bias false"},
        Case{"vjepa2_nano", [](json &j) { j["num_pooler_layers"] = 3; }, STA_ERROR_BAD_MODEL, "number of pooler layers is 3"},
        Case{"vjepa2_nano", [](json &j) { j["num_pooler_layers"] = 1; }, STA_ERROR_BAD_MODEL, "number of pooler layers is 1"},
        Case{"vjepa2_nano", [](json &j) { j["frames_per_clip"] = 15; }, STA_ERROR_BAD_MODEL, "15 frames are not a multiple"},
        Case{"vjepa2_nano", [](json &j) { j["window_size"] = 7; }, STA_ERROR_UNSUPPORTED, "attention in windows is not supported"},
        Case{"timesformer_nano", [](json &j) { j["num_frames"] = 16; }, STA_ERROR_BAD_MODEL,
             "the learned positions are those of 8 frames, not of 16"},
        Case{"timesformer_nano", [](json &j) { j["attention_type"] = "joint_space_time"; }, STA_ERROR_UNSUPPORTED,
             "attention_type \"joint_space_time\" is not supported"},
        Case{"timesformer_nano", [](json &j) { j["sta"]["still_threshold"] = 0.1; }, STA_ERROR_BAD_MODEL, "a TimeSformer needs whole windows"}}) {
    const TempFolder folder;
    copy_with(folder, c.name, c.change);
    EXPECT_NE(failure(folder.path(), c.status).find(c.says), std::string::npos) << failure(folder.path(), c.status);
  }
}

TEST(BackboneContradictions, HeadsThatAreNotThere) {
  const TempFolder folder;
  copy_tensors(folder, "vjepa2_nano", [](sta::StateDict &t) {
    std::erase_if(t, [](const auto &item) { return item.first.starts_with("pooler.") || item.first.starts_with("classifier."); });
  });
  EXPECT_NE(failure(folder.path(), STA_ERROR_BAD_MODEL).find("a V-JEPA 2 without the pooler and the classifier of a fine-tuned model"),
            std::string::npos);
  copy_tensors(folder, "vivit_nano", [](sta::StateDict &t) {
    t.erase("classifier.weight");
    t.erase("classifier.bias");
  });
  EXPECT_NE(failure(folder.path(), STA_ERROR_BAD_MODEL).find("not a classifier"), std::string::npos);
  EXPECT_NE(failure(hf("vjepa2_nano/model.safetensors"), STA_ERROR_UNSUPPORTED).find("give its folder, with config.json"), std::string::npos);
}

// A feature extractor's pooler, which ViViT's classifier does not use.
TEST(BackboneContradictions, UnusedPoolerOfAViVitIsLeftOutWithAWarning) {
  const TempFolder folder;
  copy_tensors(folder, "vivit_nano", [](sta::StateDict &t) { t["vivit.pooler.dense.weight"] = at::zeros({48, 48}); });
  const sta::LoadedModel model = load(folder.path());
  EXPECT_NE(model.description.warnings.find("vivit.pooler is in the file"), std::string::npos);
  EXPECT_TRUE(at::equal(logits_of(model, clip_of("vivit_nano")), logits_of(load(hf("vivit_nano")), clip_of("vivit_nano"))));
}

// V-JEPA 2 has no table of positions, so it takes other numbers of frames than its own.
TEST(Backbones, RotaryPositionsTakeOtherClips) {
  sta::LoadOptions more;
  more.num_frames = 32;
  const sta::LoadedModel model = load(hf("vjepa2_nano"), more);
  EXPECT_EQ(model.description.tokens(), 256);
  EXPECT_TRUE(at::isfinite(logits_of(model, at::randn({1, 3, 32, 64, 64}), 5)).all().item<bool>());
  EXPECT_NE(failure(hf("vivit_nano"), STA_ERROR_BAD_MODEL, more).find("the learned positions are those of 129 tokens"), std::string::npos);
}

// No biases of q, k, v, as the configuration says: as if they were zero.
TEST(Backbones, WithoutBiases) {
  for (const std::string name : {"vivit_nano", "vjepa2_nano", "timesformer_nano"}) {
    const auto of_qkv = [&](const std::string &tensor) {
      return tensor.find(".layer.") != std::string::npos && tensor.ends_with(".bias") && tensor.find("predictor") == std::string::npos &&
             (tensor.find("attention.query") != std::string::npos || tensor.find("attention.key") != std::string::npos ||
              tensor.find("attention.value") != std::string::npos || tensor.find("attention.qkv") != std::string::npos);
    };
    const TempFolder with, without;
    copy_tensors(with, name, [&](sta::StateDict &t) {
      for (auto &[tensor, value] : t)
        if (of_qkv(tensor)) value = at::zeros_like(value);
    });
    copy_tensors(without, name, [&](sta::StateDict &t) { EXPECT_GT(std::erase_if(t, [&](const auto &item) { return of_qkv(item.first); }), 0u); });
    auto config = json::parse(read_all(without / "config.json"));
    config["qkv_bias"] = false;
    without.write("config.json", config.dump());
    const sta::LoadedModel model = load(without.path());
    EXPECT_TRUE(at::equal(logits_of(model, clip_of(name)), logits_of(load(with.path()), clip_of(name)))) << name;
    ASSERT_TRUE(sta::write_model_folder(model, without / "out"));
    EXPECT_TRUE(at::equal(logits_of(load(without / "out"), clip_of(name)), logits_of(model, clip_of(name)))) << name;
  }
}

// ---- Variants of VideoMAE.

// OpenGVLab's folders: the arguments of their own code in "model_config", VideoMAE's names behind "model.".
TEST(VideoMaeV2Folder, IsAVideoMae) {
  const TempFolder folder;
  const sta::LoadedModel plain = load(golden::made("checkpoints/micro_canonical.safetensors"), options(3, 64));
  auto file = sta::read_safetensors(golden::made("checkpoints/micro_canonical.safetensors"));
  ASSERT_TRUE(file);
  sta::StateDict wrapped;
  for (const auto &[name, tensor] : file->tensors) wrapped["model." + name] = tensor;
  ASSERT_TRUE(sta::write_safetensors(folder / "model.safetensors", wrapped, {}));
  const json network = {{"img_size", 64},           {"patch_size", 16},  {"in_chans", 3},
                        {"num_classes", 10},        {"embed_dim", 96},   {"depth", 6},
                        {"num_heads", 3},           {"mlp_ratio", 4},    {"layer_norm_eps", 1e-6},
                        {"tubelet_size", 2},        {"num_frames", 16},  {"qkv_bias", true},
                        {"use_mean_pooling", true}, {"cos_attn", false}, {"use_learnable_pos_emb", false}};
  const auto write = [&](const std::string &key, const json &value) {
    json config = {{"model_type", "VideoMAEv2_Base"}, {"model_config", network}};
    if (!key.empty()) config["model_config"][key] = value;
    folder.write("config.json", config.dump());
  };
  write("", nullptr);
  const at::Tensor clip = golden::clip("noise", 64, 100).unsqueeze(0);
  EXPECT_TRUE(at::equal(logits_of(load(folder.path()), clip), logits_of(plain, clip)));
  for (const auto &[key, value, says] : {std::tuple<const char *, json, const char *>{"cos_attn", true, "cosine attention is not supported"},
                                         {"num_classes", 0, "features and no classifier"},
                                         {"use_learnable_pos_emb", true, "learned positions are not supported"}}) {
    write(key, value);
    EXPECT_NE(failure(folder.path(), STA_ERROR_UNSUPPORTED).find(says), std::string::npos) << key;
  }
  write("num_classes", 11);
  EXPECT_NE(failure(folder.path(), STA_ERROR_BAD_MODEL).find("number of classes is 11 by the configuration but 10"), std::string::npos);
}

TEST(ForeignHeadsAndAttention, AreOneSentenceEach) {
  auto file = sta::read_safetensors(golden::path("checkpoints_bad/control_good.safetensors"));
  ASSERT_TRUE(file);
  for (const auto &[name, says] :
       {std::pair<const char *, const char *>{"roi_head.bbox_head.fc_cls.weight", "a head that labels persons in boxes (AVA)"},
        {"blocks.0.attn.relative_position_bias_table", "attention in windows or with relative positions"},
        {"blocks.0.attn.scale", "cosine attention"},
        {"pooler.cross_attention_block.xattn.q.weight", "take the folder of the fine-tuned model from Hugging Face"},
        {"predictor_blocks.0.norm1.weight", "take the folder of the fine-tuned model from Hugging Face"}}) {
    const TempFolder folder;
    sta::StateDict tensors = file->tensors;
    tensors[name] = at::zeros({4, 4});
    ASSERT_TRUE(sta::write_safetensors(folder / "m.safetensors", tensors, file->metadata));
    EXPECT_NE(failure(folder / "m.safetensors", STA_ERROR_UNSUPPORTED, options(1)).find(says), std::string::npos) << name;
  }
}

}  // namespace
