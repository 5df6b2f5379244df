// SPDX-License-Identifier: MIT
// Loads an engine, and keeps the registry through which all cameras of a process share it. See engine.h.
#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <utility>

#include "checkpoint/formats/weight_files.h"
#include "checkpoint/names/wrappers.h"
#include "cuda/kernel_library.h"
#include "engine/catch.h"
#include "engine/device.h"
#include "engine/device_fallback.h"
#include "engine/engine.h"
#include "model/flops.h"
#include "model/graphed_model.h"
#include "ops/attention.h"
#include "ops/window_plan.h"
#include "torch_cuda/graph_backend.h"

namespace sta {
namespace {

constexpr const char *kArchPrefix = "arch:";

// Generates weights of a known architecture, so that speed can be measured without a file. The values are small, as
// after initialisation.
class Generator {
 public:
  StateDict weights;
  at::Tensor normal(at::IntArrayRef shape) { return at::empty(shape, at::kFloat).normal_(0, 0.02, random_); }
  void norm(const std::string &name, int64_t c) {
    weights[name + ".weight"] = at::ones({c});
    weights[name + ".bias"] = at::zeros({c});
  }
  void linear(const std::string &name, int64_t out, int64_t in) {
    weights[name + ".weight"] = normal({out, in});
    weights[name + ".bias"] = normal({out});
  }
  // The part of a block that both architectures have under the same names.
  void block(const std::string &b, int64_t c, int64_t f) {
    norm(b + "norm1", c);
    norm(b + "norm2", c);
    linear(b + "attn.qkv", 3 * c, c);
    linear(b + "attn.proj", c, c);
    linear(b + "mlp.fc1", f, c);
    linear(b + "mlp.fc2", c, f);
  }
  void patches(const ModelDescription &m) {
    weights["patch_embed.proj.weight"] = normal({m.embed_dim, 3, m.tubelet, m.patch, m.patch});
    weights["patch_embed.proj.bias"] = normal({m.embed_dim});
  }

