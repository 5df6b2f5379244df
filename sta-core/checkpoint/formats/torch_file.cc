// SPDX-License-Identifier: MIT
// See torch_file.h.
#include "checkpoint/formats/torch_file.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "checkpoint/errors.h"
#include "checkpoint/formats/mapped_file.h"
#include "checkpoint/formats/pickle.h"
#include "checkpoint/formats/zip_archive.h"

namespace sta {
namespace {

using pickle::Graph;
using pickle::Kind;
using pickle::Value;
using Bytes = std::span<const uint8_t>;

// A persistent id: ("storage", type, key, device, numel[, view]).
struct Storage {
  at::ScalarType type = at::kFloat;
  std::string key;
  uint64_t numel = 0;
  uint64_t nbytes = 0;
};

std::optional<at::ScalarType> storage_type(std::string_view global) {
  static constexpr std::pair<std::string_view, at::ScalarType> types[] = {
      {"DoubleStorage", at::kDouble}, {"FloatStorage", at::kFloat}, {"HalfStorage", at::kHalf},   {"BFloat16Storage", at::kBFloat16},
      {"LongStorage", at::kLong},     {"IntStorage", at::kInt},     {"ShortStorage", at::kShort}, {"CharStorage", at::kChar},
      {"ByteStorage", at::kByte},     {"BoolStorage", at::kBool}};
  for (const std::string_view module : {std::string_view("torch.cuda."), std::string_view("torch.")}) {
    if (!global.starts_with(module)) continue;
    for (const auto &[name, type] : types)
      if (global.substr(module.size()) == name) return type;
  }
  return std::nullopt;
}

Result<Storage> read_storage(const Value &persistent) {
  const Value *id = persistent.args;
  if (!persistent.is(Kind::kPersistent) || !id->is(Kind::kTuple) || id->items.size() < 5 || id->items.size() > 6 ||
      !id->items[1]->is(Kind::kGlobal) || !id->items[2]->is(Kind::kString) || !id->items[4]->is(Kind::kInt) || id->items[4]->integer < 0)
    return bad("malformed reference to a storage");
  if (id->items.size() == 6 && !id->items[5]->is(Kind::kNone)) return unsupported("storages that view others (files before PyTorch 0.4)");
  const auto type = storage_type(id->items[1]->text);
  if (!type) return unsupported("storage type " + std::string(id->items[1]->text.substr(0, 60)));
  Storage s{*type, std::string(id->items[2]->text), static_cast<uint64_t>(id->items[4]->integer), 0};
  if (__builtin_mul_overflow(s.numel, c10::elementSize(s.type), &s.nbytes)) return bad("storage size disagrees with the file");
  return s;
}

// Where the bytes of storages are: in the entries of a zip file or at the end of a legacy file.
struct Source {
  std::shared_ptr<MappedFile> file;
  std::string prefix;  // of the key
  std::map<std::string, ZipEntry> bytes;
  const char *place = "in the archive";
  // Copies of storages that are not aligned in the file, such as those of legacy files. Tensors that share a storage
  // share its copy.
  std::map<std::string, at::Tensor> aligned;

