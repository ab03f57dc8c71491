/* SPDX-License-Identifier: Apache-2.0 */
/* Senders become addresses of ours, and these lead back to them, and to nobody else. */
#include "../unit.h"

#include <errno.h>
#include <string.h>

#include "core/srs/srs.h"

#define DAY_MS (UINT64_C(24) * 60 * 60 * 1000)

/* Day 20,000 since the epoch is 544, "RA". */
enum { TODAY = 20000 };

#define BEFORE GP_SLICE("the secret before that")

static const struct gp_srs ours = {
	.keys = {{"0123456789abcdef", 16}}, .keys_len = 1, .now_ms = TODAY * DAY_MS + 5};

/* "PATH", or "stays". */
static const char *
forward(const struct gp_srs *srs, const char *sender, struct gp_arena *arena)
{
	struct gp_address a = {};
	struct gp_slice path;
	const char *why;
	if (sender[0] != '\0')
		assert_int_equal(gp_address_parse(gp_slice_str(sender), arena, &a, &why), 0);
	int r = gp_srs_forward(srs, &a, GP_SLICE("ours.example"), arena, &path);
	assert_in_range(r, 0, 1);
	return r == 0 ? gp_arena_str(arena, path) : "stays";
}

/* The sender, or "forged", "expired", or "other" where it is no address of the scheme. */
static const char *
back(const struct gp_srs *srs, const char *path, struct gp_arena *arena)
{
	struct gp_address a, sender;
	const char *why;
	assert_int_equal(gp_address_parse(gp_slice_str(path), arena, &a, &why), 0);
	if (!gp_srs_is(a.local))
		return "other";
	int r = gp_srs_back(srs, a.local, arena, &sender);
	assert_in_range(r, 0, GP_SRS_EXPIRED);
	return r == GP_SRS_FORGED    ? "forged"
	       : r == GP_SRS_EXPIRED ? "expired"
				     : gp_arena_str(arena, sender.text);
}

/* The codes were computed by another implementation of HMAC. */
static void
senders_are_rewritten_and_found_again(void **state)
{
	(void)state;
	static const struct {
		const char *sender, *path;
	} cases[] = {
		{"alice@example.com", "SRS0=H7NPARLC=RA=example.com=alice@ours.example"},
		{"j\u00f6rg@b\u00fccher.example",
		 "SRS0=LN7WIKM6=RA=b\u00fccher.example=j\u00f6rg@ours.example"},
		{"Bounce+9-me=example.net@example.com",
		 "SRS0=HGRPH4DH=RA=example.com=Bounce+9-me=example.net@ours.example"},
		{"a=b@example.com", "SRS0=FA3XNV7C=RA=example.com=a=b@ours.example"},
		/* quoted where it must be, on both ways */
		{"\"a b\"@example.com", "\"SRS0=YPBWMPQA=RA=example.com=a b\"@ours.example"},
		{"\".x\"@example.com", "SRS0=TSOLQW7K=RA=example.com=.x@ours.example"},
		{"\"\\\"x\\\"\"@example.com",
		 "\"SRS0=4FG2STKP=RA=example.com=\\\"x\\\"\"@ours.example"},
		{"\"\"@example.com", "SRS0=6CMYHWCK=RA=example.com=@ours.example"},
		{"\"\\\"b b\\\"\"@example.com",
		 "\"SRS0=AS46T4KU=RA=example.com=\\\"b b\\\"\"@ours.example"},
		/* of others that forward */
		{"SRS0=hhh=tt=example.com=alice@fwd.example",
		 "SRS1=73PFBIVV=fwd.example==hhh=tt=example.com=alice@ours.example"},
		{"srs0+hhh=tt=example.com=alice@fwd.example",
		 "SRS1=IUELEK4C=fwd.example=+hhh=tt=example.com=alice@ours.example"},
		/* what only looks like it is a name like others */
		{"SRS1=x=y@fwd.example", "SRS0=7VXAQN2H=RA=fwd.example=SRS1=x=y@ours.example"},
	};
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		const char *path = forward(&ours, cases[i].sender, &arena);
		assert_string_equal(path, cases[i].path);
		const char *sender = back(&ours, path, &arena);
		if (strncmp(cases[i].sender, "srs0+", 5) == 0)
			assert_string_equal(sender, "SRS0+hhh=tt=example.com=alice@fwd.example");
		else
			assert_string_equal(sender, cases[i].sender);
	}
	gp_arena_free(&arena);
}

