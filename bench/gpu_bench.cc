// SPDX-License-Identifier: MIT
// Measures the engine on a GPU. It times forward passes of ViT-S to ViT-H at several drop numbers, batches and
// precisions. Each pass is made in three ways: with ATen's kernels, with those of libsta-cuda, and with those of
// libsta-cuda in captured graphs. It also times the pruning call alone and the preprocessing of 1080p frames. Before
// all that it checks that the device computes what the official implementation computed (golden_check.h). Clips are on
// the device before a pass is timed.
//
// Prints a table and writes one JSON file. scripts/gpu-check runs it. Exit status: 0, 1 the device computes something
// else, 2 wrong command line, 77 no CUDA device.
//
//   gpu-bench [--device D] [--check-only yes] [--archs A,..] [--drops R,..] [--batches B,..] [--precisions P,..]
//   [--runs N] [--minutes M] [--json FILE]
//
// The bench begins nothing after M minutes (default 6). It leaves what is missing out of the table and names it under
// "not_measured"; the most wanted models come first. --device cpu tries the program itself where there is no GPU:
// without kernels, and without the parts that need device memory.
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/isin.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "cuda/frame_plan.h"
#include "engine/device.h"
#include "engine/engine.h"
#include "golden_check.h"
#include "model/graphed_model.h"
#include "pruning/prune_step.h"
#include "support/golden.h"
#include "torch_cuda/graph_backend.h"

namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

at::Device g_device = at::kCPU;
int g_runs = 20;

[[noreturn]] void stop(int status, const std::string &message) {
  std::fprintf(stderr, "gpu-bench: %s\n", message.c_str());
  std::exit(status);
}

void wait() {
  if (g_device.is_cuda()) c10::impl::VirtualGuardImpl(g_device.type()).synchronizeDevice(g_device.index());
}

// Median seconds of warm calls. The timer waits for every call to end. So it counts launch overhead that the GPU would
// hide in a queue but that a camera would notice.
double median_seconds(const std::function<void()> &call, int runs) {
  for (int i = 0; i < 3; ++i) call();
  std::vector<double> seconds;
  for (int i = 0; i < runs; ++i) {
    wait();
    const auto begin = Clock::now();
    call();
    wait();
    seconds.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + runs / 2, seconds.end());
  return seconds[static_cast<size_t>(runs) / 2];
}

