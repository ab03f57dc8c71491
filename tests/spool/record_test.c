/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record format keeps what it is given: whatever octets a stranger puts into whatever field,
 * they read back equal and end nothing but themselves; and what is no record of ours is refused.
 */
#include "../unit.h"

#include <stdlib.h>
#include <string.h>

#include "../prng.h"
#include "spool/record.h"

enum {
	ROUNDS = 20000,
	RCPTS_MAX = 5,
	FIELD_MAX = 40,
	ARENA_MAX = 1 << 20,
};

/* The octets that have ended fields and lines in other formats. */
static const char special[] = "\r\n\0\t :;,=+\\\"'{}[]()<>%$|\xff\x80\x1b";

struct maker {
	struct prng random;
	struct gp_arena arena;
};

static struct gp_slice
any_octets(struct maker *m, size_t max)
{
	size_t len = prng_below(&m->random, max + 1);
	bool odd = prng_next(&m->random) % 2 == 0;
	char *to = gp_arena_alloc(&m->arena, len + 1);
	assert_non_null(to);
	for (size_t i = 0; i < len; i++)
		to[i] = odd ? special[prng_below(&m->random, sizeof(special))]
			    : (char)prng_next(&m->random);
	return gp_slice(to, len);
}

static struct gp_rcpt_state
any_state(struct maker *m)
{
	struct prng *r = &m->random;
	return (struct gp_rcpt_state){
		.attempts = (uint32_t)prng_next(r),
		.next_ms = prng_next(r),
		.last_ms = prng_next(r),
		.last = {.kind = (uint8_t)prng_below(r, GP_OUTCOME_FAILED + 1),
			 .reply = {.code = (uint16_t)prng_next(r),
				   .enhanced_class = (uint8_t)prng_next(r),
				   .enhanced_subject = (uint16_t)prng_next(r),
				   .enhanced_detail = (uint16_t)prng_next(r),
				   .text = any_octets(m, FIELD_MAX)},
			 .remote = any_octets(m, FIELD_MAX),
			 .remote_said = prng_next(r) % 2 == 0,
			 .remote_dsn = prng_next(r) % 2 == 0},
	};
}

static void
check_same(struct gp_slice a, struct gp_slice b)
{
	assert_int_equal(a.len, b.len);
	assert_true(gp_slice_eq(a, b));
}

static void
check_same_state(const struct gp_rcpt_state *a, const struct gp_rcpt_state *b)
{
	const struct gp_outcome *x = &a->last, *y = &b->last;
	assert_int_equal(a->attempts, b->attempts);
	assert_int_equal(a->next_ms, b->next_ms);
	assert_int_equal(a->last_ms, b->last_ms);
	assert_int_equal(x->kind, y->kind);
	assert_int_equal(x->reply.code, y->reply.code);
	assert_int_equal(x->reply.enhanced_class, y->reply.enhanced_class);
	assert_int_equal(x->reply.enhanced_subject, y->reply.enhanced_subject);
	assert_int_equal(x->reply.enhanced_detail, y->reply.enhanced_detail);
	assert_int_equal(x->remote_said, y->remote_said);
	assert_int_equal(x->remote_dsn, y->remote_dsn);
	check_same(x->reply.text, y->reply.text);
	check_same(x->remote, y->remote);
}

/* A message of n recipients, everything in it at random. */
static struct gp_message_meta
any_message(struct maker *m, size_t n)
{
	struct gp_rcpt *rcpts = gp_arena_array(&m->arena, n, sizeof(*rcpts));
	struct gp_rcpt_state *states = gp_arena_array(&m->arena, n, sizeof(*states));
	assert_true(rcpts && states);
	for (size_t i = 0; i < n; i++) {
		rcpts[i] = (struct gp_rcpt){.address = any_octets(m, FIELD_MAX),
					    .orcpt = any_octets(m, FIELD_MAX),
					    .notify = prng_next(&m->random) & 0x7f,
					    .forwarded = prng_next(&m->random) & 1};
		states[i] = any_state(m);
	}
	return (struct gp_message_meta){
		.flags = (uint8_t)prng_next(&m->random),
		.states = states,
		.envelope = {.sender = any_octets(m, FIELD_MAX),
			     .forwarder = any_octets(m, FIELD_MAX),
			     .envid = any_octets(m, FIELD_MAX),
			     .ret = prng_next(&m->random) & 0x7f,
			     .flags = (uint8_t)prng_next(&m->random),
			     .arrival_ms = prng_next(&m->random),
			     .client_addr = any_octets(m, FIELD_MAX),
			     .client_helo = any_octets(m, FIELD_MAX),
			     .rcpts = rcpts,
			     .rcpts_len = n},
	};
}

