// SPDX-License-Identifier: MIT
// Tests models inside something else: prefixes of training frameworks, entries with other names than "model", a second
// model in the file, metrics and losses, adapters.
#include <ATen/ATen.h>

#include <nlohmann/json.hpp>

#include "checkpoint/names/wrappers.h"
#include "checkpoint_support.h"
#include "torch_archive.h"

using namespace checkpoint_test;

namespace {

const std::map<std::string, std::string> kTinyNotes = {{"image_size", "64"}, {"num_heads", "2"}};

sta::StateDict tiny(uint64_t seed = 7) { return golden::weights(golden::describe("tiny"), seed); }

sta::StateDict under(const std::string &prefix, const sta::StateDict &weights) {
  sta::StateDict out;
  for (const auto &[name, tensor] : weights) out[prefix + name] = tensor;
  return out;
}

std::string write(const TempFolder &folder, const sta::StateDict &tensors) {
  if (auto done = sta::write_safetensors(folder / "m.safetensors", tensors, kTinyNotes); !done) throw std::runtime_error(done.error().message);
  return folder / "m.safetensors";
}

// The bytes that torch.save would write for {entry: state dict, ...}.
std::string write_torch(const TempFolder &folder, const std::vector<std::pair<std::string, sta::StateDict>> &entries) {
  std::vector<std::pair<std::string, std::string>> files, items;
  int key = 0;
  for (const auto &[entry, weights] : entries) {
    std::vector<std::pair<std::string, std::string>> tensors;
    for (const auto &[name, value] : weights) {
      const at::Tensor t = value.to(at::kFloat).contiguous();
      const std::string storage = std::to_string(key++);
      std::vector<int64_t> stride(t.strides().begin(), t.strides().end());
      tensors.emplace_back(name, tensor("FloatStorage", storage, t.numel(), 0, t.sizes().vec(), stride));
      files.emplace_back("archive/data/" + storage, std::string(static_cast<const char *>(t.const_data_ptr()), 4 * static_cast<size_t>(t.numel())));
    }
    items.emplace_back(entry, dict(tensors));
  }
  files.insert(files.begin(), {"archive/data.pkl", "\x80\x02" + dict(items) + "."});
  folder.write("m.pth", make_zip(files));
  return folder / "m.pth";
}

sta::LoadOptions tiny_options() { return options(2, 64); }

// Checks that the weights are those of this seed, by the first value of the head.
void expect_seed(const sta::LoadedModel &model, uint64_t seed) {
  EXPECT_TRUE(at::equal(model.weights.at("head.weight"), tiny(seed).at("head.weight"))) << "not the model of seed " << seed;
}

TEST(Wrappers, AnyPrefixIsTakenOff) {
  for (const char *prefix : {"net.", "student.", "teacher.", "encoder.", "video_model.", "my_module.inner.", "model.net.", "module.student.backbone.",
                             "_orig_mod.module."}) {
    const TempFolder folder;
    const sta::LoadedModel model = load(write(folder, under(prefix, tiny())));
    expect_seed(model, 7);
    EXPECT_EQ(model.weights.size(), load(write(folder, tiny())).weights.size()) << prefix;
    EXPECT_EQ(model.description.warnings.find("left out"), std::string::npos) << model.description.warnings;
  }
}

TEST(Wrappers, AHeadMayStandBesideItsBackbone) {
  const TempFolder folder;
  sta::StateDict file;
  for (const auto &[name, tensor] : tiny()) file[(name.rfind("head.", 0) == 0 ? "lit." : "lit.backbone.") + name] = tensor;
  expect_seed(load(write(folder, file)), 7);
}

TEST(Wrappers, MetricsAndLossesAreLeftOutAndNamed) {
  for (const char *prefix : {"", "model."}) {
    const TempFolder folder;
    sta::StateDict file = under(prefix, tiny());
    file["train_acc.tp"] = at::ones({4});
    file["val_f1.fp"] = at::ones({4});
    file["criterion.weight"] = at::ones({4});
    const sta::LoadedModel model = load(write(folder, file));
    expect_seed(model, 7);
    EXPECT_NE(model.description.warnings.find("3 tensors are no part of the model and left out: criterion.weight, train_acc.tp, val_f1.fp\n"),
              std::string::npos)
        << model.description.warnings;
  }
}

TEST(Wrappers, PartsOfNetworksAreNever) {
  for (const char *name : {"cls_token", "temporal_embedding", "head_dist.weight", "blocks.0.attn.extra", "adapter.0.weight", "norm3.weight"}) {
    const TempFolder folder;
    sta::StateDict file = tiny();
    file[name] = at::ones({4});
    EXPECT_NE(failure(write(folder, file), STA_ERROR_UNSUPPORTED).find(std::string("tensor ") + name + " is not part of"), std::string::npos) << name;
  }
}

TEST(Wrappers, WhatIsMissingIsStillMissing) {
  const TempFolder folder;
  sta::StateDict file = under("net.", tiny());
  file["train_acc.tp"] = at::ones({4});
  file.erase("net.head.weight");
  EXPECT_NE(failure(write(folder, file), STA_ERROR_BAD_MODEL).find("head.weight missing"), std::string::npos);
}

TEST(Wrappers, TwoModelsInOneFile) {
  const TempFolder folder;
  sta::StateDict file = under("student.", tiny(7));
  file.merge(under("teacher.", tiny(8)));
  const std::string path = write(folder, file);
  const sta::LoadedModel usual = load(path), asked = load(path + "#student");
  expect_seed(usual, 8);
  EXPECT_NE(usual.description.warnings.find("the file holds several models (student, teacher); teacher was taken, FILE#PREFIX takes another"),
            std::string::npos);
  expect_seed(asked, 7);
  EXPECT_EQ(asked.description.name, "m#student");
  EXPECT_EQ(asked.description.warnings.find("several"), std::string::npos) << asked.description.warnings;
  EXPECT_NE(failure(path + "#nobody", STA_ERROR_BAD_MODEL).find("holds no model \"nobody\"; it holds student, teacher"), std::string::npos);
}

TEST(Wrappers, AMarkInAFilesNameIsItsName) {
  const TempFolder folder;
  ASSERT_TRUE(sta::write_safetensors(folder / "run#3.safetensors", tiny(), kTinyNotes));
  expect_seed(load(folder / "run#3.safetensors"), 7);
  EXPECT_EQ(sta::split_model_path(folder / "run#4.safetensors").part, "4.safetensors");
}

TEST(Wrappers, EntriesOfTorchFiles) {
  for (const char *entry :
       {"model", "module", "state_dict", "model_state_dict", "model_state", "model_ema", "ema_state_dict", "teacher", "student"}) {
    const TempFolder folder;
    const sta::LoadedModel model = load(write_torch(folder, {{entry, tiny()}}), tiny_options());
    expect_seed(model, 7);
    EXPECT_EQ(model.description.warnings.find("several"), std::string::npos) << entry;
  }
}

TEST(Wrappers, TwoEntriesOfTorchFiles) {
  const TempFolder folder;
  const std::string path = write_torch(folder, {{"model_ema", tiny(8)}, {"model", tiny(7)}});
  const sta::LoadedModel usual = load(path, tiny_options());
  expect_seed(usual, 7);
  EXPECT_NE(usual.description.warnings.find("several state dicts (model, model_ema); model was taken, FILE#ENTRY takes another"), std::string::npos)
      << usual.description.warnings;
  expect_seed(load(path + "#model_ema", tiny_options()), 8);
  EXPECT_NE(failure(path + "#nobody", STA_ERROR_BAD_MODEL, tiny_options()).find("its state dicts are model, model_ema"), std::string::npos);
  expect_seed(load(write_torch(folder, {{"student", tiny(7)}, {"teacher", tiny(8)}}), tiny_options()), 8);
}

TEST(Wrappers, AdaptersHaveToBeMergedFirst) {
  const TempFolder folder;
  for (const char *name : {"base_model.model.blocks.0.attn.qkv.lora_A.default.weight", "blocks.0.attn.qkv.lora_B.weight",
                           "base_model.model.blocks.0.attn.qkv.base_layer.weight"}) {
    sta::StateDict file = tiny();
    file[name] = at::ones({4});
    const std::string message = failure(write(folder, file), STA_ERROR_UNSUPPORTED);
    EXPECT_NE(message.find("merge it into its base model first"), std::string::npos) << message;
  }
}

TEST(Wrappers, NumberOfLabelsHasToAgree) {
  const std::string micro = golden::path("hf_models/videomae_tutorial_nano");
  for (const auto &[labels, says] : {std::pair{6, "num_labels is 6, but id2label names 5 classes"}, {0, "num_labels"}}) {
    const TempFolder folder;
    auto config = nlohmann::json::parse(read_all(micro + "/config.json"));
    config["num_labels"] = labels;
    folder.write("config.json", config.dump());
    std::filesystem::copy_file(micro + "/model.safetensors", folder / "model.safetensors");
    EXPECT_NE(failure(folder.path(), STA_ERROR_BAD_MODEL).find(says), std::string::npos);
  }
  const TempFolder folder;
  auto config = nlohmann::json::parse(read_all(micro + "/config.json"));
  config.erase("id2label");
  config["num_labels"] = 7;
  folder.write("config.json", config.dump());
  std::filesystem::copy_file(micro + "/model.safetensors", folder / "model.safetensors");
  EXPECT_NE(failure(folder.path(), STA_ERROR_BAD_MODEL).find("number of classes is 7 by the configuration but 5 by the weights"), std::string::npos);
}

TEST(Wrappers, EightBitFloatsAreRefused) {
  const TempFolder folder;
  const std::string header = R"({"x":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}})";
  std::string file;
  put(file, header.size(), 8);
  folder.write("m.safetensors", file + header + "ab");
  EXPECT_NE(failure(folder / "m.safetensors", STA_ERROR_UNSUPPORTED).find("convert the file to float16 or float32 first"), std::string::npos);
}

}  // namespace
