// SPDX-License-Identifier: MIT
// Tests loading. Every good layout must compute the golden logits. Every broken file must be refused with one sentence
// that names the fault.
#include "unit/checkpoint_support.h"

namespace {

namespace fs = std::filesystem;
using namespace checkpoint_test;

sta::LoadOptions labels(const std::string &path) {
  sta::LoadOptions o;
  o.labels_path = path;
  return o;
}

TEST(Checkpoint, HuggingFaceFolder) {
  const auto model = load(golden::made("checkpoints/micro_hf"));
  EXPECT_EQ(model.description.num_heads, 3);
  EXPECT_EQ(model.description.labels.at(9), "class 9");
  EXPECT_EQ(model.description.max_drop_number(), 8);
  EXPECT_DOUBLE_EQ(model.description.block_eps, 1e-12);
  expect_golden(model, "micro");
}

TEST(Checkpoint, HuggingFaceFolderWrittenByVersion5) {
  TempFolder folder;
  fs::copy(golden::made("checkpoints/micro_hf_v5/config.json"), folder / "config.json");
  fs::copy(golden::made("checkpoints/micro_hf/model.safetensors"), folder / "model.safetensors");
  expect_golden(load(folder.path()), "micro");
}

TEST(Checkpoint, HuggingFaceSeparateBiases) { expect_golden(load(golden::made("checkpoints/tiny_hf_qkv_bias")), "tiny"); }

TEST(Checkpoint, OriginalNames) { expect_golden(load(golden::made("checkpoints/micro_canonical.safetensors")), "micro"); }

TEST(Checkpoint, PrefixesAreStripped) {
  TempFolder folder;
  const auto model = golden::describe("tiny");
  std::map<std::string, at::Tensor> renamed;
  for (const auto &[name, tensor] : golden::weights(model, 7)) renamed["backbone." + name] = tensor;
  ASSERT_TRUE(sta::write_safetensors(folder / "m.safetensors", renamed, {{"image_size", "64"}}));
  expect_golden(load(folder / "m.safetensors", options(2)), "tiny");
}

TEST(Checkpoint, HeadsMustBeKnown) {
  TempFolder folder;
  const auto weights = golden::weights(golden::describe("tiny"), 7);
  ASSERT_TRUE(sta::write_safetensors(folder / "m.safetensors", weights, {{"image_size", "64"}}));
  EXPECT_NE(failure(folder / "m.safetensors", STA_ERROR_BAD_MODEL).find("give num-heads"), std::string::npos);
  EXPECT_NE(failure(folder / "m.safetensors", STA_ERROR_BAD_MODEL, options(3)).find("do not divide"), std::string::npos);
}

TEST(Checkpoint, BrokenFiles) {
  struct Case {
    const char *file, *says;
  };
  for (const Case &c : {Case{"empty.safetensors", "file is empty"},
                        {"short_length_field.safetensors", "header exceeds the file"},
                        {"header_beyond_file.safetensors", "header exceeds the file"},
                        {"header_length_max.safetensors", "header exceeds the file"},
                        {"header_not_json.safetensors", "header is not valid JSON"},
                        {"header_not_utf8.safetensors", "header is not valid JSON"},
                        {"header_deeply_nested.safetensors", "header is not valid JSON"},
                        {"offset_out_of_range.safetensors", "data of head.weight lies outside the file"},
                        {"offset_reversed.safetensors", "data of head.weight lies outside the file"},
                        {"offset_negative.safetensors", "data of head.weight lies outside the file"},
                        {"body_truncated.safetensors", "lies outside the file"},
                        {"shape_and_size_disagree.safetensors", "head.weight: shape needs 40 bytes, has 32"},
                        {"shape_overflow.safetensors", "too large"},
                        {"wrong_dtype.safetensors", "unknown dtype F33 of head.weight"},
                        {"inconsistent_shape.safetensors", "blocks.1.attn.proj.weight has unexpected shape [2,8]"},
                        {"missing_head.safetensors", "head.weight missing: not a classifier"},
                        {"missing_block_tensor.safetensors", "blocks.1.mlp.fc1.weight missing"},
                        {"missing_qv_bias.safetensors", "q_bias missing"},
                        {"nan_weight.safetensors", "blocks.1.attn.proj.weight holds a non-finite weight"}}) {
    const std::string path = golden::path(std::string("checkpoints_bad/") + c.file);
    const std::string message = failure(path, STA_ERROR_BAD_MODEL, options(1));
    EXPECT_NE(message.find(c.says), std::string::npos) << c.file << ": " << message;
    EXPECT_NE(message.find(c.file), std::string::npos) << "the message should name the file: " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
  EXPECT_NE(failure(golden::path("checkpoints_bad/hf_missing_bias"), STA_ERROR_BAD_MODEL).find("q_bias missing"), std::string::npos);
  EXPECT_TRUE(sta::load_model(golden::path("checkpoints_bad/control_good.safetensors"), options(1)));
}

TEST(Checkpoint, VariantsAreRefusedNotIgnored) {
  const auto good = golden::weights(golden::describe("tiny"), 7);
  struct Case {
    const char *extra, *says;
  };
  for (const Case &c : {Case{"blocks.0.attn.scale", "cosine attention"},
                        {"blocks.0.gamma_1", "LayerScale"},
                        {"decoder.blocks.0.norm1.weight", "pre-training checkpoint"},
                        {"mask_token", "pre-training checkpoint"},
                        {"norm3.weight", "tensor norm3.weight is not part"}}) {
    TempFolder folder;
    auto weights = good;
    weights[c.extra] = at::ones({2});
    ASSERT_TRUE(sta::write_safetensors(folder / "m.safetensors", weights, {{"image_size", "64"}, {"num_heads", "2"}}));
    const std::string message = failure(folder / "m.safetensors", STA_ERROR_UNSUPPORTED);
    EXPECT_NE(message.find(c.says), std::string::npos) << message;
  }
}

TEST(Checkpoint, EveryTruncationIsRefused) {
  TempFolder folder;
  const std::string all = read_all(golden::path("checkpoints_bad/control_good.safetensors"));
  ASSERT_GT(all.size(), 10'000u);
  for (size_t size = 0; size < all.size(); size += size < 64 ? 1 : 97) {
    folder.write("cut.safetensors", all.substr(0, size));
    EXPECT_EQ(sta::load_model(folder / "cut.safetensors", options(1)) ? "loaded" : "refused", std::string("refused")) << size;
  }
}

TEST(Checkpoint, FlippedHeaderBytesNeverCrash) {
  TempFolder folder;
  const std::string all = read_all(golden::path("checkpoints_bad/control_good.safetensors"));
  for (uint64_t i = 0; i < 400; ++i) {
    std::string broken = all;
    for (int k = 0; k < 3; ++k)
      broken[golden::word(i, static_cast<uint64_t>(2 * k)) % 5000] = static_cast<char>(golden::word(i, static_cast<uint64_t>(2 * k + 1)));
    folder.write("flip.safetensors", broken);
    if (auto model = sta::load_model(folder / "flip.safetensors", options(1)); !model) {
      EXPECT_FALSE(model.error().message.empty());
    }
  }
}

TEST(ModelFolder, MissingFiles) {
  TempFolder folder;
  EXPECT_NE(failure(folder / "nothing", STA_ERROR_NOT_FOUND).find("no such model file or folder"), std::string::npos);
  EXPECT_NE(failure(folder.path(), STA_ERROR_NOT_FOUND).find("config.json: no such file"), std::string::npos);
  fs::copy(golden::made("checkpoints/micro_hf/config.json"), folder / "config.json");
  EXPECT_NE(failure(folder.path(), STA_ERROR_NOT_FOUND).find("model.safetensors: no such file"), std::string::npos);
  folder.write("model.bin", "x");
  EXPECT_NE(failure(folder / "model.bin", STA_ERROR_BAD_MODEL).find("not a PyTorch checkpoint"), std::string::npos);
}

TEST(ModelFolder, ConfigIsChecked) {
  struct Case {
    const char *config, *says;
  };
  const std::string base = R"("model_type":"videomae","hidden_size":96,"num_hidden_layers":6,"num_attention_heads":3,"image_size":64)";
  for (const Case &c : {Case{"{", "not a JSON object"},
                        {R"({"model_type":"bert"})", "model_type \"bert\" is not supported"},
                        {R"({BASE,"hidden_act":"relu"})", "hidden_act"},
                        {R"({BASE,"use_mean_pooling":"no"})", "use_mean_pooling"},
                        {R"({BASE,"num_channels":1})", "num_channels"},
                        {R"({BASE,"patch_size":0})", "patch_size should be a positive integer"},
                        {R"({BASE,"patch_size":15})", "multiple of the patch size"},
                        {R"({BASE,"num_frames":15})", "multiple of the tubelet"},
                        {R"({BASE,"id2label":{"0":"a","7":"b"}})", "id2label entry"},
                        {R"({BASE,"id2label":{"0":1}})", "id2label entry"},
                        {R"({BASE,"sta":{"sample_interval":"1/0"}})", "sample_interval"},
                        {R"({BASE,"sta":{"sample_interval":-1}})", "sample_interval"},
                        {R"({BASE,"sta":{"sample_interval":"1/1000000"}})", "0.001 to 3600"},
                        {R"({BASE,"sta":{"sample_interval":0.0001}})", "0.001 to 3600"},
                        {R"({BASE,"layer_norm_eps":"x"})", "layer_norm_eps"},
                        {R"({BASE,"layer_norm_eps":1e300})", "layer_norm_eps should be a number above 0 and below 1"},
                        {R"({BASE,"image_size":[64,4294967360]})", "image_size"},  // 64 in its lower half
                        {R"({BASE,"image_size":4096,"patch_size":1,"num_frames":1024,"tubelet_size":1})", "1024 frames of 4096x4096 are more tokens"},
                        {R"({BASE,"hidden_size":1e9})", "hidden_size"}}) {
    TempFolder folder;
    std::string text = c.config;
    if (const size_t at = text.find("BASE"); at != std::string::npos) text.replace(at, 4, base);
    folder.write("config.json", text);
    auto config = sta::read_config(folder.path(), {});
    ASSERT_FALSE(config) << text;
    EXPECT_NE(config.error().message.find(c.says), std::string::npos) << config.error().message;
  }
}

// No data, and at an odd place in the file: the reader made a copy of it to nowhere (found by
// UndefinedBehaviorSanitizer).
TEST(Checkpoint, EmptyTensorThatIsNotAligned) {
  TempFolder folder;
  const std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[0,4],"data_offsets":[1,1]}})";
  std::string text(8, '\0');
  text[0] = static_cast<char>(header.size());
  folder.write("m.safetensors", text + header + "x");
  auto file = sta::read_safetensors(folder / "m.safetensors");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->tensors.at("b").numel(), 0);
  EXPECT_EQ(file->tensors.at("a").item<uint8_t>(), 'x');
}

