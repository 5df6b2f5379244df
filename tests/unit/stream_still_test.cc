// SPDX-License-Identifier: MIT
// Tests stillness through streams and clips of the C API: how many tokens a window takes, that nothing changes where
// nothing is still, what a threshold that does not fit is told, and that the costs which are reported are those of the
// pass.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <thread>

#include "stream_support.h"

namespace {

using namespace sta::test;

constexpr float kThreshold = 0.1f;

// A gray picture of noise, of which the upper left quarter changes from frame to frame if it moves.
struct Scene {
  explicit Scene(unsigned seed) : random(seed) {
    for (uint8_t &p : picture.pixels) p = static_cast<uint8_t>(random());
  }
  void move(int width, int height) {
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) picture.pixels[static_cast<size_t>(y * 64 + x)] = static_cast<uint8_t>(random());
  }
  std::mt19937 random;
  Picture picture{0};
};

sta_stream_options still_options(float threshold) {
  sta_stream_options o = blocking();
  o.still_threshold = threshold;
  o.static_skip = 0;  // so that equal windows have passes
  return o;
}

struct Window {
  sta_result_info info;
  std::vector<float> probabilities;
};

// Pushes as many frames as three windows need. The part of width x height moves.
std::vector<Window> play(const sta::Engine &engine, const sta_stream_options &options, int width, int height) {
  sta::Stream stream(engine, options);
  Scene scene(1);
  for (int i = 0; i < 96; ++i) {
    scene.move(width, height);
    stream.push(scene.picture.frame(static_cast<uint64_t>(i) * 1'000'000'000 / 30));
  }
  std::vector<Window> all;
  while (auto r = stream.pop()) {
    const float *p = sta_result_probabilities(r->get());
    all.push_back({r->info(), {p, p + r->info().num_classes}});
  }
  EXPECT_EQ(stream.stats().tokens, all.back().info.tokens);
  return all;
}

uint64_t multiply_adds(const sta::Engine &engine, int drop_number, int tokens) {
  sta_flops f{};
  f.struct_size = sizeof(f);
  EXPECT_EQ(sta_engine_flops_of_tokens(engine.get(), drop_number, tokens, &f, nullptr), STA_OK);
  return f.total;
}

TEST(StreamStill, TokensFollowMotion) {
  sta::Engine engine = open_micro();
  const sta_model_info model = engine.info();
  ASSERT_GE(model.num_tokens, 2 * model.tokens_per_step + 16);
  for (const int drop : {0, 1}) {
    sta_stream_options o = still_options(kThreshold);
    o.drop_number = drop;
    for (const Window &w : play(engine, o, 0, 0)) {
      EXPECT_EQ(w.info.tokens, (model.tokens_per_step + 15) / 16 * 16);
      EXPECT_EQ(w.info.drop_number, drop);
      EXPECT_EQ(w.info.multiply_adds, multiply_adds(engine, drop, w.info.tokens));
    }
    for (const Window &w : play(engine, o, 64, 64)) {
      EXPECT_EQ(w.info.tokens, model.num_tokens);
      EXPECT_EQ(w.info.multiply_adds, multiply_adds(engine, drop, 0));
    }
    const int quarter = play(engine, o, 32, 32).back().info.tokens;
    EXPECT_GT(quarter, (model.tokens_per_step + 15) / 16 * 16 - 1);
    EXPECT_LT(quarter, model.num_tokens);
  }
}

TEST(StreamStill, OffByDefaultForModelsThatRecommendNothing) {
  sta::Engine engine = open_micro();
  EXPECT_EQ(engine.info().still_threshold, 0);
  sta_stream_options o = blocking();
  EXPECT_EQ(o.still_threshold, -1);
  o.static_skip = 0;
  for (const Window &w : play(engine, o, 0, 0)) EXPECT_EQ(w.info.tokens, engine.info().num_tokens);
}

TEST(StreamStill, WithNothingStillAllIsTheSameBitForBit) {
  sta::Engine engine = open_micro();
  for (const int drop : {0, 1}) {
    sta_stream_options off = still_options(0), on = still_options(kThreshold);
    off.drop_number = on.drop_number = drop;
    const auto a = play(engine, off, 64, 64), b = play(engine, on, 64, 64);
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].probabilities, b[i].probabilities);
  }
}

