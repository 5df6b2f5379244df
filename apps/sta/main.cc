// SPDX-License-Identifier: MIT
// `sta`: the command line of the project. Each command has a file of its own; this file only chooses the command and
// the exit status: 0 done, 1 the run failed, 2 the command line was wrong. Results go to stdout, everything else to
// stderr.
#include <cstdio>
#include <cstring>
#include <exception>

#include "options.h"

namespace {

struct Command {
  const char *name;
  int (*run)(int argc, char **argv);
  const char *summary;
};

const Command kCommands[] = {
    {"info", cli::info, "what a model is: dims, labels, sampling, how far it can be pruned"},
#ifdef HAVE_PLUGIN
    {"classify", cli::classify, "label the windows of video files or streams"},
    {"eval", cli::eval, "accuracy on a data set at several drop numbers"},
#endif
    {"run", cli::run, "one forward pass on a clip tensor, with the kept tokens"},
    {"bench", cli::bench, "speed of a model or architecture at several drop numbers"},
    {"convert", cli::convert, "write a model of any layout as a model folder"},
    {"flops", cli::flops, "multiply-adds at several drop numbers"},
#ifdef HAVE_FLEET
    {"fleet", cli::fleetCommand, "look at a fleet of sta-monitor, and change it"},
#endif
};

void usage(std::FILE *out) {
  std::fprintf(out, "Usage: sta COMMAND [OPTION...]\n\nLive action recognition with a video transformer pruned by STA.\n\nCommands:\n");
  for (const Command &c : kCommands) std::fprintf(out, "  %-10s %s\n", c.name, c.summary);
  std::fprintf(
      out,
      "\n`sta COMMAND --help` explains one. Every command takes --json.\nExit status: 0 done, 1 the run failed, 2 the command line was wrong.\n");
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 2) {
    usage(stderr);
    return 2;
  }
  if (!std::strcmp(argv[1], "--help") || !std::strcmp(argv[1], "-h") || !std::strcmp(argv[1], "help")) {
    usage(stdout);
    return 0;
  }
  if (!std::strcmp(argv[1], "--version")) {
    std::printf("sta %s (sta-core %s)\n", STA_VERSION, sta_version());
    return 0;
  }
  for (const Command &c : kCommands) {
    if (std::strcmp(argv[1], c.name)) continue;
    try {
      return c.run(argc - 1, argv + 1);
    } catch (const cli::UsageError &e) {
      std::fprintf(stderr, "sta %s: %s\nTry `sta %s --help`.\n", c.name, e.what(), c.name);
      return 2;
    } catch (const std::exception &e) {
      std::fprintf(stderr, "sta %s: %s\n", c.name, e.what());
      return 1;
    }
  }
  std::fprintf(stderr, "sta: no command \"%s\"\n", argv[1]);
  usage(stderr);
  return 2;
}