/* However long the chain of those who forward, an address leads to the first of them. */
static void
chains_do_not_grow(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	assert_string_equal(
		forward(&ours, "SRS1=abc=fwd.example==hhh=tt=example.com=alice@c.example", &arena),
		"SRS1=73PFBIVV=fwd.example==hhh=tt=example.com=alice@ours.example");
	/* we are the first */
	const char *mine = "SRS0=H7NPARLC=RA=example.com=alice@ours.example";
	assert_string_equal(
		forward(&ours, "SRS1=abc=ours.example==H7NPARLC=RA=example.com=alice@fwd.example",
			&arena),
		mine);
	assert_string_equal(back(&ours, mine, &arena), "alice@example.com");
	gp_arena_free(&arena);
}

static void
some_senders_stay(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	assert_string_equal(forward(&ours, "", &arena), "stays");
	assert_string_equal(forward(&ours, "alice@[192.0.2.1]", &arena), "stays");
	/* a local-part of 64 octets, and of one more */
	assert_string_not_equal(
		forward(&ours, "a2345678901234567890123456789012345@example.com", &arena), "stays");
	assert_string_equal(
		forward(&ours, "a23456789012345678901234567890123456@example.com", &arena),
		"stays");
	gp_arena_free(&arena);
}

static void
nothing_else_leads_anywhere(void **state)
{
	(void)state;
	static const struct {
		const char *path, *sender;
	} cases[] = {
		{"SRS0=H7NPARLC=RA=example.com=alice@ours.example", "alice@example.com"},
		/* a host on the way folds case */
		{"srs0=h7nparlc=ra=example.com=alice@ours.example", "alice@example.com"},
		{"SRS0=H7NPARLC=RA=EXAMPLE.COM=ALICE@ours.example", "ALICE@example.com"},
		/* each part is bound */
		{"SRS0=H7NPARLD=RA=example.com=alice@ours.example", "forged"},
		{"SRS0=H7NPARLC=RB=example.com=alice@ours.example", "forged"},
		{"SRS0=H7NPARLC=RA=example.org=alice@ours.example", "forged"},
		{"SRS0=H7NPARLC=RA=example.com=alicf@ours.example", "forged"},
		{"SRS0=H7NPARLC=RA=example.com=alice=@ours.example", "forged"},
		{"SRS1=H7NPARLC=RA=example.com=alice@ours.example", "forged"},
		{"SRS1=73PFBIVV=fwd.example==hhh=tt=example.com=alice@ours.example",
		 "SRS0=hhh=tt=example.com=alice@fwd.example"},
		{"SRS1=73PFBIVV=fwd.example=+hhh=tt=example.com=alice@ours.example", "forged"},
		{"SRS1=73PFBIVV=evil.example==hhh=tt=example.com=alice@ours.example", "forged"},
		{"SRS0=73PFBIVV=fwd.example==hhh=tt=example.com=alice@ours.example", "forged"},
		/* pieces */
		{"SRS0=H7NPARL=RA=example.com=alice@ours.example", "forged"},
		{"SRS0=H7NPARLCC=RA=example.com=alice@ours.example", "forged"},
		{"SRS0==RA=example.com=alice@ours.example", "forged"},
		{"SRS0=H7NPARLC@ours.example", "forged"},
		{"SRS0=@ours.example", "forged"},
		{"SRS0+@ours.example", "forged"},
		{"SRS1=@ours.example", "forged"},
		{"SRS1=H7NPARLC=@ours.example", "forged"},
		{"SRS1=H7NPARLC=x=@ours.example", "forged"},
		{"SRS0@ours.example", "other"},
		{"SRS2=a@ours.example", "other"},
		{"SRS0x=a@ours.example", "other"},
		{"xSRS0=a@ours.example", "other"},
	};
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		assert_string_equal(back(&ours, cases[i].path, &arena), cases[i].sender);
	gp_arena_free(&arena);
}

