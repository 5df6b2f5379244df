// SPDX-License-Identifier: MIT
// A thread in which models come and go while frames flow: it loads the one that the user has just set, and lets go of
// the one that was replaced (which may have to wait for a forward pass). The streaming thread asks it for neither but
// looks whether a new model is there.
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
  // Called from the loader's thread without a lock: a model was loaded (failure is null), or was not.
  using Report = std::function<void(const Settings &settings, const std::shared_ptr<Engine> &engine, const OpenFailure *failure)>;
  explicit ModelLoader(Report report) : report_(std::move(report)) {}
  ~ModelLoader() { stop(); }
  ModelLoader(const ModelLoader &) = delete;
  ModelLoader &operator=(const ModelLoader &) = delete;

  // Loads the model of these settings. A request that is not finished is replaced: nothing more is heard of it. Any
  // thread.
  void request(const Settings &settings);
  // The model that was loaded last, once; never waits. Any thread.
  std::shared_ptr<Engine> take();
  // Lets go of handles in the loader's thread; in the caller's if that does not run (then no model was ever replaced).
  // Any thread.
  void bury(std::shared_ptr<void> handle);
  // Returns when no request is under way. Not from a streaming thread.
  void wait();
  // Ends the thread, after a load under way; its result and other leftovers are let go of. request() starts it anew.
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
