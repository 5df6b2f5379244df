// SPDX-License-Identifier: MIT
// The network as the fleet's logic sees it: buckets of keys and values that all nodes see, where each key has a
// revision that grows with every change. An interface, so that tests put a faulty network in its place. NatsNetwork is
// the real one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace sta::monitor::fleet {

enum class Bucket {
  kCameras,  // camera -> its settings as JSON
  kLeases,   // camera -> who watches it
  kNodes,    // session of a node -> its report
  kOrders    // node -> what an operator wants of it
};
inline constexpr int kBuckets = 4;

using Revision = std::uint64_t;  // 0: there is no entry

struct Entry {
  Bucket bucket;
  std::string key;
  std::string value;  // empty: the entry was removed
  Revision revision = 0;
};

enum class Outcome {
  kDone,
  kConflict,  // the key has another revision than the expected one, and nothing was changed
  kUnknown    // no answer came in time. The change may have happened, or may still happen
};

struct Network {
  using Written = std::function<void(Outcome outcome, Revision revision)>;
  virtual ~Network() = default;
  // Changes a key if its revision is still `expected` (0: if there is no such key); an empty value removes it.
  // `written` is called later, never from within write(), and in the thread that the node lives in.
  virtual void write(Bucket bucket, const std::string &key, const std::string &value, Revision expected, Written written) = 0;
  // What this node was told of the buckets seems not to be true any more: it shall be told all of it anew.
  virtual void refresh() = 0;
};

// Who is told of the buckets. When a connection is there, all of them are told completely: beginSnapshot(), the entries,
// finishSnapshot(); then each change. From disconnected() on, nothing is told until that happens again.
struct NetworkListener {
  virtual ~NetworkListener() = default;
  virtual void disconnected() = 0;
  virtual void beginSnapshot(Bucket bucket) = 0;
  virtual void finishSnapshot(Bucket bucket) = 0;
  virtual void entry(const Entry &entry) = 0;
};

}  // namespace sta::monitor::fleet
