/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The generated codec against the schema that it was generated from: payloads are written here by
 * the schema's table, field by field, and must decode and encode to the same octets; whatever is
 * not as the schema says must be refused.
 */
#include "unit.h"

#include <limits.h>
#include <string.h>

#include "base/wire.h"
#include "ipc/messages.h"
#include "prng.h"
#include "schema.h"

enum {
	ARENA_MAX = 64 << 20,
	PAYLOAD_MAX = 16 << 20,
	LENGTHS_MAX = 4096,
	SEED_MAX = 4096,
	ROUNDS = 200,
	TYPES = GP_ARRAY_LEN(schema_messages),
};

/* How to write a payload, and what was met on the way. */
struct writer {
	struct gp_buf out;
	struct prng *random; /* NULL: everything as small as can be, one member a list */
	size_t target, size; /* the target-th variable field gets this size */
	size_t variables;    /* variable fields met */
	size_t target_cap;   /* the cap of the target */
	bool target_is_list;
	size_t lengths[LENGTHS_MAX]; /* where lengths and counts stand */
	size_t lengths_len;
};

static void
put_record(struct writer *w, const struct schema_record *r);

static size_t
choose_size(struct writer *w, const struct schema_field *f)
{
	size_t most = f->kind == FIELD_LIST ? 5 : 40;
	bool is_target = w->variables++ == w->target;
	if (is_target) {
		w->target_cap = f->cap;
		w->target_is_list = f->kind == FIELD_LIST;
		return w->size;
	}
	if (!w->random)
		return f->kind == FIELD_LIST ? 1 : 0;
	return prng_below(w->random, GP_MIN(most, f->cap) + 1);
}

static void
put_length(struct writer *w, size_t n)
{
	assert_true(w->lengths_len < LENGTHS_MAX);
	w->lengths[w->lengths_len++] = w->out.len;
	gp_write_u32(&w->out, (uint32_t)n);
}

static void
put_members(struct writer *w, const struct schema_field *f)
{
	size_t n = choose_size(w, f);
	put_length(w, n);
	if (f->kind == FIELD_LIST) {
		for (size_t i = 0; i < n; i++) {
			size_t met = w->lengths_len;
			put_record(w, f->of);
			if (n > 100) /* of a long list the first members will do */
				w->lengths_len = met;
		}
		return;
	}
	char *to = gp_buf_reserve(&w->out, n);
	assert_non_null(to);
	/* No zeroes: a length read from here is over any cap. */
	memset(to, 0xff, n);
	gp_buf_advance(&w->out, n);
}

static void
put_number(struct writer *w, size_t octets)
{
	for (size_t i = 0; i < octets; i++)
		gp_write_u8(&w->out, w->random ? (uint8_t)(0x80 | prng_next(w->random)) : 0xff);
}

static void
put_record(struct writer *w, const struct schema_record *r)
{
	for (size_t i = 0; i < r->fields_len; i++) {
		const struct schema_field *f = &r->fields[i];
		static const uint8_t octets[] = {
			[FIELD_U8] = 1, [FIELD_U16] = 2, [FIELD_U32] = 4, [FIELD_U64] = 8};
		if (f->kind == FIELD_BOOL)
			gp_write_u8(&w->out, w->random ? prng_next(w->random) & 1 : 1);
		else if (f->kind == FIELD_ONE)
			put_record(w, f->of);
		else if (f->kind == FIELD_BYTES || f->kind == FIELD_LIST)
			put_members(w, f);
		else
			put_number(w, octets[f->kind]);
	}
}

static void
write_payload(struct writer *w, unsigned type)
{
	gp_buf_clear(&w->out);
	w->variables = w->lengths_len = 0;
	put_record(w, schema_messages[type]);
	assert_false(w->out.failed);
}

#define WRITER(random_) \
	((struct writer){.out = GP_BUF_INIT(PAYLOAD_MAX), .random = (random_), .target = SIZE_MAX})

static int
fd_for(unsigned type)
{
	return schema_messages[type]->fd == FD_REQUIRED ? 0 : -1;
}

