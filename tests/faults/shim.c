// SPDX-License-Identifier: GPL-3.0-or-later
// Loaded before libc by tests (LD_PRELOAD): makes the n-th call of a kind fail, or the disk full after so many bytes.
// Only what lies below a folder counts, over all processes of a test together.
//
//   MOESCOPE_FAULT_UNDER=FOLDER     what counts
//   MOESCOPE_FAULT_STATE=FILE       at least 64 bytes of zeros, shared: calls counted, calls failed, bytes written
//   MOESCOPE_FAULT=CALL:n:ERRNO     CALL of open write fsync rename truncate link mkdir, or any; ERRNO a number, or "short"
//                                   for half of a write; ERRNO+ fails the n-th and all that follow
//   MOESCOPE_FAULT=malloc:n         the n-th allocation of a process after it first opened something below FOLDER
//   MOESCOPE_DISK=BYTES             writes beyond that many bytes fail with ENOSPC, the last one is short
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct state {
  _Atomic int64_t calls, failed, bytes;
};

enum { most_files = 4096 };

static struct state own, *state = &own;
static char under[PATH_MAX], wanted[16];
static size_t under_length;
static int64_t at = -1, disk = -1;
static int code;
static bool from_there_on, shortened, fail_malloc;
static _Atomic bool watched[most_files], touched;
static _Atomic int64_t allocations;

// OpenSSL 3.0 goes through a null pointer when memory runs out while it is starting; that is not what is tested here.
static uintptr_t crypto_from, crypto_to;
static int find_crypto(struct dl_phdr_info *library, size_t bytes, void *unused) {
  (void)bytes, (void)unused;
  if (library->dlpi_name == NULL || strstr(library->dlpi_name, "libcrypto") == NULL) return 0;
  for (int part = 0; part < library->dlpi_phnum; ++part) {
    if (library->dlpi_phdr[part].p_type != PT_LOAD || !(library->dlpi_phdr[part].p_flags & PF_X)) continue;
    crypto_from = library->dlpi_addr + library->dlpi_phdr[part].p_vaddr;
    crypto_to = crypto_from + library->dlpi_phdr[part].p_memsz;
  }
  return 1;
}

__attribute__((constructor)) static void begin(void) {
  dl_iterate_phdr(find_crypto, NULL);
  const char *folder = getenv("MOESCOPE_FAULT_UNDER"), *file = getenv("MOESCOPE_FAULT_STATE");
  const char *fault = getenv("MOESCOPE_FAULT"), *bytes = getenv("MOESCOPE_DISK");
  if (folder == NULL || strlen(folder) >= sizeof under) return;
  strcpy(under, folder);
  if (file != NULL) {
    const int shared = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC);
    void *memory = shared < 0 ? MAP_FAILED : mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0);
    if (memory != MAP_FAILED) state = memory;
    if (shared >= 0) close(shared);
  }
  if (bytes != NULL) disk = atoll(bytes);
  if (fault != NULL) {
    const char *first = strchr(fault, ':'), *second = first == NULL ? NULL : strchr(first + 1, ':');
    if (first == NULL || (size_t)(first - fault) >= sizeof wanted) return;
    memcpy(wanted, fault, (size_t)(first - fault));
    at = atoll(first + 1);
    fail_malloc = strcmp(wanted, "malloc") == 0;
    if (second != NULL) {
      shortened = strcmp(second + 1, "short") == 0;
      code = atoi(second + 1);
      from_there_on = strchr(second, '+') != NULL;
    }
  }
  under_length = strlen(under);
}

// Absolute, or beside the folder that a test runs in: tests give absolute paths.
static bool below(const char *path) {
  return under_length > 0 && path != NULL && strncmp(path, under, under_length) == 0;
}
static bool watches(int file) { return file >= 0 && file < most_files && watched[file]; }

static bool fails(const char *call) {
  if (at < 0 || fail_malloc || (strcmp(wanted, call) != 0 && strcmp(wanted, "any") != 0)) return false;
  const int64_t number = atomic_fetch_add(&state->calls, 1) + 1;
  if (number != at && !(from_there_on && number > at)) return false;
  atomic_fetch_add(&state->failed, 1);
  errno = code;
  return true;
}

// ---- Files ----------------------------------------------------------------------------------------------------------

static int opened(int file, const char *path, int flags) {
  if (file >= 0 && file < most_files) watched[file] = below(path) && (flags & O_ACCMODE) != O_RDONLY;
  return file;
}

