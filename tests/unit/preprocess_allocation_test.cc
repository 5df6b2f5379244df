// SPDX-License-Identifier: MIT
// Tests that nothing is allocated after the first frame of a geometry, because a camera's streaming thread must not
// wait for the allocator.
#include "preprocess_support.h"
#include "support/counted_new.h"

namespace preprocess_test {
namespace {

TEST(PreprocessAllocation, NoneAfterTheFirstFrame) {
  for (bool antialias : {false, true})
    for (sta_pixel_format format : kAllFormats) {
      Frame frame(format, 321, 243);
      frame.fill_random(1);
      sta::Preprocessor preprocessor({96, 96, 96, antialias});
      std::vector<uint8_t> rgb(96 * 96 * 3);
      const size_t before_first = counted_new::calls;
      bool good = static_cast<bool>(preprocessor.run(frame.frame, rgb.data()));
      const size_t after_first = counted_new::calls;
      for (int i = 0; i < 5; ++i) {
        frame.frame.full_range = i % 2;  // not a new geometry
        good = good && static_cast<bool>(preprocessor.run(frame.frame, rgb.data()));
      }
      const size_t after_all = counted_new::calls;
      EXPECT_TRUE(good);
      EXPECT_GT(after_first, before_first) << "the counter does not count";
      EXPECT_EQ(after_all, after_first) << describe(frame.frame, {96, 96, 96, antialias});
    }
}

}  // namespace
}  // namespace preprocess_test
