// SPDX-License-Identifier: MIT
// Helpers for all commands that play videos: starting GStreamer, making elements (an error says which package one is
// missing from), and decoding the first video stream of a file or URI.
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

/// Makes an element in the pipeline, which owns it. If there is no such element, throws RunError that names the
/// package.
GstElement *make(GstElement *pipeline, const char *factory, const char *package);

/// Throws RunError that names the two elements which cannot be linked.
void link(std::initializer_list<GstElement *> chain);

/// Checks a given --rate. Throws UsageError if no video has such a rate.
double checked_rate(double rate);

/// Puts a decoder of a path or URI into the pipeline, and links its first video pad to `next`. A path such as
/// frames/%04d.png is a sequence of pictures (picture_sequence.h) with `rate` pictures a second; 0: not given. Frames
/// arrive as they lie in the file, even if they are to be shown turned (display_matrix.h). Throws RunError if there is
/// no such file, or if a sequence has no rate. Errors that show only during decoding come as ERROR messages; this
/// includes that GStreamer cannot play the file to its end.
void add_source(GstElement *pipeline, const std::string &video, GstElement *next, double rate = 0);

/// The text of an ERROR message.
std::string error_of(GstMessage *message);

}  // namespace cli
