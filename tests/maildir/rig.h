/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mail root of a test's own, mail for it, and a table of files that writes down what is asked of
 * the system and lets the n-th call of a kind fail.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "procs/maildir/writer.h"

static const uint64_t seed[2] = {1, 2};
enum { NOW_S = 1792722563 };

/* A mail root of the test's own, and the path to it. */
struct root {
	char path[64];
	int fd;
	struct gp_maildir *md;
};

/*
 * The table that stands in for the real one: it writes down what is asked for, and lets the n-th
 * call of a kind fail.
 */
enum call {
	OPEN_BELOW,
	OPEN_DIR,
	MAKE_DIR,
	CREATE,
	WRITE,
	READ_AT,
	SYNC,
	START_WRITING,
	DEVICE,
	SYNC_WHOLE,
	PUBLISH,
	REMOVE,
	CALLS
};

static struct {
	char log[65536];
	size_t log_len;
	size_t base_len; /* of the root's path, which the log leaves out */
	unsigned seen[CALLS];
	enum call fail_call;
	unsigned fail_at; /* 1: the first; 0: none */
	int fail_error;
	/* What stands for the file system: whether a sync of it all is to be had, how long one
	   takes, and on which device a path is that holds this text. */
	bool whole;
	uint64_t now_ms, whole_takes_ms;
	const char *other_device;
} spy;

static inline void
spy_reset(const struct root *r)
{
	memset(&spy, 0, sizeof(spy));
	spy.base_len = strlen(r->path);
}

static inline int
spy_call(enum call call, const char *verb, int fd, const char *name)
{
	char link[64], path[512] = "";
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t len = readlink(link, path, sizeof(path) - 1);
	path[GP_MAX(len, 0)] = 0;
	const char *below = path + GP_MIN(spy.base_len, strlen(path));
	int n = snprintf(spy.log + spy.log_len, sizeof(spy.log) - spy.log_len, "%s %s%s%s\n", verb,
			 below, name[0] ? "/" : "", name);
	spy.log_len = GP_MIN(spy.log_len + (size_t)n, sizeof(spy.log) - 1);
	bool fails = call == spy.fail_call && ++spy.seen[call] == spy.fail_at;
	return fails ? spy.fail_error : 0;
}

#define SPY(call, verb, fd, name, real)                     \
	do {                                                \
		int spied = spy_call(call, verb, fd, name); \
		return spied < 0 ? spied : (real);          \
	} while (0)

static inline int
spy_open_below(int root_fd, const char *path)
{
	SPY(OPEN_BELOW, "open_below", root_fd, path, gp_maildir_files.open_below(root_fd, path));
}

static inline int
spy_open_dir(int parent_fd, const char *name)
{
	SPY(OPEN_DIR, "open_dir", parent_fd, name, gp_maildir_files.open_dir(parent_fd, name));
}

static inline int
spy_make_dir(int parent_fd, const char *name)
{
	SPY(MAKE_DIR, "make_dir", parent_fd, name, gp_maildir_files.make_dir(parent_fd, name));
}

static inline int
spy_create(int dir_fd, const char *name)
{
	SPY(CREATE, "create", dir_fd, "", gp_maildir_files.create(dir_fd, name));
}

static inline int
spy_write(int fd, struct gp_slice s)
{
	SPY(WRITE, "write", fd, "", gp_maildir_files.write(fd, s));
}

static inline ssize_t
spy_read_at(int fd, char *to, size_t size, uint64_t at)
{
	SPY(READ_AT, "read", fd, "", gp_maildir_files.read_at(fd, to, size, at));
}

static inline int
spy_sync(int fd)
{
	SPY(SYNC, "sync", fd, "", gp_maildir_files.sync(fd));
}

static inline void
spy_start_writing(int fd)
{
	(void)spy_call(START_WRITING, "start", fd, "");
	gp_maildir_files.start_writing(fd);
}

static inline int
spy_device(int fd, uint64_t *ret)
{
	size_t before = spy.log_len;
	int r = spy_call(DEVICE, "device", fd, "");
	*ret = spy.other_device && strstr(spy.log + before, spy.other_device);
	spy.log_len = before; /* which of them are looked at is of no interest */
	spy.log[before] = 0;
	return r;
}

