// SPDX-License-Identifier: MIT
// Tests processor files. Each key must be handled the same way as in transformers, or refused with a sentence. The
// pictures come from transformers 4.57.1's VideoMAEImageProcessor (Pillow 8-bit BILINEAR) on generated noise,
// golden/preprocess/processors.safetensors. The notes of that file are the processor files themselves.
#include <ATen/ATen.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "checkpoint_support.h"
#include "engine/preprocess_spec.h"

using namespace checkpoint_test;

namespace {

constexpr const char *kConfig =
    R"({"model_type":"videomae","hidden_size":96,"num_hidden_layers":6,"num_attention_heads":3,"intermediate_size":384,"image_size":[48,64]})";

struct Shot {
  int width, height;
  std::vector<uint8_t> pixels;  // [H,W,3]
};

// The golden generator's bytes.
Shot picture(const std::string &kind) {
  Shot shot{kind == "wide" ? 213 : kind == "tall" ? 70 : 30, kind == "wide" ? 120 : kind == "tall" ? 90 : 40, {}};
  const uint64_t seed = golden::seed_of("image." + kind, 3000);
  for (int64_t i = 0; i < int64_t{3} * shot.width * shot.height; ++i)
    shot.pixels.push_back(static_cast<uint8_t>(std::floor(256 * golden::uniform(seed, static_cast<uint64_t>(i)))));
  return shot;
}

TEST(Processor, PicturesAreThoseOfTransformers) {
  const sta::TensorFile file = golden::read("preprocess/processors.safetensors");
  int compared = 0;
  for (const auto &[name, want] : file.tensors) {
    const std::string rule = name.substr(0, name.find('.')), kind = name.substr(name.find('.') + 1);
    const TempFolder folder;
    folder.write("config.json", kConfig);
    folder.write("preprocessor_config.json", file.metadata.at(rule));
    auto model = sta::read_config(folder.path(), {});
    ASSERT_TRUE(model) << model.error().message;
    const Shot shot = picture(kind);
    sta_frame frame;
    sta_frame_init(&frame);
    frame.format = STA_FORMAT_RGB;
    frame.width = shot.width;
    frame.height = shot.height;
    frame.plane[0] = shot.pixels.data();
    frame.stride[0] = 3 * shot.width;
    std::vector<uint8_t> rgb(size_t{48} * 64 * 3);
    const sta::Status done = sta::Preprocessor(sta::preprocess_spec(*model, /*antialias=*/true)).run(frame, rgb.data());
    ASSERT_TRUE(done) << done.error().message;
    const float *w = want.const_data_ptr<float>();  // [3,48,64]
    double worst = 0;
    for (int c = 0; c < 3; ++c)
      for (int i = 0; i < 48 * 64; ++i) {
        const double got = (rgb[static_cast<size_t>(3 * i + c)] / 255.0 - model->mean[c]) / model->std[c];
        // In levels of 255: one level is 1 / (255 std).
        worst = std::max(worst, std::abs(got - w[c * 48 * 64 + i]) * 255 * model->std[c]);
      }
    EXPECT_LE(worst, 1.01) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 10);
}

std::string read_error(const std::string &processor, const char *file = "preprocessor_config.json") {
  const TempFolder folder;
  folder.write("config.json", kConfig);
  folder.write(file, processor);
  auto model = sta::read_config(folder.path(), {});
  return model ? "(read)" : model.error().message;
}

TEST(Processor, WhatIsNotDoneIsRefusedByASentence) {
  for (const auto &[text, says] :
       {std::pair<const char *, const char *>{R"({"resample":3})", "resample 3 (bicubic) is not supported, 2 (bilinear) is"},
        {R"({"resample":0})", "resample 0 (nearest) is not supported"},
        {R"({"resample":9})", "resample 9 is not supported"},
        {R"({"do_resize":false})", "do_resize false is not supported"},
        {R"({"do_center_crop":false,"size":{"shortest_edge":48}})", "do_center_crop false with size {shortest_edge}"},
        {R"({"do_center_crop":false,"size":{"height":64,"width":64}})", "size 64x64 without a centre crop is not the model's image size 48x64"},
        {R"({"size":{"height":40,"width":64}})", "size 40x64 is smaller than the model's image 48x64"},
        {R"({"size":{"shortest_edge":256},"crop_size":{"height":224,"width":224}})", "crop_size 224x224 is not the model's image size 48x64"},
        {R"({"crop_size":"big"})", "crop_size should be a number"},
        {R"({"do_flip_channel_order":true})", "do_flip_channel_order true"},
        {R"({"offset":true})", "offset true"},
        {R"({"do_pad":true})", "do_pad true"},
        {R"({"do_rescale":"yes"})", "do_rescale should be true or false"},
        {R"({"rescale_factor":0})", "rescale_factor should be a number above 0"},
        {R"({"rescale_factor":1e-9})", "would make every picture black"},
        {R"({"image_mean":[1,2]})", "image_mean should be three numbers"}})
    EXPECT_NE(read_error(text).find(says), std::string::npos) << text << ": " << read_error(text);
}

TEST(Processor, AllItsFilesAreRead) {
  const char *good = R"({"size":{"height":60,"width":80},"crop_size":{"height":48,"width":64}})";
  for (const auto &[file, text] : {std::pair<const char *, std::string>{"preprocessor_config.json", good},
                                   {"video_preprocessor_config.json", good},
                                   {"processor_config.json", std::string(R"({"processor_class":"X","video_processor":)") + good + "}"},
                                   {"processor_config.json", std::string(R"({"image_processor":)") + good + "}"}}) {
    const TempFolder folder;
    folder.write("config.json", kConfig);
    folder.write(file, text);
    auto model = sta::read_config(folder.path(), {});
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->squash_height, 60) << file;
    EXPECT_EQ(model->squash_width, 80) << file;
  }
  EXPECT_NE(read_error(R"({"video_processor":{"resample":3}})", "processor_config.json").find("processor_config.json: video_processor: resample 3"),
            std::string::npos);
}

TEST(Processor, ValuesAreFoldedIntoMeanAndDeviation) {
  const TempFolder folder;
  folder.write("config.json", kConfig);
  folder.write("preprocessor_config.json", R"({"do_rescale":false,"image_mean":[127.5,100,0],"image_std":[51,255,1],"sta":{"antialias":true}})");
  auto model = sta::read_config(folder.path(), {});
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_FLOAT_EQ(model->mean[0], 0.5f);
  EXPECT_FLOAT_EQ(model->std[0], 0.2f);
  EXPECT_FLOAT_EQ(model->std[1], 1.0f);
  EXPECT_FLOAT_EQ(model->std[2], 1 / 255.0f);
  EXPECT_TRUE(model->antialias);
}

}  // namespace
