// SPDX-License-Identifier: MIT
// Tests files of torch.save. Every fixture must compute the golden logits. Every broken or hostile file must be refused
// with one sentence. The shapes, strides and sizes that a pickle claims must be compared with the bytes in the file.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>

#include "checkpoint/formats/torch_file.h"
#include "checkpoint/formats/zip_archive.h"
#include "unit/checkpoint_support.h"
#include "unit/torch_archive.h"

namespace {

namespace fs = std::filesystem;
using namespace checkpoint_test;

// A file with the given object and the storage "0" = 0, 1, 2, 3, 4, 5.
sta::Result<sta::TensorFile> read_object(const std::string &object, const ZipOptions &zip = {}) {
  static const TempFolder folder;
  folder.write(
      "made.pth",
      make_zip({{"any name/data.pkl", "\x80\x02" + object + "."}, {"any name/data/0", floats({0, 1, 2, 3, 4, 5})}, {"any name/version", "3\n"}},
               zip));
  return sta::read_torch_file(folder / "made.pth");
}

std::string object_error(const std::string &object, const ZipOptions &zip = {}) {
  auto file = read_object(object, zip);
  return file ? "(read)" : file.error().message;
}

const std::string kPlain = tensor("FloatStorage", "0", 6, 0, {2, 3}, {3, 1});

// ------------------------------------------------------------------------------------------------ good files

TEST(TorchFile, OriginalCheckpoint) { expect_golden(load(golden::made("checkpoints/micro_videomae.pth"), options(3, 64)), "micro"); }

TEST(TorchFile, LegacyFormatWithPrefix) { expect_golden(load(golden::made("checkpoints/micro_backbone_prefix.pth"), options(3, 64)), "micro"); }

TEST(TorchFile, MmactionTellsItsImageSize) {
  const auto model = load(golden::made("checkpoints/micro_mmaction.pth"), options(3));
  EXPECT_EQ(model.description.height, 64);
  EXPECT_EQ(model.weights.count("pos_embed"), 0u);
  expect_golden(model, "micro");
}

TEST(TorchFile, DeepSpeedHalfPrecision) {
  const auto model = load(golden::made("checkpoints/micro_deepspeed_fp16.pth"), options(3, 64));
  EXPECT_EQ(model.weights.at("blocks.0.attn.qkv.weight").scalar_type(), at::kHalf);
  expect_golden(model,
                std::vector<std::string>{"checkpoints/micro_fp16weights_noise_r0.safetensors", "checkpoints/micro_fp16weights_noise_r5.safetensors"});
}

TEST(TorchFile, HeadsMustBeGivenWhereTheyAreNot64Wide) {
  EXPECT_NE(failure(golden::made("checkpoints/micro_videomae.pth"), STA_ERROR_BAD_MODEL).find("give num-heads"), std::string::npos);
}

TEST(TorchFile, WeightsStayInTheMappedFile) {
  auto file = sta::read_torch_file(golden::made("checkpoints/micro_videomae.pth"));
  ASSERT_TRUE(file);
  std::ifstream maps("/proc/self/maps");
  std::vector<std::pair<uintptr_t, uintptr_t>> ranges;
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0, end = 0;
    if (line.find("micro_videomae.pth") != std::string::npos && std::sscanf(line.c_str(), "%lx-%lx", &begin, &end) == 2)
      ranges.emplace_back(begin, end);
  }
  ASSERT_FALSE(ranges.empty());
  for (const auto &[name, tensor] : file->tensors) {
    const auto p = reinterpret_cast<uintptr_t>(tensor.data_ptr());
    EXPECT_TRUE(std::any_of(ranges.begin(), ranges.end(), [&](const auto &r) { return p >= r.first && p < r.second; })) << name;
  }
}

