// SPDX-License-Identifier: MIT
// Tests attention kernels that fail on demand: when a model is opened, in the n-th attention of a pass, while a graph
// is captured, for lack of memory, with every kernel. Each time, the kernel that failed must never be called again, the
// next one must take over, and the numbers must be right. On a CPU, LibTorch has two kernels, flash and plain. The way
// from one to the next is the same on a GPU with its four.
#include <ATen/Parallel.h>
#include <ATen/ops/allclose.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/attention_choice.h"
#include "engine/device_fallback.h"
#include "engine/engine.h"
#include "model/graphed_model.h"
#include "model/vit.h"
#include "ops/attention.h"
#include "sta/sta.h"
#include "support/golden.h"

namespace {

using sta::AttentionChoice;
using sta::ForwardOutput;
using sta::ops::AttentionKernel;

const bool g_one_thread = (at::set_num_threads(1), true);

// What the kernels of a test do.
enum class Fault { kNone, kError, kOutOfMemory, kNonsense };
struct Kernels {
  std::atomic<int> calls{0};
  std::atomic<int> from{0};  // the first call that is at fault
  std::atomic<Fault> flash{Fault::kNone}, plain{Fault::kNone};
  std::atomic<int> flash_faults{0};  // how often flash was called and failed
} g_kernels;

bool hook(AttentionKernel kernel) {
  const int call = g_kernels.calls++;
  const Fault fault = kernel == AttentionKernel::kPlain ? g_kernels.plain : g_kernels.flash;
  if (fault == Fault::kNone || call < g_kernels.from) return true;
  if (kernel != AttentionKernel::kPlain) ++g_kernels.flash_faults;
  TORCH_CHECK_WITH(OutOfMemoryError, fault != Fault::kOutOfMemory, "no memory for attention");
  TORCH_CHECK(fault != Fault::kError, "No valid execution plans built\nand pages of reasons");
  return false;
}

// Keeps the messages of TORCH_WARN in this thread.
class Warnings : public c10::WarningHandler {
 public:
  Warnings() : before_(c10::WarningUtils::get_warning_handler()) { c10::WarningUtils::set_warning_handler(this); }
  ~Warnings() override { c10::WarningUtils::set_warning_handler(before_); }
  void process(const c10::Warning &warning) override { lines.push_back(warning.msg()); }
  std::vector<std::string> lines;

