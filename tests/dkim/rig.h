/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this folder share: a world of keys, and messages verified in it. */
#pragma once

#include "../suite.h"

#include <string.h>

#include "core/dkim/dkim.h"

enum { RIG_ARENA_MAX = 16 << 20, RIG_NOW_S = 1'700'000'000 };

struct rig {
	struct gp_arena arena;
	struct gp_answers *answers; /* closed: what is not in it does not exist */
	struct gp_dkim_keys *keys;  /* NULL: none are kept */
	uint64_t now_s;
	size_t piece; /* octets of the body at a time; 0: all of it */
	struct gp_dkim_set set;
	struct gp_dkim_result_set result;
};

static const uint64_t rig_seed[2] = {1, 2};

static inline void
rig_open(struct rig *r)
{
	*r = (struct rig){.arena = GP_ARENA_INIT(RIG_ARENA_MAX), .now_s = RIG_NOW_S};
	r->answers = gp_answers_new_closed(&r->arena, GP_ANSWERS_MAX, rig_seed);
	assert_non_null(r->answers);
}

static inline void
rig_close(struct rig *r)
{
	gp_dkim_keys_free(r->keys);
	gp_answers_free(r->answers);
	gp_arena_free(&r->arena);
}

static inline void
rig_add_name(struct rig *r, struct gp_slice name, uint8_t status)
{
	assert_int_equal(gp_answers_add_name(r->answers, name, status, false), 0);
}

/* One TXT record more at a name that was not there before. */
static inline void
rig_add_txt(struct rig *r, struct gp_slice name, struct gp_slice text)
{
	struct gp_dns_record record = {.type = GP_DNS_TXT, .data = text};
	struct gp_dns_answer a = {.name = name,
				  .canonical = name,
				  .type = GP_DNS_TXT,
				  .status = GP_DNS_OK,
				  .records = &record,
				  .records_len = 1};
	rig_add_name(r, name, GP_DNS_OK);
	assert_int_equal(gp_answers_add(r->answers, &a), 0);
}

/* LF becomes CRLF, CRLF stays. */
static inline struct gp_slice
rig_crlf(struct rig *r, struct gp_slice text)
{
	char *to = gp_arena_alloc(&r->arena, 2 * text.len);
	size_t len = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\n' && (i == 0 || text.ptr[i - 1] != '\r'))
			to[len++] = '\r';
		to[len++] = text.ptr[i];
	}
	return gp_slice(to, len);
}

static inline void
rig_feed(struct rig *r, struct gp_dkim_body *body, struct gp_slice text)
{
	size_t step = r->piece > 0 ? r->piece : text.len;
	while (text.len > 0) {
		gp_dkim_body_feed(body, gp_slice_take(text, step));
		text = gp_slice_drop(text, step);
	}
	assert_int_equal(gp_dkim_body_end(body), 0);
}

/* Verifies a message; the verdicts are in r->result. */
static inline void
rig_verify(struct rig *r, struct gp_slice message)
{
	struct gp_header header;
	struct gp_dkim_body body;
	struct gp_dkim_world world = {r->answers, r->keys, r->now_s, &r->arena, true};
	assert_int_equal(gp_header_split(message, &r->arena, &header), 0);
	gp_dkim_body_init(&body);
	assert_int_equal(gp_dkim_collect(&header, &body, &r->arena, &r->set), 0);
	int early = gp_dkim_eval(&r->set, NULL, &world, &r->result);
	assert_true(early == GP_DKIM_BODY || early == GP_DKIM_DONE);
	rig_feed(r, &body, gp_header_body(&header));
	assert_int_equal(gp_dkim_eval(&r->set, &body, &world, &r->result), GP_DKIM_DONE);
	gp_dkim_body_free(&body);
}

/* "pass, fail: why", in the order of the signatures; "none" without any. */
static inline struct gp_slice
rig_show(struct rig *r)
{
	struct gp_slice out = gp_slice_str(r->result.len > 0 ? "" : "none");
	for (size_t i = 0; i < r->result.len; i++) {
		const struct gp_dkim_verdict *v = &r->result.verdicts[i];
		out = gp_arena_printf(&r->arena, "%.*s%s%s%s%s", GP_SLICE_FMT(out), i ? ", " : "",
				      gp_dkim_result_name(v->result), v->reason ? ": " : "",
				      v->reason ? v->reason : "");
	}
	return out;
}

/* The trail of a verdict has this text in it. */
static inline bool
rig_told(const struct gp_dkim_verdict *v, const char *text)
{
	for (size_t i = 0; i < v->trail_len; i++) {
		if (memmem(v->trail[i].ptr, v->trail[i].len, text, strlen(text)))
			return true;
	}
	return false;
}
