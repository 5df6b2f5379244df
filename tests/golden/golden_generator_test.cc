// SPDX-License-Identifier: MIT
// The golden generator itself, bit for bit: everything else in this folder rests on it.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/golden.h"

namespace {

using nlohmann::json;

json check_file() {
  std::ifstream in(golden::path("generator_check.json"));
  return json::parse(in);
}

uint64_t hex(const json &text) { return std::stoull(text.get<std::string>(), nullptr, 16); }

TEST(GoldenGenerator, HashAndWords) {
  const json check = check_file();
  for (const auto &[name, value] : check["fnv1a64"].items()) EXPECT_EQ(golden::fnv1a64(name), hex(value)) << name;
  for (const json &e : check["z"]) EXPECT_EQ(golden::word(golden::seed_of(e["name"], e["global_seed"]), e["i"]), hex(e["z"]));
}

TEST(GoldenGenerator, TensorsBitForBit) {
  const json check = check_file();
  int compared = 0;
  for (const auto &[group, entries] : check["tensors"].items()) {
    if (!entries.is_array()) continue;  // the image of the preprocessing tests
    for (const json &e : entries) {
      const std::string name = e["name"];
      const auto shape = e["shape"].get<std::vector<int64_t>>();
      at::Tensor t;
      if (name == "scene")
        t = golden::clip("scene", shape[2], e["seed"]);
      else if (name == "clip")
        t = golden::tensor(name, shape, e["seed"], 2.0);
      else
        t = golden::weight(name, shape, e["seed"]);
      std::vector<uint32_t> bits(t.numel());
      std::memcpy(bits.data(), t.data_ptr(), t.nbytes());
      uint64_t sum = 0;
      for (uint32_t b : bits) sum += b;
      EXPECT_EQ(sum, hex(e["word_sum"])) << group << " " << name;
      EXPECT_EQ(bits.back(), hex(e["last_bits"])) << group << " " << name;
      for (int i = 0; i < 4 && i < t.numel(); ++i) EXPECT_EQ(bits[i], hex(e["first4_bits"][i])) << group << " " << name;
      ++compared;
    }
  }
  EXPECT_GT(compared, 20);
}

TEST(GoldenGenerator, PositionTable) {
  const auto file = golden::read("position_table.safetensors");
  ASSERT_FALSE(file.tensors.empty());
  for (const auto &[name, rows] : file.tensors) {
    const int64_t c = rows.size(-1);
    const at::Tensor table = sta::ops::position_table(1568, c);
    const at::Tensor mine = table.index_select(0, at::tensor({0, 1, 196, 1567}, at::kLong));
    EXPECT_LE((mine - rows.view({-1, c}).slice(0, 0, 4)).abs().max().item<float>(), 1e-7f) << name;
  }
}

}  // namespace