 private:
  c10::WarningHandler *before_;
};

class Attention : public testing::Test {
 protected:
  Attention() {
    EXPECT_TRUE(g_one_thread);
    sta::ops::reset_attention();
    g_kernels.calls = g_kernels.from = g_kernels.flash_faults = 0;
    g_kernels.flash = g_kernels.plain = Fault::kNone;
    sta::ops::attention_hook = &hook;
  }
  ~Attention() override {
    sta::ops::attention_hook = nullptr;
    sta::ops::reset_attention();
  }
  static AttentionChoice choice() { return AttentionChoice(at::kCPU, at::kFloat, {{2, 32, 64, false}}); }
  static std::shared_ptr<sta::Engine> open() {
    sta::EngineOptions options;
    options.model = std::string(STA_GOLDEN_MADE_DIR) + "/checkpoints/micro_hf";
    options.device = "cpu";
    options.precision = STA_PRECISION_FP32;
    auto engine = sta::Engine::open(options);
    EXPECT_TRUE(engine) << engine.error().message;
    return engine ? *std::move(engine) : nullptr;
  }
  // The logits of micro on its golden clip, f32 [1,10].
  static void expect_golden(const ForwardOutput &out) { EXPECT_TRUE(at::allclose(out.logits, golden_logits(), 0, 1e-5)) << out.logits; }
  static at::Tensor golden_clip() { return golden::clip("noise", 64, 100).unsqueeze(0); }
  static const at::Tensor &golden_logits() {
    static const at::Tensor logits = [] {
      const sta::ops::AttentionHook before = sta::ops::attention_hook.exchange(nullptr);
      const c10::InferenceMode guard;
      const sta::ModelDescription m = golden::describe("micro");
      const at::Tensor l = sta::Vit(m, golden::weights(m, 1), at::kFloat, at::kCPU).forward(golden_clip(), {STA_PRUNING_STA, 5, {}}).logits;
      sta::ops::attention_hook = before;
      return l;
    }();
    return logits;
  }
  static constexpr int kR = 5;
};

// ---- when a model is opened

TEST_F(Attention, TheFirstKernelThatWorksIsUsed) {
  AttentionChoice c = choice();
  ASSERT_TRUE(c.check());
  EXPECT_STREQ(c.kernels(), "flash");
  EXPECT_EQ(g_kernels.calls, 1);
  EXPECT_EQ(sta::ops::take_attention_warnings(), "");
}

TEST_F(Attention, OneThatFailsIsSwitchedOffWithOneWarning) {
  g_kernels.flash = Fault::kError;
  AttentionChoice c = choice();
  ASSERT_TRUE(c.check());
  EXPECT_STREQ(c.kernels(), "plain");
  EXPECT_FALSE(sta::ops::switched_on(AttentionKernel::kFlash));
  EXPECT_EQ(sta::ops::take_attention_warnings(), "flash attention failed and is switched off for this process: No valid execution plans built\n");
  // Another model: the failed kernel is not called again, and there is no second warning.
  AttentionChoice other = choice();
  ASSERT_TRUE(other.check());
  EXPECT_EQ(g_kernels.flash_faults, 1);
  EXPECT_EQ(sta::ops::take_attention_warnings(), "");
}

TEST_F(Attention, OneThatComputesNonsenseIsSwitchedOff) {
  g_kernels.flash = Fault::kNonsense;
  AttentionChoice c = choice();
  ASSERT_TRUE(c.check());
  EXPECT_STREQ(c.kernels(), "plain");
  EXPECT_EQ(sta::ops::take_attention_warnings(), "flash attention failed and is switched off for this process: it computes something else\n");
}

TEST_F(Attention, NothingWorks) {
  g_kernels.flash = Fault::kError;
  g_kernels.plain = Fault::kNonsense;
  AttentionChoice c = choice();
  const auto failed = c.check();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().status, STA_ERROR_DEVICE);
  EXPECT_EQ(failed.error().message, "no attention works on cpu (flash: No valid execution plans built; plain: it computes something else)");
  // It is tried again, and works as soon as it can.
  g_kernels.plain = Fault::kNone;
  EXPECT_TRUE(c.before_pass());
  EXPECT_STREQ(c.kernels(), "plain");
}

TEST_F(Attention, LackOfMemoryIsNoKernelsFault) {
  g_kernels.flash = Fault::kOutOfMemory;
  AttentionChoice c = choice();
  const auto failed = c.check();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().status, STA_ERROR_OUT_OF_MEMORY);
  EXPECT_TRUE(sta::ops::switched_on(AttentionKernel::kFlash));
  g_kernels.flash = Fault::kNone;
  EXPECT_TRUE(c.before_pass());
  EXPECT_STREQ(c.kernels(), "flash");
}

TEST_F(Attention, AModelThatIsOpenedSaysWhatItUsesAndWhatFailed) {
  g_kernels.flash = Fault::kError;
  const auto engine = open();
  ASSERT_TRUE(engine);
  EXPECT_STREQ(engine->attention(), "plain");
  EXPECT_NE(engine->description().warnings.find("flash attention failed and is switched off for this process"), std::string::npos);
  auto out = engine->forward(golden_clip(), {STA_PRUNING_STA, kR, {}});
  ASSERT_TRUE(out);
  expect_golden(*out);
}

TEST_F(Attention, AModelOnADeviceWithoutAnyIsOneError) {
  g_kernels.flash = g_kernels.plain = Fault::kError;
  sta::EngineOptions options;
  options.model = std::string(STA_GOLDEN_MADE_DIR) + "/checkpoints/micro_hf";
  options.device = "cpu";
  const auto engine = sta::Engine::open(options);
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().status, STA_ERROR_DEVICE);
  EXPECT_EQ(engine.error().message.rfind("no attention works on cpu (flash: ", 0), 0u) << engine.error().message;
}

