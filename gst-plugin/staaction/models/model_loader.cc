// SPDX-License-Identifier: MIT
// See model_loader.h.
#include "model_loader.h"

#include <exception>
#include <utility>

namespace sta::gst {

void ModelLoader::request(const Settings &settings) {
  std::lock_guard<std::mutex> lock(mutex_);
  wanted_ = settings;
  // Do not free it here: the caller is an application that sets a property, and freeing may block.
  if (loaded_) buried_.push_back(std::move(loaded_));
  loaded_ = nullptr;
  if (!thread_.joinable()) {
    stop_ = false;
    thread_ = std::thread([this] { work(); });
  }
  changed_.notify_all();
}

std::shared_ptr<Engine> ModelLoader::take() {
  std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(loaded_, nullptr);
}

void ModelLoader::bury(std::shared_ptr<void> handle) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!thread_.joinable()) return;
  buried_.push_back(std::move(handle));
  changed_.notify_all();
}

void ModelLoader::wait() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return !thread_.joinable() || (!wanted_ && !loading_); });
}

void ModelLoader::stop() {
  std::thread ended;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    wanted_.reset();
    ended.swap(thread_);
  }
  changed_.notify_all();
  if (ended.joinable()) ended.join();
  take();
}

void ModelLoader::work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || wanted_ || !buried_.empty(); });
    if (!buried_.empty()) {
      std::vector<std::shared_ptr<void>> old;
      old.swap(buried_);
      lock.unlock();
      old.clear();
      lock.lock();
      continue;
    }
    if (stop_) return;
    const Settings settings = *std::exchange(wanted_, std::nullopt);
    loading_ = true;
    lock.unlock();
    OpenFailure failure;
    std::shared_ptr<Engine> engine;
    try {
      std::shared_ptr<Stream> tried;
      engine = openModel(settings, &tried, &failure);
    } catch (const std::exception &exception) {
      failure.status = STA_ERROR_OUT_OF_MEMORY;
      failure.message = exception.what();
    }
    lock.lock();
    const bool current = !wanted_ && !stop_;
    lock.unlock();
    if (current) report_(settings, engine, engine ? nullptr : &failure);
    lock.lock();
    // If it was replaced meanwhile, the next round loads the model that is wanted now.
    if (engine && !wanted_ && !stop_) loaded_ = std::move(engine);
    loading_ = false;
    changed_.notify_all();
    if (!engine) continue;
    lock.unlock();
    engine = nullptr;
    lock.lock();
  }
}

}  // namespace sta::gst