TEST(TorchFile, StatesOfTheBestKnownKeysAreFound) {
  const at::Tensor want = at::arange(6, at::kFloat).view({2, 3});
  const std::string state = dict({{"w", kPlain}});
  for (const std::string &object : {state, dict({{"model", state}}), dict({{"module", state}}), dict({{"epoch", integer(3)}, {"state_dict", state}}),
                                    dict({{"model_state_dict", state}}), dict({{"model", text("vit_base")}, {"module", state}})}) {
    auto file = read_object(object);
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_EQ(file->tensors.size(), 1u);
    EXPECT_TRUE(at::equal(file->tensors.at("w"), want));
  }
  EXPECT_NE(object_error(dict({{"optimizer", state}})).find("no state dict found"), std::string::npos);
  // The original files of V-JEPA 2: the encoder beside what trained it, and the classifiers alone.
  EXPECT_NE(object_error(dict({{"encoder", state}, {"predictor", state}})).find("no classifier, as the original files of V-JEPA 2 do"),
            std::string::npos);
  EXPECT_NE(object_error(dict({{"classifiers", "]"}})).find("classifiers without their encoder"), std::string::npos);
  EXPECT_NE(object_error("]").find("no state dict found"), std::string::npos);
}

TEST(TorchFile, ViewsKeepTheirStrides) {
  const at::Tensor base = at::arange(6, at::kFloat).view({2, 3});
  auto file = read_object(dict({{"plain", kPlain},
                                {"transposed", tensor("FloatStorage", "0", 6, 0, {3, 2}, {1, 3})},
                                {"row", tensor("FloatStorage", "0", 6, 3, {3}, {1})},
                                {"scalar", tensor("FloatStorage", "0", 6, 5, {}, {})},
                                {"none", tensor("FloatStorage", "0", 6, 0, {0, 3}, {3, 1})},
                                {"one", tensor("FloatStorage", "0", 6, 1, {1, 1}, {1'000'000'000'000, 7})},
                                {"parameter", "ctorch._utils\n_rebuild_parameter\n(" + kPlain + "\x88}tR"},
                                {"number", integer(7)}}));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->tensors.size(), 7u);
  EXPECT_TRUE(at::equal(file->tensors.at("transposed"), base.t()));
  EXPECT_TRUE(at::equal(file->tensors.at("row"), base[1]));
  EXPECT_EQ(file->tensors.at("scalar").item<float>(), 5);
  EXPECT_EQ(file->tensors.at("none").numel(), 0);
  EXPECT_EQ(file->tensors.at("one").item<float>(), 1);
  EXPECT_TRUE(at::equal(file->tensors.at("parameter"), base));
}

TEST(TorchFile, ArgumentsOfTheTrainingRunTellTheImage) {
  const std::string arguments = "cargparse\nNamespace\n)\x81" + dict({{"input_size", integer(64)}, {"num_frames", integer(8)}}) + "b";
  auto file = read_object(dict({{"model", dict({{"w", kPlain}})}, {"args", arguments}}));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->metadata.at("image_size"), "64");
  EXPECT_EQ(file->metadata.at("num_frames"), "8");
}

TEST(TorchFile, LargeFilesUseZip64) {
  ZipOptions zip;
  zip.zip64 = true;
  zip.comment = "PK, but not the end";
  auto file = read_object(dict({{"w", kPlain}}), zip);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->tensors.at("w")[1][2].item<float>(), 5);
}

// Zips of other writers need not align their entries. Tensors that share such a storage share its copy.
TEST(TorchFile, UnalignedStoragesAreCopiedOnce) {
  TempFolder folder;
  const std::string object = dict({{"a", kPlain}, {"b", tensor("FloatStorage", "0", 6, 2, {2}, {3})}});
  for (const std::string &root : {std::string("r"), std::string("ro"), std::string("roo"), std::string("root")}) {
    folder.write("u.pth", make_zip({{root + "/data.pkl", "\x80\x02" + object + "."}, {root + "/data/0", floats({0, 1, 2, 3, 4, 5})}}));
    auto file = sta::read_torch_file(folder / "u.pth");
    ASSERT_TRUE(file) << file.error().message;
    const at::Tensor a = file->tensors.at("a"), b = file->tensors.at("b");
    EXPECT_EQ(reinterpret_cast<uintptr_t>(a.data_ptr()) % 4, 0u);
    EXPECT_EQ(b[1].item<float>(), 5);
    EXPECT_EQ(static_cast<float *>(b.data_ptr()) - static_cast<float *>(a.data_ptr()), 2);
  }
}

