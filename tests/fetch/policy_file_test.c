/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "procs/fetch/policy_file.h"
#include "procs/fetch/policy_record.h"

enum { DAY_S = 86400, OUT_MAX = 1 << 20 };
#define NOW_MS (UINT64_C(1800000000) * 1000)

static const uint64_t seed[2] = {1, 2};
static char folder[] = "/tmp/gp-policies-XXXXXX";
static int folder_fd = -1;

/* --- records ------------------------------------------------------------------------------- */

static struct policy_record
record_of(const char *domain, const char *text)
{
	return (struct policy_record){.fetched_ms = NOW_MS,
				      .max_age_s = DAY_S,
				      .id = GP_SLICE("id1"),
				      .domain = gp_slice_str(domain),
				      .text = gp_slice_str(text)};
}

static void
put(struct gp_buf *out, const char *domain, const char *text)
{
	struct policy_record r = record_of(domain, text);
	size_t before = out->len;
	policy_record_write(out, &r);
	assert_false(out->failed);
	assert_int_equal(out->len - before, policy_record_size(&r));
}

/* The domains that are read, each with a space behind it; returns the damaged octets. */
static size_t
read_domains(struct gp_slice rest, char *ret, size_t ret_size)
{
	struct policy_record r;
	size_t damaged = 0, at = 0;
	ret[0] = '\0';
	while (policy_record_read(&rest, &r, &damaged))
		at += (size_t)snprintf(ret + at, ret_size - at, "%.*s ", GP_SLICE_FMT(r.domain));
	assert_int_equal(rest.len, 0);
	return damaged;
}

static void
records_come_back(void **state)
{
	struct gp_buf out = GP_BUF_INIT(OUT_MAX);
	struct policy_record r;
	size_t damaged = 0;
	(void)state;
	put(&out, "a.test", "one");
	struct gp_slice rest = gp_buf_slice(&out);
	assert_true(policy_record_read(&rest, &r, &damaged));
	assert_int_equal(r.fetched_ms, NOW_MS);
	assert_int_equal(r.max_age_s, DAY_S);
	assert_slice(r.id, "id1");
	assert_slice(r.domain, "a.test");
	assert_slice(r.text, "one");
	assert_false(policy_record_read(&rest, &r, &damaged));
	assert_int_equal(damaged, 0);
	gp_buf_free(&out);
}

/* Every bit of the middle one of three, turned over: the others come, and it does not. */
static void
one_damaged_record_is_one_lost(void **state)
{
	struct gp_buf out = GP_BUF_INIT(OUT_MAX);
	char found[64];
	(void)state;
	put(&out, "a.test", "one");
	size_t from = out.len;
	put(&out, "b.test", "two");
	size_t to = out.len;
	put(&out, "c.test", "three");
	char *octets = (char *)gp_buf_slice(&out).ptr;
	for (size_t bit = from * 8; bit < to * 8; bit++) {
		octets[bit / 8] = (char)(octets[bit / 8] ^ 1 << bit % 8);
		assert_int_equal(read_domains(gp_buf_slice(&out), found, sizeof(found)), to - from);
		assert_string_equal(found, "a.test c.test ");
		octets[bit / 8] = (char)(octets[bit / 8] ^ 1 << bit % 8);
	}
	gp_buf_free(&out);
}

static void
a_torn_end_costs_the_last_one(void **state)
{
	struct gp_buf out = GP_BUF_INIT(OUT_MAX);
	char found[64];
	(void)state;
	put(&out, "a.test", "one");
	size_t first = out.len;
	put(&out, "b.test", "two");
	for (size_t len = first; len < out.len; len++) {
		struct gp_slice torn = gp_slice_take(gp_buf_slice(&out), len);
		assert_int_equal(read_domains(torn, found, sizeof(found)), len - first);
		assert_string_equal(found, "a.test ");
	}
	gp_buf_free(&out);
}

/* --- files --------------------------------------------------------------------------------- */

static const char *const names[] = {"policies.0", "policies.1"};

static int
set_up(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(folder));
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder_fd < 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++)
		unlinkat(folder_fd, names[i], 0);
	close(folder_fd);
	return rmdir(folder);
}

static size_t
size_of(size_t which)
{
	struct stat st;
	assert_int_equal(fstatat(folder_fd, names[which], &st, 0), 0);
	return (size_t)st.st_size;
}

static void
write_file(size_t which, struct gp_slice bytes)
{
	int fd = openat(folder_fd, names[which], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, bytes.ptr, bytes.len), bytes.len);
	close(fd);
}

