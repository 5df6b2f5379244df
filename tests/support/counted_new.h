// SPDX-License-Identifier: MIT
// Counts allocations: replaces operator new for the whole test program. So only one file of a program may include this,
// and the tests that do are programs of their own.
#pragma once

#include <atomic>
#include <cstdlib>
#include <new>

namespace counted_new {

inline std::atomic<size_t> calls{0}, bytes{0}, largest{0};

inline void count(size_t size) {
  ++calls;
  bytes += size;
  size_t before = largest;
  while (before < size && !largest.compare_exchange_weak(before, size)) {
  }
}

inline void *allocate(size_t size) {
  count(size);
  if (void *memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}

}  // namespace counted_new

// Not inlined: the compiler would see that memory of malloc is deleted, and warn.
[[gnu::noinline]] void *operator new(size_t size) { return counted_new::allocate(size); }
[[gnu::noinline]] void *operator new[](size_t size) { return counted_new::allocate(size); }
[[gnu::noinline]] void operator delete(void *memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void *memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void *memory, size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void *memory, size_t) noexcept { std::free(memory); }