/* Decodes, and what decodes must encode to the same octets. */
static bool
decodes(unsigned type, struct gp_slice payload)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_buf again = GP_BUF_INIT(PAYLOAD_MAX);
	struct gp_message m;
	bool ok = gp_message_decode(type, payload, fd_for(type), &arena, &m);
	if (ok) {
		assert_int_equal(m.type, type);
		assert_int_equal(m.fd, fd_for(type));
		assert_true(gp_message_encode(&again, &m));
		assert_true(gp_slice_eq(gp_buf_slice(&again), payload));
	}
	gp_buf_free(&again);
	gp_arena_free(&arena);
	return ok;
}

static void
messages_come_back_as_they_were(void **state)
{
	(void)state;
	struct prng random = {1};
	struct writer w = WRITER(&random);
	for (unsigned type = 1; type < TYPES; type++) {
		for (int round = 0; round < ROUNDS; round++) {
			write_payload(&w, type);
			if (!decodes(type, gp_buf_slice(&w.out)))
				fail_msg("%s was refused", schema_messages[type]->name);
		}
	}
	gp_buf_free(&w.out);
}

static void
table_and_codec_agree(void **state)
{
	(void)state;
	assert_int_equal(TYPES, GP_MSG_COUNT);
	for (unsigned type = 1; type < TYPES; type++) {
		assert_string_equal(gp_message_name(type), schema_messages[type]->name);
		assert_int_equal(gp_message_max(type), schema_messages[type]->cap);
	}
}

static void
no_octet_may_be_missing_or_left_over(void **state)
{
	(void)state;
	struct prng random = {2};
	struct writer w = WRITER(&random);
	for (unsigned type = 1; type < TYPES; type++) {
		for (int round = 0; round < 5; round++) {
			write_payload(&w, type);
			size_t len = w.out.len;
			for (size_t n = 0; n < len; n++)
				assert_false(decodes(type, gp_slice_take(gp_buf_slice(&w.out), n)));
			gp_buf_put_char(&w.out, 0);
			assert_false(decodes(type, gp_buf_slice(&w.out)));
		}
	}
	gp_buf_free(&w.out);
}

static void
lengths_may_not_lie(void **state)
{
	(void)state;
	static const int64_t lies[] = {-1, 1, 0x7fffffff, 0xffffffff};
	struct prng random = {3};
	struct writer w = WRITER(&random);
	for (unsigned type = 1; type < TYPES; type++) {
		write_payload(&w, type);
		for (size_t i = 0; i < w.lengths_len; i++) {
			char *at = w.out.ptr + w.out.head + w.lengths[i];
			uint32_t truth;
			memcpy(&truth, at, sizeof(truth));
			for (size_t k = 0; k < GP_ARRAY_LEN(lies); k++) {
				uint32_t lie = (uint32_t)(truth + lies[k]);
				memcpy(at, &lie, sizeof(lie));
				if (decodes(type, gp_buf_slice(&w.out)))
					fail_msg("%s: length %zu as %u",
						 schema_messages[type]->name, i, lie);
			}
			memcpy(at, &truth, sizeof(truth));
		}
	}
	gp_buf_free(&w.out);
}

/* Every variable field of the message in turn, at its cap and one over. */
static void
check_caps(struct writer *w, unsigned type)
{
	const struct schema_record *r = schema_messages[type];
	size_t fields = SIZE_MAX;
	for (w->target = 0; w->target < fields; w->target++) {
		w->size = 0;
		write_payload(w, type);
		fields = w->variables;
		if (fields == 0)
			return;
		/* A list of nothing hides the fields of its members. */
		w->size = w->target_cap;
		write_payload(w, type);
		if (w->out.len > r->cap)
			fail_msg("%s: a field's cap is over the message's", r->name);
		assert_true(decodes(type, gp_buf_slice(&w->out)));
		w->size = w->target_cap + 1;
		write_payload(w, type);
		if (decodes(type, gp_buf_slice(&w->out)))
			fail_msg("%s: variable field %zu over its cap", r->name, w->target);
		w->size = 1;
		write_payload(w, type);
		fields = w->variables;
	}
}

