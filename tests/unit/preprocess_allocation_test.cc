// SPDX-License-Identifier: MIT
// Tests that nothing is allocated after the first frame of a geometry, because a camera's streaming thread must not
// wait for the allocator. This file replaces operator new for the whole test program. That is why it is separate.
#include <atomic>
#include <cstdlib>
#include <new>

#include "preprocess_support.h"

namespace {
std::atomic<long> allocations{0};

void *allocate(size_t size) {
  ++allocations;
  if (void *memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}
}  // namespace

void *operator new(size_t size) { return allocate(size); }
void *operator new[](size_t size) { return allocate(size); }
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete[](void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }
void operator delete[](void *memory, size_t) noexcept { std::free(memory); }

namespace preprocess_test {
namespace {

TEST(PreprocessAllocation, NoneAfterTheFirstFrame) {
  for (bool antialias : {false, true})
    for (sta_pixel_format format : kAllFormats) {
      Frame frame(format, 321, 243);
      frame.fill_random(1);
      sta::Preprocessor preprocessor({96, 96, 96, antialias});
      std::vector<uint8_t> rgb(96 * 96 * 3);
      const long before_first = allocations;
      bool good = static_cast<bool>(preprocessor.run(frame.frame, rgb.data()));
      const long after_first = allocations;
      for (int i = 0; i < 5; ++i) {
        frame.frame.full_range = i % 2;  // not a new geometry
        good = good && static_cast<bool>(preprocessor.run(frame.frame, rgb.data()));
      }
      const long after_all = allocations;
      EXPECT_TRUE(good);
      EXPECT_GT(after_first, before_first) << "the counter does not count";
      EXPECT_EQ(after_all, after_first) << describe(frame.frame, {96, 96, 96, antialias});
    }
}

}  // namespace
}  // namespace preprocess_test
