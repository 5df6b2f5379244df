// SPDX-License-Identifier: MIT
// The stack switch. On x86-64 it is written by hand, since ucontext makes two system calls per switch and is ten times
// slower. Elsewhere (or with STA_EMULATION_UCONTEXT) it is ucontext. AddressSanitizer and ThreadSanitizer are told of
// every switch. This file itself is compiled without ThreadSanitizer (STA_EMULATION_TSAN says that the rest is compiled
// with it): an instrumented function that enters on one stack and leaves on another would corrupt its call stacks.
#include "emulation/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#if !defined(__x86_64__) && !defined(STA_EMULATION_UCONTEXT)
#define STA_EMULATION_UCONTEXT
#endif
#ifdef STA_EMULATION_UCONTEXT
#include <ucontext.h>
#endif

#ifdef __SANITIZE_ADDRESS__
extern "C" {
void __sanitizer_start_switch_fiber(void **fake_stack_save, const void *bottom, size_t size);
void __sanitizer_finish_switch_fiber(void *fake_stack_save, const void **bottom_old, size_t *size_old);
void __asan_unpoison_memory_region(void const volatile *address, size_t size);
}
#endif
#ifdef STA_EMULATION_TSAN
extern "C" {
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
}
// A switch alone does not synchronise. Only real ordering between CUDA threads (barriers) may hide a race.
constexpr unsigned kTsanNoSync = 1;
#endif

namespace emulation {
namespace {

// Sanitizers use several times the stack. Untouched pages cost nothing.
#if defined(__SANITIZE_ADDRESS__) || defined(STA_EMULATION_TSAN)
constexpr size_t kStackBytes = 256 * 1024;
#else
constexpr size_t kStackBytes = 64 * 1024;
#endif

struct Host {  // the one operating-system thread, which resumes fibers
  void *saved = nullptr;
  void *tsan = nullptr;
  void *fake_stack = nullptr;
  const void *stack = nullptr;
  size_t stack_size = 0;
};
Host g_host;
Fiber *g_current = nullptr;
bool g_ending = false;

}  // namespace

void fiber_main();

#ifdef STA_EMULATION_UCONTEXT

static void switch_stack(void **save, void *load) { swapcontext(static_cast<ucontext_t *>(*save), static_cast<ucontext_t *>(load)); }

static void *prepare_stack(void *stack, size_t size, void *old) {
  auto *context = old ? static_cast<ucontext_t *>(old) : new ucontext_t;
  getcontext(context);
  context->uc_stack.ss_sp = stack;
  context->uc_stack.ss_size = size;
  context->uc_link = nullptr;
  makecontext(context, &fiber_main, 0);
  return context;
}

static void release_context(void *context) { delete static_cast<ucontext_t *>(context); }
static void *host_context() { return new ucontext_t; }

#else

// Saves the registers that the ABI preserves across a call, swaps the stack pointer, restores. Floating-point control
// words never change here.
extern "C" void sta_emulation_switch(void **save, void *load);
asm(R"(
.text
.p2align 4
.globl sta_emulation_switch
.hidden sta_emulation_switch
.type sta_emulation_switch,@function
sta_emulation_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size sta_emulation_switch,.-sta_emulation_switch
)");

static void switch_stack(void **save, void *load) { sta_emulation_switch(save, load); }

static void *prepare_stack(void *stack, size_t size, void *) {
  auto *top = reinterpret_cast<uintptr_t *>(static_cast<char *>(stack) + size);
  // A function finds its stack 8 bytes off a multiple of 16, below a return address (0: the end for debuggers).
  *--top = 0;
  *--top = reinterpret_cast<uintptr_t>(&fiber_main);
  for (int i = 0; i < 6; ++i) *--top = 0;
  return top;
}

static void release_context(void *) {}
static void *host_context() { return nullptr; }

#endif

void fiber_main() {
  Fiber *self = g_current;
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(nullptr, &g_host.stack, &g_host.stack_size);
#endif
  self->body_(self->argument_);
  self->body_ = nullptr;
  g_ending = true;
  Fiber::suspend();
  std::abort();  // resumed after its end
}

Fiber::Fiber() {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  size_ = kStackBytes + page;
  stack_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (stack_ == MAP_FAILED || mprotect(stack_, page, PROT_NONE) != 0) {
    std::perror("stack of an emulated CUDA thread");
    std::abort();
  }
#ifdef STA_EMULATION_TSAN
  tsan_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
#ifdef STA_EMULATION_TSAN
  __tsan_destroy_fiber(tsan_);
#endif
#ifdef STA_EMULATION_UCONTEXT
  release_context(saved_);
#else
  release_context(nullptr);
#endif
  munmap(stack_, size_);
}

void Fiber::start(void (*body)(void *), void *argument) {
#ifdef __SANITIZE_ADDRESS__
  if (body_) __asan_unpoison_memory_region(stack_, size_);  // an abandoned body has left its marks
#endif
  body_ = body;
  argument_ = argument;
  saved_ = prepare_stack(stack_, size_, saved_);
}

void Fiber::resume() {
  if (!g_host.saved) g_host.saved = host_context();
  g_current = this;
#ifdef STA_EMULATION_TSAN
  if (!g_host.tsan) g_host.tsan = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(tsan_, kTsanNoSync);
#endif
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(&g_host.fake_stack, stack_, size_);
#endif
  switch_stack(&g_host.saved, saved_);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(g_host.fake_stack, nullptr, nullptr);
#endif
  g_current = nullptr;
}

void Fiber::suspend() {
  Fiber *self = g_current;
#ifdef STA_EMULATION_TSAN
  __tsan_switch_to_fiber(g_host.tsan, kTsanNoSync);
#endif
#ifdef __SANITIZE_ADDRESS__
  // A null place to save to means that this fiber ends and its fake stack is freed.
  __sanitizer_start_switch_fiber(g_ending ? nullptr : &self->fake_stack_, g_host.stack, g_host.stack_size);
#endif
  g_ending = false;
  switch_stack(&self->saved_, g_host.saved);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(self->fake_stack_, &g_host.stack, &g_host.stack_size);
#endif
}

}  // namespace emulation
