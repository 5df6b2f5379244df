// SPDX-License-Identifier: MIT
// Translates GStreamer's names for pixel layouts and colours into those of sta.h.
#include "frame_input.h"

namespace sta::gst {

sta_pixel_format pixelFormat(GstVideoFormat format) {
  switch (format) {
    case GST_VIDEO_FORMAT_NV12:
      return STA_FORMAT_NV12;
    case GST_VIDEO_FORMAT_I420:
      return STA_FORMAT_I420;
    case GST_VIDEO_FORMAT_YV12:  // planes in memory order Y, V, U on both sides
      return STA_FORMAT_YV12;
    case GST_VIDEO_FORMAT_YUY2:
      return STA_FORMAT_YUY2;
    case GST_VIDEO_FORMAT_UYVY:
      return STA_FORMAT_UYVY;
    case GST_VIDEO_FORMAT_RGB:
      return STA_FORMAT_RGB;
    case GST_VIDEO_FORMAT_BGR:
      return STA_FORMAT_BGR;
    case GST_VIDEO_FORMAT_RGBx:
    case GST_VIDEO_FORMAT_RGBA:
      return STA_FORMAT_RGBX;
    case GST_VIDEO_FORMAT_BGRx:
    case GST_VIDEO_FORMAT_BGRA:
      return STA_FORMAT_BGRX;
    case GST_VIDEO_FORMAT_xRGB:
    case GST_VIDEO_FORMAT_ARGB:
      return STA_FORMAT_XRGB;
    case GST_VIDEO_FORMAT_xBGR:
    case GST_VIDEO_FORMAT_ABGR:
      return STA_FORMAT_XBGR;
    case GST_VIDEO_FORMAT_GRAY8:
      return STA_FORMAT_GRAY8;
    case GST_VIDEO_FORMAT_P010_10LE:
      return STA_FORMAT_P010_LE;
    case GST_VIDEO_FORMAT_I420_10LE:
      return STA_FORMAT_I420_10LE;
    default:
      return STA_FORMAT_UNKNOWN;
  }
}

// Caps may leave the matrix open. Then this takes the usual one for the picture's size, as GStreamer's converters do.
static sta_color_matrix colorMatrix(const GstVideoInfo &info) {
  if (!GST_VIDEO_INFO_IS_YUV(&info)) return STA_MATRIX_RGB;
  switch (info.colorimetry.matrix) {
    case GST_VIDEO_COLOR_MATRIX_BT601:
      return STA_MATRIX_BT601;
    case GST_VIDEO_COLOR_MATRIX_BT709:
      return STA_MATRIX_BT709;
    case GST_VIDEO_COLOR_MATRIX_BT2020:
      return STA_MATRIX_BT2020;
    case GST_VIDEO_COLOR_MATRIX_SMPTE240M:
      return STA_MATRIX_SMPTE240M;
    case GST_VIDEO_COLOR_MATRIX_FCC:
      return STA_MATRIX_FCC;
    default:
      return info.height > 576 ? STA_MATRIX_BT709 : STA_MATRIX_BT601;
  }
}

sta_frame inputFrame(const CoreApi &core, const GstVideoFrame &mapped) {
  const GstVideoInfo &info = mapped.info;
  sta_frame frame;
  core.sta_frame_init_sized(&frame, sizeof(frame));
  frame.format = pixelFormat(GST_VIDEO_INFO_FORMAT(&info));
  frame.width = GST_VIDEO_INFO_WIDTH(&info);
  frame.height = GST_VIDEO_INFO_HEIGHT(&info);
  for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES(&mapped) && i < 4; i++) {
    frame.plane[i] = static_cast<const uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(&mapped, i));
    frame.stride[i] = GST_VIDEO_FRAME_PLANE_STRIDE(&mapped, i);
  }
  frame.matrix = colorMatrix(info);
  frame.full_range = info.colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255;
  frame.par_n = GST_VIDEO_INFO_PAR_N(&info);
  frame.par_d = GST_VIDEO_INFO_PAR_D(&info);
  return frame;
}

bool sameGeometry(const GstVideoInfo &a, const GstVideoInfo &b) {
  return GST_VIDEO_INFO_FORMAT(&a) == GST_VIDEO_INFO_FORMAT(&b) && GST_VIDEO_INFO_WIDTH(&a) == GST_VIDEO_INFO_WIDTH(&b) &&
         GST_VIDEO_INFO_HEIGHT(&a) == GST_VIDEO_INFO_HEIGHT(&b) && GST_VIDEO_INFO_PAR_N(&a) == GST_VIDEO_INFO_PAR_N(&b) &&
         GST_VIDEO_INFO_PAR_D(&a) == GST_VIDEO_INFO_PAR_D(&b) && gst_video_colorimetry_is_equal(&a.colorimetry, &b.colorimetry);
}

}  // namespace sta::gst