// Numbers that would turn every pixel into infinity or NaN.
TEST(ModelFolder, NormalisationMustBeUsable) {
  TempFolder folder;
  folder.write("config.json", R"({"model_type":"videomae","hidden_size":96,"num_hidden_layers":6,"num_attention_heads":3,"image_size":64})");
  for (const char *bad : {R"("image_mean":[0.5,1e39,0.5])", R"("image_std":[0.5,0.5,0])", R"("image_std":[0.5,-0.5,0.5])",
                          R"("image_std":[1e-30,0.5,0.5])", R"("image_std":[0.5,0.5])"}) {
    folder.write("preprocessor_config.json", std::string("{") + bad + "}");
    auto config = sta::read_config(folder.path(), {});
    ASSERT_FALSE(config) << bad;
    EXPECT_NE(config.error().message.find("should be three numbers within "), std::string::npos) << config.error().message;
  }
}

// Copying or printing such a value recurses once per level, and the stack is smaller than the file may be.
TEST(ModelFolder, DeeplyNestedJsonIsRefused) {
  TempFolder folder;
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  for (const char *key : {"model_type", "hidden_act", "use_mean_pooling", "id2label"}) {
    folder.write("config.json", std::string(R"({"architectures":[],")") + key + "\":" + deep + "}");
    auto config = sta::read_config(folder.path(), {});
    ASSERT_FALSE(config) << key;
    EXPECT_NE(config.error().message.find("nested too deeply"), std::string::npos) << config.error().message.substr(0, 200);
  }
  folder.write("model.safetensors.index.json", R"({"weight_map":)" + deep + "}");
  EXPECT_NE(failure(folder / "model.safetensors.index.json", STA_ERROR_BAD_MODEL).find("not an index of shards"), std::string::npos);
}

