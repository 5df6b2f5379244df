// SPDX-License-Identifier: MIT
// See file_kind.h.
#include "checkpoint/formats/file_kind.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "checkpoint/errors.h"

namespace sta {
namespace {

namespace fs = std::filesystem;

constexpr const char *kWanted = "a PyTorch checkpoint (.pth, .pt, .bin) or .safetensors file, or a Hugging Face folder, is needed";

std::string read_part(const std::string &path, uintmax_t offset, size_t count) {
  std::ifstream in(path, std::ios::binary);
  std::string part(count, '\0');
  in.seekg(static_cast<std::streamoff>(offset));
  in.read(part.data(), static_cast<std::streamsize>(count));
  part.resize(static_cast<size_t>(std::max<std::streamsize>(0, in.gcount())));
  return part;
}

bool has(const std::string &text, size_t at, std::string_view what) {
  return text.size() >= at + what.size() && text.compare(at, what.size(), what) == 0;
}

// The name of a model format that other programs run. NULL: it is none of those.
const char *foreign_model(const std::string &head, const std::string &extension) {
  if (has(head, 0, "GGUF")) return "a GGUF model (llama.cpp)";
  if (has(head, 4, "TFL3")) return "a TensorFlow Lite model";
  if (has(head, 0, "\x89HDF\r\n\x1a\n")) return "an HDF5 file (Keras or TensorFlow weights)";
  if (has(head, 0, "ftrt") || has(head, 0, "ptrt") || extension == ".engine" || extension == ".plan") return "a TensorRT engine";
  // ONNX is a protobuf whose first field is its version; producers write their name next.
  if (extension == ".onnx" || (head.size() > 4 && head[0] == 0x08 && head[1] > 0 && head[1] < 0x20 && head[2] == 0x12)) return "an ONNX model";
  if (extension == ".pb") return "a TensorFlow graph";
  if (extension == ".keras") return "a Keras model";
  if (extension == ".msgpack") return "Flax weights";
  if (extension == ".mlmodel") return "a Core ML model";
  if (has(head, 0, "<?xml") && head.find("<net") != std::string::npos) return "an OpenVINO model";
  return nullptr;
}

// The name of an archive format. NULL: it is none. path, size: of the file; only the directory of a zip file tells
// whether torch.save wrote it.
const char *archive(const std::string &head, const std::string &path, uintmax_t size) {
  if (has(head, 0, "\x1f\x8b")) return "a gzip archive (.tar.gz)";
  if (has(head, 0,
          "\xfd"
          "7zXZ"))
    return "an xz archive";
  if (has(head, 0, "\x28\xb5\x2f\xfd")) return "a zstd archive";
  if (has(head, 0, "BZh")) return "a bzip2 archive";
  if (has(head, 0, "7z\xbc\xaf\x27\x1c")) return "a 7-Zip archive";
  if (has(head, 0, "Rar!")) return "a RAR archive";
  if (has(head, 257, "ustar")) return "a tar archive";
  if (!has(head, 0, "PK")) return nullptr;
  // torch.save writes zip files too, and those hold data.pkl. A zip file's directory is at its end.
  constexpr uintmax_t kDirectory = 1u << 20;
  const std::string tail = read_part(path, size > kDirectory ? size - kDirectory : 0, static_cast<size_t>(std::min(size, kDirectory)));
  return tail.find("data.pkl") == std::string::npos && tail.find("config.json") != std::string::npos ? "a zip archive of a model folder" : nullptr;
}

const char *special(fs::file_type type) {
  switch (type) {
    case fs::file_type::fifo:
      return "a FIFO (named pipe)";
    case fs::file_type::socket:
      return "a socket";
    case fs::file_type::block:
    case fs::file_type::character:
      return "a device";
    default:
      return nullptr;
  }
}

}  // namespace

Status check_file_kind(const std::string &path) {
  std::error_code ec;
  const fs::file_status status = fs::status(path, ec);
  if (!fs::exists(status)) return Error{STA_ERROR_NOT_FOUND, path + ": no such model file or folder"};
  if (const char *what = special(status.type())) return bad(path + ": is " + what + ", not a model: " + kWanted);
  if (!fs::is_regular_file(status)) return ok();
  const uintmax_t size = fs::file_size(path, ec);
  const std::string head = read_part(path, 0, 512);
  std::string extension = fs::path(path).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (has(head, 0, "version https://git-lfs"))
    return bad(path + ": is a Git LFS pointer, not the weights themselves: run 'git lfs pull' where it was cloned, or download the file by itself");
  if (has(head, 0, "/annex/objects/") || has(head, 0, ".git/annex/objects/"))
    return bad(path + ": is a git-annex pointer, not the weights themselves: run 'git annex get' where it was cloned");
  if (const char *what = foreign_model(head, extension)) return unsupported(path + ": is " + what + ", which is not supported: " + kWanted);
  if (const char *what = archive(head, path, size)) return bad(path + ": is " + what + ": unpack it and give the folder or the file inside");
  std::string text = head;
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && text[first] == '<' && text.find("html") != std::string::npos)
    return bad(path + ": not a PyTorch checkpoint (looks like HTML): the download went wrong, what came is a login or licence page perhaps");
  return ok();
}

std::optional<std::string> foreign_folder(const std::string &folder) {
  std::error_code ec;
  const auto holds = [&](const char *name) { return fs::exists(fs::path(folder) / name, ec); };
  if (holds("adapter_config.json"))
    return "holds a LoRA adapter (adapter_config.json), which is no model by itself: merge it into its base model first (in Python with PEFT: "
           "merge_and_unload(), then save_pretrained())";
  for (const auto &[name, what] : {std::pair{"saved_model.pb", "a TensorFlow SavedModel"},
                                   {"openvino_model.xml", "an OpenVINO model"},
                                   {"model.onnx", "an ONNX model"},
                                   {"tf_model.h5", "TensorFlow weights"},
                                   {"flax_model.msgpack", "Flax weights"},
                                   {"keras_metadata.pb", "a Keras model"}})
    if (holds(name)) return std::string("holds ") + what + " (" + name + "), which is not supported: " + kWanted;
  return std::nullopt;
}

}  // namespace sta