static void
caps_hold(void **state)
{
	(void)state;
	struct writer w = WRITER(NULL);
	for (unsigned type = 1; type < TYPES; type++)
		check_caps(&w, type);
	gp_buf_free(&w.out);
}

static void
descriptors_are_as_the_schema_says(void **state)
{
	(void)state;
	struct writer w = WRITER(NULL);
	for (unsigned type = 1; type < TYPES; type++) {
		enum schema_fd fd = schema_messages[type]->fd;
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_message m;
		write_payload(&w, type);
		struct gp_slice payload = gp_buf_slice(&w.out);
		assert_int_equal(gp_message_decode(type, payload, -1, &arena, &m),
				 fd != FD_REQUIRED);
		assert_int_equal(gp_message_decode(type, payload, 0, &arena, &m), fd != FD_NONE);
		gp_arena_free(&arena);
	}
	gp_buf_free(&w.out);
}

static void
types_that_are_none_are_refused(void **state)
{
	(void)state;
	static const unsigned types[] = {0, GP_MSG_COUNT, GP_MSG_COUNT + 1, 65535, UINT32_MAX};
	for (size_t i = 0; i < GP_ARRAY_LEN(types); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_buf out = GP_BUF_INIT(PAYLOAD_MAX);
		struct gp_message m = {.type = types[i], .fd = -1};
		assert_false(gp_message_encode(&out, &m));
		assert_false(gp_message_decode(types[i], gp_slice("", 0), -1, &arena, &m));
		assert_int_equal(gp_message_max(types[i]), 0);
		assert_string_equal(gp_message_name(types[i]), "?");
		gp_buf_free(&out);
		gp_arena_free(&arena);
	}
}

static void
a_boolean_is_0_or_1(void **state)
{
	(void)state;
	for (int value = 0; value < 256; value++) {
		char octet = (char)value;
		assert_int_equal(decodes(GP_MSG_SPACE, gp_slice(&octet, 1)), value < 2);
	}
}

static void
a_count_allocates_nothing_that_is_not_there(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_buf b = GP_BUF_INIT(1024);
	struct gp_message m;
	gp_write_u64(&b, 1);
	gp_write_u32(&b, 50000);
	for (int i = 0; i < 100; i++)
		gp_write_u64(&b, 0);
	assert_false(gp_message_decode(GP_MSG_OUTCOMES, gp_buf_slice(&b), -1, &arena, &m));
	assert_true(arena.used < 1024);
	gp_buf_free(&b);
	gp_arena_free(&arena);
}

static void
memory_may_run_out(void **state)
{
	(void)state;
	struct prng random = {4};
	struct writer w = WRITER(&random);
	do {
		write_payload(&w, GP_MSG_DELIVER);
	} while (w.lengths_len < 12); /* with a recipient at least */
	size_t max = 0;
	struct gp_message m;
	for (bool ok = false; !ok; max += 8) {
		struct gp_arena arena = GP_ARENA_INIT(max);
		ok = gp_message_decode(GP_MSG_DELIVER, gp_buf_slice(&w.out), -1, &arena, &m);
		gp_arena_free(&arena);
	}
	assert_true(max > 8);
	gp_buf_free(&w.out);
}

static void
the_encoder_keeps_the_caps_too(void **state)
{
	(void)state;
	static char text[2 << 20];
	struct gp_buf out = GP_BUF_INIT(PAYLOAD_MAX);
	struct gp_message m = {.type = GP_MSG_RESOLVE, .fd = -1};
	m.resolve.name = gp_slice(text, 1008);
	assert_true(gp_message_encode(&out, &m));
	m.resolve.name = gp_slice(text, 1009);
	assert_false(gp_message_encode(&out, &m));

	/* Each field within its cap, and all together over the message's. */
	enum { RCPTS = 5000 };
	static struct gp_rcpt rcpts[RCPTS];
	for (size_t i = 0; i < RCPTS; i++)
		rcpts[i] = (struct gp_rcpt){.address = gp_slice(text, 1024),
					    .orcpt = gp_slice(text, 1024)};
	m = (struct gp_message){.type = GP_MSG_COMMIT, .fd = -1};
	m.commit.envelope.rcpts = rcpts;
	m.commit.envelope.rcpts_len = 1000;
	gp_buf_clear(&out);
	assert_true(gp_message_encode(&out, &m));
	m.commit.envelope.rcpts_len = RCPTS;
	gp_buf_clear(&out);
	assert_false(gp_message_encode(&out, &m));
	gp_buf_free(&out);
}