static void
check_same_message(const struct gp_message_meta *a, const struct gp_message_meta *b)
{
	const struct gp_envelope *x = &a->envelope, *y = &b->envelope;
	assert_int_equal(a->flags, b->flags);
	check_same(x->sender, y->sender);
	check_same(x->forwarder, y->forwarder);
	check_same(x->envid, y->envid);
	check_same(x->client_addr, y->client_addr);
	check_same(x->client_helo, y->client_helo);
	assert_int_equal(x->ret, y->ret);
	assert_int_equal(x->flags, y->flags);
	assert_int_equal(x->arrival_ms, y->arrival_ms);
	assert_int_equal(x->rcpts_len, y->rcpts_len);
	for (size_t i = 0; i < x->rcpts_len; i++) {
		check_same(x->rcpts[i].address, y->rcpts[i].address);
		check_same(x->rcpts[i].orcpt, y->rcpts[i].orcpt);
		assert_int_equal(x->rcpts[i].notify, y->rcpts[i].notify);
		assert_int_equal(x->rcpts[i].forwarded, y->rcpts[i].forwarded);
		check_same_state(&a->states[i], &b->states[i]);
	}
}

static void
messages_read_back_equal(void **state)
{
	struct maker m = {.random = {1}, .arena = GP_ARENA_INIT(ARENA_MAX)};
	struct gp_buf out = GP_BUF_INIT(ARENA_MAX);
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct gp_message_meta back,
			sent = any_message(&m, 1 + prng_below(&m.random, RCPTS_MAX));
		gp_message_meta_write(&out, &sent.envelope, sent.states, sent.flags);
		assert_true(gp_message_meta_read(gp_buf_slice(&out), &m.arena, &back));
		check_same_message(&sent, &back);
		gp_buf_clear(&out);
		gp_arena_reset(&m.arena);
	}
	gp_buf_free(&out);
	gp_arena_free(&m.arena);
}

static void
outcomes_read_back_equal(void **state)
{
	struct maker m = {.random = {2}, .arena = GP_ARENA_INIT(ARENA_MAX)};
	struct gp_buf out = GP_BUF_INIT(ARENA_MAX);
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct gp_rcpt_change changes[RCPTS_MAX];
		struct gp_outcome_meta back, sent = {.prev_sequence = prng_next(&m.random),
						     .prev_offset = prng_next(&m.random),
						     .flags = (uint8_t)prng_next(&m.random),
						     .changes = changes,
						     .len = prng_below(&m.random, RCPTS_MAX + 1)};
		for (size_t i = 0; i < sent.len; i++)
			changes[i] = (struct gp_rcpt_change){(uint32_t)prng_next(&m.random),
							     any_state(&m)};
		gp_outcome_meta_write(&out, &sent);
		assert_true(gp_outcome_meta_read(gp_buf_slice(&out), &m.arena, &back));
		assert_int_equal(back.prev_sequence, sent.prev_sequence);
		assert_int_equal(back.prev_offset, sent.prev_offset);
		assert_int_equal(back.flags, sent.flags);
		assert_int_equal(back.len, sent.len);
		for (size_t i = 0; i < sent.len; i++) {
			assert_int_equal(back.changes[i].rcpt, changes[i].rcpt);
			check_same_state(&back.changes[i].state, &changes[i].state);
		}
		gp_buf_clear(&out);
		gp_arena_reset(&m.arena);
	}
	gp_buf_free(&out);
	gp_arena_free(&m.arena);
}

/* Reads a copy that ends where its memory does, so that a sanitizer sees what is read beyond. */
static bool
reads(struct gp_slice meta, bool message)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_message_meta m;
	struct gp_outcome_meta o;
	char *copy = malloc(GP_MAX(meta.len, (size_t)1));
	assert_non_null(copy);
	if (meta.len > 0)
		memcpy(copy, meta.ptr, meta.len);
	meta = gp_slice(copy, meta.len);
	bool ok = message ? gp_message_meta_read(meta, &arena, &m)
			  : gp_outcome_meta_read(meta, &arena, &o);
	assert_false(arena.failed);
	free(copy);
	gp_arena_free(&arena);
	return ok;
}

/* Every octet of a length or count, at `at`, made so large that nothing can be behind it. */
static void
check_lies(struct gp_slice meta, size_t at, bool message)
{
	static const uint32_t lies[] = {1u << 16, 1u << 24, 1u << 31, UINT32_MAX};
	char copy[4096];
	assert_true(meta.len <= sizeof(copy));
	for (size_t i = 0; i < GP_ARRAY_LEN(lies); i++) {
		memcpy(copy, meta.ptr, meta.len);
		memcpy(copy + at, &lies[i], sizeof(lies[i]));
		assert_false(reads(gp_slice(copy, meta.len), message));
	}
}