/* What a process that starts at now_ms finds. */
static struct policy_cache *
start(uint64_t now_ms, struct policy_file **ret)
{
	struct policy_cache *c = policy_cache_new(seed, 1000, OUT_MAX);
	assert_non_null(c);
	assert_int_equal(policy_file_open(folder_fd, c, now_ms, ret), 0);
	return c;
}

static void
end(struct policy_cache *c, struct policy_file *f)
{
	policy_file_close(f);
	policy_cache_free(c);
}

static void
keep(struct policy_cache *c, struct policy_file *f, const char *domain, const char *text,
     uint64_t now_ms)
{
	const struct gp_mtasts_policy policy = {.max_age_s = DAY_S};
	struct policy *p = policy_cache_make(c, gp_slice_str(domain));
	assert_true(policy_cache_set_text(c, p, gp_slice_str(text)));
	gp_mtasts_kept(&p->state, GP_SLICE("id1"), &policy, now_ms);
	policy_file_keep(f, p, now_ms);
}

static void
assert_kept(struct policy_cache *c, const char *domain, const char *text)
{
	const struct policy *p = policy_cache_find(c, gp_slice_str(domain));
	if (!text) {
		assert_null(p);
		return;
	}
	assert_non_null(p);
	assert_slice(p->text, text);
}

static void
what_was_kept_is_there(void **state)
{
	struct policy_file *f;
	struct policy_cache *c = start(NOW_MS, &f);
	(void)state;
	keep(c, f, "a.test", "one", NOW_MS);
	keep(c, f, "b.test", "two", NOW_MS);
	keep(c, f, "a.test", "three", NOW_MS + 1);
	end(c, f);
	c = start(NOW_MS + 2, &f);
	assert_kept(c, "a.test", "three");
	assert_kept(c, "b.test", "two");
	const struct policy *p = policy_cache_find(c, GP_SLICE("a.test"));
	assert_int_equal(p->state.fetched_ms, NOW_MS + 1);
	assert_int_equal(p->state.max_age_s, DAY_S);
	assert_true(gp_mtasts_valid(&p->state, NOW_MS + 2));
	end(c, f);
}

static void
what_is_over_is_not(void **state)
{
	struct policy_file *f;
	struct policy_cache *c = start(NOW_MS, &f);
	(void)state;
	keep(c, f, "a.test", "one", NOW_MS);
	end(c, f);
	c = start(NOW_MS + DAY_S * UINT64_C(1000), &f);
	assert_kept(c, "a.test", NULL);
	end(c, f);
}

static void
a_fetch_of_the_future_is_of_now(void **state)
{
	struct policy_file *f;
	struct policy_cache *c = start(NOW_MS, &f);
	(void)state;
	keep(c, f, "a.test", "one", 2 * NOW_MS);
	end(c, f);
	c = start(NOW_MS, &f);
	assert_int_equal(policy_cache_find(c, GP_SLICE("a.test"))->state.fetched_ms, NOW_MS);
	end(c, f);
}

/* A crash while all was copied from one file to the other, at every octet of the copy. */
static void
a_crash_between_the_files_loses_nothing(void **state)
{
	struct gp_buf old = GP_BUF_INIT(OUT_MAX), copy = GP_BUF_INIT(OUT_MAX);
	struct policy_file *f;
	(void)state;
	put(&old, "a.test", "stale");
	put(&old, "b.test", "two");
	put(&old, "a.test", "one");
	put(&copy, "b.test", "two");
	put(&copy, "a.test", "one");
	for (size_t len = 0; len <= copy.len; len++) {
		for (size_t which = 0; which < GP_ARRAY_LEN(names); which++) {
			write_file(which, gp_buf_slice(&old));
			write_file(1 - which, gp_slice_take(gp_buf_slice(&copy), len));
			for (int again = 0; again < 2; again++) {
				struct policy_cache *c = start(NOW_MS, &f);
				assert_kept(c, "a.test", "one");
				assert_kept(c, "b.test", "two");
				end(c, f);
				assert_true(size_of(0) == 0 || size_of(1) == 0);
			}
		}
	}
	gp_buf_free(&old);
	gp_buf_free(&copy);
}