// ---- in passes

// Whichever attention of the pass fails: the pass is made again, and is right.
TEST_F(Attention, TheNthAttentionOfAPass) {
  for (const int nth : {0, 1, 4, 5, 8}) {
    sta::ops::reset_attention();
    g_kernels.flash = Fault::kNone;
    const auto engine = open();
    ASSERT_TRUE(engine);
    EXPECT_STREQ(engine->attention(), "flash");
    g_kernels.calls = g_kernels.flash_faults = 0;
    g_kernels.from = nth;
    g_kernels.flash = Fault::kError;
    const Warnings warnings;
    for (int pass = 0; pass < 3; ++pass) {
      auto out = engine->forward(golden_clip(), {STA_PRUNING_STA, kR, {}});
      ASSERT_TRUE(out) << out.error().message;
      expect_golden(*out);
      EXPECT_EQ(out->warming, pass == nth / 6) << "the pass that was made twice says that it took longer";
    }
    EXPECT_EQ(g_kernels.flash_faults, 1) << nth;
    EXPECT_STREQ(engine->attention(), "plain");
    ASSERT_EQ(warnings.lines.size(), 1u);
    EXPECT_NE(warnings.lines[0].find("flash attention failed"), std::string::npos);
  }
}

TEST_F(Attention, APassWithoutAnyIsAnErrorAndTheNextOneRecovers) {
  const auto engine = open();
  ASSERT_TRUE(engine);
  const Warnings warnings;
  g_kernels.flash = g_kernels.plain = Fault::kError;
  for (int i = 0; i < 3; ++i) {
    const auto out = engine->forward(golden_clip(), {STA_PRUNING_STA, kR, {}});
    ASSERT_FALSE(out);
    EXPECT_EQ(out.error().status, STA_ERROR_DEVICE) << out.error().message;
  }
  EXPECT_EQ(g_kernels.flash_faults, 1);
  g_kernels.plain = Fault::kNone;
  const auto out = engine->forward(golden_clip(), {STA_PRUNING_STA, kR, {}});
  ASSERT_TRUE(out);
  expect_golden(*out);
}

TEST_F(Attention, AfterAnyFailedPassItIsTriedOnceMore) {
  const auto engine = open();
  ASSERT_TRUE(engine);
  const auto calls_of = [&](const at::Tensor &clip, bool good) {
    g_kernels.calls = 0;
    EXPECT_EQ(static_cast<bool>(engine->forward(clip, {STA_PRUNING_NONE, 0, {}})), good);
    return g_kernels.calls.load();
  };
  EXPECT_EQ(calls_of(golden_clip(), true), 6) << "an attention a block, and no trial";
  EXPECT_EQ(calls_of(at::zeros({1, 3, 16, 8, 8}), false), 0) << "a clip of another size";
  EXPECT_EQ(calls_of(golden_clip(), true), 1 + 6);
  EXPECT_EQ(calls_of(golden_clip(), true), 6);
  engine->pass_failed();  // as reported by the thread that waited for the results
  EXPECT_EQ(calls_of(golden_clip(), true), 1 + 6);
}

TEST_F(Attention, MemoryThatRunsOutInAPassSwitchesNothingOff) {
  const auto engine = open();
  ASSERT_TRUE(engine);
  g_kernels.calls = 0;
  g_kernels.from = 2;
  g_kernels.flash = Fault::kOutOfMemory;
  const auto out = engine->forward(golden_clip(), {STA_PRUNING_STA, kR, {}});
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().status, STA_ERROR_OUT_OF_MEMORY);
  g_kernels.flash = Fault::kNone;
  EXPECT_TRUE(engine->forward(golden_clip(), {STA_PRUNING_STA, kR, {}}));
  EXPECT_STREQ(engine->attention(), "flash");
}