static void
days_end(void **state)
{
	(void)state;
	static const struct {
		int days; /* from the day when it was made to the day when it is read */
		const char *sender;
	} cases[] = {
		{0, "alice@example.com"},
		{21, "alice@example.com"},
		{22, "expired"},
		{-1, "alice@example.com"},
		{-2, "expired"},
		{512, "expired"},
		{1001, "expired"},
		{1022, "expired"},
		/* by then it is the same day again: nobody keeps 2.8 years what could be sent for 3
		   weeks */
		{1024, "alice@example.com"},
	};
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	/* also where the count begins anew */
	static const int made[] = {TODAY, 1024 * 20, 1024 * 20 - 1, 1024 * 20 + 20};
	for (size_t m = 0; m < GP_ARRAY_LEN(made); m++) {
		struct gp_srs then = ours;
		then.now_ms = (uint64_t)made[m] * DAY_MS;
		const char *path = forward(&then, "alice@example.com", &arena);
		for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
			then.now_ms = (uint64_t)(made[m] + cases[i].days) * DAY_MS;
			assert_string_equal(back(&then, path, &arena), cases[i].sender);
		}
	}
	gp_arena_free(&arena);
}

static void
keys_are_exchanged(void **state)
{
	(void)state;
	struct gp_srs both = ours, before = ours;
	before.keys[0] = BEFORE;
	both.keys[1] = BEFORE;
	both.keys_len = 2;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	const char *old = forward(&before, "alice@example.com", &arena);
	assert_string_equal(old, "SRS0=AUH6PUQU=RA=example.com=alice@ours.example");
	assert_string_equal(back(&both, old, &arena), "alice@example.com");
	assert_string_equal(back(&ours, old, &arena), "forged");
	assert_string_equal(forward(&both, "alice@example.com", &arena),
			    forward(&ours, "alice@example.com", &arena));
	gp_arena_free(&arena);
}

/* Each octet of an address changed into each other one: none that differs by more than case is
 * taken. */
static void
no_octet_is_free(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	char path[] = "SRS0=H7NPARLC=RA=example.com=alice";
	const struct gp_slice whole = GP_SLICE("SRS0=H7NPARLC=RA=example.com=alice");
	struct gp_address sender;
	for (size_t i = 0; i < whole.len; i++) {
		for (int c = 33; c < 127; c++) {
			path[i] = (char)c;
			struct gp_slice local = gp_slice(path, whole.len);
			bool same = gp_slice_eq_nocase(local, whole);
			bool taken =
				gp_srs_is(local) && gp_srs_back(&ours, local, &arena, &sender) == 0;
			if (taken != same)
				fail_msg("'%s' is %s", path, taken ? "taken" : "refused");
			gp_arena_reset(&arena);
		}
		path[i] = whole.ptr[i];
	}
	gp_arena_free(&arena);
}

static void
memory_may_end(void **state)
{
	(void)state;
	int fine = 0;
	struct gp_arena names = GP_ARENA_INIT(1 << 12);
	struct gp_address sender, found;
	const char *why;
	assert_int_equal(gp_address_parse(GP_SLICE("\"a b\"@example.com"), &names, &sender, &why),
			 0);
	for (size_t max = 0; max < 2048 && fine < 2; max += 8) {
		struct gp_arena arena = GP_ARENA_INIT(max);
		struct gp_slice path;
		int r = gp_srs_forward(&ours, &sender, GP_SLICE("ours.example"), &arena, &path);
		assert_true(r == 0 || r == -ENOMEM);
		fine = r == 0;
		gp_arena_free(&arena);
		arena = GP_ARENA_INIT(max);
		r = gp_srs_back(&ours, GP_SLICE("\"SRS0=YPBWMPQA=RA=example.com=a b\""), &arena,
				&found);
		assert_true(r == 0 || r == -ENOMEM);
		fine += r == 0;
		gp_arena_free(&arena);
	}
	assert_int_equal(fine, 2);
	gp_arena_free(&names);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(senders_are_rewritten_and_found_again),
		cmocka_unit_test(chains_do_not_grow),
		cmocka_unit_test(some_senders_stay),
		cmocka_unit_test(nothing_else_leads_anywhere),
		cmocka_unit_test(days_end),
		cmocka_unit_test(keys_are_exchanged),
		cmocka_unit_test(no_octet_is_free),
		cmocka_unit_test(memory_may_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
