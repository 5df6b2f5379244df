// SPDX-License-Identifier: MIT
// STA_CLONES: a function is compiled for AVX2 and for any x86-64 processor, and the dynamic linker takes the one that
// fits when the library is loaded.
#pragma once

// Function multiversioning needs ifunc (GNU libc). It is off under sanitizers, because they are not yet running when
// the dynamic linker calls the resolvers.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define STA_NO_CLONES
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STA_NO_CLONES
#endif
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(STA_NO_CLONES)
#define STA_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define STA_CLONES
#endif
