/* Loaded before libc: kills the process before the n-th call that writes below a folder. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char prefix[PATH_MAX];
static long limit = 0, count = 0;

void shim_arm(const char *folder, long n) {
    strncpy(prefix, folder, sizeof prefix - 1);
    count = 0;
    limit = n;
}

long shim_count(void) { return count; }

static void (*on_flush)(int) = 0;

/* Calls a function with each file or folder below the folder that was flushed. */
void shim_on_flush(void (*function)(int)) { on_flush = function; }

static void tick(int below) {
    if (limit && below && __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST) == limit) kill(getpid(), SIGKILL);
}

static int below(const char *path) { return limit && path && !strncmp(path, prefix, strlen(prefix)); }

static int fd_below(int fd) {
    char link[64], path[PATH_MAX];
    if (!limit || fd < 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return below(path);
}

static int at_below(int fd, const char *path) { return path && path[0] == '/' ? below(path) : fd_below(fd); }

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define OPEN(name)                                                                   \
    int name(const char *path, int flags, ...) {                                     \
        REAL(name);                                                                  \
        va_list args; va_start(args, flags); mode_t mode = va_arg(args, mode_t); va_end(args); \
        if (flags & (O_CREAT | O_TRUNC)) tick(below(path));                          \
        return real(path, flags, mode);                                              \
    }
OPEN(open)
OPEN(open64)
#define OPENAT(name)                                                                 \
    int name(int fd, const char *path, int flags, ...) {                             \
        REAL(name);                                                                  \
        va_list args; va_start(args, flags); mode_t mode = va_arg(args, mode_t); va_end(args); \
        if (flags & (O_CREAT | O_TRUNC)) tick(at_below(fd, path));                   \
        return real(fd, path, flags, mode);                                          \
    }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void *data, size_t n) { REAL(write); tick(fd_below(fd)); return real(fd, data, n); }
ssize_t writev(int fd, const struct iovec *v, int n) { REAL(writev); tick(fd_below(fd)); return real(fd, v, n); }
ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) {
    REAL(pwrite64); tick(fd_below(fd)); return real(fd, data, n, at);
}
#define FLUSH(name)                                                                  \
    int name(int fd) {                                                               \
        REAL(name);                                                                  \
        int counts = fd_below(fd);                                                   \
        tick(counts);                                                                \
        int result = real(fd);                                                       \
        if (counts && on_flush) on_flush(fd);                                        \
        return result;                                                               \
    }
FLUSH(fsync)
FLUSH(fdatasync)
int ftruncate64(int fd, off64_t n) { REAL(ftruncate64); tick(fd_below(fd)); return real(fd, n); }
int rename(const char *a, const char *b) { REAL(rename); tick(below(b)); return real(a, b); }
int renameat(int c, const char *a, int d, const char *b) {
    REAL(renameat); tick(at_below(d, b)); return real(c, a, d, b);
}
int link(const char *a, const char *b) { REAL(link); tick(below(b)); return real(a, b); }
int linkat(int c, const char *a, int d, const char *b, int flags) {
    REAL(linkat); tick(at_below(d, b)); return real(c, a, d, b, flags);
}
int unlink(const char *path) { REAL(unlink); tick(below(path)); return real(path); }
int unlinkat(int fd, const char *path, int flags) { REAL(unlinkat); tick(at_below(fd, path)); return real(fd, path, flags); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); tick(below(path)); return real(path, mode); }
int mkdirat(int fd, const char *path, mode_t mode) { REAL(mkdirat); tick(at_below(fd, path)); return real(fd, path, mode); }
int rmdir(const char *path) { REAL(rmdir); tick(below(path)); return real(path); }
