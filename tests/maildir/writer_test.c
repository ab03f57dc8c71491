/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/maildir/writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "procs/maildir/folders.h"
#include "procs/maildir/sync.h"

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

static void
spy_reset(const struct root *r)
{
	memset(&spy, 0, sizeof(spy));
	spy.base_len = strlen(r->path);
}

static int
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

static int
spy_open_below(int root_fd, const char *path)
{
	SPY(OPEN_BELOW, "open_below", root_fd, path, gp_maildir_files.open_below(root_fd, path));
}

static int
spy_open_dir(int parent_fd, const char *name)
{
	SPY(OPEN_DIR, "open_dir", parent_fd, name, gp_maildir_files.open_dir(parent_fd, name));
}

static int
spy_make_dir(int parent_fd, const char *name)
{
	SPY(MAKE_DIR, "make_dir", parent_fd, name, gp_maildir_files.make_dir(parent_fd, name));
}

static int
spy_create(int dir_fd, const char *name)
{
	SPY(CREATE, "create", dir_fd, "", gp_maildir_files.create(dir_fd, name));
}

static int
spy_write(int fd, struct gp_slice s)
{
	SPY(WRITE, "write", fd, "", gp_maildir_files.write(fd, s));
}

static ssize_t
spy_read_at(int fd, char *to, size_t size, uint64_t at)
{
	SPY(READ_AT, "read", fd, "", gp_maildir_files.read_at(fd, to, size, at));
}

static int
spy_sync(int fd)
{
	SPY(SYNC, "sync", fd, "", gp_maildir_files.sync(fd));
}

static void
spy_start_writing(int fd)
{
	(void)spy_call(START_WRITING, "start", fd, "");
	gp_maildir_files.start_writing(fd);
}

static int
spy_device(int fd, uint64_t *ret)
{
	size_t before = spy.log_len;
	int r = spy_call(DEVICE, "device", fd, "");
	*ret = spy.other_device && strstr(spy.log + before, spy.other_device);
	spy.log_len = before; /* which of them are looked at is of no interest */
	spy.log[before] = 0;
	return r;
}

static int
spy_sync_whole(int fd)
{
	spy.now_ms += spy.whole_takes_ms;
	SPY(SYNC_WHOLE, "sync_whole", fd, "", spy.whole ? 0 : 1);
}

static uint64_t
spy_now_ms(void)
{
	return spy.now_ms;
}

static int
spy_publish(int from_fd, const char *from, int to_fd, const char *to)
{
	SPY(PUBLISH, "publish", to_fd, "", gp_maildir_files.publish(from_fd, from, to_fd, to));
}

static int
spy_remove(int dir_fd, const char *name)
{
	SPY(REMOVE, "remove", dir_fd, "", gp_maildir_files.remove(dir_fd, name));
}

static void
spy_close(int fd)
{
	gp_maildir_files.close(fd);
}

