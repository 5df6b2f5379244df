// SPDX-License-Identifier: MIT
// A thread that loads and frees models while frames flow. It loads the model that the user has just set, and frees the
// one that was replaced (which may have to wait for a forward pass). The streaming thread does neither: it only looks
// whether a new model is ready.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "model_open.h"

namespace sta::gst {

class ModelLoader {
 public:
  // Called from the loader's thread without a lock, with a loaded model (failure is null) or with the failure.
  using Report = std::function<void(const Settings &settings, const std::shared_ptr<Engine> &engine, const OpenFailure *failure)>;
  explicit ModelLoader(Report report) : report_(std::move(report)) {}
  ~ModelLoader() { stop(); }
  ModelLoader(const ModelLoader &) = delete;
  ModelLoader &operator=(const ModelLoader &) = delete;

  // Loads the model of these settings. An unfinished earlier request is replaced and reports nothing any more. Any
  // thread.
  void request(const Settings &settings);
  // Returns the model that was loaded last, once; null if there is none. Never waits. Any thread.
  std::shared_ptr<Engine> take();
  // Frees handles in the loader's thread. If that does not run (no model was ever replaced), frees them in the
  // caller's. Any thread.
  void bury(std::shared_ptr<void> handle);
  // Returns when no request is under way. Do not call it from a streaming thread.
  void wait();
  // Ends the thread after the load under way, and frees its result and other leftovers. request() starts a new thread.
  void stop();

 private:
  void work();

  const Report report_;
  std::mutex mutex_;  // a leaf: nothing is called with it held
  std::condition_variable changed_;
  std::optional<Settings> wanted_;
  bool loading_ = false;
  bool stop_ = false;
  std::shared_ptr<Engine> loaded_;
  std::vector<std::shared_ptr<void>> buried_;
  std::thread thread_;
};

}  // namespace sta::gst
