// SPDX-License-Identifier: MIT
// Implements sta.h: reading label files.
#include "api/c_api.h"
#include "checkpoint/labels/label_file.h"

using namespace sta;

struct sta_labels {
  LabelFile file;
};

extern "C" {

sta_status sta_labels_read(const char *path, sta_labels **labels, sta_error *err) {
  if (!path || !labels) return report(Error{STA_ERROR_INVALID_ARGUMENT, "path and labels should not be NULL"}, err);
  *labels = nullptr;
  auto read = guarded("reading labels", [&] { return read_label_file(path); });
  if (!read) return report(read.error(), err);
  *labels = new (std::nothrow) sta_labels{*std::move(read)};
  if (!*labels) return report(Error{STA_ERROR_OUT_OF_MEMORY, "out of memory"}, err);
  return report_ok(err);
}

int32_t sta_labels_count(const sta_labels *labels) { return labels ? static_cast<int32_t>(labels->file.labels.size()) : 0; }

const char *sta_labels_get(const sta_labels *labels, int32_t index) {
  return index >= 0 && index < sta_labels_count(labels) ? labels->file.labels[static_cast<size_t>(index)].c_str() : nullptr;
}

const char *sta_labels_form(const sta_labels *labels) { return labels ? labels->file.form.c_str() : ""; }

void sta_labels_free(sta_labels *labels) { delete labels; }

}  // extern "C"
