// SPDX-License-Identifier: MIT
// See pickle_globals.h.
#include "checkpoint/formats/pickle_globals.h"

#include <algorithm>
#include <array>

namespace sta::pickle {

bool is_dangerous(std::string_view global) {
  static constexpr std::array<std::string_view, 14> modules = {"os.",     "posix.",  "nt.",    "subprocess.", "sys.",        "pty.",      "shutil.",
                                                               "socket.", "ctypes.", "runpy.", "importlib.",  "webbrowser.", "commands.", "code."};
  static constexpr std::array<std::string_view, 8> functions = {"eval", "exec", "execfile", "compile", "open", "__import__", "input", "breakpoint"};
  for (const std::string_view module : modules)
    if (global.starts_with(module)) return true;
  for (const std::string_view module : {std::string_view("builtins."), std::string_view("__builtin__.")})
    if (global.starts_with(module)) return std::find(functions.begin(), functions.end(), global.substr(module.size())) != functions.end();
  return false;
}

std::string printable(std::string_view text) {
  std::string out(text.substr(0, 100));
  for (char &c : out)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
  return out;
}

}  // namespace sta::pickle
