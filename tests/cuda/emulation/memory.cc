// SPDX-License-Identifier: MIT
// See memory.h.
#include "emulation/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <map>

namespace emulation {
namespace {

struct Region {
  void *pages;
  size_t bytes;  // without the guard page behind it
};

std::map<void *, Region> &regions() {
  static std::map<void *, Region> map;
  return map;
}
int g_open = 0;

void protect(int protection) {
  for (const auto &[pointer, region] : regions()) mprotect(region.pages, region.bytes, protection);
}

}  // namespace

void *device_allocate(size_t bytes) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE)), used = (bytes + 15) / 16 * 16, whole = (used + page - 1) / page * page;
  void *pages = mmap(nullptr, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return nullptr;
  std::memset(pages, 0xff, whole);
  mprotect(static_cast<char *>(pages) + whole, page, PROT_NONE);
  if (g_open == 0) mprotect(pages, whole, PROT_NONE);
  void *memory = static_cast<char *>(pages) + whole - used;
  regions()[memory] = {pages, whole};
  return memory;
}

bool device_free(void *memory) {
  const auto it = regions().find(memory);
  if (it == regions().end()) return false;
  munmap(it->second.pages, it->second.bytes + static_cast<size_t>(sysconf(_SC_PAGESIZE)));
  regions().erase(it);
  return true;
}

DeviceAccess::DeviceAccess() {
  if (g_open++ == 0) protect(PROT_READ | PROT_WRITE);
}

DeviceAccess::~DeviceAccess() {
  if (--g_open == 0) protect(PROT_NONE);
}

}  // namespace emulation
