// SPDX-License-Identifier: MIT
// sta.hpp: header-only C++17 wrapper of sta.h. Its handles free themselves, and a failed call throws sta::Exception. It
// adds nothing to what the C API can do: get() gives the handle of sta.h for everything that has no method here.
//
//   sta::Engine engine = sta::Engine::open("models/camera-watch");
//   sta::Stream stream(engine);
//   stream.push(frame);
//   while (auto result = stream.pop()) std::cout << engine.label(result->top(1)[0].class_id) << '\n';
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "sta/sta.h"

namespace sta {

/// A failed call: what() is the sentence of sta_error, status() its kind.
class Exception : public std::runtime_error {
 public:
  explicit Exception(const sta_error &error) : std::runtime_error(error.message), status_(error.status) {}
  sta_status status() const noexcept { return status_; }

 private:
  sta_status status_;
};

/// Shared handle of a model: copies refer to the same engine. Thread-safe.
class Engine {
 public:
  static sta_engine_options options() {
    sta_engine_options o;
    sta_engine_options_init(&o);
    return o;
  }
  static Engine open(const sta_engine_options &options) {
    sta_engine *engine = nullptr;
    sta_error error;
    if (sta_engine_open(&options, &engine, &error) != STA_OK) throw Exception(error);
    return Engine(engine);
  }
  static Engine open(const std::string &model) {
    sta_engine_options o = options();
    o.model = model.c_str();
    return open(o);
  }

  Engine(const Engine &other) : engine_(sta_engine_ref(other.engine_)) {}
  Engine(Engine &&other) noexcept : engine_(std::exchange(other.engine_, nullptr)) {}
  Engine &operator=(Engine other) noexcept {
    std::swap(engine_, other.engine_);
    return *this;
  }
  ~Engine() { sta_engine_unref(engine_); }

  /// Strings inside live as long as the engine.
  sta_model_info info() const {
    sta_model_info info{};
    info.struct_size = sizeof(info);
    sta_engine_get_info(engine_, &info);
    return info;
  }
  /// "" if there is no such class.
  std::string label(int32_t class_id) const {
    const char *label = sta_engine_label(engine_, class_id);
    return label ? label : "";
  }
  sta_engine *get() const noexcept { return engine_; }

 private:
  explicit Engine(sta_engine *engine) : engine_(engine) {}
  sta_engine *engine_;
};

/// One classified window. Move-only.
class WindowResult {
 public:
  struct Score {
    int32_t class_id;
    float confidence;
  };
  explicit WindowResult(sta_result *result) : result_(result) {}

  sta_result_info info() const {
    sta_result_info info{};
    info.struct_size = sizeof(info);
    sta_result_get_info(result_.get(), &info);
    return info;
  }
  /// Most probable first; empty if the forward pass failed.
  std::vector<Score> top(int32_t k) const {
    k = k < 0 ? 0 : k > info().num_classes ? info().num_classes : k;
    std::vector<int32_t> ids(static_cast<size_t>(k));
    std::vector<float> confidences(static_cast<size_t>(k));
    sta_result_top(result_.get(), k, ids.data(), confidences.data());
    std::vector<Score> scores;
    for (int32_t i = 0; i < k; ++i) scores.push_back({ids[static_cast<size_t>(i)], confidences[static_cast<size_t>(i)]});
    return scores;
  }
  std::string message() const { return sta_result_message(result_.get()); }
  const sta_result *get() const noexcept { return result_.get(); }

 private:
  struct Free {
    void operator()(sta_result *r) const { sta_result_free(r); }
  };
  std::unique_ptr<sta_result, Free> result_;
};

/// One camera. Move-only; threads as in sta.h.
class Stream {
 public:
  static sta_stream_options options() {
    sta_stream_options o;
    sta_stream_options_init(&o);
    return o;
  }
  explicit Stream(const Engine &engine, const sta_stream_options &options = Stream::options()) {
    sta_stream *stream = nullptr;
    sta_error error;
    if (sta_stream_new(engine.get(), &options, &stream, &error) != STA_OK) throw Exception(error);
    stream_.reset(stream);
  }

  void push(const sta_frame &frame) {
    sta_error error;
    if (sta_stream_push(stream_.get(), &frame, &error) != STA_OK) throw Exception(error);
  }
  void drain() {
    sta_error error;
    if (sta_stream_drain(stream_.get(), &error) != STA_OK) throw Exception(error);
  }
  void reset() { sta_stream_reset(stream_.get()); }
  std::optional<WindowResult> pop() {
    if (sta_result *result = sta_stream_pop(stream_.get())) return WindowResult(result);
    return std::nullopt;
  }
  sta_stream_stats stats() const {
    sta_stream_stats stats{};
    stats.struct_size = sizeof(stats);
    sta_stream_get_stats(stream_.get(), &stats);
    return stats;
  }
  sta_stream *get() const noexcept { return stream_.get(); }

 private:
  struct Free {
    void operator()(sta_stream *s) const { sta_stream_free(s); }
  };
  std::unique_ptr<sta_stream, Free> stream_;
};

}  // namespace sta
