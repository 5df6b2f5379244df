// SPDX-License-Identifier: MIT
// What the commands that play videos share: starting GStreamer, elements that say which package they are missing from, and the decoder of a file or
// URI of which the first video stream is taken.
#pragma once

#include <gst/gst.h>

#include <initializer_list>
#include <memory>
#include <string>

namespace cli {

struct Unref {
  void operator()(gpointer object) const { gst_object_unref(object); }
};
template <typename T>
using Object = std::unique_ptr<T, Unref>;

/// Throws RunError if GStreamer does not start.
void start_gstreamer();

/// A new element in the pipeline, which owns it. Throws RunError naming the package where there is no such element.
GstElement *make(GstElement *pipeline, const char *factory, const char *package);

/// Throws RunError naming the two that cannot be linked.
void link(std::initializer_list<GstElement *> chain);

/// Puts a decoder of a path or URI into the pipeline; its first video pad goes into `next`. A path such as frames/%04d.png is a sequence of pictures,
/// of which `rate` says how many make a second; 0: not given. Throws RunError if there is no such file, or one that GStreamer cannot play to its end,
/// UsageError if rate is given without a sequence or a sequence without a rate.
void add_source(GstElement *pipeline, const std::string &video, GstElement *next, double rate = 0);

/// The text of an ERROR message.
std::string error_of(GstMessage *message);

}  // namespace cli