 private:
  static at::Generator seeded() {
    at::Generator generator = at::globalContext().defaultGenerator(at::kCPU).clone();
    generator.set_current_seed(1);
    return generator;
  }
  at::Generator random_ = seeded();
};

StateDict generate_vit(const ModelDescription &m) {
  Generator g;
  g.patches(m);
  for (int i = 0; i < m.depth; ++i) g.block("blocks." + std::to_string(i) + ".", m.embed_dim, m.mlp_dim);
  const int64_t c = m.embed_dim;
  g.norm(m.mean_pooling && !m.pooled_by_attention() ? "fc_norm" : "norm", c);
  g.linear("head", m.num_classes, c);
  if (m.class_token) g.weights["class_token"] = g.normal({c});
  if (m.positions == Positions::kLearned) g.weights["positions"] = g.normal({m.extra_tokens() + m.tokens(), c});
  if (!m.pooled_by_attention()) return g.weights;
  for (int i = 0; i < m.pooler_blocks; ++i) g.block("pooler.blocks." + std::to_string(i) + ".", c, m.pooler_mlp_dim);
  g.weights["pooler.query"] = g.normal({c});
  g.norm("pooler.cross.norm1", c);
  g.linear("pooler.cross.attn.q", c, c);
  g.linear("pooler.cross.attn.kv", 2 * c, c);
  g.norm("pooler.cross.norm2", c);
  g.linear("pooler.cross.mlp.fc1", m.pooler_mlp_dim, c);
  g.linear("pooler.cross.mlp.fc2", c, m.pooler_mlp_dim);
  return g.weights;
}

StateDict generate_swin(const ModelDescription &m) {
  Generator g;
  g.patches(m);
  g.norm("patch_embed.norm", m.embed_dim);
  for (int s = 0; s < m.stages(); ++s) {
    const std::string layer = "layers." + std::to_string(s) + ".";
    const int64_t c = m.stage_dim(s);
    for (int i = 0; i < m.stage_depths[s]; ++i) {
      const std::string b = layer + "blocks." + std::to_string(i) + ".";
      g.block(b, c, int64_t{m.mlp_dim} << s);
      g.weights[b + "attn.relative_position_bias_table"] = g.normal({ops::bias_rows(m.window), m.stage_heads[s]});
    }
    if (s + 1 == m.stages()) continue;
    g.norm(layer + "downsample.norm", 4 * c);
    g.weights[layer + "downsample.reduction.weight"] = g.normal({2 * c, 4 * c});
  }
  const int64_t last = m.stage_dim(m.stages() - 1);
  g.norm("norm", last);
  g.linear("cls_head.fc_cls", m.num_classes, last);
  return g.weights;
}

Result<LoadedModel> generate_model(const std::string &name, const EngineOptions &options) {
  LoadedModel model;
  ModelDescription &m = model.description;
  if (!describe_arch(name, m)) return Error{STA_ERROR_INVALID_ARGUMENT, "architecture \"" + name + "\" should be " + arch_names()};
  if (options.image_size != 0 || options.num_frames != 0)
    return Error{STA_ERROR_INVALID_ARGUMENT, "image_size and num_frames are for model files, not for architecture \"" + name + "\""};
  model.weights = m.pyramid() ? generate_swin(m) : generate_vit(m);
  return model;
}

// Two streams share weights if their keys are equal. Time and size of the weights file are part of the key: a retrained
// model under the same path is another model.
std::string registry_key(const EngineOptions &o, const std::string &device, const char *precision) {
  std::error_code ec;
  const ModelPath model = split_model_path(o.model);
  const std::filesystem::path path = std::filesystem::weakly_canonical(model.path, ec);
  std::string key = (ec ? model.path : path.string()) + "#" + model.part;
  struct stat info {};
  std::string file = model.path;
  if (std::filesystem::is_directory(file, ec))
    if (auto found = find_weights(file)) file = *std::move(found);
  // Added piece by piece: for "|" + string, g++ 12 warns of an overflow that does not exist.
  const auto add = [&key](const std::string &piece) {
    key += '|';
    key += piece;
  };
  if (stat(file.c_str(), &info) == 0)
    for (const auto number : {int64_t{info.st_size}, int64_t{info.st_mtim.tv_sec}, int64_t{info.st_mtim.tv_nsec}}) add(std::to_string(number));
  for (const int n : {o.num_heads, o.image_size, o.image_width, o.num_frames}) add(std::to_string(n));
  for (const std::string &piece : {o.labels, device, std::string(precision), std::string(o.cuda_graphs ? "" : "eager")}) add(piece);
  if (!o.cuda_kernels) add("aten");
  if (o.upload_library) add("upload");
  if (!o.fallback.empty()) add("fallback");
  return key;
}

Status check_options(const EngineOptions &o) {
  auto bad = [](const std::string &what) { return Error{STA_ERROR_INVALID_ARGUMENT, what}; };
  if (o.model.empty()) return bad("no model given: a model folder, a .safetensors or a .pth file is needed");
  if (o.inference_threads < 0 || o.inference_threads > 256)
    return bad("inference-threads " + std::to_string(o.inference_threads) + " should be 0 (automatic) to 256");
  if (o.worker_nice < 0 || o.worker_nice > 19) return bad("worker_nice should be 0 to 19");
  if (o.max_batch < 1 || o.max_batch > 64) return bad("max_batch should be 1 to 64");
  if (o.batch_timeout > 1'000'000'000) return bad("batch-timeout " + std::to_string(o.batch_timeout) + " should be 0 to 1 s, in ns");
  if (o.num_heads < 0 || o.num_heads > 1024) return bad("num_heads should be 0 (from the file) to 1024");
  for (const int side : {o.image_size, o.image_width})
    if (side < 0 || side > 4096) return bad("image_size " + std::to_string(side) + " should be 0 (from the model) to 4096");
  if (o.image_width > 0 && o.image_size == 0) return bad("image_width without image_size: the height is needed too");
  if (o.num_frames < 0 || o.num_frames > 1024) return bad("num_frames " + std::to_string(o.num_frames) + " should be 0 (from the model) to 1024");
  return ok();
}

}  // namespace

// Adds captured graphs to a model on a CUDA device, unless they are not wanted (STA_CUDA_GRAPHS=0). If they cannot be
// had, that is a warning.
std::unique_ptr<Model> Engine::with_graphs(std::unique_ptr<Model> model) {
  const char *wanted = std::getenv("STA_CUDA_GRAPHS");
  if (!model->device().is_cuda() || !options_.cuda_graphs || (wanted && std::string(wanted) == "0")) return model;
  std::string why;
  auto backend = load_graph_backend(static_cast<int>(model->device().index()), &why);
  if (backend) return std::make_unique<GraphedModel>(std::move(model), std::move(backend));
  description_.warnings += "passes are not captured as CUDA graphs, without libsta-torch-cuda: " + why + "\n";
  return model;
}

Status Engine::load() {
  auto device = resolve_device(options_.device);
  if (!device) return std::move(device).error();
  return guarded(("loading model " + options_.model).c_str(), [&]() -> Status {
    const c10::InferenceMode guard;
    const bool arch = options_.model.rfind(kArchPrefix, 0) == 0;
    auto loaded =
        arch ? generate_model(options_.model.substr(5), options_)
             : load_model(options_.model, {options_.num_heads, options_.labels, options_.image_size, options_.num_frames, options_.image_width});
    if (!loaded) return std::move(loaded).error();
    description_ = std::move(loaded->description);
    for (const auto &[name, tensor] : loaded->weights) num_parameters_ += static_cast<uint64_t>(tensor.numel());
    const at::ScalarType type = resolve_precision(options_.precision, *device);
    precision_ = precision_name(type);
    device_name_ = device->str();
    type_ = type;
    description_.warnings += options_.fallback;
    attention_ = std::make_unique<AttentionChoice>(*device, type, attention_shapes(description_));
    if (auto works = attention_->check(); !works) return works;
    description_.warnings += ops::take_attention_warnings();
    if (device->is_cuda() && options_.cuda_kernels) {
      std::string why;
      kernels_ = load_kernel_library(&why);
      // This is no error: LibTorch's kernels give the same tokens, with more launches.
      if (!kernels_)
        description_.warnings += "pruning uses LibTorch's kernels, not those of libsta-cuda, and frames in CUDA memory are not taken: " + why + "\n";
      char reason[STA_CUDA_MESSAGE] = "";
      if (kernels_ && kernels_->context(device->index(), &cuda_context_, reason) != STA_CUDA_OK)
        description_.warnings += std::string("frames in CUDA memory are not taken: ") + reason + "\n";
    }
    if (const KernelLibrary *library = options_.upload_library ? options_.upload_library : kernels_) {
      const size_t bytes = size_t{3} * static_cast<size_t>(description_.num_frames) * static_cast<size_t>(description_.height) *
                           static_cast<size_t>(description_.width);
      auto uploads = UploadPool::create(*library, std::max(0, static_cast<int>(device->index())), bytes);
      if (uploads)
        uploads_ = *std::move(uploads);
      else
        description_.warnings += "windows are not uploaded beforehand: " + uploads.error().message + "\n";
    }
    model_ = with_graphs(make_model(description_, std::move(loaded->weights), type, *device, kernels_));
    char message[STA_CUDA_MESSAGE] = "";
    if (kernels_ && kernels_->event_new(static_cast<int>(device->index()), &scores_ready_, message) == STA_CUDA_OK)
      host_scores_ = at::empty({options_.max_batch, description_.num_classes}, at::TensorOptions().dtype(at::kFloat).pinned_memory(true));
    for (int c = 0; c < 3; ++c) {
      pixel_scale_[c] = 1.0f / (255.0f * description_.std[c]);
      pixel_shift_[c] = -description_.mean[c] / description_.std[c];
    }
    auto channel = [&](std::array<float, 3> &v) { return at::from_blob(v.data(), {3, 1, 1, 1}, at::kFloat).clone().to(*device); };
    scale_ = channel(pixel_scale_);
    shift_ = channel(pixel_shift_);
    drops_ = std::make_unique<DropController>(description_.max_drop_number(), [this](int r) {
      sta_flops flops{};
      count_flops(description_, r, flops);
      return static_cast<double>(flops.total);
    });
    batch_.reserve(static_cast<size_t>(options_.max_batch));
    reused_.reserve(64);
    worker_ = std::thread([this] { work(); });
    return ok();
  });
}

// The engines of the process.
struct Engine::Registry {
  // The mutex is held during loading too: two cameras that start together must not read the same gigabyte twice. Only
  // threads that load models take it.
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<Engine>> engines;

