/* SPDX-License-Identifier: MIT */
/* A library that has sta-core's version and nothing else, for the loader to refuse. MAJOR comes from meson.build. */
#include <stdint.h>

uint32_t sta_api_version(void);
uint32_t sta_api_version(void) { return (uint32_t)MAJOR << 16; }
