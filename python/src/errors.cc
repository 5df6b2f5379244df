// SPDX-License-Identifier: MIT
// See errors.h.
#include "errors.h"

#include <cstring>

namespace sta::python {

namespace nb = nanobind;

nb::object text(const char *utf8) {
  if (!utf8) utf8 = "";
  return nb::steal(PyUnicode_DecodeUTF8(utf8, static_cast<Py_ssize_t>(std::strlen(utf8)), "replace"));
}

void fail(sta_status status, const std::string &message) {
  nb::object error = nb::module_::import_("sta._errors").attr("make")(static_cast<int>(status), text(message.c_str()));
  PyErr_SetObject(error.type().ptr(), error.ptr());
  throw nb::python_error();
}

}  // namespace sta::python