  std::shared_ptr<Engine> find(const std::string &key) {
    std::erase_if(engines, [](const auto &entry) { return entry.second.expired(); });
    const auto it = engines.find(key);
    return it != engines.end() ? it->second.lock() : nullptr;
  }
};

Result<std::shared_ptr<Engine>> Engine::open(const EngineOptions &options) {
  static Registry registry;
  if (auto s = check_options(options); !s) return s.error();
  auto device = resolve_device(options.device);
  if (!device) return std::move(device).error();
  const bool automatic = options.device.empty() || options.device == "auto";
  const auto on = [&](at::Device where, const std::string &fallback) {
    EngineOptions o = options;
    o.device = where.str();
    o.fallback = fallback;
    return std::pair(o, registry_key(o, o.device, precision_name(resolve_precision(o.precision, where))));
  };
  std::lock_guard lock(registry.mutex);
  // A model that has fallen back to the CPU is not tried on the GPU again while it is in use.
  if (automatic && !device->is_cpu())
    if (auto engine = registry.find(on(at::kCPU, "fallback").second)) return engine;
  return open_with_fallback(automatic, *device, [&](at::Device where, const std::string &fallback) -> Result<std::shared_ptr<Engine>> {
    const auto [o, key] = on(where, fallback);
    if (auto engine = registry.find(key)) return engine;
    std::shared_ptr<Engine> engine(new Engine(o));
    if (auto s = engine->load(); !s) return s.error();
    registry.engines[key] = engine;
    return engine;
  });
}

}  // namespace sta