// A camera loses no window because of it.
TEST_F(Attention, WindowsOfAStream) {
  sta_engine_options eo;
  sta_engine_options_init(&eo);
  const std::string model = std::string(STA_GOLDEN_MADE_DIR) + "/checkpoints/micro_hf";
  eo.model = model.c_str();
  eo.device = "cpu";
  eo.precision = STA_PRECISION_FP32;
  sta_engine *engine = nullptr;
  sta_error err;
  ASSERT_EQ(sta_engine_open(&eo, &engine, &err), STA_OK) << err.message;
  sta_stream_options so;
  sta_stream_options_init(&so);
  so.blocking = 1;
  sta_stream *stream = nullptr;
  ASSERT_EQ(sta_stream_new(engine, &so, &stream, &err), STA_OK) << err.message;
  g_kernels.calls = 0;
  g_kernels.from = 9;  // in the second window
  g_kernels.flash = Fault::kError;
  for (int i = 0; i < 61 + 3 * 16; ++i) {
    const std::vector<uint8_t> gray(64 * 64, static_cast<uint8_t>(i + 20));
    sta_frame f;
    sta_frame_init(&f);
    f.format = STA_FORMAT_GRAY8;
    f.full_range = 1;
    f.width = f.height = f.stride[0] = 64;
    f.plane[0] = gray.data();
    f.time = static_cast<uint64_t>(i) * 1'000'000'000 / 30;
    f.duration = 1'000'000'000 / 30;
    ASSERT_EQ(sta_stream_push(stream, &f, &err), STA_OK) << err.message;
  }
  sta_stream_stats stats{};
  stats.struct_size = sizeof(stats);
  sta_stream_get_stats(stream, &stats);
  EXPECT_EQ(stats.windows_classified, 4u);
  EXPECT_EQ(stats.windows_failed, 0u);
  EXPECT_EQ(g_kernels.flash_faults, 1);
  sta_model_info info{};
  info.struct_size = sizeof(info);
  sta_engine_get_info(engine, &info);
  EXPECT_STREQ(info.attention, "plain");
  sta_stream_free(stream);
  sta_engine_unref(engine);
}

// ---- while a graph is captured

// Runs the pass once before and once during the capture, like a CUDA graph. Replays by running it again.
class CapturingBackend : public sta::GraphBackend {
 public:
  class Graph : public sta::CapturedForward {
   public:
    explicit Graph(Forward forward) : forward_(std::move(forward)) {}
    ForwardOutput replay(const at::Tensor &clip) override { return forward_(clip); }

   private:
    Forward forward_;
  };
  std::unique_ptr<sta::CapturedForward> capture(const at::Tensor &clip, const Forward &forward) override {
    forward(clip);
    forward(clip);
    return std::make_unique<Graph>(forward);
  }
};

TEST_F(Attention, InACapturedGraph) {
  const c10::InferenceMode guard;
  // Order of the attentions: two ordinary passes of 6, then the one before the capture (12 to 17) and the captured one
  // (18 to 23).
  for (const int nth : {12, 17, 18, 23}) {
    sta::ops::reset_attention();
    g_kernels.calls = g_kernels.flash_faults = 0;
    g_kernels.flash = Fault::kError;
    g_kernels.from = nth;
    const sta::ModelDescription m = golden::describe("micro");
    const sta::GraphedModel model(std::make_unique<sta::Vit>(m, golden::weights(m, 1), at::kFloat, at::kCPU), std::make_unique<CapturingBackend>());
    for (int pass = 0; pass < 5; ++pass) expect_golden(model.forward(golden_clip(), {STA_PRUNING_STA, kR, {}}));
    EXPECT_EQ(g_kernels.flash_faults, 1) << "the ordinary pass after the capture that failed took another kernel";
    EXPECT_EQ(model.stats().failed, 1u);
    EXPECT_EQ(model.stats().captured, 1u) << "with the other kernel";
    EXPECT_TRUE(sta::ops::take_attention_failure()) << "whoever runs passes hears of it";
  }
}

// ---- which shapes are tried