static int open_at(int folder, const char *path, int flags, mode_t mode) {
  const bool counts = below(path);
  if (counts) touched = true;
  if (counts && (flags & O_ACCMODE) != O_RDONLY && fails("open")) return -1;
  return opened((int)syscall(SYS_openat, folder, path, flags, mode), path, flags);
}

#define MODE_OF(flags)                              \
  mode_t mode = 0;                                  \
  if ((flags) & (O_CREAT | __O_TMPFILE)) {          \
    va_list rest;                                   \
    va_start(rest, flags);                          \
    mode = va_arg(rest, mode_t);                    \
    va_end(rest);                                   \
  }

int open(const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_at(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_at(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
int openat(int folder, const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_at(folder, path, flags, mode);
}
int openat64(int folder, const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_at(folder, path, flags | O_LARGEFILE, mode);
}
int close(int file) {
  if (file >= 0 && file < most_files) watched[file] = false;
  return (int)syscall(SYS_close, file);
}

// How many of the bytes may be written; -1 with errno for none.
static ssize_t admitted(int file, size_t bytes) {
  if (!watches(file)) return (ssize_t)bytes;
  if (shortened && at >= 0 && strcmp(wanted, "write") == 0) {
    if (atomic_fetch_add(&state->calls, 1) + 1 != at || bytes < 2) return (ssize_t)bytes;
    atomic_fetch_add(&state->failed, 1);
    return (ssize_t)(bytes / 2);
  }
  if (fails("write")) return -1;
  if (disk < 0) return (ssize_t)bytes;
  const int64_t before = atomic_fetch_add(&state->bytes, (int64_t)bytes), left = disk - before;
  if (left >= (int64_t)bytes) return (ssize_t)bytes;
  atomic_fetch_add(&state->failed, 1);
  errno = ENOSPC;
  return left > 0 ? (ssize_t)left : -1;
}

ssize_t write(int file, const void *from, size_t bytes) {
  const ssize_t some = admitted(file, bytes);
  return some < 0 ? -1 : syscall(SYS_write, file, from, (size_t)some);
}
ssize_t pwrite(int file, const void *from, size_t bytes, off_t offset) {
  const ssize_t some = admitted(file, bytes);
  return some < 0 ? -1 : syscall(SYS_pwrite64, file, from, (size_t)some, offset);
}
ssize_t pwrite64(int file, const void *from, size_t bytes, off64_t offset) {
  const ssize_t some = admitted(file, bytes);
  return some < 0 ? -1 : syscall(SYS_pwrite64, file, from, (size_t)some, offset);
}
int fsync(int file) {
  // A file that was opened to be read is synced too, by whoever renames it afterwards.
  return touched && fails("fsync") ? -1 : (int)syscall(SYS_fsync, file);
}
int fdatasync(int file) { return touched && fails("fsync") ? -1 : (int)syscall(SYS_fdatasync, file); }
int ftruncate(int file, off_t bytes) {
  return watches(file) && fails("truncate") ? -1 : (int)syscall(SYS_ftruncate, file, bytes);
}
int ftruncate64(int file, off64_t bytes) {
  return watches(file) && fails("truncate") ? -1 : (int)syscall(SYS_ftruncate, file, bytes);
}
int rename(const char *from, const char *to) {
  return below(to) && fails("rename") ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int link(const char *from, const char *to) {
  return below(to) && fails("link") ? -1 : (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int mkdir(const char *path, mode_t mode) {
  return below(path) && fails("mkdir") ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

// ---- Memory ---------------------------------------------------------------------------------------------------------

static bool refused(void *caller) {
  if (!fail_malloc || !touched) return false;
  if ((uintptr_t)caller >= crypto_from && (uintptr_t)caller < crypto_to) return false;
  if (atomic_fetch_add(&allocations, 1) + 1 != at) return false;
  atomic_fetch_add(&state->failed, 1);
  errno = ENOMEM;
  return true;
}

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

void *malloc(size_t bytes) { return refused(__builtin_return_address(0)) ? NULL : __libc_malloc(bytes); }
void *calloc(size_t count, size_t bytes) { return refused(__builtin_return_address(0)) ? NULL : __libc_calloc(count, bytes); }
void *realloc(void *old, size_t bytes) { return refused(__builtin_return_address(0)) ? NULL : __libc_realloc(old, bytes); }
