// SPDX-License-Identifier: MIT
// A restricted reader of Python pickles, protocols 0 to 5. A pickle is a program that builds objects by calling
// functions. This reader runs the program but never calls anything. Instead of the result of a call it makes an Object
// value, which holds the function's name and the arguments. So nobody has to maintain a list of "safe" functions. Code
// that knows a type reads it from the graph (torch_file.cc knows tensors).
//
// A pickle that names a function such as os.system or eval is refused as a whole. No checkpoint needs such a function
// and every attack does. It could do no harm here, but it could in other programs, and the owner of the file should
// know.
//
// The input is untrusted. Values live in one arena and refer to each other by pointer. So shared, cyclic and deeply
// nested values need no copy and no recursion. The number of values and the depth of open marks are bounded. Every
// length is compared with the bytes that are there before it is used.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "result.h"

namespace sta::pickle {

enum class Kind : uint8_t { kNone, kBool, kInt, kBigInt, kFloat, kString, kBytes, kTuple, kList, kDict, kGlobal, kObject, kPersistent };

struct Value {
  Kind kind = Kind::kNone;
  int64_t integer = 0;            // kBool, kInt
  double real = 0;                // kFloat
  std::string_view text;          // kString (not validated), kBytes, kBigInt (little-endian); kGlobal: "module.name"
  std::vector<Value *> items;     // kTuple, kList: elements; kDict: key, value, ...; kObject: items appended or set
  const Value *callee = nullptr;  // kObject: the thing to call, a kGlobal or kObject
  const Value *args = nullptr;    // kObject: kTuple; kPersistent: the persistent id
  const Value *state = nullptr;   // kObject, kDict: argument of BUILD

  bool is(Kind k) const { return kind == k; }
  /// The value of a key in a dict, or in an object whose state is a dict. If the key occurs several times, the last one
  /// counts, as in Python. nullptr if there is none.
  const Value *find(std::string_view key) const;
};

/// Everything that one pickle built. Pointers and texts are valid as long as the graph and the parsed bytes exist.
struct Graph {
  const Value *root = nullptr;
  size_t size = 0;                        // bytes up to and including STOP
  std::vector<const Value *> persistent;  // kPersistent, in order of appearance
  std::deque<Value> values;
  std::deque<std::string> texts;
};

/// Errors: BAD_MODEL, "malformed pickle: ..." or "refused: pickle wants to call os.system".
Result<std::unique_ptr<Graph>> parse(std::span<const uint8_t> bytes);

/// Errors that refuse a dangerous pickle begin with this. Errors about bytes that are not a pickle do not.
inline constexpr std::string_view kRefused = "refused: ";

}  // namespace sta::pickle
