// SPDX-License-Identifier: MIT
// See eval_decoder.h.
#include "eval_decoder.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "frame_reader.h"
#include "no_window.h"
#include "options.h"
#include "window/sampling_grid.h"

namespace cli {
namespace {

// The most bytes of pictures for one video. Short clips, as in data sets, fit and are decoded once. A longer video is
// decoded twice: first its frames are only counted, then the frames of its views are kept.
constexpr size_t kMostBytes = size_t{512} << 20;

// Keeps the pictures of samples, and puts windows together. A frame is scaled when the grid makes it a sample. By then
// the next frame may already have come.
class WindowCollector : public sta::GridSink {
 public:
  struct Window {
    std::vector<const uint8_t *> clip;
    bool tail;
  };
  WindowCollector(int frames, std::function<const uint8_t *(const sta_frame &)> scale) : frames_(frames), scale_(std::move(scale)) {}

  const std::vector<Window> &windows() const { return windows_; }
  /// The frame that the grid will be told of next.
  void offer(const sta_frame *frame) { offered_ = frame; }

  void restart() override { samples_.clear(); }
  void show() override {
    on_screen_ = offered_;
    scaled_ = nullptr;
  }
  void settle(uint64_t k) override {
    if (!scaled_) scaled_ = scale_(*on_screen_);
    samples_[k] = scaled_;
  }
  void hold(uint64_t k, uint64_t count) override {
    for (uint64_t i = k; i < k + count; ++i) settle(i);
  }
  void pass_over(uint64_t) override {}  // does nothing, as every window is wanted: held_windows is as large as can be
  void window(const sta::WindowSpan &span) override {
    Window w{{}, span.tail};
    for (int i = 0; i < frames_; ++i) w.clip.push_back(samples_.at(span.first_sample + static_cast<uint64_t>(std::min(i, span.num_samples - 1))));
    windows_.push_back(std::move(w));
  }

