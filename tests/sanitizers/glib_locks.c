// SPDX-License-Identifier: MIT
// Makes GLib's locks visible to ThreadSanitizer. GMutex and GCond are GLib's own futexes, and GLib is not instrumented.
// The sanitizer would not see that one thread's work under GST_OBJECT_LOCK comes before another's, and would report
// every such pair. The functions of this file stand in front of GLib's (a program's symbols come before those of its
// libraries). They call GLib's functions and tell the sanitizer the order. Only the element tests of a
// -Db_sanitize=thread build link this file.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <glib.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

#define NEXT(name)                                                          \
  static __typeof__(&name) next;                                            \
  if (!__atomic_load_n(&next, __ATOMIC_RELAXED)) {                          \
    __typeof__(&name) found = (__typeof__(&name))(dlsym(RTLD_NEXT, #name)); \
    __atomic_store_n(&next, found, __ATOMIC_RELAXED);                       \
  }

void g_mutex_lock(GMutex *mutex) {
  NEXT(g_mutex_lock)
  next(mutex);
  __tsan_acquire(mutex);
}

gboolean g_mutex_trylock(GMutex *mutex) {
  NEXT(g_mutex_trylock)
  const gboolean locked = next(mutex);
  if (locked) __tsan_acquire(mutex);
  return locked;
}

void g_mutex_unlock(GMutex *mutex) {
  NEXT(g_mutex_unlock)
  __tsan_release(mutex);
  next(mutex);
}

void g_cond_wait(GCond *cond, GMutex *mutex) {
  NEXT(g_cond_wait)
  __tsan_release(mutex);
  next(cond, mutex);
  __tsan_acquire(mutex);
}

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end_time) {
  NEXT(g_cond_wait_until)
  __tsan_release(mutex);
  const gboolean signalled = next(cond, mutex, end_time);
  __tsan_acquire(mutex);
  return signalled;
}

// The other half is an atomic load in a macro. It is compiled into our code, so the sanitizer sees it.
void(g_once_init_leave)(volatile void *location, gsize result) {
  static void (*next)(volatile void *, gsize);
  if (!next) *(void **)(&next) = dlsym(RTLD_NEXT, "g_once_init_leave");
  __tsan_release((void *)(location));
  next(location, result);
}