static inline int
spy_sync_whole(int fd)
{
	spy.now_ms += spy.whole_takes_ms;
	SPY(SYNC_WHOLE, "sync_whole", fd, "", spy.whole ? 0 : 1);
}

static inline uint64_t
spy_now_ms(void)
{
	return spy.now_ms;
}

static inline int
spy_publish(int from_fd, const char *from, int to_fd, const char *to)
{
	SPY(PUBLISH, "publish", to_fd, "", gp_maildir_files.publish(from_fd, from, to_fd, to));
}

static inline int
spy_remove(int dir_fd, const char *name)
{
	SPY(REMOVE, "remove", dir_fd, "", gp_maildir_files.remove(dir_fd, name));
}

static inline void
spy_close(int fd)
{
	gp_maildir_files.close(fd);
}

[[maybe_unused]] static const struct gp_maildir_files spied_files = {
	.open_below = spy_open_below,
	.open_dir = spy_open_dir,
	.make_dir = spy_make_dir,
	.create = spy_create,
	.write = spy_write,
	.read_at = spy_read_at,
	.sync = spy_sync,
	.start_writing = spy_start_writing,
	.device = spy_device,
	.sync_whole = spy_sync_whole,
	.now_ms = spy_now_ms,
	.publish = spy_publish,
	.remove = spy_remove,
	.close = spy_close,
};

static inline void
root_open(struct root *r, const struct gp_maildir_files *files)
{
	snprintf(r->path, sizeof(r->path), "/tmp/gatepost-maildir-XXXXXX");
	assert_non_null(mkdtemp(r->path));
	r->fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(r->fd >= 0);
	r->md = gp_maildir_new(files, GP_SLICE("mx.example.org"), 42, seed);
	assert_non_null(r->md);
	spy_reset(r);
}

static inline int
remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static inline void
root_close(struct root *r)
{
	gp_maildir_free(r->md);
	close(r->fd);
	nftw(r->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static inline struct gp_maildir_delivery
mail_for(const struct root *r, const char *mailbox)
{
	return (struct gp_maildir_delivery){
		.root_fd = r->fd,
		.root = gp_slice_str(r->path),
		.mailbox = gp_slice_str(mailbox),
		.sender = GP_SLICE("alice@example.com"),
		.recipient = GP_SLICE("bob@example.org"),
		.body = GP_SLICE("Subject: x\r\n\r\nHello\r\n"),
		.body_fd = -1,
	};
}

/* One delivery in a batch of its own; its outcome. */
static inline struct gp_outcome
deliver(struct root *r, const struct gp_maildir_delivery *d)
{
	gp_maildir_reset(r->md);
	assert_int_equal(gp_maildir_begin(r->md, d, NOW_S * 1000000ULL + 5), 0);
	gp_maildir_commit(r->md);
	return gp_maildir_outcome(r->md, 0);
}

static inline void
assert_codes(const struct gp_outcome *o, int kind, int class, int subject, int detail)
{
	if (o->kind != kind || o->reply.enhanced_class != class ||
	    o->reply.enhanced_subject != subject || o->reply.enhanced_detail != detail)
		fail_msg("kind %d, %d.%d.%d %.*s", o->kind, o->reply.enhanced_class,
			 o->reply.enhanced_subject, o->reply.enhanced_detail,
			 GP_SLICE_FMT(o->reply.text));
}

/* How many entries a folder has; the last one's name goes to `name`. -1: there is none. */
static inline int
count_files(const struct root *r, const char *folder, char name[256])
{
	char path[1024];
	snprintf(path, sizeof(path), "%s/%s", r->path, folder);
	DIR *dir = opendir(path);
	if (!dir)
		return -1;
	int n = 0;
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		n++;
		if (name)
			snprintf(name, 256, "%s", e->d_name);
	}
	closedir(dir);
	return n;
}

static inline int
open_fds(void)
{
	int n = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}
