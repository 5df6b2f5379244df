// SPDX-License-Identifier: MIT
// Runs in a process in which sta-core is not loaded at first. The plugin must work without it as far as possible, say
// clearly what is missing, and use it once it is there.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "action_harness.h"

namespace sta::test {
namespace {

bool mapped(const std::string &library) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find(library) != std::string::npos) return true;
  return false;
}

// One test, since the order matters: a loaded library stays loaded.
TEST(CoreMissing, IsOneClearErrorUntilItIsThere) {
  const char *set = std::getenv("STA_CORE_PATH");
  const std::string before = set ? set : "";

  setenv("STA_CORE_PATH", "/nonexistent/libsta-core.so", 1);
  int count = 0;
  std::string text = errorOf(fileMode(), &count);
  EXPECT_TRUE(mapped("libgststa.so"));
  EXPECT_EQ(count, 1);
  for (const char *word : {"libsta-core.so", "scripts/setup", "LibTorch", "/nonexistent/libsta-core.so"})
    EXPECT_NE(text.find(word), std::string::npos) << "\"" << word << "\" is not in: " << text;

  // This is a library, but not sta-core.
  setenv("STA_CORE_PATH", "libz.so.1", 1);
  text = errorOf(fileMode(), &count);
  EXPECT_EQ(count, 1);
  EXPECT_NE(text.find("not sta-core"), std::string::npos) << text;

  // Libraries that claim to be sta-core: one of another major version and one of an older minor version.
  setenv("STA_CORE_PATH", STA_TEST_CORE_OTHER_MAJOR, 1);
  text = errorOf(fileMode(), &count);
  EXPECT_EQ(count, 1);
  EXPECT_NE(text.find("API version 99.0"), std::string::npos) << text;
  setenv("STA_CORE_PATH", STA_TEST_CORE_INCOMPLETE, 1);
  text = errorOf(fileMode(), &count);
  EXPECT_EQ(count, 1);
  EXPECT_NE(text.find("lacks the function sta_version"), std::string::npos) << text;

  // Whatever was asked for, LibTorch is not in the process.
  EXPECT_FALSE(mapped("libtorch"));
  EXPECT_FALSE(mapped("libsta-core"));

  if (before.empty())
    unsetenv("STA_CORE_PATH");
  else
    setenv("STA_CORE_PATH", before.c_str(), 1);
  text = errorOf(fileMode(), &count);
  EXPECT_EQ(count, 0) << text;
  EXPECT_TRUE(mapped("libtorch"));
}

}  // namespace
}  // namespace sta::test