// ------------------------------------------------------------------------------------------------ refused

TEST(TorchFile, TensorsThatReachOutsideTheirStorage) {
  struct Case {
    const char *says;
    std::string tensor;
  };
  const int64_t big = int64_t{1} << 60;
  for (const Case &c : {Case{"exceeds its storage", tensor("FloatStorage", "0", 6, 0, {7}, {1})},
                        {"exceeds its storage", tensor("FloatStorage", "0", 6, 4, {3}, {1})},
                        {"exceeds its storage", tensor("FloatStorage", "0", 6, -1, {3}, {1})},
                        {"exceeds its storage", tensor("FloatStorage", "0", 6, 5, {3}, {-1})},
                        {"exceeds its storage", tensor("FloatStorage", "0", 6, INT64_MAX, {3}, {1})},
                        {"exceeds its storage", tensor("FloatStorage", "0", 6, 0, {3, 3}, {big, big})},
                        {"exceeds its storage", tensor("FloatStorage", "0", 6, 0, {3}, {1, 1})},
                        {"exceeds its storage", tensor("FloatStorage", "0", 6, 0, {1'000'000'000}, {0})},  // a copy of it would be 4 GB
                        {"shape too large", tensor("FloatStorage", "0", 6, 0, {big, big}, {0, 0})},
                        {"shape too large", tensor("FloatStorage", "0", 6, 0, {INT64_MAX, 2}, {0, 0})},
                        {"disagrees with the file", tensor("FloatStorage", "0", 5, 0, {3}, {1})},
                        {"disagrees with the file", tensor("FloatStorage", "0", big, 0, {3}, {1})},
                        {"disagrees with the file", tensor("FloatStorage", "0", INT64_MAX, 0, {3}, {1})},
                        {"disagrees with the file", tensor("DoubleStorage", "0", 6, 0, {3}, {1})},
                        {"malformed reference", tensor("FloatStorage", "0", -6, 0, {3}, {1})},
                        {"not found in the archive", tensor("FloatStorage", "../version", 6, 0, {3}, {1})},
                        {"storage type torch.QInt8Storage", tensor("QInt8Storage", "0", 6, 0, {3}, {1})}}) {
    const std::string message = object_error(dict({{"w", c.tensor}}));
    EXPECT_NE(message.find(c.says), std::string::npos) << message << ", should say: " << c.says;
    EXPECT_NE(message.find("tensor w"), std::string::npos) << message;
  }
}

TEST(TorchFile, WhatIsNoStateDict) {
  EXPECT_NE(object_error(dict({{"w", kPlain}, {"q", "ctorch._utils\n_rebuild_qtensor\n)R"}})).find("entry q is not a plain tensor"),
            std::string::npos);
  EXPECT_EQ(object_error(dict({{"w", kPlain}, {"layer._extra_state", "cio\nBytesIO\n)R"}})), "(read)");
  const std::string module = "cmodels\nVisionTransformer\n)\x81" + dict({{"_parameters", dict({{"w", kPlain}})}}) + "b";
  EXPECT_NE(object_error(module).find("whole pickled model"), std::string::npos);
  EXPECT_NE(object_error(dict({{"model", module}})).find("whole pickled model"), std::string::npos);
}

TEST(TorchFile, OnlyStoredZipEntries) {
  const std::string object = dict({{"w", kPlain}});
  ZipOptions zip;
  zip.method = 8;
  EXPECT_NE(object_error(object, zip).find("compressed entries are not supported"), std::string::npos);
  zip = {};
  zip.flags = 1;
  EXPECT_NE(object_error(object, zip).find("encrypted"), std::string::npos);
  TempFolder folder;
  zip = {};
  zip.overlap = true;
  const std::string kilobyte(1024, 'x');
  folder.write("overlap.pth", make_zip({{"a/0", kilobyte}, {"a/1", kilobyte}, {"a/2", kilobyte}}, zip));
  auto overlap = sta::read_torch_file(folder / "overlap.pth");
  ASSERT_FALSE(overlap);
  EXPECT_NE(overlap.error().message.find("zip entries overlap"), std::string::npos) << overlap.error().message;
  for (const auto &[entries, says] :
       {std::pair<std::vector<std::pair<std::string, std::string>>, const char *>{{{"a/data.pkl", "N."}, {"b/data.pkl", "N."}}, "two data.pkl"},
        {{{"a/data.pkl", "N."}, {"a/data.pkl", "N."}}, "two entries"},
        {{{"a/data.pkl", "N."}, {"a/constants.pkl", "N."}}, "TorchScript"},
        {{{"a/data.pkl", "N."}, {"a/byteorder", "big"}}, "big-endian"},
        {{{"a/b/data.pkl", "N."}}, "data.pkl missing"}}) {
    folder.write("z.pth", make_zip(entries));
    auto file = sta::read_torch_file(folder / "z.pth");
    ASSERT_FALSE(file);
    EXPECT_NE(file.error().message.find(says), std::string::npos) << file.error().message;
  }
}

TEST(TorchFile, BrokenFiles) {
  fs::remove("/tmp/pwned");
  struct Case {
    const char *file, *says;
    sta_status status = STA_ERROR_BAD_MODEL;
  };
  for (const Case &c : {Case{"empty.pth", "file is empty"},
                        {"not_a_checkpoint.pth", "not a PyTorch checkpoint (looks like HTML)"},
                        {"truncated_zip.pth", "zip end-of-directory not found, file truncated?"},
                        {"zip_absurd_sizes.pth", "entry exceeds the file"},
                        {"zip_directory_out_of_range.pth", "zip directory out of range"},
                        {"no_data_pkl.pth", "not a PyTorch checkpoint: data.pkl missing"},
                        {"compressed_bomb.pth", "compressed entries are not supported", STA_ERROR_UNSUPPORTED},
                        {"pickle_truncated.pth", "malformed pickle"},
                        {"pickle_stack_underflow.pth", "malformed pickle"},
                        {"pickle_deep.pth", "malformed pickle"},
                        {"pickle_memo_bomb.pth", "no state dict found"},
                        {"pickle_os_system.pth", "refused: pickle wants to call os.system"},
                        {"pickle_os_system_bare.pth", "refused: pickle wants to call os.system"},
                        {"pickle_os_system_beside_weights.pth", "refused: pickle wants to call posix.system"},
                        {"storage_size_out_of_range.pth", "tensor head.bias exceeds its storage"},
                        {"storage_offset_out_of_range.pth", "tensor head.bias exceeds its storage"},
                        {"storage_offset_near_end.pth", "tensor head.bias exceeds its storage"},
                        {"storage_negative.pth", "tensor head.bias exceeds its storage"},
                        {"storage_stride_out_of_range.pth", "exceeds its storage"},
                        {"storage_numel_lies.pth", "storage size disagrees with the file"},
                        {"storage_key_missing.pth", "storage not found in the archive"},
                        {"storage_key_traversal.pth", "storage not found in the archive"},
                        {"shape_overflow.pth", "shape too large"},
                        {"legacy_truncated.pth", "truncated"},
                        {"legacy_numel_huge.pth", "storage size disagrees with the file"},
                        {"pretraining.pth", "pre-training checkpoint, has no classification head", STA_ERROR_UNSUPPORTED},
                        {"cosine_attention.pth", "variant is not supported", STA_ERROR_UNSUPPORTED},
                        {"layer_scale.pth", "variant is not supported", STA_ERROR_UNSUPPORTED}}) {
    const std::string message = failure(golden::path(std::string("checkpoints_bad/") + c.file), c.status, options(1));
    EXPECT_NE(message.find(c.says), std::string::npos) << c.file << ": " << message;
    EXPECT_NE(message.find(c.file), std::string::npos) << "the message should name the file: " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
  EXPECT_FALSE(fs::exists("/tmp/pwned")) << "a pickle was executed";
  for (const char *good : {"control_good.pth", "control_handmade_good.pth"})
    EXPECT_TRUE(sta::load_model(golden::path(std::string("checkpoints_bad/") + good), options(1))) << good;
}

#if !defined(__SANITIZE_ADDRESS__)
// The bombs may not cost memory. With 24 MiB of address space to spare, both must still be refused by name: the one of
// 64 MiB and the one of 2^60 leaves.
[[noreturn]] void read_in_little_memory(const std::string &path, const std::string &says) {
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t limit = pages * static_cast<size_t>(getpagesize()) + (24u << 20);
  const rlimit space{limit, limit};
  setrlimit(RLIMIT_AS, &space);
  auto read = sta::read_torch_file(path);
  _exit(!read && read.error().message.find(says) != std::string::npos ? 0 : 1);
}

TEST(TorchFile, BombsCostNoMemory) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // LibTorch has threads by now
  for (const auto &[file, says] : {std::pair{"compressed_bomb.pth", "compressed entries"},
                                   {"pickle_memo_bomb.pth", "no state dict"},
                                   {"storage_numel_lies.pth", "disagrees"},
                                   {"legacy_numel_huge.pth", "disagrees"}}) {
    const std::string path = golden::path(std::string("checkpoints_bad/") + file);
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EXIT(read_in_little_memory(path, says), testing::ExitedWithCode(0), "") << file;
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5)) << file;
  }
}
#endif

TEST(TorchFile, EveryTruncationIsRefused) {
  TempFolder folder;
  for (const std::string &name : {golden::path("checkpoints_bad/control_good.pth"), golden::made("checkpoints/micro_backbone_prefix.pth")}) {
    const std::string all = read_all(name);
    ASSERT_GT(all.size(), 20'000u);
    const size_t step = all.size() / 97;
    for (size_t size = 0; size < all.size(); size += size < 64 ? 1 : step) {
      folder.write("cut.pth", all.substr(0, size));
      EXPECT_FALSE(sta::load_model(folder / "cut.pth", options(1))) << name << " " << size;
    }
  }
}

TEST(TorchFile, DamagedFilesNeverCrash) {
  TempFolder folder;
  const std::string zip = without_checksums(read_all(golden::path("checkpoints_bad/control_handmade_good.pth")));
  const std::string legacy = read_all(golden::path("checkpoints_bad/legacy_numel_huge.pth"));
  for (const std::string *good : {&zip, &legacy}) {
    for (uint64_t i = 0; i < 400; ++i) {
      std::string broken = *good;
      // The pickle and the local headers are at the front, the zip's directory in the last 4 kB.
      for (uint64_t k = 0; k < 3; ++k) {
        const uint64_t w = golden::word(i, 2 * k), back = std::min<uint64_t>(broken.size(), 4096);
        const uint64_t at = i % 2 ? w % std::min<uint64_t>(broken.size(), 5000) : broken.size() - 1 - w % back;
        broken[at] = static_cast<char>(golden::word(i, 2 * k + 1));
      }
      folder.write("broken.pth", broken);
      if (auto model = sta::load_model(folder / "broken.pth", options(1)); !model) {
        EXPECT_FALSE(model.error().message.empty());
      }
    }
  }
}

TEST(TorchFile, OtherThingsUnderAModelsName) {
  TempFolder folder;
  for (const auto &[content, says] :
       {std::pair<std::string, const char *>{"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"},
        {"\n<html>", "looks like HTML"},
        {std::string(1000, 'x'), "not a PyTorch checkpoint"},
        {"N.", "not a PyTorch checkpoint"},
        {"PK", "not a PyTorch checkpoint"},
        {std::string("PK\x03\x04", 4), "end-of-directory not found"}}) {
    folder.write("m.pth", content);
    const std::string message = failure(folder / "m.pth", STA_ERROR_BAD_MODEL);
    EXPECT_NE(message.find(says), std::string::npos) << message;
  }
}

}  // namespace
