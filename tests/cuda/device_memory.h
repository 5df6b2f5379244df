// SPDX-License-Identifier: MIT
// Arrays in device memory, filled from and copied back to vectors. The same tests run on the emulated device and, with
// STA_TEST_ON_DEVICE, on a real one through libsta-cuda.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#ifdef STA_TEST_ON_DEVICE
#include <cuda_runtime_api.h>
#else
#include "emulation/cuda_emulation.h"
#endif

namespace device {

template <typename T>
class Array {
 public:
  /// Uninitialised; the emulation fills it with 0xff.
  explicit Array(size_t count) : count_(count) { check(cudaMalloc(reinterpret_cast<void **>(&data_), count * sizeof(T))); }
  explicit Array(const std::vector<T> &values) : Array(values.size()) {
    check(cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice));
  }
  ~Array() { cudaFree(data_); }
  Array(const Array &) = delete;
  Array &operator=(const Array &) = delete;

  T *get() const { return data_; }
  size_t size() const { return count_; }
  std::vector<T> host() const {
    std::vector<T> values(count_);
    check(cudaMemcpy(values.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost));
    return values;
  }

 private:
  static void check(cudaError_t error) {
    if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorString(error));
  }
  T *data_ = nullptr;
  size_t count_;
};

struct Schedule {
  const char *name;
  int order;  // emulation::Order
  uint64_t seed;
};

/// The thread orders that every kernel test runs in. A real device has only its own.
inline const std::vector<Schedule> &schedules() {
#ifdef STA_TEST_ON_DEVICE
  static const std::vector<Schedule> all = {{"device", 0, 0}};
#else
  static const std::vector<Schedule> all = {{"forward", 0, 0}, {"backward", 1, 0}, {"shuffled", 2, 1}, {"shuffled again", 2, 2}};
#endif
  return all;
}

inline void use(const Schedule &schedule) {
#ifdef STA_TEST_ON_DEVICE
  static_cast<void>(schedule);
#else
  emulation::set_order(static_cast<emulation::Order>(schedule.order), schedule.seed);
#endif
}

/// Under a sanitizer every input is many times slower, so tests take fewer and smaller ones.
#if defined(__SANITIZE_THREAD__)
constexpr int kShare = 40;
#elif defined(__SANITIZE_ADDRESS__)
constexpr int kShare = 10;
#else
constexpr int kShare = 1;
#endif
constexpr bool kSlow = kShare > 1;

/// How many random inputs a test takes instead of `full`.
constexpr int rounds(int full) { return full > kShare ? full / kShare : 1; }

}  // namespace device