  Result<Bytes> find(const Storage &s) {
    const auto it = bytes.find(prefix + s.key);
    if (it == bytes.end()) return bad(std::string("storage not found ") + place);
    if (it->second.bytes.size() != s.nbytes) return bad("storage size disagrees with the file");
    if (auto status = check_crc(it->first, it->second); !status) return status.error();
    it->second.crc = 0;  // checked once is enough, however many tensors view it
    file->forget(it->second.bytes.data(), it->second.bytes.size());
    return it->second.bytes;
  }
};

bool read_sizes(const Value &tuple, std::vector<int64_t> &out) {
  if ((!tuple.is(Kind::kTuple) && !tuple.is(Kind::kList)) || tuple.items.size() > 16) return false;
  for (const Value *v : tuple.items) {
    if (!v->is(Kind::kInt) || v->integer < 0) return false;
    out.push_back(v->integer);
  }
  return true;
}

// Index of the last element that a view touches. No dimension may be 0. nullopt on overflow.
std::optional<int64_t> last_index(int64_t offset, const std::vector<int64_t> &shape, const std::vector<int64_t> &strides) {
  int64_t last = offset;
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t step = 0;
    if (__builtin_mul_overflow(shape[i] - 1, strides[i], &step) || __builtin_add_overflow(last, step, &last)) return std::nullopt;
  }
  return last;
}

// args: those of _rebuild_tensor_v2, (storage, offset, size, stride, requires_grad, hooks).
Result<at::Tensor> rebuild(const std::string &name, const Value &args, Source &source) {
  const std::string exceeds = "tensor " + name + " exceeds its storage";
  if (args.items.size() < 4 || !args.items[1]->is(Kind::kInt)) return bad("tensor " + name + " is malformed");
  auto storage = read_storage(*args.items[0]);
  if (!storage) return Error{storage.error().status, "tensor " + name + ": " + storage.error().message};
  const int64_t offset = args.items[1]->integer;
  std::vector<int64_t> shape, strides;
  // A negative stride would read before the storage. PyTorch has no negative strides.
  if (offset < 0 || !read_sizes(*args.items[2], shape) || !read_sizes(*args.items[3], strides) || shape.size() != strides.size()) return bad(exceeds);
  uint64_t numel = 1;
  for (const int64_t d : shape)
    if (__builtin_mul_overflow(numel, static_cast<uint64_t>(d), &numel) || numel > static_cast<uint64_t>(INT64_MAX) / 16)
      return bad("tensor " + name + ": shape too large");
  const auto last = last_index(offset, shape, strides);
  // A view with more elements than its storage repeats some of them. No weight does that, and a copy of it could have
  // any size.
  if (numel > 0 && (!last || static_cast<uint64_t>(*last) >= storage->numel || numel > storage->numel)) return bad(exceeds);
  auto bytes = source.find(*storage);
  if (!bytes) return bad("tensor " + name + ": " + bytes.error().message);
  if (numel == 0) return at::empty(shape, at::TensorOptions().dtype(storage->type));
  const size_t element = c10::elementSize(storage->type);
  const uint8_t *data = bytes->data();
  if (reinterpret_cast<uintptr_t>(data) % element != 0) {
    at::Tensor &whole = source.aligned[storage->key];
    if (!whole.defined() || whole.scalar_type() != storage->type) {
      whole = at::empty({static_cast<int64_t>(storage->numel)}, at::TensorOptions().dtype(storage->type));
      std::memcpy(whole.data_ptr(), data, storage->nbytes);
    }
    return whole.as_strided(shape, strides, offset);
  }
  void *first = const_cast<uint8_t *>(data) + static_cast<size_t>(offset) * element;
  const size_t reach = (static_cast<size_t>(*last) - static_cast<size_t>(offset) + 1) * element;
  return at::from_blob(
      first, shape, strides, [file = source.file, reach](void *begin) { file->forget(begin, reach); }, at::TensorOptions().dtype(storage->type));
}

// Looks through nn.Parameter and tensor subclasses and returns the arguments that rebuild the tensor. nullptr if the
// value is no tensor.
const Value *tensor_args(const Value &value) {
  const Value *v = &value;
  for (int depth = 0; depth < 4 && v->is(Kind::kObject) && v->callee->is(Kind::kGlobal); ++depth) {
    const std::string_view callee = v->callee->text;
    const auto &args = v->args->items;
    if (callee == "torch._utils._rebuild_tensor_v2" || callee == "torch._utils._rebuild_tensor") return v->args;
    if ((callee == "torch._utils._rebuild_parameter" || callee == "torch._utils._rebuild_parameter_with_state") && !args.empty()) {
      v = args[0];
    } else if (callee == "torch._tensor._rebuild_from_type_v2" && args.size() >= 3 && args[0]->is(Kind::kGlobal) && args[2]->is(Kind::kTuple)) {
      return args[0]->text == "torch._utils._rebuild_tensor_v2" ? args[2] : nullptr;
    } else {
      return nullptr;
    }
  }
  return nullptr;
}

bool holds_tensors(const Value *v) {
  if (!v || !v->is(Kind::kDict)) return false;
  for (size_t i = 0; i + 1 < v->items.size(); i += 2)
    if (v->items[i]->is(Kind::kString) && tensor_args(*v->items[i + 1])) return true;
  return false;
}

// The entries under which training frameworks save weights, the usual ones first. Moving averages and the two models of
// a distillation come last.
constexpr const char *kStateDicts[] = {"model",     "module",         "state_dict",           "model_state_dict", "model_state",
                                       "model_ema", "ema_state_dict", "model_ema_state_dict", "teacher",          "student"};

// part: one of the entries, "" for the first that is there. notes: receives "sta.part", and "sta.parts" if there are
// several entries.
Result<const Value *> find_state_dict(const Value &root, const std::string &part, std::map<std::string, std::string> &notes) {
  const Value *taken = nullptr;
  std::string parts;
  for (const char *key : kStateDicts) {
    const Value *inner = root.is(Kind::kDict) ? root.find(key) : nullptr;
    if (holds_tensors(inner)) {
      parts += (parts.empty() ? "" : ", ") + std::string(key);
      if (!taken || part == key) {
        taken = inner;
        notes["sta.part"] = key;
      }
      continue;
    }
    if (taken) continue;
    if (inner && inner->is(Kind::kObject) && inner->state && inner->state->find("_parameters"))
      return unsupported("holds a whole pickled model under \"" + std::string(key) + "\": save its state_dict() instead");
  }
  if (taken) {
    if (parts.find(',') != std::string::npos) notes["sta.parts"] = parts;
    return taken;
  }
  if (holds_tensors(&root)) return &root;
  if (root.is(Kind::kObject) && root.state && root.state->find("_parameters"))
    return unsupported("holds a whole pickled model: save its state_dict() instead");
  // Names of parts, whose files other programs put together.
  if (root.is(Kind::kDict) && root.find("encoder") && (root.find("predictor") || root.find("target_encoder")))
    return unsupported(
        "holds an encoder and its predictor but no classifier, as the original files of V-JEPA 2 do: take the folder of a fine-tuned model from "
        "Hugging Face");
  if (root.is(Kind::kDict) && root.find("classifiers"))
    return unsupported(
        "holds classifiers without their encoder, as the original files of V-JEPA 2 do: take the folder of the model from Hugging Face");
  return bad("no state dict found");
}

// Reads those arguments of the training run (argparse.Namespace or dict) that the weights do not tell.
void read_arguments(const Value &root, std::map<std::string, std::string> &metadata) {
  const Value *args = root.is(Kind::kDict) ? root.find("args") : nullptr;
  if (!args) return;
  for (const auto &[from, to] : {std::pair{"input_size", "image_size"}, {"num_frames", "num_frames"}})
    if (const Value *v = args->find(from); v && v->is(Kind::kInt) && v->integer > 0 && v->integer <= 4096) metadata[to] = std::to_string(v->integer);
}

// Reads the window of a Video Swin from the configuration that mmcv (as "config") and mmaction2 (as "cfg") write into a
// checkpoint. It is Python text, in which window_size is a tuple or list of three. Other modules have a window_size
// too, but theirs is a single number.
void read_configuration(const Value &root, std::map<std::string, std::string> &metadata) {
  const Value *meta = root.is(Kind::kDict) ? root.find("meta") : nullptr;
  for (const char *key : {"config", "cfg"}) {
    const Value *config = meta ? meta->find(key) : nullptr;
    if (!config || !config->is(Kind::kString)) continue;
    constexpr std::string_view name = "window_size=";
    for (size_t at = config->text.find(name); at != std::string_view::npos; at = config->text.find(name, at)) {
      at += name.size();
      const std::string_view rest = config->text.substr(at, 40);
      const size_t end = rest.find_first_of(")]");
      if (!rest.empty() && (rest[0] == '(' || rest[0] == '[') && end != std::string_view::npos) {
        metadata["window_size"] = rest.substr(0, end + 1);
        return;
      }
    }
  }
}

Result<TensorFile> read_tensors(const Graph &graph, const std::string &part, Source source) {
  TensorFile result;
  auto dict = find_state_dict(*graph.root, part, result.metadata);
  if (!dict) return std::move(dict).error();
  read_arguments(*graph.root, result.metadata);
  read_configuration(*graph.root, result.metadata);
  const auto &items = (*dict)->items;
  for (size_t i = 0; i + 1 < items.size(); i += 2) {
    if (!items[i]->is(Kind::kString)) continue;
    const std::string name(items[i]->text);
    const Value &value = *items[i + 1];
    const Value *args = tensor_args(value);
    if (!args) {
      // Numbers and strings beside the weights are notes. An object could be a weight in a form that is unknown here
      // (quantised, sparse).
      if (value.is(Kind::kObject) && !name.ends_with("_extra_state"))
        return unsupported("entry " + name + " is not a plain tensor: this variant is not supported");
      continue;
    }
    auto tensor = rebuild(name, *args, source);
    if (!tensor) return std::move(tensor).error();
    result.tensors[name] = *tensor;
  }
  return result;
}

Result<TensorFile> read_zip_format(const std::shared_ptr<MappedFile> &file, const std::string &part) {
  auto entries = read_zip(*file);
  if (!entries) return std::move(entries).error();
  std::string root;
  for (const auto &[name, entry] : *entries) {
    const size_t slash = name.find('/');
    if (slash == std::string::npos || name.substr(slash) != "/data.pkl") continue;
    if (!root.empty()) return bad("not a PyTorch checkpoint: two data.pkl");
    root = name.substr(0, slash + 1);
  }
  if (root.empty()) return bad("not a PyTorch checkpoint: data.pkl missing");
  if (entries->count(root + "constants.pkl")) return unsupported("a TorchScript archive: save the state_dict() of the model instead");
  if (const auto order = entries->find(root + "byteorder"); order != entries->end() && order->second.bytes.size() == 3)
    return unsupported("written on a big-endian machine");
  const ZipEntry &pickled = entries->at(root + "data.pkl");
  if (auto status = check_crc(root + "data.pkl", pickled); !status) return status.error();
  auto graph = pickle::parse(pickled.bytes);
  if (!graph) return std::move(graph).error();
  return read_tensors(**graph, part, {file, root + "data/", *std::move(entries), "in the archive", {}});
}

// 0x1950a86a20f9469cfc6c, the first pickle of a legacy file.
constexpr std::string_view kMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);