static void
what_is_cut_or_lies_is_refused(void **state)
{
	enum { COUNT_OF_CHANGES = 8 + 8 + 1, SENDER = 3 + 8 };
	struct maker m = {.random = {3}, .arena = GP_ARENA_INIT(ARENA_MAX)};
	struct gp_buf message = GP_BUF_INIT(4096), outcome = GP_BUF_INIT(4096);
	struct gp_message_meta sent = any_message(&m, 2);
	struct gp_envelope *e = &sent.envelope;
	struct gp_rcpt_change change = {1, sent.states[0]};
	struct gp_outcome_meta changes = {.changes = &change, .len = 1};
	(void)state;
	gp_message_meta_write(&message, e, sent.states, 0);
	gp_outcome_meta_write(&outcome, &changes);
	struct gp_slice a = gp_buf_slice(&message), b = gp_buf_slice(&outcome);
	assert_true(reads(a, true) && reads(b, false));
	for (size_t n = 0; n < a.len; n++)
		assert_false(reads(gp_slice_take(a, n), true));
	for (size_t n = 0; n < b.len; n++)
		assert_false(reads(gp_slice_take(b, n), false));
	size_t count = SENDER + 4 * 4 + e->sender.len + e->envid.len + e->client_addr.len +
		       e->client_helo.len + (e->forwarder.len > 0 ? 4 + e->forwarder.len : 0);
	check_lies(a, SENDER, true);
	check_lies(a, count, true);
	check_lies(b, COUNT_OF_CHANGES, false);
	gp_buf_put_char(&message, 0);
	gp_buf_put_char(&outcome, 0);
	assert_false(reads(gp_buf_slice(&message), true));
	assert_false(reads(gp_buf_slice(&outcome), false));
	gp_buf_free(&message);
	gp_buf_free(&outcome);
	gp_arena_free(&m.arena);
}

/* A body may hold what looks like a record: without the segment's mark it is none. */
static void
a_head_is_its_segments(void **state)
{
	char head[GP_RECORD_HEAD];
	struct gp_record_place place = {.mark = 0x0123456789abcdef, .sequence = 7, .offset = 4096};
	const struct gp_record_place elsewhere = {place.mark, 7, 4104},
				     other = {place.mark, 8, 4096};
	struct gp_record back,
		r = {.type = GP_RECORD_MESSAGE, .id = 9, .meta_len = 4, .body_len = 10};
	struct gp_slice meta = GP_SLICE("meta"), all = gp_slice(head, sizeof(head));
	(void)state;
	gp_record_head_write(head, &place, &r, meta);
	assert_true(gp_record_head_read(all, place.mark, &back));
	assert_true(gp_record_head_good(all, &place, meta));
	assert_int_equal(back.id, 9);
	for (int bit = 0; bit < 64; bit++)
		assert_false(gp_record_head_read(all, place.mark ^ 1ull << bit, &back));
	assert_false(gp_record_head_good(all, &elsewhere, meta));
	assert_false(gp_record_head_good(all, &other, meta));
	assert_false(gp_record_head_good(all, &place, GP_SLICE("mete")));
}

/* Heads of the right mark that no writer of ours would make. */
static void
a_head_makes_sense(void **state)
{
	static const struct {
		uint32_t type, meta_len;
		uint64_t body_len;
		bool good;
	} cases[] = {
		{GP_RECORD_MESSAGE, GP_META_MAX, UINT64_MAX / 4, true},
		{GP_RECORD_MESSAGE, GP_META_MAX + 1, 0, false},
		{GP_RECORD_MESSAGE, UINT32_MAX, 0, false},
		{GP_RECORD_MESSAGE, 0, UINT64_MAX / 4 + 1, false},
		{GP_RECORD_MESSAGE, 0, UINT64_MAX, false},
		{GP_RECORD_OUTCOME, 100, 0, true},
		{GP_RECORD_OUTCOME, 100, 1, false},
		{GP_RECORD_GONE, 0, 1, false},
		{GP_RECORD_IDS, 0, 0, true},
		{0, 0, 0, false},
		{GP_RECORD_TYPES, 0, 0, false},
		{GP_RECORD_MESSAGE + 256, 0, 0, false},
		{UINT32_MAX, 0, 0, false},
	};
	struct gp_buf head = GP_BUF_INIT(GP_RECORD_HEAD);
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_record r;
		gp_buf_clear(&head);
		gp_write_u64(&head, 99); /* the mark */
		gp_write_u64(&head, 0);  /* the checksums */
		gp_write_u32(&head, cases[i].type);
		gp_write_u32(&head, cases[i].meta_len);
		gp_write_u64(&head, cases[i].body_len);
		gp_write_u64(&head, 1);
		gp_write_u64(&head, 0);
		if (gp_record_head_read(gp_buf_slice(&head), 99, &r) != cases[i].good)
			fail_msg("case %zu", i);
	}
	gp_buf_free(&head);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_read_back_equal),
		cmocka_unit_test(outcomes_read_back_equal),
		cmocka_unit_test(what_is_cut_or_lies_is_refused),
		cmocka_unit_test(a_head_is_its_segments),
		cmocka_unit_test(a_head_makes_sense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
