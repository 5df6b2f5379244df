// SPDX-License-Identifier: MIT
// Tests layouts that the fixtures lack (v2 giant, shards, pytorch_model.bin), built-in labels, and conversion: the
// written model must be the same when it is read again.
#include <nlohmann/json.hpp>
#include <set>

#include "checkpoint/convert.h"
#include "checkpoint/labels/builtin_labels.h"
#include "sta/sta.h"
#include "unit/checkpoint_support.h"

namespace {

namespace fs = std::filesystem;
using namespace checkpoint_test;

const std::vector<const char *> kIn{"checkpoints/micro_hf", "checkpoints/micro_canonical.safetensors", "checkpoints/micro_videomae.pth",
                                    "checkpoints/micro_backbone_prefix.pth", "checkpoints/micro_mmaction.pth"};

// VideoMAE v2 giant: 14-pixel patches, an MLP of 48/11 of the width, heads of 88. Its gigabyte of weights is replaced
// by zeros that share one element.
TEST(Layout, GiantIsInferredFromItsShapes) {
  auto zeros = [](at::IntArrayRef shape) { return at::zeros({1}).expand(shape); };
  const int64_t c = 1408, f = 6144, n = 710;
  sta::StateDict w = {{"module.patch_embed.proj.weight", zeros({c, 3, 2, 14, 14})},
                      {"module.patch_embed.proj.bias", zeros({c})},
                      {"module.fc_norm.weight", zeros({c})},
                      {"module.fc_norm.bias", zeros({c})},
                      {"module.head.weight", zeros({n, c})},
                      {"module.head.bias", zeros({n})}};
  for (int i = 0; i < 3; ++i) {
    const std::string b = "module.blocks." + std::to_string(i) + ".";
    for (const char *norm :
         {"norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "attn.q_bias", "attn.v_bias", "attn.proj.bias", "mlp.fc2.bias"})
      w[b + norm] = zeros({c});
    w[b + "attn.qkv.weight"] = zeros({3 * c, c});
    w[b + "attn.proj.weight"] = zeros({c, c});
    w[b + "mlp.fc1.weight"] = zeros({f, c});
    w[b + "mlp.fc1.bias"] = zeros({f});
    w[b + "mlp.fc2.weight"] = zeros({c, f});
  }
  auto canonical = sta::canonical_names(w);
  ASSERT_TRUE(canonical) << canonical.error().message;
  sta::ModelDescription m;
  m.tubelet = m.patch = 0;
  const auto checked = sta::check_state_dict(*canonical, m);
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_EQ(m.patch, 14);
  EXPECT_EQ(m.mlp_dim, 6144);
  EXPECT_EQ(m.num_classes, 710);
  EXPECT_EQ(m.tokens(), 2048);
}

// For single files, the number of heads follows from the width if the heads are 64 wide. The two published widths with
// other heads are known.
TEST(Layout, HeadsFollowFromTheWidth) {
  for (const auto &[width, heads] : {std::pair{64, 1}, {384, 6}, {1280, 16}, {1408, 16}}) {
    TempFolder folder;
    sta::ModelDescription m = golden::describe("tiny");
    m.embed_dim = width;
    m.depth = 1;
    m.mlp_dim = 8;
    ASSERT_TRUE(sta::write_safetensors(folder / "m.safetensors", golden::weights(m, 1), {{"image_size", "64"}}));
    EXPECT_EQ(load(folder / "m.safetensors").description.num_heads, heads) << width;
  }
}

TEST(Layout, LearnedPositionsAreRefused) {
  TempFolder folder;
  auto weights = golden::weights(golden::describe("tiny"), 7);
  auto says = [&](const at::Tensor &table) {
    weights["pos_embed"] = table;
    EXPECT_TRUE(sta::write_safetensors(folder / "m.safetensors", weights, {{"num_heads", "2"}}));
    auto model = sta::load_model(folder / "m.safetensors", {});
    return model ? std::to_string(model->description.height) : model.error().message;
  };
  const at::Tensor table = sta::ops::position_table(128, 16).unsqueeze(0);
  EXPECT_EQ(says(table), "64");
  EXPECT_NE(says(table + 0.01f).find("learned positions"), std::string::npos);
  EXPECT_NE(says(at::full({1, 128, 16}, NAN)).find("learned positions"), std::string::npos);
  EXPECT_NE(says(at::zeros({1, 120, 16})).find("fits no square image"), std::string::npos);
  EXPECT_NE(says(at::zeros({1, 128, 8})).find("pos_embed has unexpected shape"), std::string::npos);
}

TEST(Layout, PytorchModelBin) {
  TempFolder folder;
  fs::copy(golden::made("checkpoints/micro_hf/config.json"), folder / "config.json");
  fs::copy(golden::made("checkpoints/micro_videomae.pth"), folder / "pytorch_model.bin");
  expect_golden(load(folder.path()), "micro");
}

class Shards : public testing::Test {
 protected:
  void SetUp() override {
    const auto whole = golden::read_made("checkpoints/micro_hf/model.safetensors");
    std::map<std::string, at::Tensor> part[2];
    for (const auto &[name, tensor] : whole.tensors) {
      const size_t which = map.size() % 2;
      part[which][name] = tensor;
      map[name] = which ? "b.safetensors" : "a.safetensors";
    }
    ASSERT_TRUE(sta::write_safetensors(folder / "a.safetensors", part[0]));
    ASSERT_TRUE(sta::write_safetensors(folder / "b.safetensors", part[1]));
    fs::copy(golden::made("checkpoints/micro_hf/config.json"), folder / "config.json");
    write_index();
  }
  void write_index() { folder.write("model.safetensors.index.json", nlohmann::json{{"metadata", {{"total_size", 1}}}, {"weight_map", map}}.dump()); }

  TempFolder folder;
  nlohmann::json map = nlohmann::json::object();
};

TEST_F(Shards, AreJoined) { expect_golden(load(folder.path()), "micro"); }

TEST_F(Shards, MustHoldWhatTheIndexSays) {
  map["classifier.bias"] = map["classifier.bias"] == "a.safetensors" ? "b.safetensors" : "a.safetensors";
  write_index();
  EXPECT_NE(failure(folder.path(), STA_ERROR_BAD_MODEL).find("tensor classifier.bias is not in"), std::string::npos);
}

TEST_F(Shards, AreFilesBesideTheIndex) {
  for (const char *name : {"../a.safetensors", "/etc/passwd", ".hidden", "", "sub/a.safetensors"}) {
    map["classifier.bias"] = name;
    write_index();
    EXPECT_NE(failure(folder.path(), STA_ERROR_BAD_MODEL).find("should be the name of a file beside it"), std::string::npos) << name;
  }
  map["classifier.bias"] = "c.safetensors";
  write_index();
  EXPECT_NE(failure(folder.path(), STA_ERROR_NOT_FOUND).find("c.safetensors"), std::string::npos);
  map["classifier.bias"] = 3;
  write_index();
  EXPECT_NE(failure(folder.path(), STA_ERROR_BAD_MODEL).find("not a file name"), std::string::npos);
  folder.write("model.safetensors.index.json", "[]");
  EXPECT_NE(failure(folder.path(), STA_ERROR_BAD_MODEL).find("no weight_map"), std::string::npos);
}

TEST(Labels, BuiltInListsAreWhole) {
  for (const auto &[count, first, last, data_set] :
       {std::tuple{400, "abseiling", "zumba", "Kinetics-400"},
        {600, "abseiling", "zumba", "Kinetics-600"},
        {700, "abseiling", "zumba", "Kinetics-700"},
        {710, "abseiling", "bull fighting", "Kinetics-710"},
        {174, "Approaching something with your camera", "Wiping something off of something", "Something-Something V2"}}) {
    const auto list = sta::builtin_labels(count);
    ASSERT_TRUE(list) << count;
    EXPECT_EQ(list->data_set, data_set);
    ASSERT_EQ(list->labels.size(), static_cast<size_t>(count));
    EXPECT_EQ(list->labels.front(), first);
    EXPECT_EQ(list->labels.back(), last);
    for (const std::string &label : list->labels) EXPECT_EQ(label.find_first_of("\r\n\""), std::string::npos) << label;
  }
  for (const int count : {0, 1, 2, 27, 51, 399, 709}) EXPECT_FALSE(sta::builtin_labels(count)) << count;
}

// The evaluation of a Kinetics-710 model on Kinetics-400 rests on this: its first 400 classes are those of
// Kinetics-400, some under clearer names.
TEST(Labels, Kinetics710BeginsWithTheClassesOfKinetics400) {
  const auto k400 = sta::builtin_labels(400), k600 = sta::builtin_labels(600), k700 = sta::builtin_labels(700), k710 = sta::builtin_labels(710);
  ASSERT_TRUE(k400 && k600 && k700 && k710);
  const std::set<std::string> all(k710->labels.begin(), k710->labels.end());
  EXPECT_EQ(all.size(), 710u);
  int renamed = 0;
  for (size_t i = 0; i < 400; ++i) {
    if (k400->labels[i] == k710->labels[i]) continue;
    ++renamed;
    EXPECT_FALSE(all.count(k400->labels[i])) << k400->labels[i] << " is there, but elsewhere";
  }
  EXPECT_EQ(renamed, 13);
  const std::set<std::string> others = [&] {
    std::set<std::string> names(k600->labels.begin(), k600->labels.end());
    names.insert(k700->labels.begin(), k700->labels.end());
    return names;
  }();
  for (size_t i = 400; i < 710; ++i) EXPECT_TRUE(others.count(k710->labels[i])) << k710->labels[i];
}

TEST(Labels, BuiltInOnesAreTakenWithAWarningWhereTheModelHasNone) {
  TempFolder folder;
  sta::ModelDescription m = golden::describe("tiny");
  for (const auto &[classes, label] : {std::pair{174, "Attaching something to something"}, {175, "class 1"}}) {
    m.num_classes = classes;
    ASSERT_TRUE(sta::write_safetensors(folder / "m.safetensors", golden::weights(m, 7), {{"image_size", "64"}, {"num_heads", "2"}}));
    const auto model = load(folder / "m.safetensors");
    EXPECT_EQ(model.description.labels.at(1), label);
    EXPECT_EQ(model.description.warnings.find("Something-Something V2") != std::string::npos, classes == 174) << model.description.warnings;
  }
}

TEST(Labels, PlaceholdersOfAConfigAreNone) {
  TempFolder folder;
  auto config = nlohmann::json::parse(read_all(golden::made("checkpoints/micro_hf/config.json")));
  for (auto &[id, label] : config["id2label"].items()) label = "LABEL_" + id;
  folder.write("config.json", config.dump());
  fs::copy(golden::made("checkpoints/micro_hf/model.safetensors"), folder / "model.safetensors");
  EXPECT_EQ(load(folder.path()).description.labels.at(3), "class 3");
}

TEST(Convert, EveryLayoutBecomesTheSameFolder) {
  std::string weights;
  for (const char *in : kIn) {
    TempFolder folder;
    const auto model = load(golden::made(in), options(3, 64));
    const auto written = sta::write_model_folder(model, folder / "out");
    ASSERT_TRUE(written) << written.error().message;
    const auto again = load(folder / "out");
    EXPECT_EQ(again.description.num_heads, 3);
    EXPECT_EQ(again.description.labels, model.description.labels);
    EXPECT_DOUBLE_EQ(again.description.fc_norm_eps, model.description.fc_norm_eps);
    EXPECT_DOUBLE_EQ(again.description.block_eps, model.description.block_eps);
    ASSERT_EQ(again.weights.size(), model.weights.size());
    for (const auto &[name, tensor] : model.weights) EXPECT_TRUE(at::equal(again.weights.at(name), tensor)) << in << " " << name;
    expect_golden(again, "micro");
    const std::string bytes = read_all(folder / "out/model.safetensors");
    if (weights.empty()) weights = bytes;
    EXPECT_TRUE(bytes == weights) << in;
  }
}

TEST(Convert, KeepsSamplingPreprocessingAndPrecision) {
  TempFolder folder;
  auto model = load(golden::made("checkpoints/micro_deepspeed_fp16.pth"), options(3, 64));
  sta::ModelDescription &m = model.description;
  m.spacing = {200'000'000, 3};  // 1/15 s
  m.short_side = 80;
  m.antialias = true;
  m.mean = {0.5f, 0.25f, 0.1f};
  m.std = {0.225f, 0.3f, 1.0f};
  m.labels[4] = "Füße \"heben\"";
  ASSERT_TRUE(sta::write_model_folder(model, folder / "out"));
  const auto again = load(folder / "out");
  EXPECT_EQ(again.description.spacing.num, 200'000'000);
  EXPECT_EQ(again.description.spacing.den, 3);
  EXPECT_EQ(again.description.short_side, 80);
  EXPECT_TRUE(again.description.antialias);
  EXPECT_EQ(again.description.mean, m.mean);
  EXPECT_EQ(again.description.std, m.std);
  EXPECT_EQ(again.description.labels, m.labels);
  EXPECT_EQ(again.weights.at("head.weight").scalar_type(), at::kHalf);
  expect_golden(again,
                std::vector<std::string>{"checkpoints/micro_fp16weights_noise_r0.safetensors", "checkpoints/micro_fp16weights_noise_r5.safetensors"});
}

TEST(Convert, ThroughTheCApi) {
  TempFolder folder;
  sta_convert_options o;
  sta_convert_options_init(&o);
  o.num_heads = 3;
  o.image_size = 64;
  sta_error err;
  const std::string in = golden::made("checkpoints/micro_videomae.pth");
  ASSERT_EQ(sta_model_convert(in.c_str(), (folder / "out").c_str(), &o, &err), STA_OK) << err.message;
  EXPECT_STREQ(err.message, "");
  expect_golden(load(folder / "out"), "micro");
  EXPECT_EQ(sta_model_convert(in.c_str(), (folder / "out").c_str(), &o, &err), STA_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(sta_model_convert(in.c_str(), nullptr, &o, &err), STA_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(sta_model_convert(nullptr, (folder / "new").c_str(), &o, &err), STA_ERROR_NOT_FOUND);
  EXPECT_EQ(sta_model_convert(in.c_str(), (folder / "new").c_str(), nullptr, &err), STA_ERROR_INVALID_ARGUMENT);
  o.num_heads = 0;
  EXPECT_EQ(sta_model_convert(in.c_str(), (folder / "new").c_str(), &o, &err), STA_ERROR_BAD_MODEL);
  EXPECT_FALSE(fs::exists(folder / "new")) << "a failed conversion leaves nothing";
}

// A key bias that somebody trained has no place in the usual layout. It must not get lost.
TEST(Convert, KeepsATrainedKeyBias) {
  TempFolder folder;
  auto model = load(golden::made("checkpoints/tiny_hf_qkv_bias"));
  model.weights["blocks.1.attn.qkv.bias"] = at::arange(48, at::kFloat);
  ASSERT_TRUE(sta::write_model_folder(model, folder / "out"));
  EXPECT_TRUE(at::equal(load(folder / "out").weights.at("blocks.1.attn.qkv.bias"), at::arange(48, at::kFloat)));
}

TEST(Convert, NeverWritesOverAModel) {
  TempFolder folder;
  const auto model = load(golden::made("checkpoints/tiny_hf_qkv_bias"));
  ASSERT_TRUE(sta::write_model_folder(model, folder / "out"));
  const auto again = sta::write_model_folder(model, folder / "out");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().status, STA_ERROR_INVALID_ARGUMENT);
  EXPECT_NE(again.error().message.find("is there already"), std::string::npos);
  folder.write("file", "x");
  EXPECT_FALSE(sta::write_model_folder(model, folder / "file"));
}

}  // namespace