// Reads numel (i64) and data of every storage, in the order of the key list. Only the references to the storages tell
// the element sizes.
Status find_legacy_storages(const Graph &object, const Value &keys, Bytes rest, std::map<std::string, ZipEntry> &found) {
  std::map<std::string, Storage> storages;
  for (const Value *persistent : object.persistent) {
    auto storage = read_storage(*persistent);
    if (!storage) return std::move(storage).error();
    storages[storage->key] = *storage;
  }
  if (!keys.is(Kind::kList)) return bad("malformed list of storages");
  for (const Value *key : keys.items) {
    const auto it = key->is(Kind::kString) ? storages.find(std::string(key->text)) : storages.end();
    if (it == storages.end()) return bad("malformed list of storages");
    if (rest.size() < 8) return bad("file is truncated: storages are missing");
    uint64_t numel = 0;
    std::memcpy(&numel, rest.data(), 8);
    if (numel != it->second.numel) return bad("storage size disagrees with the file");
    rest = rest.subspan(8);
    if (it->second.nbytes > rest.size())
      return bad("file is truncated: a storage needs " + std::to_string(it->second.nbytes) + " bytes, " + std::to_string(rest.size()) + " are left");
    found[it->first] = {rest.first(it->second.nbytes), 0};
    rest = rest.subspan(it->second.nbytes);
  }
  return ok();
}

