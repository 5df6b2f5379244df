// SPDX-License-Identifier: MIT
// Tests loading Video Swin. Every layout must compute the golden logits, the geometry must be found, faults must be
// named, and a converted folder must be the same model.
#include <nlohmann/json.hpp>

#include "checkpoint/convert.h"
#include "checkpoint/formats/weight_files.h"
#include "checkpoint/names/swin_names.h"
#include "model/video_swin.h"
#include "sta/sta.h"
#include "support/golden_swin.h"
#include "unit/checkpoint_support.h"

namespace {

using namespace checkpoint_test;

const std::vector<const char *> kLayouts{"nano.safetensors", "nano_mmcv.pth", "nano_torchvision.pth", "nano_torchvision.safetensors"};

std::string layout(const std::string &name) { return golden::made("videoswin/weights/" + name); }

sta::LoadOptions size(int image, int frames) {
  sta::LoadOptions o;
  o.image_size = image;
  o.num_frames = frames;
  return o;
}

// The two golden clips that are square.
void expect_golden_nano(const sta::LoadedModel &model) {
  const c10::InferenceMode guard;
  const sta::VideoSwin swin(model.description, model.weights, at::kFloat, at::kCPU);
  for (const char *name : {"nano_noise_8x24x24", "nano_zeros_8x24x24"}) {
    const auto file = golden::read(std::string("videoswin/outputs/") + name + ".safetensors");
    const at::Tensor clip = golden::swin_clip(file.metadata.at("clip_kind"), {8, 24, 24}, std::stoull(file.metadata.at("clip_seed"))).unsqueeze(0);
    EXPECT_LE(max_diff(swin.forward(clip, {}).logits[0], file.tensors.at("logits")), 3e-5) << name;
  }
}

// The weights of nano under canonical names, for tests to damage.
std::map<std::string, at::Tensor> nano() { return golden::read_made("videoswin/weights/nano.safetensors").tensors; }

const std::map<std::string, std::string> kWindow{{"window_size", "4,3,3"}};

std::string failure_of(const std::map<std::string, at::Tensor> &tensors, sta_status status,
                       const std::map<std::string, std::string> &metadata = kWindow) {
  TempFolder folder;
  EXPECT_TRUE(sta::write_safetensors(folder / "m.safetensors", tensors, metadata));
  return failure(folder / "m.safetensors", status, size(24, 8));
}

TEST(CheckpointVideoSwin, EveryLayoutIsTheSameModel) {
  for (const char *name : kLayouts) {
    SCOPED_TRACE(name);
    const auto model = load(layout(name), size(24, 8));
    const sta::ModelDescription &m = model.description;
    EXPECT_EQ(m.architecture, "video_swin");
    EXPECT_EQ(m.stage_depths, (std::vector<int>{2, 1, 3, 2}));
    EXPECT_EQ(m.stage_heads, (std::vector<int>{1, 2, 4, 8}));
    EXPECT_EQ(m.window, (std::array<int, 3>{4, 3, 3}));
    EXPECT_EQ(m.depth, 8);
    EXPECT_EQ(m.embed_dim, 8);
    EXPECT_EQ(m.mlp_dim, 32);
    EXPECT_EQ(m.num_classes, 5);
    EXPECT_EQ(m.tubelet, 2);
    EXPECT_EQ(m.patch, 4);
    EXPECT_DOUBLE_EQ(m.block_eps, 1e-5);
    EXPECT_EQ(m.spacing.times(15), 1'000'000'000u) << "every second frame of 30 a second";
    EXPECT_EQ(m.max_drop_number(), 384);
    EXPECT_EQ(model.weights.size(), 121u);
    expect_golden_nano(model);
  }
}

TEST(CheckpointVideoSwin, SizesWhereNothingIsSaid) {
  const auto official = load(layout("nano_mmcv.pth")).description, torchvision = load(layout("nano_torchvision.pth")).description;
  for (const auto *m : {&official, &torchvision}) {
    EXPECT_EQ(m->num_frames, 32);
    EXPECT_EQ(m->height, 224);
    EXPECT_EQ(m->width, 224);
    EXPECT_FALSE(m->antialias);
  }
  EXPECT_EQ(official.short_side, 224);
  EXPECT_EQ(torchvision.short_side, 256);
  TempFolder folder;
  ASSERT_TRUE(sta::write_safetensors(folder / "m.safetensors", nano(), {{"image_size", "32"}, {"num_frames", "16"}, {"layer_norm_eps", "1e-4"}}));
  const auto said = load(folder / "m.safetensors").description;
  EXPECT_EQ(said.height, 32);
  EXPECT_EQ(said.num_frames, 16);
  EXPECT_DOUBLE_EQ(said.block_eps, 1e-4);
  EXPECT_EQ(load(folder / "m.safetensors", size(48, 0)).description.short_side, 48);
}

TEST(CheckpointVideoSwin, WindowFromWhateverTells) {
  TempFolder folder;
  auto tensors = nano();
  ASSERT_TRUE(sta::write_safetensors(folder / "m.safetensors", tensors));
  EXPECT_EQ(load(folder / "m.safetensors").description.window, (std::array<int, 3>{4, 3, 3})) << "only one window with equal sides has 175 rows";
  // The published window sizes, found from the number of rows.
  for (const auto &[rows, window] : {std::pair{2535, std::array<int, 3>{8, 7, 7}}, {5239, {16, 7, 7}}}) {
    for (auto &[name, tensor] : tensors)
      if (name.ends_with("bias_table")) tensor = at::zeros({rows, tensor.size(1)});
    ASSERT_TRUE(sta::write_safetensors(folder / "m.safetensors", tensors));
    EXPECT_EQ(load(folder / "m.safetensors").description.window, window);
  }
  // 1125 rows fit 3 x 8 x 8 (5·15·15), 23 x 3 x 3 (45·5·5) and 63 x 2 x 2 (125·3·3).
  for (auto &[name, tensor] : tensors)
    if (name.ends_with("bias_table")) tensor = at::zeros({1125, tensor.size(1)});
  const std::string ambiguous = failure_of(tensors, STA_ERROR_BAD_MODEL, {});
  EXPECT_NE(ambiguous.find("the window cannot be read"), std::string::npos) << ambiguous;
  EXPECT_NE(ambiguous.find("window_size"), std::string::npos) << ambiguous;
  ASSERT_TRUE(sta::write_safetensors(folder / "m.safetensors", tensors, {{"window_size", "3,8,8"}}));
  EXPECT_EQ(load(folder / "m.safetensors").description.window, (std::array<int, 3>{3, 8, 8}));
}

// Prefixes of training frameworks, and the number that mmaction2 gives the last norm.
TEST(CheckpointVideoSwin, NamesOfOthers) {
  TempFolder folder;
  std::map<std::string, at::Tensor> renamed;
  for (const auto &[name, tensor] : nano())
    renamed["module." + (name.rfind("cls_head.", 0) == 0 ? name : "backbone." + (name.rfind("norm.", 0) == 0 ? "norm3." + name.substr(5) : name))] =
        tensor;
  renamed["data_preprocessor.mean"] = at::zeros({3});
  ASSERT_TRUE(sta::write_safetensors(folder / "m.safetensors", renamed, kWindow));
  expect_golden_nano(load(folder / "m.safetensors", size(24, 8)));
}

TEST(CheckpointVideoSwin, WhatIsWrongIsNamed) {
  struct Case {
    const char *name;    // the tensor
    const char *change;  // "": removed; "nan"; "cut": half of its rows
    const char *says;
  };
  for (const Case &c :
       {Case{"cls_head.fc_cls.weight", "", "cls_head.fc_cls.weight (head.weight) missing: not a classifier"},
        {"patch_embed.proj.weight", "", "patch_embed.proj.weight missing: not a Video Swin model"},
        {"patch_embed.norm.weight", "", "patch_embed.norm.weight missing"},
        {"layers.1.blocks.0.attn.relative_position_bias_table", "", "layers.1.blocks.0.attn.relative_position_bias_table missing"},
        {"layers.2.blocks.1.attn.qkv.bias", "", "layers.2.blocks.1.attn.qkv.bias missing"},
        {"layers.2.downsample.reduction.weight", "", "layers.2.downsample.reduction.weight missing"},
        {"norm.bias", "", "norm.bias missing"},
        {"layers.3.blocks.1.mlp.fc1.weight", "cut", "layers.3.blocks.1.mlp.fc1.weight has unexpected shape [128,64], should be [256,64]"},
        {"layers.0.blocks.1.attn.relative_position_bias_table", "cut", "should be [175,1] for a window of 4x3x3"},
        {"layers.0.blocks.1.norm2.weight", "nan", "layers.0.blocks.1.norm2.weight holds a non-finite weight"}}) {
    auto tensors = nano();
    at::Tensor &t = tensors.at(c.name);
    if (!std::strcmp(c.change, "cut"))
      t = t.slice(0, 0, t.size(0) / 2).contiguous();
    else if (!std::strcmp(c.change, "nan"))
      t = at::full_like(t, std::numeric_limits<double>::quiet_NaN());
    else
      tensors.erase(c.name);
    const std::string message = failure_of(tensors, STA_ERROR_BAD_MODEL);
    EXPECT_NE(message.find(c.says), std::string::npos) << message;
    EXPECT_NE(message.find("m.safetensors"), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
  auto extra = nano();
  extra["layers.0.blocks.0.attn.logit_scale"] = at::ones({1});
  EXPECT_NE(failure_of(extra, STA_ERROR_UNSUPPORTED).find("tensor layers.0.blocks.0.attn.logit_scale is not part of a Video Swin"),
            std::string::npos);
  auto image = nano();
  image["patch_embed.proj.weight"] = at::zeros({8, 3, 4, 4});
  EXPECT_NE(failure_of(image, STA_ERROR_UNSUPPORTED).find("a Swin Transformer of images"), std::string::npos);
  for (const char *window : {"4,3", "a,b,c", "4,3,0", "4,3,3,3", "99999999999,3,3"})
    EXPECT_NE(failure_of(nano(), STA_ERROR_BAD_MODEL, {{"window_size", window}}).find("should be three sizes"), std::string::npos) << window;
  EXPECT_NE(failure_of(nano(), STA_ERROR_BAD_MODEL, {{"window_size", "8,7,7"}}).find("for a window of 8x7x7"), std::string::npos);
  EXPECT_NE(failure_of(nano(), STA_ERROR_UNSUPPORTED, {{"window_size", "512,512,512"}}).find("beyond what this library handles"), std::string::npos);
  EXPECT_NE(failure_of(nano(), STA_ERROR_BAD_MODEL, {{"layer_norm_eps", "x"}}).find("layer_norm_eps"), std::string::npos);
}

TEST(CheckpointVideoSwin, StoredIndicesMustBeThoseOfTheWindow) {
  auto file = sta::read_weights(layout("nano_torchvision.safetensors"));
  ASSERT_TRUE(file);
  auto names = sta::swin_canonical_names(file->tensors);
  ASSERT_TRUE(names);
  EXPECT_TRUE(names->torchvision);
  for (const bool shape : {false, true}) {
    sta::StateDict weights = names->weights;
    at::Tensor &index = weights.at("layers.2.blocks.1.attn.relative_position_index");
    index = shape ? index.slice(0, 0, 35) : index.flip(1);
    sta::ModelDescription m;
    sta::describe_swin_defaults(m);
    const auto checked = sta::check_swin_state_dict(weights, m);
    ASSERT_FALSE(checked);
    EXPECT_NE(checked.error().message.find("layers.2.blocks.1.attn.relative_position_index"), std::string::npos) << checked.error().message;
    EXPECT_EQ(checked.error().status, shape ? STA_ERROR_BAD_MODEL : STA_ERROR_UNSUPPORTED);
  }
}

TEST(CheckpointVideoSwin, HugeSizesAreRefused) {
  EXPECT_NE(failure(layout("nano.safetensors"), STA_ERROR_BAD_MODEL, size(4096, 0)).find("more tokens than"), std::string::npos);
  EXPECT_NE(failure(layout("nano.safetensors"), STA_ERROR_BAD_MODEL, size(24, 2000)).find("2000 frames"), std::string::npos);
}

TEST(ConvertVideoSwin, EveryLayoutBecomesTheSameFolder) {
  std::string weights;
  for (const char *name : kLayouts) {
    SCOPED_TRACE(name);
    TempFolder folder;
    const auto model = load(layout(name), size(24, 8));
    const auto written = sta::write_model_folder(model, folder / "out");
    ASSERT_TRUE(written) << written.error().message;
    const auto again = load(folder / "out");
    const sta::ModelDescription &a = again.description, &m = model.description;
    EXPECT_EQ(a.architecture, "video_swin");
    EXPECT_EQ(a.num_frames, 8);
    EXPECT_EQ(a.height, 24);
    EXPECT_EQ(a.short_side, m.short_side);
    EXPECT_EQ(a.window, m.window);
    EXPECT_EQ(a.stage_depths, m.stage_depths);
    EXPECT_EQ(a.stage_heads, m.stage_heads);
    EXPECT_EQ(a.mlp_dim, m.mlp_dim);
    EXPECT_EQ(a.labels, m.labels);
    EXPECT_DOUBLE_EQ(a.block_eps, m.block_eps);
    EXPECT_TRUE(a.spacing == m.spacing);
    ASSERT_EQ(again.weights.size(), model.weights.size());
    for (const auto &[key, tensor] : model.weights) EXPECT_TRUE(at::equal(again.weights.at(key), tensor)) << key;
    expect_golden_nano(again);
    const std::string bytes = read_all(folder / "out/model.safetensors");
    if (weights.empty()) weights = bytes;
    EXPECT_TRUE(bytes == weights);
  }
}

TEST(ConvertVideoSwin, ConfigurationIsChecked) {
  TempFolder folder;
  ASSERT_TRUE(sta::write_model_folder(load(layout("nano.safetensors"), size(24, 8)), folder / "out"));
  const std::string path = folder / "out/config.json";
  const auto good = nlohmann::json::parse(read_all(path));
  struct Case {
    const char *key, *value, *says;
  };
  for (const Case &c : {Case{"depths", "[2,1,3]", "num_heads should be 3 positive integers"},
                        {"depths", "[2,2,3,2]", "numbers of blocks of the stages disagree"},
                        {"num_heads", "[1,2,4,4]", "numbers of heads of the stages disagree"},
                        {"num_heads", "8", "num_heads should be 4 positive integers"},
                        {"window_size", "[4,3]", "window_size should be 3 positive integers"},
                        {"window_size", "[8,7,7]", "for a window of 8x7x7"},
                        {"patch_size", "[2,4,2]", "not square"},
                        {"patch_size", "[2,2,2]", "patch size is 2 by the configuration but 4"},
                        {"mlp_ratio", "2", "MLP width of the first stage is 16 by the configuration but 32"},
                        {"mlp_ratio", "1e300", "mlp_ratio should be a number above 0 and below 64"},
                        {"embed_dim", "-1", "embed_dim should be a positive integer"},
                        {"layer_norm_eps", "0", "layer_norm_eps"},
                        {"num_frames", "5000", "5000 frames"},
                        {"model_type", "\"swin\"", "\"timesformer\" and \"video_swin\" are"},
                        {"model_type", "\"videomae\"", "patch_size should be a positive integer"}}) {
    auto config = good;
    config[c.key] = nlohmann::json::parse(c.value);
    std::ofstream(path) << config.dump();
    auto model = sta::load_model(folder / "out", {});
    ASSERT_FALSE(model) << c.key << " " << c.value;
    EXPECT_NE(model.error().message.find(c.says), std::string::npos) << model.error().message;
  }
  // Settings that follow from the weights need not be given.
  auto config = good;
  for (const char *key : {"depths", "num_heads", "window_size", "embed_dim", "mlp_ratio", "patch_size"}) config.erase(key);
  std::ofstream(path) << config.dump();
  expect_golden_nano(load(folder / "out"));
}

}  // namespace
