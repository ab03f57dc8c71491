/* SPDX-License-Identifier: Apache-2.0 */
/* Mail that was refused, kept within its bounds, and given back as it came. */
#include "../unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reportdb/refused.h"

enum { MB = 1'000'000, HALF = 10 * MB };

static char folder[] = "/tmp/gp-refused-XXXXXX";
static char path[64];
static struct gp_refused *q;
static int64_t received_s; /* of what is kept */
static struct gp_arena arena = {.max = 16 << 20};

static int
set_up(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	received_s = 1000;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/refused.db", folder);
	return gp_refused_open(path, GP_REFUSED_MAKE, &q);
}

static int
tear_down(void **state)
{
	(void)state;
	q = gp_refused_close(q);
	/* Who reads alone leaves these behind. */
	static const char *const more[] = {"", "-wal", "-shm", ".to"};
	for (size_t i = 0; i < GP_ARRAY_LEN(more); i++) {
		char name[80];
		snprintf(name, sizeof(name), "%s%s", path, more[i]);
		unlink(name);
	}
	gp_arena_free(&arena);
	return rmdir(folder);
}

/* A mail is `size` octets, of which the last tell where it begins to differ from others. */
static char
octet(uint64_t size, uint64_t at)
{
	return (char)(at * 7 + at / 251 + size);
}

static int
read_octets(void *context, uint64_t at, char *to, size_t len)
{
	const uint64_t *size = context;
	for (size_t i = 0; i < len; i++)
		to[i] = octet(*size, at + i);
	return 0;
}

static int
fail_late(void *context, uint64_t at, char *to, size_t len)
{
	return at > 0 ? -EIO : read_octets(context, at, to, len);
}

static int
keep_by(int (*read)(void *, uint64_t, char *, size_t), const char *file, bool authenticated,
	uint64_t size)
{
	const struct gp_refused_mail mail = {.file = gp_slice_str(file),
					     .why = GP_SLICE("it is odd"),
					     .authenticated = authenticated,
					     .received_s = received_s,
					     .size = size};
	const struct gp_refused_source source = {&size, read};
	return gp_refused_keep(q, &mail, &source, 2 * HALF);
}

static int
keep(const char *file, bool authenticated, uint64_t size)
{
	return keep_by(read_octets, file, authenticated, size);
}

/* All that is there, the newest first: "b a ". */
static const char *
names(void)
{
	static char text[256];
	struct gp_refused_mail *list;
	size_t len, at = 0;
	assert_int_equal(gp_refused_list(q, &arena, &list, &len), 0);
	text[0] = '\0';
	for (size_t i = 0; i < len && i < 20; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%.*s ",
				       GP_SLICE_FMT(list[i].file));
	return text;
}

struct checking {
	uint64_t size, at;
};

static int
check(void *context, struct gp_slice octets)
{
	struct checking *c = context;
	for (size_t i = 0; i < octets.len; i++)
		assert_int_equal(octets.ptr[i], octet(c->size, c->at + i));
	c->at += octets.len;
	return 0;
}

static void
what_is_kept_comes_back(void **state)
{
	static const uint64_t sizes[] = {0, 1, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 3 * MB};
	struct gp_refused_mail *list;
	size_t len;
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(sizes); i++) {
		char file[16];
		snprintf(file, sizeof(file), "m%zu", i);
		assert_int_equal(keep(file, i % 2, sizes[i]), 0);
	}
	q = gp_refused_close(q);
	assert_int_equal(gp_refused_open(path, GP_REFUSED_READ, &q), 0);
	assert_int_equal(gp_refused_list(q, &arena, &list, &len), 0);
	assert_int_equal(len, GP_ARRAY_LEN(sizes));
	for (size_t i = 0; i < len; i++) {
		struct checking c = {.size = sizes[len - 1 - i]};
		assert_int_equal(list[i].size, c.size);
		assert_slice(list[i].why, "it is odd");
		assert_int_equal(list[i].authenticated, (len - 1 - i) % 2);
		assert_int_equal(gp_refused_tell(q, list[i].number, check, &c), 0);
		assert_int_equal(c.at, c.size);
	}
	struct checking none = {};
	assert_int_equal(gp_refused_tell(q, 99, check, &none), 1);
	assert_int_equal(gp_refused_tell(q, 0, check, &none), 1);
	assert_int_equal(gp_refused_tell(q, UINT64_MAX, check, &none), 1);
}

static void
the_same_one_is_kept_once(void **state)
{
	(void)state;
	assert_int_equal(keep("a", true, 10), 0);
	assert_int_equal(keep("b", true, 10), 0);
	assert_int_equal(keep("a", true, 20), 0);
	assert_string_equal(names(), "a b ");
}

static void
the_oldest_goes_first(void **state)
{
	(void)state;
	assert_int_equal(keep("a", true, 4 * MB), 0);
	assert_int_equal(keep("b", true, 4 * MB), 0);
	assert_int_equal(keep("c", true, 2 * MB), 0);
	assert_string_equal(names(), "c b a ");
	assert_int_equal(keep("d", true, 1), 0);
	assert_string_equal(names(), "d c b ");
	assert_int_equal(keep("e", true, HALF), 0);
	assert_string_equal(names(), "e ");
	assert_int_equal(keep("f", true, HALF + 1), 1);
	assert_string_equal(names(), "e ");
}

