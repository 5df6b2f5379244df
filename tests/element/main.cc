// SPDX-License-Identifier: MIT
// A main of our own, because gtest_main does not call gst_init.
#include <gst/gst.h>
#include <gtest/gtest.h>

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  gst_init(&argc, &argv);
  const int result = RUN_ALL_TESTS();
  gst_deinit();  // so that the leaks tracer reports
  return result;
}
