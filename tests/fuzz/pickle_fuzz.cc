// SPDX-License-Identifier: MIT
// Fuzz target: one pickle, without the zip around it, so that mutations change the pickle and not the weights. Every
// value it builds must be finite: no text may point outside the input or the graph, and no list may contain nothing.
#include "checkpoint/formats/pickle.h"
#include "fuzz_support.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  using namespace sta::pickle;
  auto graph = sta::guarded("parsing", [&] { return parse({data, size}); });
  if (!graph) {
    sta::fuzz::check_error(graph.error());
    return 0;
  }
  FUZZ_CHECK((*graph)->root && (*graph)->size <= size, "%zu of %zu bytes", (*graph)->size, size);
  size_t items = 0, sum = 0;
  for (const Value &value : (*graph)->values) {
    for (const char c : value.text) sum += static_cast<unsigned char>(c);
    for (const Value *item : value.items) FUZZ_CHECK(item, "an item is nothing");
    items += value.items.size();
    (void)value.find("model");
  }
  // Each operation moves the stack's contents once, and a memo costs two bytes an item.
  FUZZ_CHECK(items <= 64 * (size + 4096), "%zu items of %zu bytes", items, size);
  volatile size_t keep = sum;  // the texts were read
  (void)keep;
  return 0;
}