TEST(AttentionShapes, OfAVit) {
  sta::ModelDescription m;
  m.embed_dim = 768;
  m.num_heads = 12;
  const auto shapes = sta::attention_shapes(m);
  ASSERT_EQ(shapes.size(), 1u);
  EXPECT_EQ(shapes[0].heads, 12);
  EXPECT_EQ(shapes[0].head_dim, 64);
  EXPECT_EQ(shapes[0].tokens, 64);
  EXPECT_FALSE(shapes[0].masked);
}

TEST(AttentionShapes, OfAVideoSwinWithAndWithoutDroppedTokens) {
  sta::ModelDescription m;
  sta::describe_swin_defaults(m);
  m.embed_dim = 96;
  m.stage_depths = {2, 2, 6, 2};
  m.stage_heads = {3, 6, 12, 24};
  m.window = {8, 7, 7};
  std::vector<int> dims;
  for (const sta::AttentionShape &s : sta::attention_shapes(m)) {
    EXPECT_TRUE(s.masked);
    EXPECT_EQ(s.heads, 3);
    dims.push_back(s.head_dim);
  }
  EXPECT_EQ(dims, (std::vector<int>{32, 40}));
}

// ---- device=auto

struct Attempt {
  std::string device, warning;
  bool operator==(const Attempt &) const = default;
};

sta::Result<std::string> open_with(bool automatic, at::Device device, sta_status gpu, sta_status cpu, std::vector<Attempt> &attempts) {
  return sta::open_with_fallback(automatic, device, [&](at::Device where, const std::string &warning) -> sta::Result<std::string> {
    attempts.push_back({where.str(), warning});
    const sta_status status = where.is_cuda() ? gpu : cpu;
    if (status != STA_OK) return sta::Error{status, "no attention works on " + where.str()};
    return "opened on " + where.str();
  });
}

TEST(DeviceFallback, OnlyWhereTheDeviceIsLeftToUsAndItIsTheDevice) {
  const at::Device gpu(at::kCUDA, 0);
  const Attempt on_gpu{"cuda:0", ""}, on_cpu{"cpu", "cuda:0 does not work, so the model runs on the CPU: no attention works on cuda:0\n"};
  std::vector<Attempt> attempts;
  const auto run = [&](bool automatic, sta_status on_gpu_status, sta_status on_cpu_status) {
    attempts.clear();
    auto r = open_with(automatic, gpu, on_gpu_status, on_cpu_status, attempts);
    return r ? *r : r.error().message;
  };
  EXPECT_EQ(run(true, STA_OK, STA_OK), "opened on cuda:0");
  EXPECT_EQ(attempts, std::vector<Attempt>{on_gpu});
  for (const sta_status status : {STA_ERROR_DEVICE, STA_ERROR_INTERNAL, STA_ERROR_OUT_OF_MEMORY}) {
    EXPECT_EQ(run(true, status, STA_OK), "opened on cpu");
    EXPECT_EQ(attempts, (std::vector<Attempt>{on_gpu, on_cpu}));
    EXPECT_EQ(run(false, status, STA_OK), "no attention works on cuda:0") << "device=cuda: one error";
    EXPECT_EQ(attempts, std::vector<Attempt>{on_gpu});
  }
  for (const sta_status status : {STA_ERROR_NOT_FOUND, STA_ERROR_BAD_MODEL, STA_ERROR_INVALID_ARGUMENT, STA_ERROR_UNSUPPORTED}) {
    EXPECT_EQ(run(true, status, STA_OK), "no attention works on cuda:0");
    EXPECT_EQ(attempts, std::vector<Attempt>{on_gpu});
  }
  EXPECT_EQ(run(true, STA_ERROR_DEVICE, STA_ERROR_INTERNAL), "no attention works on cpu");
  attempts.clear();
  EXPECT_FALSE(open_with(true, at::kCPU, STA_OK, STA_ERROR_DEVICE, attempts));
  EXPECT_EQ(attempts, (std::vector<Attempt>{{"cpu", ""}})) << "a CPU has nothing to fall back to";
}

}  // namespace
