// Keeps, for each file under POWERLOSS_DIR, a copy under POWERLOSS_SHADOW of what would be there after a power cut: what was
// written is copied there only by fsync or fdatasync. What was written since is in FILE.log there, as records of offset and
// length (two native 64-bit numbers; length -1 is a truncation to offset) and bytes. For tests, loaded by LD_PRELOAD.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_FD = 4096 };
static char *shadow_of[MAX_FD]; // by descriptor: path of its copy, or NULL
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void die(const char *what) {
	perror(what);
	_exit(99);
}

static int raw_open(const char *path, int flags) {
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
	if (fd < 0) die(path);
	return fd;
}

static void raw_pwrite(int fd, const void *p, size_t n, off_t at) {
	while (n > 0) {
		ssize_t done = syscall(SYS_pwrite64, fd, p, n, at);
		if (done <= 0) die("pwrite");
		p = (const char *)p + done, n -= (size_t)done, at += done;
	}
}

static void opened(int fd, const char *path) {
	const char *dir = getenv("POWERLOSS_DIR"), *shadow = getenv("POWERLOSS_SHADOW");
	char real[PATH_MAX];
	if (fd < 0 || fd >= MAX_FD || !dir || !shadow) return;
	pthread_mutex_lock(&mu);
	free(shadow_of[fd]);
	shadow_of[fd] = NULL;
	size_t n = strlen(dir);
	if (realpath(path, real) && strncmp(real, dir, n) == 0 && real[n] == '/' && !strstr(real, "-shm")) {
		char copy[2 * PATH_MAX];
		snprintf(copy, sizeof copy, "%s/%s", shadow, real + n + 1);
		shadow_of[fd] = strdup(copy);
	}
	pthread_mutex_unlock(&mu);
}

static void note(int fd, const void *p, int64_t n, int64_t at) {
	if (fd < 0 || fd >= MAX_FD) return;
	pthread_mutex_lock(&mu);
	if (shadow_of[fd]) {
		char path[2 * PATH_MAX + 8];
		snprintf(path, sizeof path, "%s.log", shadow_of[fd]);
		int log = raw_open(path, O_WRONLY | O_CREAT);
		struct stat st;
		if (fstat(log, &st)) die("fstat");
		int64_t head[2] = {at, n};
		raw_pwrite(log, head, sizeof head, st.st_size);
		if (n > 0) raw_pwrite(log, p, (size_t)n, st.st_size + (off_t)sizeof head);
		syscall(SYS_close, log);
	}
	pthread_mutex_unlock(&mu);
}

// synced applies the log to the copy.
static void synced(int fd) {
	if (fd < 0 || fd >= MAX_FD) return;
	pthread_mutex_lock(&mu);
	if (shadow_of[fd]) {
		char path[2 * PATH_MAX + 8];
		snprintf(path, sizeof path, "%s.log", shadow_of[fd]);
		int copy = raw_open(shadow_of[fd], O_WRONLY | O_CREAT), log = raw_open(path, O_RDWR | O_CREAT);
		int64_t head[2];
		off_t from = 0;
		while (syscall(SYS_pread64, log, head, sizeof head, from) == sizeof head) {
			from += (off_t)sizeof head;
			if (head[1] < 0) {
				if (syscall(SYS_ftruncate, copy, head[0])) die("ftruncate");
				continue;
			}
			char *p = malloc((size_t)head[1] + 1);
			if (!p || syscall(SYS_pread64, log, p, head[1], from) != head[1]) die("pread");
			raw_pwrite(copy, p, (size_t)head[1], head[0]);
			free(p);
			from += head[1];
		}
		if (syscall(SYS_ftruncate, log, 0)) die("ftruncate");
		syscall(SYS_close, copy);
		syscall(SYS_close, log);
	}
	pthread_mutex_unlock(&mu);
}

#define OPEN(name)                                                    \
	int name(const char *path, int flags, ...) {                  \
		va_list args;                                         \
		va_start(args, flags);                                \
		mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0; \
		va_end(args);                                         \
		int fd = REAL(name)(path, flags, mode);               \
		opened(fd, path);                                     \
		if (fd >= 0 && flags & O_TRUNC) note(fd, NULL, -1, 0); \
		return fd;                                            \
	}
OPEN(open)
OPEN(open64)

int close(int fd) {
	if (fd >= 0 && fd < MAX_FD) {
		pthread_mutex_lock(&mu);
		free(shadow_of[fd]);
		shadow_of[fd] = NULL;
		pthread_mutex_unlock(&mu);
	}
	return REAL(close)(fd);
}

ssize_t write(int fd, const void *p, size_t n) {
	off_t at = fd >= 0 && fd < MAX_FD && shadow_of[fd] ? lseek(fd, 0, SEEK_CUR) : 0;
	ssize_t done = REAL(write)(fd, p, n);
	if (done > 0) note(fd, p, done, at);
	return done;
}

#define PWRITE(name, offset)                                       \
	ssize_t name(int fd, const void *p, size_t n, offset at) { \
		ssize_t done = REAL(name)(fd, p, n, at);           \
		if (done > 0) note(fd, p, done, at);               \
		return done;                                       \
	}
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define TRUNCATE(name, offset)                           \
	int name(int fd, offset n) {                     \
		int failed = REAL(name)(fd, n);          \
		if (!failed) note(fd, NULL, -1, n);      \
		return failed;                           \
	}
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(name)                        \
	int name(int fd) {                \
		int failed = REAL(name)(fd); \
		if (!failed) synced(fd);  \
		return failed;            \
	}
SYNC(fsync)
SYNC(fdatasync)

// unlink lasts at once: the store relies on no file to come back, and none to stay away.
int unlink(const char *path) {
	const char *dir = getenv("POWERLOSS_DIR"), *shadow = getenv("POWERLOSS_SHADOW");
	char real[PATH_MAX], copy[2 * PATH_MAX + 8];
	int known = dir && shadow && realpath(path, real) && strncmp(real, dir, strlen(dir)) == 0;
	int failed = REAL(unlink)(path);
	if (known && !failed) {
		snprintf(copy, sizeof copy, "%s/%s", shadow, real + strlen(dir) + 1);
		syscall(SYS_unlinkat, AT_FDCWD, copy, 0);
		strcat(copy, ".log");
		syscall(SYS_unlinkat, AT_FDCWD, copy, 0);
	}
	return failed;
}
