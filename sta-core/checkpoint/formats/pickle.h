// SPDX-License-Identifier: MIT
// A restricted reader of Python pickles, protocols 0 to 5. A pickle is a program that builds objects by calling
// functions; this reader runs the program without ever calling anything: what a call would have made becomes an Object
// value that says which function was named and with what arguments. So there is no list of "safe" functions to keep
// right, and whoever knows a type (torch_file.cc knows tensors) reads it from the graph.
//
// Pickles that name a function which no checkpoint needs and every attack does (os.system, eval, ...) are refused as a
// whole, although they could not do any harm here: the same file would in other programs, and its owner should know.
//
// The input is untrusted. Values live in one arena and refer to each other by pointer, so neither shared nor cyclic nor
// deeply nested values cost a copy or a recursion; their number and the depth of open marks are bounded, and no length
// is believed before it was compared with the bytes that are there.
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
  std::vector<Value *> items;     // kTuple, kList: elements; kDict: key, value, key, value, ...; kObject: what was appended or set
  const Value *callee = nullptr;  // kObject: what was to be called, a kGlobal or kObject
  const Value *args = nullptr;    // kObject: kTuple; kPersistent: the persistent id
  const Value *state = nullptr;   // kObject, kDict: argument of BUILD

  bool is(Kind k) const { return kind == k; }
  /// Value of a key of a dict, or of an object whose state is a dict; the last one if there are several, as in Python.
  /// nullptr if there is none.
  const Value *find(std::string_view key) const;
};

/// Everything that one pickle made. Pointers and texts are valid as long as the graph and the bytes it was parsed from.
struct Graph {
  const Value *root = nullptr;
  size_t size = 0;                        // bytes up to and with STOP
  std::vector<const Value *> persistent;  // kPersistent, in order of appearance
  std::deque<Value> values;
  std::deque<std::string> texts;
};

/// Errors: BAD_MODEL, "malformed pickle: ..." or "refused: pickle wants to call os.system".
Result<std::unique_ptr<Graph>> parse(std::span<const uint8_t> bytes);

/// How an error begins that refuses a dangerous pickle, as opposed to one that is not a pickle at all.
inline constexpr std::string_view kRefused = "refused: ";

}  // namespace sta::pickle
