// SPDX-License-Identifier: MIT
// Tests Preprocessor against tests/golden/preprocess: bytes that OpenCV, Pillow and PyTorch computed from generated
// noise, the hardest picture for a resize.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "preprocess_support.h"

namespace preprocess_test {
namespace {

// Reads F32 tensors of a .safetensors file: 8 bytes header length, JSON header, data. Just enough for files known to be
// well-formed.
class Tensors {
 public:
  explicit Tensors(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
    uint64_t length = 0;
    if (bytes_.size() < sizeof(length)) {
      ADD_FAILURE() << "cannot read " << path;
      return;
    }
    std::memcpy(&length, bytes_.data(), sizeof(length));
    header_ = bytes_.substr(8, length);
    data_ = 8 + length;
  }
  std::vector<float> read(const std::string &name) const {
    const size_t entry = header_.find('"' + name + "\":");
    const size_t offsets = header_.find("\"data_offsets\":", entry);
    if (entry == std::string::npos || offsets == std::string::npos) {
      ADD_FAILURE() << "no tensor " << name;
      return {};
    }
    std::istringstream text(header_.substr(header_.find('[', offsets) + 1, 64));
    size_t begin = 0, end = 0;
    char comma = 0;
    text >> begin >> comma >> end;
    std::vector<float> values((end - begin) / sizeof(float));
    std::memcpy(values.data(), bytes_.data() + data_ + begin, end - begin);
    return values;
  }

 private:
  std::string bytes_, header_;
  size_t data_ = 0;
};

// Sections 1 and 6 of tests/golden/README.md: u8 [n], value = floor(256 u).
std::vector<uint8_t> generate(const std::string &name, size_t n) {
  constexpr uint64_t kGamma = 0x9E3779B97F4A7C15ull, kSeed = 3000;
  uint64_t seed = 0xCBF29CE484222325ull;
  for (unsigned char b : name) seed = (seed ^ b) * 0x100000001B3ull;
  seed ^= kSeed * kGamma;
  std::vector<uint8_t> values(n);
  for (size_t i = 0; i < n; ++i) {
    uint64_t z = seed + i * kGamma;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    z ^= z >> 31;
    values[i] = static_cast<uint8_t>(z >> 56);
  }
  return values;
}

constexpr int kSize = 224, kPatch = 32;
constexpr double kMean[3] = {.485, .456, .406}, kStd[3] = {.229, .224, .225};

double levels(double normalised, int c) { return (normalised * kStd[c] + kMean[c]) * 255; }

std::vector<uint8_t> run_image(const std::string &name, int width, int height, bool antialias) {
  const std::vector<uint8_t> image = generate(name, static_cast<size_t>(width) * height * 3);
  Frame frame(STA_FORMAT_RGB, width, height);
  frame.fill([&](int c, int x, int y) { return image[(static_cast<size_t>(y) * width + x) * 3 + static_cast<size_t>(c)]; });
  return run(frame.frame, {kSize, kSize, kSize, antialias});
}

// Largest distance, in levels, of rgb from the three 32 x 32 patches and from the row and column means of a variant.
// item: index in the tensor, 0 to 4 for `frames`, which has 5; else 0 of 1.
struct Distance {
  double patch = 0, mean = 0;
};
Distance distance(const std::vector<uint8_t> &rgb, const Tensors &golden, const std::string &variant, int item, int items) {
  auto at = [&](int c, int x, int y) { return static_cast<double>(rgb[(static_cast<size_t>(y) * kSize + x) * 3 + static_cast<size_t>(c)]); };
  Distance d;
  const std::pair<const char *, int> patches[] = {{".top_left", 0}, {".centre", 96}, {".bottom_right", 192}};
  for (const auto &[name, origin] : patches) {
    if (items > 1 && origin > 0) break;
    const std::vector<float> patch = golden.read(variant + name);
    if (patch.size() != static_cast<size_t>(3 * items * kPatch * kPatch)) {
      ADD_FAILURE() << variant << name << " has " << patch.size() << " values";
      return d;
    }
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < kPatch; ++y)
        for (int x = 0; x < kPatch; ++x)
          d.patch = std::max(d.patch, std::abs(at(c, origin + x, origin + y) -
                                               levels(patch[static_cast<size_t>(((c * items + item) * kPatch + y) * kPatch + x)], c)));
  }
  const std::vector<float> row_mean = golden.read(variant + ".row_mean"), col_mean = golden.read(variant + ".col_mean");
  for (int c = 0; c < 3; ++c)
    for (int i = 0; i < kSize; ++i) {
      double row = 0, col = 0;
      for (int j = 0; j < kSize; ++j) row += at(c, j, i), col += at(c, i, j);
      const size_t k = static_cast<size_t>((c * items + item) * kSize + i);
      d.mean = std::max({d.mean, std::abs(row / kSize - levels(row_mean.at(k), c)), std::abs(col / kSize - levels(col_mean.at(k), c))});
    }
  return d;
}

struct Image {
  const char *file, *name;
  int width, height, item, items;
};
const Image kImages[] = {{"image", "image", 320, 240, 0, 1},    {"portrait", "image.portrait", 180, 403, 0, 1}, {"frames", "frame.0", 320, 240, 0, 5},
                         {"frames", "frame.1", 320, 240, 1, 5}, {"frames", "frame.2", 320, 240, 2, 5},          {"frames", "frame.3", 320, 240, 3, 5},
                         {"frames", "frame.4", 320, 240, 4, 5}};

Tensors open(const Image &image) { return Tensors(std::string(STA_GOLDEN_DIR) + "/preprocess/" + image.file + ".safetensors"); }

// Every byte of OpenCV; the whole crop is compared through the means.
TEST(PreprocessGolden, BilinearEqualsOpenCv) {
  for (const Image &image : kImages) {
    SCOPED_TRACE(image.name);
    const Distance d = distance(run_image(image.name, image.width, image.height, false), open(image), "cv2_u8", image.item, image.items);
    EXPECT_LT(d.patch, 1e-3);
    EXPECT_LT(d.mean, 1e-3);
  }
}

// 0.80 levels is the error of OpenCV's own bytes against the unrounded result.
TEST(PreprocessGolden, BilinearIsNearTheUnroundedResult) {
  for (const Image &image : kImages) {
    SCOPED_TRACE(image.name);
    EXPECT_LT(distance(run_image(image.name, image.width, image.height, false), open(image), "float", image.item, image.items).patch, 0.81);
  }
}

// Pillow rounds to bytes after each pass, our code only after both. So they differ by at most one level, and ours is
// nearer to the unrounded result than Pillow's.
TEST(PreprocessGolden, AntialiasIsWithinOneLevelOfPillow) {
  for (const Image &image : {kImages[0], kImages[1]}) {
    SCOPED_TRACE(image.name);
    const std::vector<uint8_t> rgb = run_image(image.name, image.width, image.height, true);
    const Distance pillow = distance(rgb, open(image), "antialias_u8", 0, 1), exact = distance(rgb, open(image), "antialias_float", 0, 1);
    EXPECT_LT(pillow.patch, 1.001);
    EXPECT_LT(pillow.mean, 0.3);  // its rounding between the passes is the same for a whole row
    EXPECT_LT(exact.patch, 0.55);
    EXPECT_LT(exact.mean, 0.1);
  }
}

}  // namespace
}  // namespace preprocess_test