// If a single file says how large its image is, that is the size of the resized frame too.
TEST(Checkpoint, ImageSizeOfAFileIsItsShortSide) {
  TempFolder folder;
  ASSERT_TRUE(sta::write_safetensors(folder / "m.safetensors", golden::weights(golden::describe("tiny"), 7), {{"image_size", "64"}}));
  EXPECT_EQ(load(folder / "m.safetensors", options(2)).description.short_side, 64);
}

TEST(ModelFolder, SamplingAndPreprocessor) {
  TempFolder folder;
  folder.write(
      "config.json",
      R"({"model_type":"videomae","hidden_size":96,"num_hidden_layers":6,"num_attention_heads":3,"image_size":[64,96],"sta":{"sample_interval":"2/15"}})");
  auto config = sta::read_config(folder.path(), {});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->spacing.times(15), 2'000'000'000u);
  EXPECT_EQ(config->width, 96);
  EXPECT_FALSE(config->antialias);
  folder.write(
      "preprocessor_config.json",
      R"({"size":{"shortest_edge":80},"crop_size":{"height":64,"width":96},"image_mean":[0.5,0.5,0.5],"image_std":[0.5,0.5,0.25],"resample":2,"sta":{"antialias":true}})");
  config = sta::read_config(folder.path(), {});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->short_side, 80);
  EXPECT_TRUE(config->antialias);
  EXPECT_FLOAT_EQ(config->std[2], 0.25f);
  folder.write("preprocessor_config.json", R"({"crop_size":{"height":224,"width":224}})");
  config = sta::read_config(folder.path(), {});
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().message.find("crop_size 224x224 is not the model's image size 64x96"), std::string::npos) << config.error().message;
}