Result<TensorFile> read_legacy_format(const std::shared_ptr<MappedFile> &file, const std::string &part) {
  Bytes rest(file->data(), file->size());
  std::array<std::unique_ptr<Graph>, 5> pickles;  // magic, protocol, system, object, keys
  for (size_t i = 0; i < pickles.size(); ++i) {
    auto graph = pickle::parse(rest);
    const bool refused = !graph && graph.error().message.starts_with(pickle::kRefused);
    if (refused || (!graph && i > 0)) return std::move(graph).error();
    if (!graph || (i == 0 && (!(*graph)->root->is(Kind::kBigInt) || (*graph)->root->text != kMagic)))
      return bad("not a PyTorch checkpoint (neither a zip file nor the format before PyTorch 1.6)");
    rest = rest.subspan((*graph)->size);
    pickles[i] = *std::move(graph);
  }
  const Value *little = pickles[2]->root->find("little_endian");
  if (little && little->is(Kind::kBool) && little->integer == 0) return unsupported("written on a big-endian machine");
  Source source{file, "", {}, "in the file", {}};
  if (auto s = find_legacy_storages(*pickles[3], *pickles[4]->root, rest, source.bytes); !s) return std::move(s).error();
  return read_tensors(*pickles[3], part, std::move(source));
}

}  // namespace

Result<TensorFile> read_torch_file(const std::string &path, const std::string &part) {
  auto file = MappedFile::open(path);
  if (!file) return std::move(file).error();
  const bool zip = (*file)->size() >= 4 && std::memcmp((*file)->data(), "PK", 2) == 0;
  auto result = zip ? read_zip_format(*file, part) : read_legacy_format(*file, part);
  if (!result) return Error{result.error().status, path + ": " + result.error().message};
  return result;
}

}  // namespace sta
