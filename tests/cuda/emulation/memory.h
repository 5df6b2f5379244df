// SPDX-License-Identifier: MIT
// Device memory of the emulation: pages that only kernels and copies can touch. A host that follows a device pointer,
// and a kernel that runs past the end of an array, crash here as they would go wrong on a GPU.
#pragma once

#include <cstddef>

namespace emulation {

/// Its end lies at most 15 bytes before a page that cannot be touched; filled with 0xff. nullptr if there is no memory.
void *device_allocate(size_t bytes);
/// False: not from device_allocate.
bool device_free(void *memory);

/// While one lives, device memory can be touched.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess &) = delete;
  DeviceAccess &operator=(const DeviceAccess &) = delete;
};

}  // namespace emulation
