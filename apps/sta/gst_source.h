// SPDX-License-Identifier: MIT
// What the commands that play videos share: starting GStreamer, elements that say which package they are missing from,
// and the decoder of a file or URI of which the first video stream is taken.
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

/// A --rate that was given. Throws UsageError where no video has such a rate.
double checked_rate(double rate);

/// Puts a decoder of a path or URI into the pipeline; its first video pad goes into `next`. A path such as
/// frames/%04d.png is a sequence of pictures (picture_sequence.h), of which `rate` says how many make a second; 0: not
/// given. Frames arrive as they lie in the file, also where they are to be shown turned (display_matrix.h). Throws
/// RunError if there is no such file or a sequence has no rate; what turns out while decoding, also that GStreamer
/// cannot play the file to its end, is an ERROR message.
void add_source(GstElement *pipeline, const std::string &video, GstElement *next, double rate = 0);

/// The text of an ERROR message.
std::string error_of(GstMessage *message);

}  // namespace cli
