// SPDX-License-Identifier: MIT
// Helpers for all commands of `sta`: option tables that GLib parses, the engine options that several commands take, and
// the three ways in which a command ends: 0 done, 1 the run failed, 2 the command line was wrong.
#pragma once

#include <glib.h>

#include <string>
#include <vector>

#include "sta/sta.hpp"

namespace cli {

/// A wrong command line: printed with a pointer to --help, exit status 2.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// A run that failed: exit status 1. sta::Exception counts as one too.
struct RunError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Strings that GOption allocates.
struct Text {
  char *value = nullptr;
  ~Text() { g_free(value); }
  Text() = default;
  Text(const Text &) = delete;
  Text &operator=(const Text &) = delete;
  bool given() const { return value != nullptr; }
  std::string str() const { return value ? value : ""; }
};

/// In pixels. 0 x 0: not given.
struct ImageSize {
  int height = 0, width = 0;
};
/// Reads "224" or "180x320" (height x width); "" is 0 x 0. Throws UsageError.
ImageSize image_size_of(const std::string &text);
/// The help text of --image-size, for all commands that take it.
inline constexpr const char *kImageSizeHelp = "Height and width in pixels, where the model file does not say and they are not 224";

/// --device, --precision, --threads, --num-heads, --image-size, --num-frames, --labels.
struct EngineFlags {
  Text device, precision, labels, image_size;
  int threads = 0, num_heads = 0, num_frames = 0;
  std::vector<GOptionEntry> entries();
  /// Opens a model; warnings of the model go to stderr. usual: the size if --image-size is not given; 0 x 0: the
  /// model's.
  sta::Engine open(const std::string &model, const ImageSize &usual = {}) const;
};

/// --pruning, --seed.
struct PruneFlags {
  Text pruning;
  gint64 seed = 0;
  std::vector<GOptionEntry> entries();
  sta_forward_options options(int drop_number) const;
};

/// Parses argv (argv[0] is the command's name) and returns the arguments that are no options. Throws UsageError. --help
/// prints and exits 0.
std::vector<std::string> parse(int argc, char **argv, const char *parameters, const char *summary,
                               const std::vector<std::vector<GOptionEntry>> &tables);

/// "0,32,48" -> numbers. Throws UsageError that names the option.
std::vector<int> number_list(const std::string &text, const char *option);

/// "-1,0,0.1" -> thresholds of stillness. Throws UsageError that names the option.
std::vector<double> threshold_list(const std::string &text, const char *option);
/// The same of a single one.
double checked_threshold(double threshold, const char *option);
/// The help text of --still-threshold, for commands that take one.
inline constexpr const char *kStillHelp =
    "Tokens whose normalised pixels changed on average by less than this are dropped before the first block, 0 = off, -1 (default) = the model's";
/// The threshold that holds: the model's own for -1.
double effective_threshold(double threshold, const sta_model_info &info);

/// Multiply-adds of a clip of which so many tokens enter the first block. Throws RunError.
sta_flops flops_of(const sta::Engine &engine, int drop_number, int tokens);
/// How many tokens of a clip entered the first block.
int tokens_of(const sta_clip_result *result, int item, const sta_model_info &info);

sta_pruning pruning_of(const std::string &text);
sta_precision precision_of(const std::string &text);

/// "fp32 on cpu" and the like for people.
std::string describe(const sta_model_info &info);

// The commands. argv[0] is the command's name. They return the exit status.
int info(int argc, char **argv);
int run(int argc, char **argv);
int bench(int argc, char **argv);
int flops(int argc, char **argv);
int convert(int argc, char **argv);
#ifdef HAVE_FLEET
int fleetCommand(int argc, char **argv);
#endif
#ifdef HAVE_PLUGIN
int classify(int argc, char **argv);
int eval(int argc, char **argv);
#endif

}  // namespace cli
