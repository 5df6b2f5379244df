// SPDX-License-Identifier: MIT
// FUZZ_CHECK reports a fault of a fuzz target, with a text. It aborts, so that every driver keeps the input. It is
// separate from fuzz_support.h, because the target of the element knows nothing of sta-core.
#pragma once

#include <cstdio>
#include <cstdlib>

#define FUZZ_CHECK(condition, ...)                                                 \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: not so: %s: ", __FILE__, __LINE__, #condition); \
      std::fprintf(stderr, __VA_ARGS__);                                           \
      std::fputc('\n', stderr);                                                    \
      std::abort();                                                                \
    }                                                                              \
  } while (false)
