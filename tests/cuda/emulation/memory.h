// SPDX-License-Identifier: MIT
// Device memory of the emulation: pages that only kernels and copies can touch. Two mistakes that would go wrong on a
// GPU crash here: a host that follows a device pointer, and a kernel that runs past the end of an array.
#pragma once

#include <cstddef>

namespace emulation {

/// The end lies at most 15 bytes before a page that cannot be touched. Filled with 0xff. nullptr if there is no memory.
void *device_allocate(size_t bytes);
/// False: the pointer is not from device_allocate.
bool device_free(void *memory);

/// As long as one of these lives, device memory can be touched.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess &) = delete;
  DeviceAccess &operator=(const DeviceAccess &) = delete;
};

}  // namespace emulation
