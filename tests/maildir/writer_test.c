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
#include "rig.h"

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

/* It goes beside the mail, in a mailbox that is whole. */
static void
test_junk(void **state)
{
	static const char *const folders[] = {"d/bob/new",       "d/bob/tmp",
					      "d/bob/cur",       "d/bob/.Junk/new",
					      "d/bob/.Junk/tmp", "d/bob/.Junk/cur"};
	(void)state;
	struct root r;
	root_open(&r, &gp_maildir_files);
	struct gp_maildir_delivery d = mail_for(&r, "d/bob");
	d.junk = true;
	struct gp_outcome o = deliver(&r, &d);
	assert_codes(&o, GP_OUTCOME_DELIVERED, 2, 0, 0);
	for (size_t i = 0; i < GP_ARRAY_LEN(folders); i++)
		assert_int_equal(count_files(&r, folders[i], NULL), i == 3);
	d.junk = false;
	o = deliver(&r, &d);
	assert_codes(&o, GP_OUTCOME_DELIVERED, 2, 0, 0);
	for (size_t i = 0; i < GP_ARRAY_LEN(folders); i++)
		assert_int_equal(count_files(&r, folders[i], NULL), i % 3 == 0);
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
		cmocka_unit_test(test_junk),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_link_inside),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_fallbacks),
		cmocka_unit_test(test_removed_mailbox),
		cmocka_unit_test(test_batch_limits),
		cmocka_unit_test(test_hostname),
		cmocka_unit_test(test_small_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