/* However much they send. */
static void
strangers_drive_out_strangers(void **state)
{
	(void)state;
	assert_int_equal(keep("ours", true, HALF), 0);
	assert_int_equal(keep("a", false, HALF), 0);
	assert_int_equal(keep("b", false, HALF), 0);
	assert_string_equal(names(), "b ours ");
	for (int i = 0; i < GP_REFUSED_MAILS_MAX / 2 + 1; i++) {
		char file[16];
		snprintf(file, sizeof(file), "s%d", i);
		assert_int_equal(keep(file, false, 1), 0);
	}
	struct gp_refused_mail *list;
	size_t len;
	assert_int_equal(gp_refused_list(q, &arena, &list, &len), 0);
	assert_int_equal(len, GP_REFUSED_MAILS_MAX / 2 + 1);
	assert_slice(list[len - 1].file, "ours");
	assert_slice(list[len - 2].file, "s1");
}

static void
what_cannot_be_read_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(keep("a", true, HALF), 0);
	assert_int_equal(keep_by(fail_late, "b", true, 2 * MB), -EIO);
	assert_string_equal(names(), "a ");
	assert_int_equal(keep_by(fail_late, "a", true, 2 * MB), -EIO);
	assert_string_equal(names(), "a ");
	assert_int_equal(keep("c", false, 1), 0);
}

static void
the_past_is_forgotten(void **state)
{
	(void)state;
	assert_int_equal(keep("a", true, 10), 0);
	assert_int_equal(gp_refused_forget(q, 1000), 0);
	assert_string_equal(names(), "a ");
	assert_int_equal(gp_refused_forget(q, 1001), 0);
	assert_string_equal(names(), "");
}

/* Into one beside it, which is the one from then on. Returns how many were copied. */
static uint64_t
copy_from(struct gp_refused *from)
{
	struct gp_refused *failed;
	uint64_t copied = 99;
	assert_int_equal(gp_refused_copy(from, q, 2 * HALF, &copied, &failed), 0);
	return copied;
}

static struct gp_refused *
begin_copy(void)
{
	struct gp_refused *from = q;
	char to[80];
	snprintf(to, sizeof(to), "%s.to", path);
	assert_int_equal(gp_refused_open(to, GP_REFUSED_MAKE, &q), 0);
	return from;
}

static void
copies_are_the_same(void **state)
{
	static const uint64_t sizes[] = {0, 1, 256 * 1024, 256 * 1024 + 1, 3 * MB};
	struct gp_refused_mail *list;
	size_t len;
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(sizes); i++) {
		char file[16];
		received_s = 1000 + (int64_t)i;
		snprintf(file, sizeof(file), "m%zu", i);
		assert_int_equal(keep(file, i % 2, sizes[i]), 0);
	}
	struct gp_refused *from = begin_copy();
	assert_int_equal(copy_from(from), 5);
	assert_int_equal(copy_from(from), 0);
	assert_string_equal(names(), "m4 m3 m2 m1 m0 ");
	assert_int_equal(gp_refused_list(q, &arena, &list, &len), 0);
	for (size_t i = 0; i < len; i++) {
		struct checking c = {.size = sizes[len - 1 - i]};
		assert_int_equal(gp_refused_tell(q, list[i].number, check, &c), 0);
		assert_int_equal(c.at, c.size);
		assert_int_equal(list[i].received_s, 1000 + (int64_t)(len - 1 - i));
		assert_int_equal(list[i].authenticated, (len - 1 - i) % 2);
	}
	gp_refused_close(from);
}

/* Of both together the newest are kept, in each half. */
static void
copies_drive_out_older_ones(void **state)
{
	(void)state;
	received_s = 10;
	assert_int_equal(keep("a", true, 4 * MB), 0);
	assert_int_equal(keep("stranger", false, HALF), 0);
	received_s = 30;
	assert_int_equal(keep("c", true, 4 * MB), 0);
	struct gp_refused *from = begin_copy();
	received_s = 20;
	assert_int_equal(keep("b", true, 4 * MB), 0);
	assert_int_equal(keep("small", true, 1 * MB), 0);
	received_s = 5;
	assert_int_equal(keep("oldest", true, 1 * MB), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(copy_from(from), i == 0 ? 2 : 0);
		assert_string_equal(names(), "c small b stranger oldest ");
	}
	gp_refused_close(from);
}

/* Of two of one name the later one. */
static void
copies_have_their_names(void **state)
{
	(void)state;
	received_s = 10;
	assert_int_equal(keep("a", true, 1), 0);
	received_s = 20;
	assert_int_equal(keep("b", true, 2), 0);
	struct gp_refused *from = begin_copy();
	received_s = 15;
	assert_int_equal(keep("a", true, 3), 0);
	assert_int_equal(keep("b", true, 4), 0);
	assert_int_equal(copy_from(from), 1);
	struct gp_refused_mail *list;
	size_t len;
	assert_int_equal(gp_refused_list(q, &arena, &list, &len), 0);
	assert_int_equal(len, 2);
	assert_int_equal(list[0].size, 2);
	assert_int_equal(list[1].size, 3);
	gp_refused_close(from);
}

static void
where_there_is_none(void **state)
{
	struct gp_refused *none;
	(void)state;
	assert_int_equal(gp_refused_open("/tmp/gp-refused-none/x", GP_REFUSED_READ, &none),
			 -ENOENT);
	assert_null(none);
	assert_null(gp_refused_close(NULL));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_kept_comes_back),
		TEST(the_same_one_is_kept_once),
		TEST(the_oldest_goes_first),
		TEST(strangers_drive_out_strangers),
		TEST(what_cannot_be_read_changes_nothing),
		TEST(the_past_is_forgotten),
		TEST(copies_are_the_same),
		TEST(copies_drive_out_older_ones),
		TEST(copies_have_their_names),
		TEST(where_there_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
