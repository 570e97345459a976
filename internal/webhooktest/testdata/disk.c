// Makes a disk fail on order, for tests, loaded by LD_PRELOAD. The order is the text of the file DISK_ORDER, which may
// come and go while the process runs:
//
//	begin N   kills the process before the first write of the N-th transaction from now
//	half N    kills it in the middle of that transaction's writes
//	sync N    kills it when all is written, and nothing is synced
//	synced N  kills it when that is synced, and nobody has been told
//	refuse    is a disk that has become read-only: nothing is written, EROFS
//	slow N    is a disk that takes N milliseconds longer for each sync
//
// A transaction is what is written to a write-ahead log (FILE-wal) between two syncs. A checkpoint syncs the log too, when
// nothing was written since: that ends no transaction, and whoever counts it waits for a number that was passed over.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_FD = 4096, OTHER = 0, DATABASE, LOG };
static char kind_of[MAX_FD];
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static char order[64]; // the last that was read
static int target, syncs, writes, written;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int kind(int fd) { return fd >= 0 && fd < MAX_FD ? kind_of[fd] : OTHER; }

static void opened(int fd, const char *path) {
	if (fd < 0 || fd >= MAX_FD) return;
	size_t n = strlen(path);
	kind_of[fd] = n > 4 && !strcmp(path + n - 4, "-wal") ? LOG : n > 3 && !strcmp(path + n - 3, ".db") ? DATABASE : OTHER;
}

static int ordered(const char *what) { return !strncmp(order, what, strlen(what)) && order[strlen(what)] == ' '; }

static void die(void) {
	kill(getpid(), SIGKILL);
	for (;;) pause();
}

// read_order wants mu. A new order counts from its coming.
static void read_order(void) {
	char text[sizeof order] = "";
	const char *path = getenv("DISK_ORDER");
	int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0) : -1;
	if (fd >= 0) {
		ssize_t n = syscall(SYS_read, fd, text, sizeof text - 1);
		syscall(SYS_close, fd);
		text[n > 0 ? n : 0] = 0;
	}
	if (strcmp(text, order)) {
		strcpy(order, text);
		const char *space = strchr(order, ' ');
		target = space ? atoi(space) : 0;
		syncs = writes = written = 0;
	}
}

// writing reports whether the write is refused.
static int writing(int fd) {
	int refused = 0;
	if (kind(fd) == OTHER) return 0;
	pthread_mutex_lock(&mu);
	read_order();
	if (!strcmp(order, "refuse")) {
		refused = 1;
	} else if (kind(fd) == LOG) {
		written = 1;
		if (syncs >= target - 1) {
			writes++;
			if (ordered("begin") || (ordered("half") && writes == 2)) die();
		}
	}
	pthread_mutex_unlock(&mu);
	if (refused) errno = EROFS;
	return refused;
}

static int syncing(int fd) {
	int refused = 0, slow = 0;
	if (kind(fd) == OTHER) return 0;
	pthread_mutex_lock(&mu);
	read_order();
	refused = !strcmp(order, "refuse");
	slow = ordered("slow") ? target : 0;
	if (kind(fd) == LOG && written && syncs >= target - 1 && ordered("sync")) die();
	pthread_mutex_unlock(&mu);
	if (slow) usleep(slow * 1000);
	if (refused) errno = EROFS;
	return refused;
}

static void synced(int fd) {
	if (kind(fd) != LOG) return;
	pthread_mutex_lock(&mu);
	if (written) {
		if (syncs >= target - 1 && ordered("synced")) die();
		syncs++;
		written = 0;
	}
	pthread_mutex_unlock(&mu);
}

#define OPEN(name)                                                        \
	int name(const char *path, int flags, ...) {                      \
		va_list args;                                             \
		va_start(args, flags);                                    \
		mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0; \
		va_end(args);                                             \
		int fd = REAL(name)(path, flags, mode);                   \
		opened(fd, path);                                         \
		return fd;                                                \
	}
OPEN(open)
OPEN(open64)

int close(int fd) {
	if (fd >= 0 && fd < MAX_FD) kind_of[fd] = OTHER;
	return REAL(close)(fd);
}

ssize_t write(int fd, const void *p, size_t n) { return writing(fd) ? -1 : REAL(write)(fd, p, n); }

#define PWRITE(name, offset) \
	ssize_t name(int fd, const void *p, size_t n, offset at) { return writing(fd) ? -1 : REAL(name)(fd, p, n, at); }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define TRUNCATE(name, offset) \
	int name(int fd, offset n) { return writing(fd) ? -1 : REAL(name)(fd, n); }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(name)                           \
	int name(int fd) {                   \
		if (syncing(fd)) return -1;  \
		int failed = REAL(name)(fd); \
		if (!failed) synced(fd);     \
		return failed;               \
	}
SYNC(fsync)
SYNC(fdatasync)
