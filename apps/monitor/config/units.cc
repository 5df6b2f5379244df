// SPDX-License-Identifier: MIT
#include "monitor/config/units.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace sta::monitor {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr Unit kDurations[] = {{"ns", 1},     {"us", 1e3},   {"ms", 1e6},    {"s", 1e9},     {"m", 60e9},
                               {"min", 60e9}, {"h", 3.6e12}, {"d", 86.4e12}, {"w", 604.8e12}};
constexpr Unit kSizes[] = {{"B", 1},           {"kB", 1e3},           {"MB", 1e6},
                           {"GB", 1e9},        {"TB", 1e12},          {"KiB", 1024.0},
                           {"MiB", 1048576.0}, {"GiB", 1073741824.0}, {"TiB", 1099511627776.0}};

template <std::size_t N>
std::optional<double> parse(std::string_view text, const Unit (&units)[N]) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  std::string_view unit(end, text.data() + text.size() - end);
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  if (unit.empty() && number == 0) return 0;
  for (const Unit &known : units)
    if (unit == known.name) return number * known.factor;
  return std::nullopt;
}

}  // namespace

std::optional<Nanoseconds> parseDuration(std::string_view text) {
  const std::optional<double> value = parse(text, kDurations);
  if (!value || *value > 9e18) return std::nullopt;
  return static_cast<Nanoseconds>(std::llround(*value));
}

std::optional<std::uint64_t> parseSize(std::string_view text) {
  const std::optional<double> value = parse(text, kSizes);
  if (!value || *value > 9e18) return std::nullopt;
  return static_cast<std::uint64_t>(std::llround(*value));
}

std::string nearest(std::string_view word, const std::vector<std::string> &known) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string &candidate : known) {
    // The Levenshtein distance, one row at a time.
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 0; i < word.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i + 1;
      for (std::size_t j = 0; j < candidate.size(); ++j) {
        const std::size_t change = diagonal + (word[i] != candidate[j]);
        diagonal = row[j + 1];
        row[j + 1] = std::min({change, row[j] + 1, row[j + 1] + 1});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = candidate;
    }
  }
  return best;
}

}  // namespace sta::monitor
