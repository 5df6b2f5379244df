// SPDX-License-Identifier: MIT
// Tests durations and sizes with units, which ones are refused, and which known word is proposed for an unknown one.
#include "monitor/config/units.h"

#include <gtest/gtest.h>

namespace sta::monitor {
namespace {

TEST(Units, Durations) {
  const std::pair<const char *, Nanoseconds> cases[] = {
      {"0", 0},
      {"0s", 0},
      {"1ns", 1},
      {"3us", 3'000},
      {"250ms", 250'000'000},
      {"0.8s", 800'000'000},
      {".5s", 500'000'000},
      {"1s", kSecond},
      {"90 s", 90 * kSecond},
      {"5m", 300 * kSecond},
      {"5min", 300 * kSecond},
      {"2h", 7200 * kSecond},
      {"1.5h", 5400 * kSecond},
      {"14d", 14LL * 86400 * kSecond},
      {"2w", 14LL * 86400 * kSecond},
      {"36500d", 36500LL * 86400 * kSecond},
  };
  for (const auto &[text, want] : cases) EXPECT_EQ(parseDuration(text), want) << text;
}

TEST(Units, WhatIsNoDuration) {
  for (const char *text :
       {"",    " ",     "5",     "0.8",  "s",     "min",   "5 apples", "5S",     "5Min",   "5sec",        "-1s",   "-0.1ms", "1s ",
        "1s2", "1h30m", "one s", "1,5s", "nan s", "inf s", "infs",     "1e400s", "1e300d", "9300000000s", "0x10s", "5\tms",  "5GB"})
    EXPECT_FALSE(parseDuration(text)) << '"' << text << '"';
}

TEST(Units, TheLongestDurationsFit) {
  // 2^63 ns are 292 years. No accepted value may wrap around.
  for (int years = 1; years < 2000; years += 13) {
    const std::optional<Nanoseconds> parsed = parseDuration(std::to_string(years * 365) + "d");
    if (years < 280) {
      ASSERT_TRUE(parsed) << years;
    }
    if (years > 300) {
      ASSERT_FALSE(parsed) << years;
    }
    if (parsed) {
      EXPECT_EQ(*parsed, static_cast<Nanoseconds>(years) * 365 * 86400 * kSecond) << years;
    }
  }
}

TEST(Units, Sizes) {
  const std::pair<const char *, std::uint64_t> cases[] = {
      {"0", 0},
      {"12B", 12},
      {"1kB", 1000},
      {"500MB", 500'000'000},
      {"20GB", 20'000'000'000},
      {"20 GB", 20'000'000'000},
      {"1.5TB", 1'500'000'000'000},
      {"1KiB", 1024},
      {"3MiB", 3u << 20},
      {"4GiB", 4ull << 30},
      {"2TiB", 2ull << 40},
      {"0.5GiB", 1ull << 29},
  };
  for (const auto &[text, want] : cases) EXPECT_EQ(parseSize(text), want) << text;
}

TEST(Units, WhatIsNoSize) {
  for (const char *text : {"", "5", "20", "20gb", "20Gb", "20G", "20GBs", "-1GB", "GB", "20 GB ", "1e30TB", "nanGB", "5min", "many"})
    EXPECT_FALSE(parseSize(text)) << '"' << text << '"';
}

TEST(Units, TheNearestWord) {
  const std::vector<std::string> known = {"model", "device", "drop-number", "enter-threshold", "exit-threshold", "min-duration"};
  EXPECT_EQ(nearest("modell", known), "model");
  EXPECT_EQ(nearest("mdoel", known), "model");
  EXPECT_EQ(nearest("drop_number", known), "drop-number");
  EXPECT_EQ(nearest("dropnumber", known), "drop-number");
  EXPECT_EQ(nearest("enter-treshold", known), "enter-threshold");
  EXPECT_EQ(nearest("exit-treshold", known), "exit-threshold");
  EXPECT_EQ(nearest("min_durations", known), "min-duration");
  EXPECT_EQ(nearest("device", known), "device");
  EXPECT_EQ(nearest("colour", known), "");
  EXPECT_EQ(nearest("temperature", known), "");
  EXPECT_EQ(nearest("model", {}), "");
}

TEST(Units, TheNearestWordIsTheNearest) {
  // A known word is nearest to itself, whatever stands before it in the list.
  const std::vector<std::string> known = {"pass", "passes", "passed", "password", "passwords", "pas", "user", "users"};
  for (const std::string &word : known) EXPECT_EQ(nearest(word, known), word);
}

}  // namespace
}  // namespace sta::monitor