static void
damage_is_gone_after_one_start(void **state)
{
	struct gp_buf old = GP_BUF_INIT(OUT_MAX), clean = GP_BUF_INIT(OUT_MAX);
	struct policy_file *f;
	(void)state;
	put(&old, "a.test", "one");
	gp_buf_put_str(&old, "damage");
	put(&old, "b.test", "two");
	put(&clean, "a.test", "one");
	put(&clean, "b.test", "two");
	write_file(0, gp_buf_slice(&old));
	for (int again = 0; again < 2; again++) {
		struct policy_cache *c = start(NOW_MS, &f);
		assert_kept(c, "a.test", "one");
		assert_kept(c, "b.test", "two");
		assert_int_equal(size_of(0), 0);
		assert_int_equal(size_of(1), clean.len);
		end(c, f);
	}
	gp_buf_free(&old);
	gp_buf_free(&clean);
}

static void
limit_files_to(rlim_t octets)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = octets;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* One has everything, the other the first half of it: which is which is not known. */
static void
a_full_disk_between_the_files_loses_nothing(void **state)
{
	struct gp_buf all = GP_BUF_INIT(OUT_MAX);
	struct policy_file *f;
	(void)state;
	put(&all, "b.test", "two");
	size_t half = all.len;
	put(&all, "a.test", "one");
	signal(SIGXFSZ, SIG_IGN);
	for (size_t which = 0; which < GP_ARRAY_LEN(names); which++) {
		write_file(which, gp_buf_slice(&all));
		write_file(1 - which, gp_slice_take(gp_buf_slice(&all), half));
		struct policy_cache *c = policy_cache_new(seed, 1000, OUT_MAX);
		limit_files_to(half / 2);
		assert_int_equal(policy_file_open(folder_fd, c, NOW_MS, &f), -EFBIG);
		limit_files_to(RLIM_INFINITY);
		policy_cache_free(c);
		c = start(NOW_MS, &f);
		assert_kept(c, "a.test", "one");
		assert_kept(c, "b.test", "two");
		end(c, f);
	}
	gp_buf_free(&all);
}

static void
a_full_disk_is_made_good_later(void **state)
{
	static char text[GP_MTASTS_BODY_MAX];
	struct policy_file *f;
	struct policy_cache *c = start(NOW_MS, &f);
	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	signal(SIGXFSZ, SIG_IGN);
	keep(c, f, "b.test", "two", NOW_MS);
	limit_files_to(sizeof(text) / 2);
	for (unsigned i = 0; i < 60; i++)
		keep(c, f, "a.test", text, NOW_MS + i);
	limit_files_to(RLIM_INFINITY);
	keep(c, f, "c.test", "three", NOW_MS);
	end(c, f);
	c = start(NOW_MS + 60, &f);
	assert_kept(c, "a.test", text);
	assert_kept(c, "b.test", "two");
	assert_kept(c, "c.test", "three");
	end(c, f);
}

static void
a_file_that_grows_is_written_anew(void **state)
{
	static char text[GP_MTASTS_BODY_MAX];
	struct policy_file *f;
	struct policy_cache *c = start(NOW_MS, &f);
	size_t largest = 0, places = 0, was = 2;
	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	keep(c, f, "b.test", "two", NOW_MS);
	for (unsigned i = 0; i < 60; i++) {
		keep(c, f, "a.test", text, NOW_MS + i);
		size_t now = size_of(0) > 0 ? 0 : 1;
		assert_int_equal(size_of(1 - now), 0);
		largest = GP_MAX(largest, size_of(now));
		places += now != was;
		was = now;
	}
	assert_in_range(largest, 1 << 19, 1 << 20);
	assert_in_range(places, 3, 6);
	end(c, f);
	c = start(NOW_MS + 60, &f);
	assert_kept(c, "a.test", text);
	assert_kept(c, "b.test", "two");
	end(c, f);
}

static void
a_folder_that_is_none_is_an_error(void **state)
{
	struct policy_cache *c = policy_cache_new(seed, 1000, OUT_MAX);
	struct policy_file *f;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)state;
	assert_int_equal(policy_file_open(null, c, NOW_MS, &f), -ENOTDIR);
	assert_null(f);
	close(null);
	end(c, f);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_back),
		cmocka_unit_test(one_damaged_record_is_one_lost),
		cmocka_unit_test(a_torn_end_costs_the_last_one),
		WITH_FOLDER(what_was_kept_is_there),
		WITH_FOLDER(what_is_over_is_not),
		WITH_FOLDER(a_fetch_of_the_future_is_of_now),
		WITH_FOLDER(a_crash_between_the_files_loses_nothing),
		WITH_FOLDER(damage_is_gone_after_one_start),
		WITH_FOLDER(a_full_disk_between_the_files_loses_nothing),
		WITH_FOLDER(a_full_disk_is_made_good_later),
		WITH_FOLDER(a_file_that_grows_is_written_anew),
		WITH_FOLDER(a_folder_that_is_none_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