#define SAYS(permit, type) (((permit)&GP_PERMIT(GP_MSG_##type)) != 0)

static void
nobody_may_say_what_is_not_his(void **state)
{
	(void)state;
	assert_true(SAYS(GP_PERMIT_SMTPD_TO_SPOOL, COMMIT));
	assert_false(SAYS(GP_PERMIT_SMTPD_TO_SPOOL, IDS));
	assert_false(SAYS(GP_PERMIT_SMTPD_TO_SPOOL, OUTCOMES));
	assert_false(SAYS(GP_PERMIT_SPOOL_TO_SMTPD, DELIVER));
	assert_true(GP_PERMIT_RELAY_TO_SPOOL == GP_PERMIT(GP_MSG_OUTCOMES));
	assert_true(GP_PERMIT_MAILDIR_TO_SPOOL == GP_PERMIT(GP_MSG_OUTCOMES));
	assert_true(GP_PERMIT_RELAY_TO_RESOLVER == GP_PERMIT(GP_MSG_RESOLVE));
	assert_true(GP_PERMIT_RELAY_TO_REPORTS == GP_PERMIT(GP_MSG_TLS_RESULT));
	assert_true(GP_PERMIT_REPORTS_TO_RELAY == GP_PERMIT_NOTHING);
	assert_true(GP_PERMIT_REPORTS_TO_SPOOL == GP_PERMIT(GP_MSG_LETTER));
	assert_true(GP_PERMIT_REPORTS_TO_FETCH == GP_PERMIT(GP_MSG_FETCH));
	assert_true(GP_PERMIT_RESOLVER_TO_RELAY == GP_PERMIT(GP_MSG_ANSWER));
	assert_true(GP_PERMIT_COMMAND_TO_SPOOL == GP_PERMIT(GP_MSG_QUEUE_REQUEST));
}

/* What the fuzz target starts from: one of each type, which it takes. */
static void
seeds_are_messages(void **state)
{
	(void)state;
	for (unsigned type = 1; type < TYPES; type++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		char path[PATH_MAX], seed[SEED_MAX];
		struct gp_message m;
		snprintf(path, sizeof(path), "%s/%s", GP_IPC_SEEDS, schema_messages[type]->name);
		FILE *f = fopen(path, "re");
		if (!f)
			fail_msg("%s: is not there", path);
		size_t len = fread(seed, 1, sizeof(seed), f);
		fclose(f);
		assert_in_range(len, 2, sizeof(seed) - 1);
		assert_int_equal(seed[0], type);
		if (!gp_message_decode(type, gp_slice(seed + 2, len - 2), seed[1] ? 0 : -1, &arena,
				       &m))
			fail_msg("%s: is no message of its type", path);
		gp_arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_and_codec_agree),
		cmocka_unit_test(messages_come_back_as_they_were),
		cmocka_unit_test(no_octet_may_be_missing_or_left_over),
		cmocka_unit_test(lengths_may_not_lie),
		cmocka_unit_test(caps_hold),
		cmocka_unit_test(descriptors_are_as_the_schema_says),
		cmocka_unit_test(types_that_are_none_are_refused),
		cmocka_unit_test(a_boolean_is_0_or_1),
		cmocka_unit_test(a_count_allocates_nothing_that_is_not_there),
		cmocka_unit_test(memory_may_run_out),
		cmocka_unit_test(the_encoder_keeps_the_caps_too),
		cmocka_unit_test(nobody_may_say_what_is_not_his),
		cmocka_unit_test(seeds_are_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
