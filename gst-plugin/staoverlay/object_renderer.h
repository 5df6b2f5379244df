// SPDX-License-Identifier: MIT
// Draws labelled objects: a frame around each and its label on top. Boxes move with every frame, but labels stay, so
// drawn labels are kept while they are in use. A frame is four strips of one colour, so its inside costs nothing.
#pragma once

#include <gst/video/video-overlay-composition.h>
#include <gst/video/video.h>

#include <map>
#include <string>
#include <vector>

#include "label_renderer.h"
#include "metadata/object_labels.h"

namespace sta::gst {

// Used by one thread at a time.
class ObjectRenderer {
 public:
  ~ObjectRenderer() { forget(); }
  ObjectRenderer() = default;
  ObjectRenderer(const ObjectRenderer &) = delete;
  ObjectRenderer &operator=(const ObjectRenderer &) = delete;

  // The rectangles for these objects in a picture of this size. Strips come first, so that labels lie above them. Empty
  // if no part of the objects is in the picture.
  std::vector<Rectangle> render(const std::vector<ObjectLabel> &objects, gdouble font_scale, const GstVideoInfo &info);
  // Makes it draw all labels anew: the picture has another size.
  void forget();

 private:
  struct Tag {
    DrawnLabel label;
    bool used = false;
  };
  Tag *tag(const std::string &title, gdouble font_scale, const GstVideoInfo &info);

  std::map<std::string, Tag> tags_;  // by title
  gdouble font_scale_ = 0;           // with which they were drawn
};

}  // namespace sta::gst