std::vector<std::string> split(const std::string &text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

int number(const std::string &text, const char *option) {
  char *end = nullptr;
  const long value = std::strtol(text.c_str(), &end, 10);
  if (text.empty() || *end || value < 0 || value > 4096) stop(2, std::string(option) + ": \"" + text + "\" should be a number from 0 to 4096");
  return static_cast<int>(value);
}

// How a pass is made.
enum class Way { kAten, kKernels, kGraphs };
const char *name_of(Way way) { return way == Way::kAten ? "ATen" : way == Way::kKernels ? "kernels" : "graphs"; }

// Warnings go to stderr. The timing code checks which way a pass really takes.
std::shared_ptr<sta::Engine> open(const std::string &arch, const std::string &precision, const std::string &device, Way way) {
  sta::EngineOptions options;
  options.model = "arch:" + arch;
  options.device = device;
  options.precision = precision == "fp32" ? STA_PRECISION_FP32 : precision == "fp16" ? STA_PRECISION_FP16 : STA_PRECISION_BF16;
  options.cuda_kernels = way != Way::kAten;
  options.cuda_graphs = way == Way::kGraphs;
  auto engine = sta::Engine::open(options);
  if (!engine) stop(1, engine.error().message);
  if (!(*engine)->description().warnings.empty()) std::fprintf(stderr, "gpu-bench: warning: %s", (*engine)->description().warnings.c_str());
  return *std::move(engine);
}

sta::ForwardOutput forward(const sta::Engine &engine, const at::Tensor &clip, int r) {
  auto out = engine.forward(clip, {STA_PRUNING_STA, r, {}});
  if (!out) stop(1, out.error().message);
  return *std::move(out);
}

at::Tensor random_clip(int batch) {
  at::manual_seed(1);
  return at::rand({batch, 3, 16, 224, 224}, at::kFloat) * 4 - 2;
}

// Compares two passes: the share of equal kept tokens in each call, and the largest difference of logits. Is `got` the
// same pass as `want`, up to rounding?
json compare(const char *what, const sta::ForwardOutput &want, const sta::ForwardOutput &got) {
  json shares = json::array();
  bool good = got.kept.size() == want.kept.size();
  for (size_t i = 0; good && i < want.kept.size(); ++i) {
    const at::Tensor a = got.kept[i].cpu(), b = want.kept[i].cpu();
    int64_t common = 0;
    for (int64_t k = 0; k < b.size(0); ++k) common += at::isin(a[k], b[k]).sum().item<int64_t>();
    shares.push_back(static_cast<double>(common) / static_cast<double>(b.numel()));
    good = good && shares.back().get<double>() >= 0.995;
  }
  const at::Tensor a = got.logits.cpu(), b = want.logits.cpu();
  const double worst = (a - b).abs().max().item<double>(), scale = b.abs().max().item<double>();
  good = good && worst <= 0.01 * scale;
  std::printf("check (%s): kept tokens the same %s, logits differ by %.2g of %.2g: %s\n", what, shares.dump().c_str(), worst, scale,
              good ? "good" : "BAD");
  return {{"check", what}, {"kept_share", shares}, {"logit_difference", worst}, {"logit_scale", scale}, {"good", good}};
}

// Checks fp32 passes of ViT-S, dense and pruned, each way, against the golden files.
json check_golden(const std::vector<Way> &ways, const sta::KernelLibrary *kernels) {
  json rows = json::array();
  for (const char *name : {"vits_noise_r0", "vits_noise_r64", "vits_scene_r64"}) {
    const gpu_bench::GoldenPass want = gpu_bench::read_golden_pass(name);
    for (const Way way : ways) {
      std::unique_ptr<sta::Model> model =
          sta::make_model(want.model, golden::weights(want.model, want.weight_seed), at::kFloat, g_device, way == Way::kAten ? nullptr : kernels);
      if (way == Way::kGraphs) {
        std::string why;
        auto backend = sta::load_graph_backend(static_cast<int>(g_device.index()), &why);
        if (!backend) stop(1, "libsta-torch-cuda: " + why);
        model = std::make_unique<sta::GraphedModel>(std::move(model), std::move(backend));
      }
      // With a captured graph, the fourth pass is the first one that is only replayed.
      sta::ForwardOutput got;
      for (int pass = 0; pass < (way == Way::kGraphs ? 4 : 1); ++pass) got = model->forward(want.clip, {STA_PRUNING_STA, want.drop_number, {}});
      rows.push_back(gpu_bench::judge(name_of(way), want, got));
    }
  }
  return rows;
}

// Checks that each way is what its name says: ATen's way launches nothing of libsta-cuda, the others do.
json check_ways(const std::vector<Way> &ways, const sta::KernelLibrary &kernels, const std::string &device) {
  json rows = json::array();
  const at::Tensor clip = random_clip(1).to(g_device);
  for (const Way way : ways) {
    const auto engine = open("vit_small", "bf16", device, way);
    const uint64_t before = kernels.launches();
    forward(*engine, clip, 64);
    const uint64_t launches = kernels.launches() - before;
    const bool good = (way == Way::kAten) == (launches == 0);
    std::printf("check (%s): %llu launches of libsta-cuda in a pass, attention by %s: %s\n", name_of(way), static_cast<unsigned long long>(launches),
                engine->attention(), good ? "good" : "BAD");
    rows.push_back({{"check", std::string("the way ") + name_of(way)}, {"launches", launches}, {"attention", engine->attention()}, {"good", good}});
  }
  return rows;
}

// Compares captured graphs with ordinary passes. The clips are others than those the graph was captured with; two drop
// numbers and two batches take turns.
json check_graphs(const std::string &device) {
  const auto eager = open("vit_small", "bf16", device, Way::kKernels), graphed = open("vit_small", "bf16", device, Way::kGraphs);
  json rows = json::array();
  at::manual_seed(2);
  for (int round = 0; round < 5; ++round)
    for (const int r : {0, 64})
      for (const int64_t batch : {1, 2}) {
        const at::Tensor clip = (at::rand({batch, 3, 16, 224, 224}, at::kFloat) * 4 - 2).to(g_device);
        const sta::ForwardOutput want = forward(*eager, clip, r), got = forward(*graphed, clip, r);
        if (round < 4) continue;
        const std::string what = "graph against eager, batch " + std::to_string(batch) + " r " + std::to_string(r);
        rows.push_back(compare(what.c_str(), want, got));
      }
  const auto *model = dynamic_cast<const sta::GraphedModel *>(&graphed->model());
  const sta::GraphCache::Stats stats = model ? model->stats() : sta::GraphCache::Stats{};
  const bool good = stats.captured == 4 && stats.replayed == 12 && stats.failed == 0;
  std::printf("graphs: %llu captured, %llu passes replayed, %llu captures failed: %s\n", static_cast<unsigned long long>(stats.captured),
              static_cast<unsigned long long>(stats.replayed), static_cast<unsigned long long>(stats.failed), good ? "good" : "BAD");
  rows.push_back(
      {{"check", "graphs are used"}, {"captured", stats.captured}, {"replayed", stats.replayed}, {"failed", stats.failed}, {"good", good}});
  return rows;
}

// Times the three pruning calls of ViT-B, r = 64, with the LayerNorm that follows: microseconds for either way.
json prune_calls(const sta::KernelLibrary &kernels, at::ScalarType type, int batch) {
  json rows = json::array();
  const std::pair<sta::PruneCall, int> calls[] = {{{1, 8, false}, 196}, {{2, 4, true}, 264}, {{3, 2, false}, 400}};
  for (const auto &[call, n] : calls) {
    const int64_t l = static_cast<int64_t>(call.groups) * n;
    const auto options = at::TensorOptions(g_device).dtype(type);
    const at::Tensor x = at::randn({batch, l, 768}, options), qkv = at::randn({batch, l, 3, 12, 64}, options), keys = qkv.select(2, 1);
    const sta::ops::LayerNorm norm{at::ones({768}, options), at::zeros({768}, options), 1e-6};
    const sta::PruneCall place = call;
    const uint64_t before = kernels.launches();
    sta::prune_by_kernels(kernels, x, keys, place, 64, &norm);
    const uint64_t launches = kernels.launches() - before;
    const double ours = median_seconds([&] { sta::prune_by_kernels(kernels, x, keys, place, 64, &norm); }, g_runs);
    const double aten = median_seconds(
        [&] {
          const at::Tensor kept = sta::select_tokens(x, sta::ops::key_mean(keys), place, {STA_PRUNING_STA, 64, {}});
          sta::ops::layer_norm(sta::ops::gather_tokens(x, kept), norm);
        },
        g_runs);
    std::printf("pruning call %d, batch %2d: %8.1f us with %llu launches; ATen %8.1f us\n", place.index, batch, ours * 1e6,
                static_cast<unsigned long long>(launches), aten * 1e6);
    rows.push_back({{"call", place.index}, {"batch", batch}, {"kernels_us", ours * 1e6}, {"launches", launches}, {"aten_us", aten * 1e6}});
  }
  return rows;
}

// Times how a 1080p NV12 frame becomes a time step: by the kernel on the device, and by the scaler on one core.
json preprocessing(const sta::KernelLibrary *kernels) {
  std::vector<uint8_t> bytes(1920 * 1080 * 3 / 2, 100), rgb(224 * 224 * 3);
  sta_frame frame{};
  frame.struct_size = sizeof(frame);
  frame.format = STA_FORMAT_NV12;
  frame.width = 1920;
  frame.height = 1080;
  frame.stride[0] = frame.stride[1] = 1920;
  frame.matrix = STA_MATRIX_BT709;
  frame.plane[0] = bytes.data();
  frame.plane[1] = bytes.data() + 1920 * 1080;
  const sta::PreprocessSpec spec{224, 224, 224, false};
  sta::Preprocessor scaler(spec);
  bool good = true;
  json out = {{"cpu_us", median_seconds([&] { good = good && scaler.run(frame, rgb.data()); }, g_runs) * 1e6}};
  if (!good) stop(1, "preprocessing failed");
  if (kernels) {
    const at::Tensor device_bytes = at::from_blob(bytes.data(), {static_cast<int64_t>(bytes.size())}, at::kByte).to(g_device);
    frame.plane[0] = device_bytes.const_data_ptr<uint8_t>();
    frame.plane[1] = frame.plane[0] + 1920 * 1080;
    auto plan = sta::make_frame_plan(frame, spec, {0.01f, 0.01f, 0.01f}, {0, 0, 0});
    if (!plan) stop(1, plan.error().message);
    const at::Tensor tables = at::from_blob(plan->tables.data(), {static_cast<int64_t>(plan->tables.size())}, at::kInt).to(g_device),
                     step = at::empty({3, 224, 224}, at::TensorOptions(g_device).dtype(at::kBFloat16));
    sta_cuda_frame_args a = plan->with_tables(tables.const_data_ptr<int32_t>());
    a.out = step.mutable_data_ptr();
    a.out_channel = 224 * 224;
    a.out_row = 224;
    a.type = STA_CUDA_BF16;
    char message[STA_CUDA_MESSAGE] = "";
    out["kernel_us"] = median_seconds(
                           [&] {
                             if (kernels->frame(&a, nullptr, message) != STA_CUDA_OK) stop(1, message);
                           },
                           g_runs) *
                       1e6;
  }
  std::printf("1080p NV12 to 224 x 224, us: %s\n", out.dump().c_str());
  return out;
}

struct Sweep {
  std::vector<std::string> archs{"vit_base", "vit_large", "vit_small", "vit_huge"}, precisions{"fp16", "bf16"};
  std::vector<int> drops{0, 16, 32, 48, 64, 80, 96}, batches{1, 8, 32};
};

json forwards(const Sweep &sweep, const std::string &device, const std::vector<Way> &ways, Clock::time_point deadline, json &not_measured) {
  json rows = json::array();
  for (const std::string &arch : sweep.archs)
    for (const std::string &precision : sweep.precisions)
      for (const Way way : ways) {
        std::shared_ptr<sta::Engine> engine;
        for (const int batch : sweep.batches) {
          if (Clock::now() > deadline) {
            not_measured.push_back({{"arch", arch}, {"precision", precision}, {"way", name_of(way)}, {"batch", batch}});
            continue;
          }
          if (!engine) engine = open(arch, precision, device, way);
          const at::Tensor clip = random_clip(batch).to(g_device);
          double dense = 0;
          for (const int r : sweep.drops) {
            const double seconds = median_seconds([&] { forward(*engine, clip, r); }, batch >= 32 ? std::max(1, g_runs / 4) : g_runs);
            if (r == 0) dense = seconds;
            const double speed_up = dense > 0 ? dense / seconds : 0;
            std::printf("%-9s %s %-7s batch %2d r %2d  %9.3f ms  %8.1f clips/s  %.2f x\n", arch.c_str(), precision.c_str(), name_of(way), batch, r,
                        seconds * 1e3, batch / seconds, speed_up);
            std::fflush(stdout);
            rows.push_back({{"arch", arch},
                            {"precision", precision},
                            {"way", name_of(way)},
                            {"batch", batch},
                            {"drop_number", r},
                            {"ms", seconds * 1e3},
                            {"clips_per_second", batch / seconds},
                            {"speed_up", speed_up}});
          }
        }
      }
  return rows;
}

}  // namespace