static const struct gp_maildir_files spied_files = {
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

static void
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

static int
remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static void
root_close(struct root *r)
{
	gp_maildir_free(r->md);
	close(r->fd);
	nftw(r->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static struct gp_maildir_delivery
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
static struct gp_outcome
deliver(struct root *r, const struct gp_maildir_delivery *d)
{
	gp_maildir_reset(r->md);
	assert_int_equal(gp_maildir_begin(r->md, d, NOW_S * 1000000ULL + 5), 0);
	gp_maildir_commit(r->md);
	return gp_maildir_outcome(r->md, 0);
}

static void
assert_codes(const struct gp_outcome *o, int kind, int class, int subject, int detail)
{
	if (o->kind != kind || o->reply.enhanced_class != class ||
	    o->reply.enhanced_subject != subject || o->reply.enhanced_detail != detail)
		fail_msg("kind %d, %d.%d.%d %.*s", o->kind, o->reply.enhanced_class,
			 o->reply.enhanced_subject, o->reply.enhanced_detail,
			 GP_SLICE_FMT(o->reply.text));
}

/* How many entries a folder has; the last one's name goes to `name`. -1: there is none. */
static int
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

/* The content of the one file in MAILBOX/new; free() it. */
static char *
read_only_mail(const struct root *r, const char *mailbox, size_t *ret_len)
{
	char folder[512], name[256], path[1024];
	snprintf(folder, sizeof(folder), "%s/new", mailbox);
	assert_int_equal(count_files(r, folder, name), 1);
	snprintf(path, sizeof(path), "%s/%s/%s", r->path, folder, name);
	int fd = open(path, O_RDONLY);
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	char *text = calloc(1, (size_t)st.st_size + 1);
	assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
	close(fd);
	if (ret_len)
		*ret_len = (size_t)st.st_size;
	return text;
}

static int
open_fds(void)
{
	int n = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void
test_delivery(void **state)
{
	(void)state;
	struct root r;
	root_open(&r, &gp_maildir_files);
	int fds = open_fds();
	struct gp_maildir_delivery d = mail_for(&r, "example.org/bob");
	struct gp_outcome o = deliver(&r, &d);
	assert_codes(&o, GP_OUTCOME_DELIVERED, 2, 0, 0);
	char *text = read_only_mail(&r, "example.org/bob", NULL), name[256];
	assert_string_equal(text, "Return-Path: <alice@example.com>\n"
				  "Delivered-To: bob@example.org\n"
				  "Subject: x\n\nHello\n");
	assert_int_equal(count_files(&r, "example.org/bob/new", name), 1);
	char expected[256];
	snprintf(expected, sizeof(expected), "%d.M000005P42Q1.mx.example.org,S=%zu", NOW_S,
		 strlen(text));
	assert_string_equal(name, expected);
	free(text);
	assert_int_equal(count_files(&r, "example.org/bob/tmp", NULL), 0);
	assert_int_equal(count_files(&r, "example.org/bob/cur", NULL), 0);
	struct stat st;
	assert_int_equal(fstatat(r.fd, "example.org/bob/new", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	gp_maildir_reset(r.md);
	assert_int_equal(open_fds(), fds);
	root_close(&r);
}

static void
test_content(void **state)
{
	(void)state;
	static const struct {
		const char *sender, *recipient, *body, *file;
	} cases[] = {
		{"", "b@x", "", "Return-Path: <>\nDelivered-To: b@x\n"},
		{"a@y", "b@x", "A: b\r\n\r\n\r\n",
		 "Return-Path: <a@y>\nDelivered-To: b@x\nA: b\n\n\n"},
		/* Only CRLF is a line end. */
		{"", "b@x", "a\rb\r\r\nc\r", "Return-Path: <>\nDelivered-To: b@x\na\rb\r\nc\r"},
		{"", "b@x", "\r\r\r", "Return-Path: <>\nDelivered-To: b@x\n\r\r\r"},
		{"", "b@x", "a\nb", "Return-Path: <>\nDelivered-To: b@x\na\nb"},
		/* No address makes a line. */
		{"a>\r\nX: y", "b\nZ: z", "", "Return-Path: <a>??X: y>\nDelivered-To: b?Z: z\n"},
		{"\xc3\xa5@y", "\"b b\"@x", "",
		 "Return-Path: <\xc3\xa5@y>\nDelivered-To: \"b b\"@x\n"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct root r;
		root_open(&r, &gp_maildir_files);
		struct gp_maildir_delivery d = mail_for(&r, "box");
		d.sender = gp_slice_str(cases[i].sender);
		d.recipient = gp_slice_str(cases[i].recipient);
		d.body = gp_slice_str(cases[i].body);
		struct gp_outcome o = deliver(&r, &d);
		assert_codes(&o, GP_OUTCOME_DELIVERED, 2, 0, 0);
		char *text = read_only_mail(&r, "box", NULL);
		assert_string_equal(text, cases[i].file);
		free(text);
		root_close(&r);
	}
}

/* A body from a descriptor, whose pieces end between CR and LF at every chance. */
static void
test_large_body(void **state)
{
	(void)state;
	struct root r;
	root_open(&r, &gp_maildir_files);
	static char body[400000];
	/* Lines of 64 octets behind one more: 64 KB end between a CR and its LF. */
	size_t len = 1, lines = 0;
	for (body[0] = 'x'; len < sizeof(body) - 65; len += 64)
		snprintf(body + len, 65, "%062zu\r\n", lines++);
	char name[] = "/tmp/gatepost-body-XXXXXX";
	int fd = mkstemp(name);
	unlink(name);
	assert_int_equal(write(fd, body, len), len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	struct gp_maildir_delivery d = mail_for(&r, "box");
	d.body = GP_SLICE("");
	d.body_fd = fd;
	d.body_size = len;
	struct gp_outcome o = deliver(&r, &d);
	assert_codes(&o, GP_OUTCOME_DELIVERED, 2, 0, 0);
	size_t size;
	char *text = read_only_mail(&r, "box", &size);
	assert_null(memchr(text, '\r', size));
	assert_int_equal(size, len - lines +
				       strlen("Return-Path: <alice@example.com>\nDelivered-To: "
					      "bob@example.org\n"));
	free(text);
	/* The descriptor ends before it should: somebody is wrong, nothing is delivered. */
	d.mailbox = GP_SLICE("box2");
	d.body_size = len + 1;
	o = deliver(&r, &d);
	assert_codes(&o, GP_OUTCOME_DEFERRED, 4, 3, 0);
	assert_int_equal(count_files(&r, "box2/new", NULL), 0);
	assert_int_equal(count_files(&r, "box2/tmp", NULL), 0);
	close(fd);
	root_close(&r);
}

static void
test_paths(void **state)
{
	(void)state;
	static char long_ok[256], long_bad[257];
	memset(long_ok, 'x', 255);
	memset(long_bad, 'x', 256);
	static const struct {
		const char *path;
		bool safe;
	} cases[] = {
		{"box", true},
		{"example.org/bob", true},
		{"a/...", true},
		{"a/.b", true},
		{"a/b..", true},
		{"\xc3\xa5/\x01 ", true},
		{"1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", true},
		{"1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", false},
		{long_ok, true},
		{long_bad, false},
		{"", false},
		{".", false},
		{"..", false},
		{"/", false},
		{"/etc", false},
		{"a/", false},
		{"a//b", false},
		{"a/./b", false},
		{"a/../b", false},
		{"../a", false},
		{"a/..", false},
	};
	struct root r;
	root_open(&r, &gp_maildir_files);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		if (gp_folder_path_safe(gp_slice_str(cases[i].path)) != cases[i].safe)
			fail_msg("%s", cases[i].path);
		struct gp_maildir_delivery d = mail_for(&r, cases[i].path);
		struct gp_outcome o = deliver(&r, &d);
		if (cases[i].safe)
			assert_codes(&o, GP_OUTCOME_DELIVERED, 2, 0, 0);
		else
			assert_codes(&o, GP_OUTCOME_FAILED, 5, 1, 3);
	}
	assert_false(gp_folder_path_safe(gp_slice("a\0b", 3)));
	root_close(&r);
}

/* Whoever may write in a mailbox puts a link in the way: no octet goes through it. */
static void
test_links(void **state)
{
	(void)state;
	static const char *const links[] = {"example.org", "example.org/bob", "example.org/bob/tmp",
					    "example.org/bob/new"};
	for (size_t i = 0; i < GP_ARRAY_LEN(links); i++) {
		for (int used_before = 0; used_before < 2; used_before++) {
			struct root r, outside;
			root_open(&r, &gp_maildir_files);
			root_open(&outside, &gp_maildir_files);
			struct gp_maildir_delivery d = mail_for(&r, "example.org/bob");
			if (used_before)
				(void)deliver(&r, &d);
			mkdirat(r.fd, "example.org", 0700);
			mkdirat(r.fd, "example.org/bob", 0700);
			char moved[512];
			snprintf(moved, sizeof(moved), "moved%zu", i);
			(void)renameat(r.fd, links[i], r.fd, moved);
			/* Into a tree that has all that a delivery needs. */
			mkdirat(outside.fd, "bob", 0700);
			for (const char *const *sub = (const char *const[]){"tmp", "new", "bob/tmp",
									    "bob/new", NULL};
			     *sub; sub++)
				mkdirat(outside.fd, *sub, 0700);
			assert_int_equal(symlinkat(outside.path, r.fd, links[i]), 0);
			struct gp_outcome o = deliver(&r, &d);
			assert_codes(&o, GP_OUTCOME_DEFERRED, 4, 2, 0);
			static const char *const watched[] = {"new", "tmp", "bob/new", "bob/tmp"};
			for (size_t k = 0; k < GP_ARRAY_LEN(watched); k++)
				assert_int_equal(count_files(&outside, watched[k], NULL), 0);
			root_close(&r);
			root_close(&outside);
		}
	}
}

/* A link that stays below the root turns mail for one into mail for another: refused too. */
static void
test_link_inside(void **state)
{
	(void)state;
	struct root r;
	root_open(&r, &gp_maildir_files);
	struct gp_maildir_delivery bob = mail_for(&r, "d/bob"), eve = mail_for(&r, "d/eve");
	(void)deliver(&r, &bob);
	(void)deliver(&r, &eve);
	gp_maildir_reset(r.md);
	assert_int_equal(renameat(r.fd, "d/bob", r.fd, "d/away"), 0);
	assert_int_equal(symlinkat("eve", r.fd, "d/bob"), 0);
	struct gp_outcome o = deliver(&r, &bob);
	assert_codes(&o, GP_OUTCOME_DEFERRED, 4, 2, 0);
	assert_int_equal(count_files(&r, "d/eve/new", NULL), 1);
	root_close(&r);
}

static void
test_loop(void **state)
{
	(void)state;
	static const struct {
		const char *body;
		bool loop;
	} cases[] = {
		{"Delivered-To: bob@example.org\r\n\r\n", true},
		{"A: b\r\ndelivered-to:BOB@EXAMPLE.ORG \r\nC: d\r\n\r\n", true},
		{"Delivered-To: eve@example.org\r\nDelivered-To: bob@example.org\r\n\r\n", true},
		{"Delivered-To: bob@example.org", true},
		{"Delivered-To: eve@example.org\r\n\r\n", false},
		{"Delivered-To: bob@example.org.uk\r\n\r\n", false},
		{"X-Delivered-To: bob@example.org\r\n\r\n", false},
		{"A: b\r\n\r\nDelivered-To: bob@example.org\r\n", false}, /* it is the body */
		{"A: b\r\n Delivered-To: bob@example.org\r\n\r\n", false},
	};
	for (size_t i = 0; i < 2 * GP_ARRAY_LEN(cases); i++) {
		struct root r;
		root_open(&r, &gp_maildir_files);
		struct gp_maildir_delivery d = mail_for(&r, "box");
		char name[] = "/tmp/gatepost-body-XXXXXX";
		d.body = gp_slice_str(cases[i / 2].body);
		if (i % 2) {
			d.body_fd = mkstemp(name);
			d.body_size = d.body.len;
			assert_int_equal(write(d.body_fd, d.body.ptr, d.body.len), d.body.len);
			unlink(name);
		}
		struct gp_outcome o = deliver(&r, &d);
		if (cases[i / 2].loop)
			assert_codes(&o, GP_OUTCOME_FAILED, 5, 4, 6);
		else
			assert_codes(&o, GP_OUTCOME_DELIVERED, 2, 0, 0);
		if (d.body_fd >= 0)
			close(d.body_fd);
		root_close(&r);
	}
}

/* The log goes on with a line for each box, in their order: "VERB /BOX" and then `rest`. */
static void
expect_each(const char **at, const char *verb, const char *const *boxes, size_t len,
	    const char *rest)
{
	for (size_t i = 0; i < len; i++) {
		char line[128];
		snprintf(line, sizeof(line), "%s /%s%s", verb, boxes[i], rest);
		if (strncmp(*at, line, strlen(line)) != 0)
			fail_msg("wanted %s, not %.60s", line, *at);
		*at = strchr(*at, '\n') + 1;
	}
}

/* Two for one mailbox and one for another, as the system is asked for it. */
static void
test_order(void **state)
{
	(void)state;
	struct root r;
	root_open(&r, &spied_files);
	static const char *const boxes[] = {"d/bob", "d/eve", "d/bob"};
	for (int turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < GP_ARRAY_LEN(boxes); i++) {
			struct gp_maildir_delivery d = mail_for(&r, boxes[i]);
			assert_int_equal(gp_maildir_begin(r.md, &d, NOW_S * 1000000ULL), i);
		}
		if (turn == 0)
			assert_non_null(
				strstr(spy.log, "make_dir /d\nopen_dir /d\nmake_dir /d/bob\n"));
		else
			assert_null(strstr(spy.log, "make_dir"));
		spy.log_len = 0;
		gp_maildir_commit(r.md);
		/* Files first, then names, then folders: those above only while they are new. */
		const char *at = spy.log;
		expect_each(&at, "start", boxes, GP_ARRAY_LEN(boxes), "/tmp/");
		expect_each(&at, "sync", boxes, GP_ARRAY_LEN(boxes), "/tmp/");
		expect_each(&at, "publish", boxes, GP_ARRAY_LEN(boxes), "/new\n");
		static const char *const folders[] = {"sync /d/bob/new\n", "sync /d/eve/new\n",
						      "sync \n",           "sync /d\n",
						      "sync /d/bob\n",     "sync /d/eve\n"};
		size_t wanted = turn == 0 ? 6 : 2, lines = 0;
		for (size_t i = 0; i < wanted; i++)
			assert_non_null(strstr(at, folders[i]));
		for (const char *p = at; *p; p++)
			lines += *p == '\n';
		assert_int_equal(lines, wanted);
		for (size_t i = 0; i < GP_ARRAY_LEN(boxes); i++) {
			struct gp_outcome o = gp_maildir_outcome(r.md, i);
			assert_codes(&o, GP_OUTCOME_DELIVERED, 2, 0, 0);
		}
		gp_maildir_reset(r.md);
		memset(spy.log, 0, sizeof(spy.log));
		spy.log_len = 0;
	}
	assert_int_equal(count_files(&r, "d/bob/new", NULL), 4);
	assert_int_equal(count_files(&r, "d/eve/new", NULL), 2);
	root_close(&r);
}

enum { MANY = 12 };
static const char *const many[MANY] = {"a/0", "a/1", "a/2", "a/3", "a/4", "a/5",
				       "a/6", "a/7", "b/0", "b/1", "b/2", "b/3"};

/* A batch of `many`; how many of a/ and of b/ are delivered. The log holds the commit. */
static void
commit_batch(struct root *r, int ret_delivered[2])
{
	for (size_t i = 0; i < MANY; i++) {
		struct gp_maildir_delivery d = mail_for(r, many[i]);
		assert_int_equal(gp_maildir_begin(r->md, &d, NOW_S * 1000000ULL), i);
	}
	memset(spy.seen, 0, sizeof(spy.seen));
	memset(spy.log, 0, sizeof(spy.log));
	spy.log_len = 0;
	gp_maildir_commit(r->md);
	ret_delivered[0] = ret_delivered[1] = 0;
	for (size_t i = 0; i < MANY; i++) {
		struct gp_outcome o = gp_maildir_outcome(r->md, i);
		ret_delivered[many[i][0] == 'b'] += o.kind == GP_OUTCOME_DELIVERED;
	}
	gp_maildir_reset(r->md);
}

/* The second batch, whose folders have all been made and synced by the first. */
static void
commit_many(struct root *r, int ret_delivered[2])
{
	commit_batch(r, ret_delivered);
	commit_batch(r, ret_delivered);
}

static int
count_lines(const char *text, const char *start)
{
	int n = 0;
	for (; *text; text = strchr(text, '\n') + 1)
		n += strncmp(text, start, strlen(start)) == 0;
	return n;
}

/* Many on one file system: one sync of it all a phase, and a file and a folder as its witness. */
static void
test_order_of_many(void **state)
{
	(void)state;
	struct root r;
	int delivered[2];
	root_open(&r, &spied_files);
	spy.whole = true;
	commit_many(&r, delivered);
	assert_int_equal(delivered[0] + delivered[1], MANY);
	const char *at = spy.log;
	expect_each(&at, "sync_whole", &many[0], 1, "/tmp/");
	expect_each(&at, "sync", &many[MANY - 1], 1, "/tmp/");
	expect_each(&at, "publish", many, MANY, "/new\n");
	assert_int_equal(count_lines(at, "sync_whole /"), 1);
	assert_int_equal(strncmp(at, "sync_whole /", 12), 0);
	assert_int_equal(count_lines(at, "sync /"), 1);
	assert_int_equal(count_lines(at, ""), 2);
	root_close(&r);
}

/* Where a sync of it all is not to be had, or too few are on one file system, or it took long, each
 * is synced alone. */
static void
test_whole_or_each(void **state)
{
	(void)state;
	static const struct {
		bool whole;
		uint64_t takes_ms;
		const char *other_device;
		bool no_device;
		int wholes, syncs, starts;
	} cases[] = {
		{.whole = true, .wholes = 2, .syncs = 2},
		{.whole = true, .takes_ms = GP_SYNC_SLOW_MS, .wholes = 2, .syncs = 2},
		/* The first batch's sync was the last one. */
		{.whole = true, .takes_ms = GP_SYNC_SLOW_MS + 1, .syncs = 24, .starts = 12},
		{.wholes = 2, .syncs = 24, .starts = 12},
		/* Eight on one, four on the other: those alone. */
		{.whole = true, .other_device = "/b/", .wholes = 2, .syncs = 10, .starts = 4},
		{.whole = true, .other_device = "/a/0", .wholes = 2, .syncs = 4, .starts = 1},
		/* Only the first phase could not tell. */
		{.whole = true, .no_device = true, .wholes = 1, .syncs = 13, .starts = 12},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct root r;
		int delivered[2];
		root_open(&r, &spied_files);
		spy.whole = cases[i].whole;
		spy.whole_takes_ms = cases[i].takes_ms;
		spy.other_device = cases[i].other_device;
		spy.fail_call = DEVICE;
		spy.fail_at = cases[i].no_device;
		spy.fail_error = -EIO;
		commit_many(&r, delivered);
		assert_int_equal(delivered[0] + delivered[1], MANY);
		assert_int_equal(count_lines(spy.log, "sync_whole /"), cases[i].wholes);
		assert_int_equal(count_lines(spy.log, "sync /"), cases[i].syncs);
		assert_int_equal(count_lines(spy.log, "start /"), cases[i].starts);
		root_close(&r);
	}
}

/* After a slow one each is synced alone for a while, and no longer. */
static void
test_slow_sync_rests(void **state)
{
	(void)state;
	struct root r;
	int delivered[2];
	root_open(&r, &spied_files);
	spy.whole = true;
	spy.whole_takes_ms = GP_SYNC_SLOW_MS + 1;
	commit_many(&r, delivered);
	assert_int_equal(count_lines(spy.log, "sync_whole /"), 0);
	spy.whole_takes_ms = 1;
	spy.now_ms += GP_SYNC_REST_MS;
	commit_many(&r, delivered);
	assert_int_equal(count_lines(spy.log, "sync_whole /"), 2);
	root_close(&r);
}

/* A sync of it all, or its witness, fails: nothing on that file system is said to be delivered, and
 * nothing stays in new/. On the other one all is well. */
static void
test_whole_failure(void **state)
{
	(void)state;
	static const struct {
		enum call call;
		unsigned at; /* in the commit: of the files, of the folders */
		int a, b;
	} cases[] = {
		{SYNC_WHOLE, 1, 0, 4}, {SYNC_WHOLE, 2, 0, 4}, {SYNC, 1, 0, 4},
		{SYNC, 2, 8, 3},       {SYNC, 6, 0, 4},       {SYNC, 7, 8, 3},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct root r;
		int delivered[2], there = 0;
		root_open(&r, &spied_files);
		spy.whole = true;
		spy.other_device = "/b/";
		commit_many(&r, delivered);
		spy.fail_call = cases[i].call;
		spy.fail_error = -EIO;
		spy.fail_at = cases[i].at;
		commit_batch(&r, delivered);
		if (delivered[0] != cases[i].a || delivered[1] != cases[i].b)
			fail_msg("case %zu: %d and %d\n%s", i, delivered[0], delivered[1], spy.log);
		for (size_t k = 0; k < MANY; k++) {
			char folder[32];
			snprintf(folder, sizeof(folder), "%s/new", many[k]);
			there += count_files(&r, folder, NULL);
		}
		assert_int_equal(there, 2 * MANY + delivered[0] + delivered[1]);
		root_close(&r);
	}
}

/* Every call fails once, in turn: what is said to be delivered is there, what is not is gone, and
 * no descriptor is lost. */
static void
test_every_failure(void **state)
{
	(void)state;
	static const enum call calls[] = {OPEN_BELOW, OPEN_DIR, MAKE_DIR, CREATE,
					  WRITE,      SYNC,     PUBLISH};
	static const char *const boxes[] = {"d/bob", "d/eve", "d/bob"};
	unsigned failures = 0;
	for (size_t c = 0; c < GP_ARRAY_LEN(calls); c++) {
		for (unsigned n = 1; n < 20; n++) {
			struct root r;
			root_open(&r, &spied_files);
			struct gp_maildir_delivery first = mail_for(&r, "d/eve");
			(void)deliver(&r, &first);
			gp_maildir_reset(r.md);
			int fds = open_fds(), delivered = 1, deferred = 0;
			spy_reset(&r);
			spy.fail_call = calls[c];
			spy.fail_at = n;
			spy.fail_error = -EIO;
			for (size_t i = 0; i < GP_ARRAY_LEN(boxes); i++) {
				struct gp_maildir_delivery d = mail_for(&r, boxes[i]);
				assert_int_equal(gp_maildir_begin(r.md, &d, NOW_S * 1000000ULL), i);
			}
			gp_maildir_commit(r.md);
			for (size_t i = 0; i < GP_ARRAY_LEN(boxes); i++) {
				struct gp_outcome o = gp_maildir_outcome(r.md, i);
				delivered += o.kind == GP_OUTCOME_DELIVERED;
				deferred += o.kind == GP_OUTCOME_DEFERRED;
				assert_int_equal(gp_maildir_errno(r.md, i),
						 o.kind == GP_OUTCOME_DELIVERED ? 0 : EIO);
			}
			assert_int_equal(delivered + deferred, 4);
			assert_int_equal(deferred > 0, spy.seen[calls[c]] >= n);
			failures += deferred > 0;
			gp_maildir_reset(r.md);
			assert_int_equal(open_fds(), fds);
			assert_int_equal(GP_MAX(count_files(&r, "d/bob/new", NULL), 0) +
						 count_files(&r, "d/eve/new", NULL),
					 delivered);
			assert_true(count_files(&r, "d/bob/tmp", NULL) <= 0);
			assert_int_equal(count_files(&r, "d/eve/tmp", NULL), 0);
			root_close(&r);
		}
	}
	assert_true(failures > 20);
}

/* Codes by the system's error. */
static void
test_errors(void **state)
{
	(void)state;
	static const struct {
		int error, code, class, subject, detail;
	} cases[] = {
		{ENOSPC, 452, 4, 3, 1}, {EDQUOT, 452, 4, 2, 2},       {EIO, 451, 4, 3, 0},
		{EROFS, 451, 4, 3, 5},  {EACCES, 451, 4, 2, 0},       {EMFILE, 451, 4, 3, 0},
		{ELOOP, 451, 4, 2, 0},  {ENAMETOOLONG, 550, 5, 1, 3},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct root r;
		root_open(&r, &spied_files);
		spy.fail_call = CREATE;
		spy.fail_at = 1;
		spy.fail_error = -cases[i].error;
		struct gp_maildir_delivery d = mail_for(&r, "box");
		struct gp_outcome o = deliver(&r, &d);
		assert_int_equal(o.reply.code, cases[i].code);
		assert_codes(&o, cases[i].class == 4 ? GP_OUTCOME_DEFERRED : GP_OUTCOME_FAILED,
			     cases[i].class, cases[i].subject, cases[i].detail);
		root_close(&r);
	}
}

/* What older kernels and odd file systems leave out. */
static void
test_fallbacks(void **state)
{
	(void)state;
	struct root r;
	root_open(&r, &spied_files);
	struct gp_maildir_delivery d = mail_for(&r, "d/bob");
	(void)deliver(&r, &d);
	/* No openat2. */
	spy_reset(&r);
	spy.fail_call = OPEN_BELOW;
	spy.fail_at = 1;
	spy.fail_error = -ENOSYS;
	struct gp_outcome o = deliver(&r, &d);
	assert_codes(&o, GP_OUTCOME_DELIVERED, 2, 0, 0);
	assert_int_equal(spy.seen[OPEN_BELOW] >= 1, true);
	/* No sync of directories: the second sync is of new/. */
	spy_reset(&r);
	spy.fail_call = SYNC;
	spy.fail_at = 2;
	spy.fail_error = -EINVAL;
	o = deliver(&r, &d);
	assert_codes(&o, GP_OUTCOME_DELIVERED, 2, 0, 0);
	assert_int_equal(spy.seen[SYNC], 2);
	/* A name that is taken, in tmp and in new. */
	for (enum call call = CREATE; call <= PUBLISH; call += PUBLISH - CREATE) {
		spy_reset(&r);
		spy.fail_call = call;
		spy.fail_at = 1;
		spy.fail_error = -EEXIST;
		o = deliver(&r, &d);
		assert_codes(&o, GP_OUTCOME_DELIVERED, 2, 0, 0);
	}
	assert_int_equal(count_files(&r, "d/bob/new", NULL), 5);
	root_close(&r);
}

/* A mailbox that was used before, and is gone: it is made again, not written into from memory. */
static void
test_removed_mailbox(void **state)
{
	(void)state;
	struct root r;
	root_open(&r, &spied_files);
	struct gp_maildir_delivery d = mail_for(&r, "d/bob");
	(void)deliver(&r, &d);
	gp_maildir_reset(r.md);
	assert_int_equal(renameat(r.fd, "d", r.fd, "away"), 0);
	spy_reset(&r);
	struct gp_outcome o = deliver(&r, &d);
	assert_codes(&o, GP_OUTCOME_DELIVERED, 2, 0, 0);
	assert_int_equal(count_files(&r, "d/bob/new", NULL), 1);
	assert_int_equal(count_files(&r, "away/bob/new", NULL), 1);
	assert_non_null(strstr(spy.log, "sync \n"));
	assert_non_null(strstr(spy.log, "sync /d\n"));
	root_close(&r);
}

static void
test_batch_limits(void **state)
{
	(void)state;
	struct root r;
	root_open(&r, &gp_maildir_files);
	int fds = open_fds();
	for (int i = 0; i < GP_MAILDIR_BATCH_MAX; i++) {
		char box[32];
		snprintf(box, sizeof(box), "d/%d", i);
		struct gp_maildir_delivery d = mail_for(&r, box);
		assert_int_equal(gp_maildir_begin(r.md, &d, NOW_S * 1000000ULL), i);
	}
	assert_true(open_fds() - fds <= 5 * GP_MAILDIR_BATCH_MAX + 2);
	struct gp_maildir_delivery d = mail_for(&r, "d/0");
	assert_int_equal(gp_maildir_begin(r.md, &d, NOW_S * 1000000ULL), -ENOBUFS);
	assert_int_equal(gp_maildir_begun(r.md), GP_MAILDIR_BATCH_MAX);
	/* Never committed: nothing stays. */
	gp_maildir_reset(r.md);
	assert_int_equal(open_fds(), fds);
	assert_int_equal(count_files(&r, "d/0/tmp", NULL), 0);
	assert_int_equal(count_files(&r, "d/0/new", NULL), 0);
	root_close(&r);
}

/* A disk that is really full, and one that is read only. */
static void
test_small_disk(void **state)
{
	(void)state;
	struct root r;
	root_open(&r, &gp_maildir_files);
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", r.path, "tmpfs", 0, "size=128k") < 0) {
		root_close(&r);
		print_message("skipped: no right to mount a file system\n");
		skip();
	}
	close(r.fd);
	r.fd = open(r.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	static char body[256 * 1024];
	memset(body, 'x', sizeof(body));
	struct gp_maildir_delivery d = mail_for(&r, "box");
	d.body = gp_slice(body, sizeof(body));
	struct gp_outcome o = deliver(&r, &d);
	assert_codes(&o, GP_OUTCOME_DEFERRED, 4, 3, 1);
	assert_int_equal(count_files(&r, "box/tmp", NULL), 0);
	d.body = GP_SLICE("there is room again\r\n");
	o = deliver(&r, &d);
	assert_codes(&o, GP_OUTCOME_DELIVERED, 2, 0, 0);
	gp_maildir_reset(r.md);
	assert_int_equal(mount("none", r.path, NULL, MS_REMOUNT | MS_RDONLY, "size=128k"), 0);
	o = deliver(&r, &d);
	assert_codes(&o, GP_OUTCOME_DEFERRED, 4, 3, 5);
	gp_maildir_reset(r.md);
	umount2(r.path, MNT_DETACH);
	root_close(&r);
}

static void
test_hostname(void **state)
{
	(void)state;
	static char long_name[300];
	memset(long_name, 'h', sizeof(long_name) - 1);
	const char *const hosts[] = {"a/b:c,d\n", "../..", "", long_name};
	for (size_t i = 0; i < GP_ARRAY_LEN(hosts); i++) {
		struct root r;
		root_open(&r, &gp_maildir_files);
		gp_maildir_free(r.md);
		r.md = gp_maildir_new(&gp_maildir_files, gp_slice_str(hosts[i]), UINT32_MAX, seed);
		struct gp_maildir_delivery d = mail_for(&r, "box");
		gp_maildir_reset(r.md);
		assert_int_equal(gp_maildir_begin(r.md, &d, UINT64_MAX), 0);
		gp_maildir_commit(r.md);
		struct gp_outcome o = gp_maildir_outcome(r.md, 0);
		assert_codes(&o, GP_OUTCOME_DELIVERED, 2, 0, 0);
		char name[256];
		assert_int_equal(count_files(&r, "box/new", name), 1);
		assert_null(strpbrk(name, ":\n"));
		assert_ptr_equal(strchr(name, ','), strstr(name, ",S="));
		root_close(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delivery),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_large_body),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_link_inside),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_order_of_many),
		cmocka_unit_test(test_whole_or_each),
		cmocka_unit_test(test_slow_sync_rests),
		cmocka_unit_test(test_whole_failure),
		cmocka_unit_test(test_every_failure),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_fallbacks),
		cmocka_unit_test(test_removed_mailbox),
		cmocka_unit_test(test_batch_limits),
		cmocka_unit_test(test_hostname),
		cmocka_unit_test(test_small_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
