// SPDX-License-Identifier: MIT
// A shared library with nothing in it: tests copy it under the names of others.
int sta_test_empty_library = 0;
