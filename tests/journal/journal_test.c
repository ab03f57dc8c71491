/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <errno.h>
#include <string.h>

#include "core/journal/journal.h"

enum { ARENA_MAX = 1 << 20, FILE_MAX = 1 << 20 };

static const struct gp_slice rcpts[] = {GP_SLICE("a@example.net"), GP_SLICE("b@example.net")};

static const struct gp_journal_entry entries[] = {
	{.kind = GP_JOURNAL_BEGAN, .time_ms = 1},
	{.kind = GP_JOURNAL_LOST, .time_ms = 2, .count = 7},
	{.kind = GP_JOURNAL_ARRIVED,
	 .time_ms = 1792000000123,
	 .id = 0x0123456789abcdef,
	 .origin = GP_JOURNAL_USER,
	 .client = GP_SLICE("192.0.2.7"),
	 .helo = GP_SLICE("laptop"),
	 .user = GP_SLICE("alice"),
	 .sender = GP_SLICE("alice@example.org"),
	 .message_id = GP_SLICE("<1@example.org>"),
	 .tls = GP_SLICE("TLSv1.3"),
	 .results = GP_SLICE("spf=pass"),
	 .size = 5000000000,
	 .rcpts = rcpts,
	 .rcpts_len = GP_ARRAY_LEN(rcpts),
	 .rcpts_all = 70},
	{.kind = GP_JOURNAL_OUTCOME,
	 .time_ms = 4,
	 .id = 5,
	 .rcpt = GP_SLICE("a@example.net"),
	 .reply = GP_REPLY_INIT(451, 4, 7, 1, "later"),
	 .outcome = GP_OUTCOME_DEFERRED,
	 .remote = GP_SLICE("mx.example.net [192.0.2.1]:25"),
	 .attempts = 3,
	 .next_ms = 9},
	{.kind = GP_JOURNAL_REFUSED,
	 .time_ms = 5,
	 .origin = GP_JOURNAL_STRANGER,
	 .client = GP_SLICE("2001:db8::1"),
	 .helo = GP_SLICE("x"),
	 .rcpt = GP_SLICE("nobody@example.org"),
	 .reply = GP_REPLY_INIT(550, 5, 1, 1, "unknown")},
	{.kind = GP_JOURNAL_ANSWERS, .time_ms = 6, .id = 5, .answers = GP_SLICE("\0\0")},
};

static struct gp_buf
write_all(void)
{
	struct gp_buf b = GP_BUF_INIT(FILE_MAX);
	for (size_t i = 0; i < GP_ARRAY_LEN(entries); i++)
		assert_true(gp_journal_write(&b, &entries[i]));
	return b;
}

static void
assert_text(struct gp_slice is, struct gp_slice should)
{
	assert_int_equal(is.len, should.len);
	assert_true(gp_slice_eq(is, should));
}

static void
assert_entry(const struct gp_journal_entry *is, const struct gp_journal_entry *should)
{
	assert_int_equal(is->kind, should->kind);
	assert_int_equal(is->time_ms, should->time_ms);
	assert_int_equal(is->id, should->id);
	assert_int_equal(is->origin, should->origin);
	assert_text(is->client, should->client);
	assert_text(is->helo, should->helo);
	assert_text(is->user, should->user);
	assert_text(is->sender, should->sender);
	assert_text(is->message_id, should->message_id);
	assert_text(is->tls, should->tls);
	assert_text(is->results, should->results);
	assert_int_equal(is->size, should->size);
	assert_int_equal(is->rcpts_all, should->rcpts_all);
	assert_int_equal(is->rcpts_len, should->rcpts_len);
	for (size_t i = 0; i < is->rcpts_len; i++)
		assert_text(is->rcpts[i], should->rcpts[i]);
	assert_text(is->rcpt, should->rcpt);
	assert_int_equal(is->reply.code, should->reply.code);
	assert_int_equal(is->reply.enhanced_class, should->reply.enhanced_class);
	assert_int_equal(is->reply.enhanced_subject, should->reply.enhanced_subject);
	assert_int_equal(is->reply.enhanced_detail, should->reply.enhanced_detail);
	assert_text(is->reply.text, should->reply.text);
	assert_int_equal(is->outcome, should->outcome);
	assert_text(is->remote, should->remote);
	assert_int_equal(is->attempts, should->attempts);
	assert_int_equal(is->next_ms, should->next_ms);
	assert_int_equal(is->count, should->count);
	assert_text(is->answers, should->answers);
}

