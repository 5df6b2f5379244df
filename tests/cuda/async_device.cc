// SPDX-License-Identifier: MIT
// See async_device.h.
#include "async_device.h"

#include <deque>
#include <map>
#include <memory>
#include <stdexcept>
#include <vector>

#include "emulated_library.h"
#include "random.h"

namespace async_device {
namespace {

// An event in its last recorded state: a number that grows with every record. A wait refers to the number that was
// current when the wait was put into its queue.
struct Event {
  uint64_t recorded = 0, past = 0;
};

struct Work {
  std::function<void()> run;
  std::shared_ptr<Event> after;  // nullptr: nothing to wait for
  uint64_t number = 0;
};

std::map<void *, std::deque<Work>> g_queues;
std::map<void *, std::shared_ptr<Event>> g_events;
Random g_random(1);
bool g_broken = false;
uintptr_t g_next_handle = 1;

void *new_handle() { return reinterpret_cast<void *>(g_next_handle++ << 4); }

bool runnable(const Work &work) { return !work.after || work.after->past >= work.number; }

sta_cuda_status stream_new(int, void **stream, char *) {
  *stream = new_handle();
  g_queues[*stream];
  return STA_CUDA_OK;
}
void stream_free(int, void *) {}

sta_cuda_status event_new(int, void **event, char *) {
  *event = new_handle();
  g_events[*event] = std::make_shared<Event>();
  return STA_CUDA_OK;
}
void event_free(int, void *event) { g_events.erase(event); }

sta_cuda_status event_record(void *handle, void *stream, char *) {
  const std::shared_ptr<Event> event = g_events.at(handle);
  const uint64_t number = ++event->recorded;
  enqueue(stream, [event, number] { event->past = std::max(event->past, number); });
  return STA_CUDA_OK;
}

sta_cuda_status event_order(void *handle, void *stream, char *) {
  const std::shared_ptr<Event> event = g_events.at(handle);
  if (!g_broken) g_queues[stream].push_back({[] {}, event, event->recorded});
  return STA_CUDA_OK;
}

sta_cuda_status event_wait(void *handle, char *) {
  const std::shared_ptr<Event> event = g_events.at(handle);
  const uint64_t number = event->recorded;
  while (event->past < number && run(1)) {
  }
  return STA_CUDA_OK;
}

void release(int device, void *memory) {
  finish();
  kEmulated.release(device, memory);
}

sta_cuda_status upload(void *to, const void *from, size_t bytes, void *stream, char *) {
  std::vector<uint8_t> copy(static_cast<const uint8_t *>(from), static_cast<const uint8_t *>(from) + bytes);
  enqueue(stream, [=] { kEmulated.upload(to, copy.data(), copy.size(), nullptr, nullptr); });
  return STA_CUDA_OK;
}

// Reads its source only when its turn comes, like a device that reads pinned memory.
sta_cuda_status upload_pinned(void *to, const void *from, size_t bytes, void *stream, char *) {
  enqueue(stream, [=] { kEmulated.upload_pinned(to, from, bytes, nullptr, nullptr); });
  return STA_CUDA_OK;
}

sta_cuda_status copy_rows(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t rows, void *stream, char *) {
  enqueue(stream, [=] {
    if (kEmulated.copy_rows(to, to_pitch, from, from_pitch, width, rows, nullptr, nullptr) != STA_CUDA_OK) throw std::runtime_error("copy");
  });
  return STA_CUDA_OK;
}

sta_cuda_status frame(const sta_cuda_frame_args *args, void *stream, char *) {
  const sta_cuda_frame_args copy = *args;
  enqueue(stream, [copy] {
    char message[STA_CUDA_MESSAGE] = "";
    if (kEmulated.frame(&copy, nullptr, message) != STA_CUDA_OK) throw std::runtime_error(message);
  });
  return STA_CUDA_OK;
}

}  // namespace

const sta::KernelLibrary &library() {
  static const sta::KernelLibrary table = [] {
    sta::KernelLibrary t = kEmulated;
    t.stream_new = &stream_new;
    t.stream_free = &stream_free;
    t.event_new = &event_new;
    t.event_free = &event_free;
    t.event_record = &event_record;
    t.event_order = &event_order;
    t.event_wait = &event_wait;
    t.release = &release;
    t.upload = &upload;
    t.upload_pinned = &upload_pinned;
    t.copy_rows = &copy_rows;
    t.frame = &frame;
    return t;
  }();
  return table;
}

void begin(uint64_t seed) {
  g_queues.clear();
  g_events.clear();
  g_random = Random(seed);
}

void enqueue(void *stream, std::function<void()> work) { g_queues[stream].push_back({std::move(work), nullptr, 0}); }

bool run(int most) {
  for (int i = 0; i < most; ++i) {
    std::vector<std::deque<Work> *> ready;
    bool left = false;
    for (auto &[stream, queue] : g_queues) {
      left |= !queue.empty();
      if (!queue.empty() && runnable(queue.front())) ready.push_back(&queue);
    }
    if (!left) return false;
    if (ready.empty()) throw std::runtime_error("the streams wait for each other");
    std::deque<Work> &queue = *ready[static_cast<size_t>(g_random.below(static_cast<int>(ready.size())))];
    const Work work = std::move(queue.front());
    queue.pop_front();
    work.run();
  }
  return true;
}

void finish() {
  while (run(1)) {
  }
}

void break_order(bool broken) { g_broken = broken; }

}  // namespace async_device
