// SPDX-License-Identifier: MIT
// Tests frames that contradict themselves. They must get INVALID_ARGUMENT and a sentence that names what does not fit.
// A good frame afterwards must work.
#include <cstring>

#include "preprocess_support.h"

namespace preprocess_test {
namespace {

// Runs the frame after `spoil`, expects an error whose message contains all the words.
void expect_error(sta_pixel_format format, const std::function<void(sta_frame &)> &spoil, std::initializer_list<const char *> words,
                  const sta::PreprocessSpec &spec = {32, 32, 32, false}) {
  Frame good(format, 50, 40);
  sta_frame bad = good.frame;
  spoil(bad);
  sta::Preprocessor preprocessor(spec);
  std::vector<uint8_t> rgb(32 * 32 * 3, 77);
  auto status = preprocessor.run(bad, rgb.data());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().status, STA_ERROR_INVALID_ARGUMENT);
  for (const char *word : words)
    EXPECT_NE(status.error().message.find(word), std::string::npos) << "\"" << status.error().message << "\" lacks " << word;
  EXPECT_EQ(rgb, std::vector<uint8_t>(rgb.size(), 77)) << "written to in spite of the error";
  if (spec.resize.short_side == 32) {
    EXPECT_TRUE(preprocessor.run(good.frame, rgb.data()));
  }
}

// A number that is no enumerator. A caller in C may store one.
template <typename Enum>
void store(Enum &value, int32_t number) {
  std::memcpy(&value, &number, sizeof(number));
}

TEST(PreprocessError, UnknownFormat) {
  for (int32_t number : {0, -1, 15, 99, INT32_MAX, INT32_MIN})
    expect_error(STA_FORMAT_RGB, [&](sta_frame &f) { store(f.format, number); }, {"pixel format", std::to_string(number).c_str()});
}

TEST(PreprocessError, SizeOutOfRange) {
  for (int size : {0, -1, 32769, INT32_MIN, INT32_MAX}) {
    const std::string number = std::to_string(size);
    expect_error(STA_FORMAT_NV12, [&](sta_frame &f) { f.width = size; }, {"size", number.c_str(), "32768"});
    expect_error(STA_FORMAT_NV12, [&](sta_frame &f) { f.height = size; }, {"size", number.c_str(), "32768"});
  }
}

TEST(PreprocessError, EveryMissingPlaneIsNamed) {
  for (sta_pixel_format format : kAllFormats) {
    const bool planar = format == STA_FORMAT_I420 || format == STA_FORMAT_YV12 || format == STA_FORMAT_I420_10LE;
    const int planes = planar ? 3 : format == STA_FORMAT_NV12 || format == STA_FORMAT_P010_LE ? 2 : 1;
    for (int p = 0; p < planes; ++p)
      expect_error(format, [&](sta_frame &f) { f.plane[p] = nullptr; }, {("plane " + std::to_string(p)).c_str(), "NULL"});
  }
}

TEST(PreprocessError, StrideSmallerThanARowInEitherDirection) {
  struct Row {
    sta_pixel_format format;
    int plane, bytes;  // of 50 pixels
  };
  for (const Row &row : {Row{STA_FORMAT_I420, 0, 50}, Row{STA_FORMAT_I420, 1, 25}, Row{STA_FORMAT_I420, 2, 25}, Row{STA_FORMAT_NV12, 1, 50},
                         Row{STA_FORMAT_YUY2, 0, 100}, Row{STA_FORMAT_RGB, 0, 150}, Row{STA_FORMAT_BGRX, 0, 200}, Row{STA_FORMAT_GRAY8, 0, 50},
                         Row{STA_FORMAT_P010_LE, 0, 100}, Row{STA_FORMAT_P010_LE, 1, 100}, Row{STA_FORMAT_I420_10LE, 2, 50}})
    for (int stride : {row.bytes - 1, 1 - row.bytes, 0})
      expect_error(row.format, [&](sta_frame &f) { f.stride[row.plane] = stride; },
                   {("plane " + std::to_string(row.plane)).c_str(), "stride", std::to_string(stride).c_str(), std::to_string(row.bytes).c_str()});
}

TEST(PreprocessError, YuvNeedsAMatrix) {
  for (sta_pixel_format format : kAllFormats)
    if (is_yuv(format)) {
      expect_error(format, [](sta_frame &f) { f.matrix = STA_MATRIX_RGB; }, {"matrix RGB", "BT709"});
      expect_error(format, [](sta_frame &f) { store(f.matrix, 42); }, {"matrix 42"});
    }
}

// If no matrix is needed, the field is not looked at: decoders leave all sorts of values there.
TEST(PreprocessError, RgbAndGrayIgnoreTheMatrix) {
  for (sta_pixel_format format : {STA_FORMAT_RGB, STA_FORMAT_BGRX, STA_FORMAT_GRAY8}) {
    Frame frame(format, 50, 40);
    frame.fill_random(1);
    const sta::PreprocessSpec spec{32, 32, 32, true};
    const std::vector<uint8_t> first = run(frame.frame, spec);
    store(frame.frame.matrix, 42);
    EXPECT_EQ(run(frame.frame, spec), first);
  }
}

TEST(PreprocessError, SpecificationOutOfRange) {
  auto nothing = [](sta_frame &) {};
  expect_error(STA_FORMAT_RGB, nothing, {"output size", "32x0"}, {0, 32, 31, false});
  expect_error(STA_FORMAT_RGB, nothing, {"output size", "-5x32"}, {32, -5, 31, false});
  expect_error(STA_FORMAT_RGB, nothing, {"output size", "5000"}, {32, 5000, 31, false});
  expect_error(STA_FORMAT_RGB, nothing, {"short side 31", "32"}, {32, 32, 31, false});
  expect_error(STA_FORMAT_RGB, nothing, {"short side 5000"}, {32, 32, 5000, false});
}

TEST(PreprocessError, NowhereToWrite) {
  Frame frame(STA_FORMAT_RGB, 50, 40);
  auto status = sta::Preprocessor({32, 32, 32, false}).run(frame.frame, nullptr);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().status, STA_ERROR_INVALID_ARGUMENT);
}

// A refused geometry must not leave half-made tables behind for the previous geometry.
TEST(PreprocessError, TablesSurviveARefusedFrame) {
  Frame frame(STA_FORMAT_NV12, 50, 40);
  frame.fill_random(2);
  for (bool antialias : {false, true}) {
    const sta::PreprocessSpec spec{32, 32, 32, antialias};
    const std::vector<uint8_t> expected = run(frame.frame, spec);
    sta::Preprocessor preprocessor(spec);
    std::vector<uint8_t> rgb(expected.size());
    ASSERT_TRUE(preprocessor.run(frame.frame, rgb.data()));
    sta_frame bad = frame.frame;
    bad.par_n = -1;
    ASSERT_FALSE(preprocessor.run(bad, rgb.data()));
    rgb.assign(rgb.size(), 0);
    ASSERT_TRUE(preprocessor.run(frame.frame, rgb.data()));
    EXPECT_EQ(rgb, expected);
  }
}

}  // namespace
}  // namespace preprocess_test