// The published conversions of ViT-S say 16 heads, but the model was trained with 6.
TEST(ModelFolder, SmallHeadsAreCorrected) {
  auto config = sta::read_config(golden::path("checkpoints_bad/hf_small_heads16"), {});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->num_heads, 6);
  EXPECT_NE(config->warnings.find("6 is used"), std::string::npos);
}

TEST(ModelFolder, LabelFiles) {
  TempFolder folder;
  folder.write("ten.txt", "a\nb\r\nc\nd\ne\nf\ng\nh\ni\nj");
  folder.write("nine.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\n");
  folder.write("gap.txt", "a\n\nb\n");
  folder.write("empty.txt", "");
  folder.write("latin.txt", "caf\xe9\n");
  const std::string micro = golden::made("checkpoints/micro_hf");
  EXPECT_EQ(load(micro, labels(folder / "ten.txt")).description.labels[1], "b");
  EXPECT_NE(failure(micro, STA_ERROR_INVALID_ARGUMENT, labels(folder / "nine.txt"))
                .find("has 9 labels (taken for one label a line), but the model has 10 classes"),
            std::string::npos);
  EXPECT_NE(failure(micro, STA_ERROR_BAD_MODEL, labels(folder / "gap.txt")).find("line 2 is empty"), std::string::npos);
  EXPECT_NE(failure(micro, STA_ERROR_BAD_MODEL, labels(folder / "empty.txt")).find("label file is empty"), std::string::npos);
  EXPECT_NE(failure(micro, STA_ERROR_BAD_MODEL, labels(folder / "latin.txt")).find("not valid UTF-8"), std::string::npos);
  EXPECT_NE(failure(micro, STA_ERROR_NOT_FOUND, labels(folder / "none.txt")).find("no such label file"), std::string::npos);
}

TEST(Safetensors, RoundTrip) {
  TempFolder folder;
  const std::map<std::string, at::Tensor> tensors = {{"a", at::arange(6, at::kFloat).view({2, 3})}, {"b", at::arange(5, at::kInt)}};
  ASSERT_TRUE(sta::write_safetensors(folder / "t.safetensors", tensors, {{"k", "v"}}));
  auto file = sta::read_safetensors(folder / "t.safetensors");
  ASSERT_TRUE(file);
  EXPECT_TRUE(at::equal(file->tensors.at("a"), tensors.at("a")));
  EXPECT_TRUE(at::equal(file->tensors.at("b"), tensors.at("b")));
  EXPECT_EQ(file->metadata.at("k"), "v");
  EXPECT_FALSE(sta::write_safetensors(folder / "no/such/folder", tensors));
}

}  // namespace