// Another threshold gives another result for equal pixels, so the one before is not taken over.
TEST(StreamStill, AResultOfAnotherThresholdIsNotReused) {
  sta::Engine engine = open_micro();
  sta_stream_options o = still_options(0);
  o.static_skip = 1;
  sta::Stream stream(engine, o);
  const Picture picture(70);
  int next = 0;
  const auto window = [&](int frames) {
    for (int end = next + frames; next < end; ++next) stream.push(picture.frame(static_cast<uint64_t>(next) * 1'000'000'000 / 30));
    std::vector<sta_result_info> all = collect(stream);
    return all.empty() ? std::optional<sta_result_info>() : all.back();
  };
  EXPECT_EQ(window(61)->flags & STA_RESULT_REUSED, 0u);
  EXPECT_NE(window(16)->flags & STA_RESULT_REUSED, 0u);
  o.still_threshold = kThreshold;
  sta_error err;
  ASSERT_EQ(sta_stream_configure(stream.get(), &o, &err), STA_OK);
  const auto changed = window(16);
  EXPECT_EQ(changed->flags & STA_RESULT_REUSED, 0u);
  EXPECT_LT(changed->tokens, engine.info().num_tokens);
  const auto again = window(16);
  EXPECT_NE(again->flags & STA_RESULT_REUSED, 0u);
  EXPECT_EQ(again->tokens, changed->tokens);
  EXPECT_EQ(again->multiply_adds, 0u);
}

TEST(StreamStill, ThresholdsThatDoNotFitAreRefused) {
  sta::Engine engine = open_micro();
  for (const float threshold : {10.5f, INFINITY, NAN}) {
    sta_stream_options o = still_options(threshold);
    sta_stream *stream = nullptr;
    sta_error err;
    EXPECT_EQ(sta_stream_new(engine.get(), &o, &stream, &err), STA_ERROR_INVALID_ARGUMENT);
    EXPECT_NE(std::strstr(err.message, "still-threshold"), nullptr) << err.message;
    EXPECT_EQ(stream, nullptr);
    EXPECT_EQ(sta_engine_check_still_threshold(engine.get(), threshold, &err), STA_ERROR_INVALID_ARGUMENT);
  }
  EXPECT_EQ(sta_engine_check_still_threshold(engine.get(), 0.1f, nullptr), STA_OK);
  sta_engine_options eo = sta::Engine::options();
  eo.model = "arch:video_swin_tiny";
  eo.device = "cpu";
  sta::Engine swin = sta::Engine::open(eo);
  sta_stream_options o = still_options(kThreshold);
  sta_stream *stream = nullptr;
  sta_error err;
  EXPECT_EQ(sta_stream_new(swin.get(), &o, &stream, &err), STA_ERROR_UNSUPPORTED);
  EXPECT_NE(std::strstr(err.message, "Video Swin"), nullptr) << err.message;
  EXPECT_EQ(sta_engine_check_still_threshold(swin.get(), 0.1f, nullptr), STA_ERROR_UNSUPPORTED);
  o.still_threshold = -1;
  EXPECT_EQ(sta_stream_new(swin.get(), &o, &stream, &err), STA_OK);
  sta_stream_free(stream);
}

// Three cameras on one engine that waits for company: a still one, another still one, and one that moves. Windows with as
// many tokens share a pass, others do not, and nobody's result depends on the others.
TEST(StreamStill, ResultsDoNotDependOnOtherStreams) {
  sta::Engine engine = open_micro(200'000'000);
  const int sides[] = {0, 0, 64};
  std::vector<std::vector<Window>> alone;
  sta_stream_options o = still_options(kThreshold);
  o.drop_number = 1;
  for (const int side : sides) alone.push_back(play(engine, o, side, side));
  o.blocking = 0;
  std::vector<std::unique_ptr<sta::Stream>> streams;
  std::vector<Scene> scenes(3, Scene(1));
  for (int i = 0; i < 3; ++i) streams.push_back(std::make_unique<sta::Stream>(engine, o));
  std::vector<std::vector<Window>> together(3);
  for (int i = 0; i < 96; ++i)
    for (size_t c = 0; c < 3; ++c) {
      scenes[c].move(sides[c], sides[c]);
      streams[c]->push(scenes[c].picture.frame(static_cast<uint64_t>(i) * 1'000'000'000 / 30));
      // All three have given their window: now wait for it, so that none is skipped.
      if (c == 2 && i >= 61)
        for (size_t k = 0; k < 3; ++k)
          for (sta_stream_stats stats = streams[k]->stats(); stats.windows_classified < stats.windows; stats = streams[k]->stats())
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  int shared = 0;
  for (size_t c = 0; c < 3; ++c) {
    while (auto r = streams[c]->pop()) {
      const float *p = sta_result_probabilities(r->get());
      together[c].push_back({r->info(), {p, p + r->info().num_classes}});
    }
    ASSERT_EQ(together[c].size(), alone[c].size());
    for (size_t w = 0; w < alone[c].size(); ++w) {
      EXPECT_EQ(together[c][w].info.tokens, alone[c][w].info.tokens);
      EXPECT_LE(together[c][w].info.batch_size, c < 2 ? 2 : 1);
      shared += together[c][w].info.batch_size == 2;
      for (size_t k = 0; k < alone[c][w].probabilities.size(); ++k) EXPECT_NEAR(together[c][w].probabilities[k], alone[c][w].probabilities[k], 1e-5);
    }
  }
  EXPECT_GT(shared, 0);
}

// Clips of a batch, as bytes and as floats: the same tokens, and the logits of each alone.
TEST(ClipStill, BytesAndFloatsAndBatches) {
  sta::Engine engine = open_micro();
  const sta_model_info m = engine.info();
  const size_t size = static_cast<size_t>(3 * m.image_height * m.image_width);
  std::mt19937 random(3);
  std::vector<std::vector<uint8_t>> pictures;
  std::vector<const uint8_t *> frames;
  for (int clip = 0; clip < 2; ++clip)
    for (int t = 0; t < m.num_frames; ++t) {
      std::vector<uint8_t> picture = t > 0 ? pictures.back() : std::vector<uint8_t>(size);
      // A corner moves in the first clip, nothing in the second.
      for (size_t i = 0; i < (t == 0 ? size : clip == 0 ? size / 8 : 0); ++i) picture[i] = static_cast<uint8_t>(random());
      pictures.push_back(picture);
    }
  for (const auto &p : pictures) frames.push_back(p.data());
  std::vector<float> floats;
  for (int clip = 0; clip < 2; ++clip)
    for (int c = 0; c < 3; ++c)
      for (int t = 0; t < m.num_frames; ++t)
        for (int i = 0; i < m.image_height * m.image_width; ++i)
          floats.push_back(
              (static_cast<float>(pictures[static_cast<size_t>(clip * m.num_frames + t)][static_cast<size_t>(3 * i + c)]) / 255.0f - m.mean[c]) /
              m.std[c]);
  sta_forward_options o;
  sta_forward_options_init(&o);
  EXPECT_EQ(o.still_threshold, -1);
  o.still_threshold = kThreshold;
  o.drop_number = 1;
  sta_error err;
  const auto tokens_of = [](const sta_clip_result *r, int item) {
    int32_t count = 0;
    const int32_t *t = sta_clip_result_tokens(r, item, &count);
    return std::vector<int32_t>(t, t + count);
  };
  sta_clip_result *batch = nullptr, *floating = nullptr, *alone = nullptr;
  ASSERT_EQ(sta_engine_forward_frames(engine.get(), frames.data(), 2, &o, &batch, &err), STA_OK) << err.message;
  ASSERT_EQ(sta_engine_forward(engine.get(), floats.data(), 2, &o, &floating, &err), STA_OK) << err.message;
  ASSERT_EQ(sta_engine_forward_frames(engine.get(), frames.data(), 1, &o, &alone, &err), STA_OK) << err.message;
  for (int item = 0; item < 2; ++item) {
    const auto tokens = tokens_of(batch, item);
    EXPECT_GE(static_cast<int>(tokens.size()), m.tokens_per_step);
    EXPECT_LT(static_cast<int>(tokens.size()), m.num_tokens);
    EXPECT_EQ(tokens, tokens_of(floating, item));
    // The final tokens are some of those that entered.
    int32_t count = 0;
    const int32_t *last = sta_clip_result_kept(batch, item, 0, &count);
    ASSERT_GT(count, 0);
    for (int32_t i = 0; i < count; ++i) EXPECT_TRUE(std::binary_search(tokens.begin(), tokens.end(), last[i]));
  }
  // The first clip decides how many tokens the batch takes, so it has the same alone.
  EXPECT_EQ(tokens_of(batch, 0), tokens_of(alone, 0));
  const float *a = sta_clip_result_logits(batch, nullptr, nullptr), *b = sta_clip_result_logits(floating, nullptr, nullptr),
              *c = sta_clip_result_logits(alone, nullptr, nullptr);
  for (int i = 0; i < 2 * m.num_classes; ++i) EXPECT_NEAR(a[i], b[i], 1e-4);
  for (int i = 0; i < m.num_classes; ++i) EXPECT_NEAR(a[i], c[i], 1e-4);
  int32_t count = 7;
  EXPECT_EQ(sta_clip_result_tokens(batch, 2, &count), nullptr);
  EXPECT_EQ(count, 0);
  sta_clip_result_free(alone);
  o.still_threshold = 0;
  ASSERT_EQ(sta_engine_forward_frames(engine.get(), frames.data(), 1, &o, &alone, &err), STA_OK);
  EXPECT_EQ(sta_clip_result_tokens(alone, 0, &count), nullptr);
  for (sta_clip_result *r : {batch, floating, alone}) sta_clip_result_free(r);
}

TEST(FlopsOfTokens, ArePartOfTheDenseOnesAndMonotone) {
  sta::Engine engine = open_micro();
  const sta_model_info m = engine.info();
  for (const int drop : {0, 1}) {
    EXPECT_EQ(multiply_adds(engine, drop, m.num_tokens), multiply_adds(engine, drop, 0));
    uint64_t before = 0;
    for (int tokens = m.tokens_per_step; tokens <= m.num_tokens; ++tokens) {
      const uint64_t now = multiply_adds(engine, drop, tokens);
      EXPECT_GT(now, before);
      before = now;
    }
  }
  sta_flops f{};
  f.struct_size = sizeof(f);
  sta_error err;
  for (const int tokens : {-1, 1, m.tokens_per_step - 1, m.num_tokens + 1}) {
    EXPECT_EQ(sta_engine_flops_of_tokens(engine.get(), 0, tokens, &f, &err), STA_ERROR_INVALID_ARGUMENT) << tokens;
    EXPECT_NE(std::strstr(err.message, "tokens"), nullptr);
  }
  // ViT-B with r = 64, by the share of the tokens behind the first step that is still.
  for (const auto &[still, gmacs] : {std::pair{0.25, 73.0}, {0.5, 51.0}, {0.7, 35.0}, {0.8, 27.0}}) {
    ASSERT_EQ(sta_flops_of_tokens("arch:vit_base", 64, static_cast<int>(196 + 1372 * (1 - still)), &f, &err), STA_OK);
    EXPECT_NEAR(static_cast<double>(f.total) / 1e9, gmacs, 2.5) << still;
  }
}

}  // namespace
