// SPDX-License-Identifier: MIT
// See fault.h.
#include "engine/fault.h"

extern "C" void sta_test_set_fault_hook(void (*hook)(int point)) { sta::fault_hook.store(hook, std::memory_order_release); }