static void
each_kind_comes_back_as_it_was(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_buf b = write_all();
	struct gp_slice file = gp_buf_slice(&b);
	struct gp_journal_entry e;
	for (size_t i = 0; i < GP_ARRAY_LEN(entries); i++) {
		assert_int_equal(gp_journal_read(&file, &arena, &e), 0);
		assert_entry(&e, &entries[i]);
	}
	assert_int_equal(gp_journal_read(&file, &arena, &e), 1);
	assert_int_equal(file.len, 0);
	gp_buf_free(&b);
	gp_arena_free(&arena);
}

/* How many entries are whole in it. */
static size_t
count(struct gp_slice file)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_journal_entry e;
	size_t n = 0;
	while (gp_journal_read(&file, &arena, &e) == 0)
		n++;
	gp_arena_free(&arena);
	return n;
}

static void
a_torn_end_costs_what_was_torn(void **state)
{
	(void)state;
	struct gp_buf b = write_all();
	size_t before = 0;
	for (size_t len = 0; len <= b.len; len++) {
		size_t n = count(gp_slice_take(gp_buf_slice(&b), len));
		assert_true(n >= before && n <= before + 1);
		before = n;
	}
	assert_int_equal(before, GP_ARRAY_LEN(entries));
	gp_buf_free(&b);
}

static void
a_flipped_bit_is_noticed(void **state)
{
	(void)state;
	struct gp_buf b = write_all();
	for (size_t i = 0; i < b.len; i++) {
		b.ptr[i] ^= 4;
		assert_true(count(gp_buf_slice(&b)) < GP_ARRAY_LEN(entries));
		b.ptr[i] ^= 4;
	}
	gp_buf_free(&b);
}

static void
long_texts_and_lists_are_cut(void **state)
{
	(void)state;
	static char text[GP_JOURNAL_TEXT_MAX * 2];
	static struct gp_slice many[GP_JOURNAL_RCPTS_MAX * 2];
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_buf b = GP_BUF_INIT(FILE_MAX);
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < GP_ARRAY_LEN(many); i++)
		many[i] = gp_slice(text, sizeof(text));
	struct gp_journal_entry e = {.kind = GP_JOURNAL_ARRIVED,
				     .origin = GP_JOURNAL_STRANGER,
				     .helo = gp_slice(text, sizeof(text)),
				     .rcpts = many,
				     .rcpts_len = GP_ARRAY_LEN(many),
				     .rcpts_all = GP_ARRAY_LEN(many)};
	assert_true(gp_journal_write(&b, &e));
	struct gp_slice file = gp_buf_slice(&b);
	assert_int_equal(gp_journal_read(&file, &arena, &e), 0);
	assert_int_equal(e.helo.len, GP_JOURNAL_TEXT_MAX);
	assert_int_equal(e.rcpts_len, GP_JOURNAL_RCPTS_MAX);
	assert_int_equal(e.rcpts_all, GP_ARRAY_LEN(many));
	gp_buf_free(&b);
	gp_arena_free(&arena);
}

static void
what_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
	(void)state;
	struct gp_buf b = GP_BUF_INIT(100);
	assert_true(gp_journal_write(&b, &entries[0]));
	size_t before = b.len;
	assert_false(gp_journal_write(&b, &entries[2]));
	assert_int_equal(b.len, before);
	assert_true(gp_journal_write(&b, &entries[1]));
	assert_int_equal(count(gp_buf_slice(&b)), 2);
	gp_buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_comes_back_as_it_was),
		cmocka_unit_test(a_torn_end_costs_what_was_torn),
		cmocka_unit_test(a_flipped_bit_is_noticed),
		cmocka_unit_test(long_texts_and_lists_are_cut),
		cmocka_unit_test(what_does_not_fit_leaves_the_buffer_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