int main(int argc, char **argv) {
  Sweep sweep;
  std::string device = "cuda", file;
  int minutes = 6;
  bool check_only = false;
  for (int i = 1; i < argc; i += 2) {
    const std::string option = argv[i];
    if (i + 1 == argc) stop(2, option + " needs a value");
    const std::string value = argv[i + 1];
    const auto numbers = [&] {
      std::vector<int> list;
      for (const std::string &part : split(value)) list.push_back(number(part, option.c_str()));
      return list;
    };
    if (option == "--device")
      device = value;
    else if (option == "--check-only")
      check_only = value == "yes";
    else if (option == "--archs")
      sweep.archs = split(value);
    else if (option == "--drops")
      sweep.drops = numbers();
    else if (option == "--batches")
      sweep.batches = numbers();
    else if (option == "--precisions")
      sweep.precisions = split(value);
    else if (option == "--runs")
      g_runs = std::max(1, number(value, "--runs"));
    else if (option == "--minutes")
      minutes = number(value, "--minutes");
    else if (option == "--json")
      file = value;
    else
      stop(2, option + " should be --device, --check-only, --archs, --drops, --batches, --precisions, --runs, --minutes or --json");
  }
  for (const std::string &precision : sweep.precisions)
    if (precision != "fp32" && precision != "fp16" && precision != "bf16")
      stop(2, "--precisions: \"" + precision + "\" should be fp32, fp16 or bf16");
  auto resolved = sta::resolve_device(device);
  if (!resolved && resolved.error().status != STA_ERROR_DEVICE) stop(2, resolved.error().message);
  if (!resolved) {
    std::fprintf(stderr, "no CUDA device: %s\n", resolved.error().message.c_str());
    return 77;
  }
  g_device = *resolved;
  const c10::InferenceMode guard;
  const sta::KernelLibrary *kernels = nullptr;
  std::string why;
  if (g_device.is_cuda() && !(kernels = sta::load_kernel_library(&why))) stop(1, "libsta-cuda: " + why);

  const Clock::time_point deadline = Clock::now() + std::chrono::minutes(minutes);
  json report = {{"device", g_device.str()}, {"runs", g_runs}};
  std::vector<Way> ways{Way::kAten};
  if (kernels) ways.insert(ways.end(), {Way::kKernels, Way::kGraphs});
  report["clip"] = "on the device";
  report["check"] = check_golden(ways, kernels);
  if (kernels) {
    for (const json &row : check_ways(ways, *kernels, device)) report["check"].push_back(row);
    for (const json &row : check_graphs(device)) report["check"].push_back(row);
  }
  const auto finish = [&] {
    if (!file.empty()) {
      std::ofstream out(file);
      out << report.dump(1) << "\n";
      if (!out.flush()) stop(1, "cannot write " + file);
    }
    for (const json &c : report["check"])
      if (!c["good"].get<bool>()) stop(1, "the device computes something else than the official implementation, or goes another way than it says");
  };
  if (check_only) {
    finish();
    return 0;
  }
  report["preprocessing"] = preprocessing(kernels);
  if (kernels)
    for (const int batch : sweep.batches)
      for (const json &row : prune_calls(*kernels, at::kBFloat16, batch)) report["pruning_calls"].push_back(row);
  report["not_measured"] = json::array();
  report["forward"] = forwards(sweep, device, ways, deadline, report["not_measured"]);
  if (const size_t count = report["not_measured"].size(); count > 0)
    std::printf("%d minutes are over: %zu combinations of model, precision, way and batch were not measured (--minutes gives them time)\n", minutes,
                count);
  finish();
  return 0;
}
