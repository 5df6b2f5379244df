// SPDX-License-Identifier: MIT
// A shared library with nothing in it. Tests copy it under the names of other libraries.
int sta_test_empty_library = 0;
