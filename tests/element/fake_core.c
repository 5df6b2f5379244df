/* SPDX-License-Identifier: MIT */
/* A library with sta-core's version and nothing else. The loader must refuse it. MAJOR comes from meson.build. */
#include <stdint.h>

uint32_t sta_api_version(void);
uint32_t sta_api_version(void) { return (uint32_t)MAJOR << 16; }