 private:
  int frames_;
  std::function<const uint8_t *(const sta_frame &)> scale_;
  const sta_frame *offered_ = nullptr, *on_screen_ = nullptr;
  const uint8_t *scaled_ = nullptr;              // the frame on screen at model size
  std::map<uint64_t, const uint8_t *> samples_;  // since the last restart
  std::vector<Window> windows_;
};

}  // namespace

ViewDecoder::ViewDecoder(const sta::Engine &engine, const ViewPlan &plan, sta_resize resize) : plan_(plan) {
  const sta_model_info info = engine.info();
  crop_bytes_ = size_t{3} * static_cast<size_t>(info.image_height) * static_cast<size_t>(info.image_width);
  interval_ = plan.interval > 0 ? static_cast<uint64_t>(plan.interval * 1e9 + 0.5) : info.sample_interval_ns;
  sta_preprocess_options options;
  sta_preprocess_options_init(&options);
  options.resize = resize;
  options.num_crops = plan.crops;
  options.crop_rule = plan.rules == ViewRules::kMmaction ? STA_CROPS_MMACTION : STA_CROPS_VIDEOMAE;
  sta_error err;
  if (sta_preprocessor_new(engine.get(), &options, &preprocessor_, &err) != STA_OK) throw sta::Exception(err);
}

ViewDecoder::~ViewDecoder() { sta_preprocessor_free(preprocessor_); }

ViewSet ViewDecoder::decode(const std::string &video) {
  const auto begin = std::chrono::steady_clock::now();
  ViewSet set = plan_.sampling == Sampling::kWindow ? by_time(video) : by_index(video);
  set.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return set;
}

std::unique_ptr<uint8_t[]> ViewDecoder::picture(const sta_frame &frame) {
  std::unique_ptr<uint8_t[]> rgb(new uint8_t[crop_bytes_ * static_cast<size_t>(plan_.crops)]);
  sta_error err;
  if (sta_preprocessor_run(preprocessor_, &frame, rgb.get(), &err) != STA_OK) throw sta::Exception(err);
  return rgb;
}

// clip: for each frame, its first crop.
void ViewDecoder::add_crops(ViewSet &set, const std::vector<const uint8_t *> &clip) const {
  for (int crop = 0; crop < plan_.crops; ++crop) {
    std::vector<const uint8_t *> view;
    for (const uint8_t *rgb : clip) view.push_back(rgb + static_cast<size_t>(crop) * crop_bytes_);
    set.views.push_back(std::move(view));
  }
}

ViewSet ViewDecoder::by_index(const std::string &video) {
  std::map<int, std::unique_ptr<uint8_t[]>> kept;  // by frame index
  const size_t most = std::max<size_t>(1, kMostBytes / (crop_bytes_ * static_cast<size_t>(plan_.crops)));
  bool overflow = false;
  // wanted = nullptr: keeps every frame that may be sampled, until they are too many. Returns the number of frames.
  auto read = [&](const std::set<int> *wanted) {
    FrameReader reader(video, plan_.rate);
    int index = 0;
    for (; const sta_frame *decoded = reader.next(); ++index) {
      if (wanted ? !wanted->count(index) : overflow || !may_be_sampled(plan_, index)) continue;
      if (!wanted && kept.size() >= most) {
        overflow = true;
        kept.clear();
        continue;
      }
      sta_frame frame = *decoded;
      frame.par_n = frame.par_d = 1;
      kept[index] = picture(frame);
    }
    return index;
  };
  const int total = read(nullptr);
  if (total == 0) throw RunError(video + ": holds no frames");
  const auto clips = clip_frames(plan_, total);
  if (overflow) {
    std::set<int> wanted;
    for (const auto &clip : clips) wanted.insert(clip.begin(), clip.end());
    if (read(&wanted) != total) throw RunError(video + ": another number of frames each time it is decoded");
  }
  ViewSet set;
  set.frames = total;
  for (const auto &indices : clips) {
    std::vector<const uint8_t *> clip;
    for (const int i : indices) clip.push_back(kept.at(i).get());
    add_crops(set, clip);
  }
  for (auto &[index, rgb] : kept) set.pictures.push_back(std::move(rgb));
  return set;
}

ViewSet ViewDecoder::by_time(const std::string &video) {
  sta::GridSettings settings;
  settings.num_frames = plan_.frames;
  settings.spacing = {static_cast<int64_t>(interval_), 1};
  settings.hop = static_cast<uint64_t>(plan_.hop * 1e9 + 0.5);
  settings.held_windows = std::numeric_limits<uint64_t>::max();
  ViewSet set;
  WindowCollector collector(plan_.frames, [&](const sta_frame &frame) {
    if (set.pictures.size() * crop_bytes_ * static_cast<size_t>(plan_.crops) > kMostBytes)
      throw RunError(video + ": too long to be one example; `sta classify` labels the windows of long videos");
    set.pictures.push_back(picture(frame));
    return set.pictures.back().get();
  });
  sta::SamplingGrid grid(settings);
  FrameReader reader(video, plan_.rate);
  uint64_t expected = 0;                      // the time for a frame that has none
  uint64_t first = sta::kTimeNone, last = 0;  // beginning of the first frame, end of the last
  while (const sta_frame *frame = reader.next()) {
    const uint64_t time = frame->time == STA_TIME_NONE ? expected : frame->time;
    expected = time + (frame->duration == STA_TIME_NONE ? 0 : frame->duration);
    first = std::min(first, time);
    last = std::max(last, expected);
    collector.offer(frame);
    grid.frame(time, frame->duration == STA_TIME_NONE ? sta::kTimeNone : frame->duration, frame->flags & STA_FRAME_DISCONT, collector);
    ++set.frames;
  }
  grid.finish(collector);
  if (set.frames == 0) throw RunError(video + ": holds no frames");
  const auto &windows = collector.windows();
  const bool whole = std::any_of(windows.begin(), windows.end(), [](const auto &w) { return !w.tail; });
  for (const auto &window : windows)
    if (!window.tail || !whole) add_crops(set, window.clip);
  if (set.views.empty()) {
    const SeenVideo seen{static_cast<uint64_t>(set.frames), static_cast<double>(last - first) / 1e9, static_cast<double>(interval_) / 1e9,
                         grid.gaps()};
    throw RunError(video + ": " + why_no_window(video, seen, plan_.frames));
  }
  return set;
}

}  // namespace cli
