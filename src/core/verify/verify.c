/* SPDX-License-Identifier: Apache-2.0 */
#include "core/verify/verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/verify/from.h"

enum {
	/* Octets of the header that are looked at in a go, and so what of the body is kept at
	   most. */
	STRIDE = 4096,
	HEADER_ROOM = GP_HEADER_SIZE_MAX + STRIDE,
	/* The query, the header's fields, what its signatures say. */
	BASE_ARENA_MAX = 2 * 1024 * 1024,
	/* Records are cheaper on the wire than as structs. */
	ANSWERS_ARENA_MAX = 4 * GP_VERIFY_ANSWERS_MAX + 512 * 1024,
	PART_ARENA_MAX = 1024 * 1024,
	/* Those that were asked, and those that were not since a bound was reached: all that the
	   evaluators may ever want. */
	ANSWERS_MAX = 2 * GP_SPF_QUESTIONS_MAX + GP_DKIM_SIGNATURES_MAX + 2 * GP_DMARC_NEED_MAX +
		      2 * GP_ARC_SETS_MAX,
};

enum { MAIL_FROM, HELO, DKIM, DMARC, ARC, PARTS };

/* Who asks, as far as that has a bound of its own. */
enum asker { ASKS_SPF, ASKS_ARC, ASKS_OTHER, ASKERS };

static const size_t asker_max[ASKERS] = {
	[ASKS_SPF] = GP_VERIFY_SPF_QUESTIONS_MAX,
	[ASKS_ARC] = GP_VERIFY_ARC_QUESTIONS_MAX,
	[ASKS_OTHER] = GP_VERIFY_QUESTIONS_MAX,
};

/* One evaluator's work. Its arena is begun anew with each run, and kept when it is done. */
struct part {
	struct gp_arena arena;
	bool done;
};

struct gp_verify {
	struct gp_verify_query query;
	struct gp_arena arena, answers_arena;
	struct gp_answers *answers;
	size_t answers_size; /* octets, against GP_VERIFY_ANSWERS_MAX */

	struct gp_dns_question asked[GP_VERIFY_QUESTIONS_MAX];
	size_t asked_len, asked_by[ASKERS];
	bool settled; /* in this round a question was answered without being asked */
	bool expired;
	int failed; /* -ENOMEM or GP_VERIFY_TOO_BIG, and then for ever */

	struct gp_buf text; /* the header, and what came with its end */
	struct gp_header_meter meter;
	struct gp_header header;
	bool has_header, ended;
	struct gp_dkim_body body;
	struct gp_dkim_set signatures;
	struct gp_arc_chain chain;
	struct gp_dmarc_author author;
	const char *from_trick;

	struct part parts[PARTS];
	struct gp_spf_result spf[2]; /* MAIL_FROM, HELO */
	struct gp_dkim_result_set dkim;
	struct gp_dmarc_result dmarc;
	struct gp_arc_verdict arc;
};

static void
fail(struct gp_verify *v, int how)
{
	if (v->failed == 0)
		v->failed = how;
}

/* --- the beginning and the end --- */

static bool
checks_spf(const struct gp_verify *v)
{
	return v->query.address_len > 0;
}

/* Without a reverse-path it is what SPF looks at anyway (RFC 7208 section 2.4). */
static bool
checks_helo(const struct gp_verify *v)
{
	return checks_spf(v) && v->query.helo.len > 0 && v->query.sender.len > 0;
}

struct gp_verify *
gp_verify_new(const struct gp_verify_query *query, const uint64_t seed[2])
{
	struct gp_verify *v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	v->arena = GP_ARENA_INIT(BASE_ARENA_MAX);
	v->answers_arena = GP_ARENA_INIT(ANSWERS_ARENA_MAX);
	v->text = GP_BUF_INIT(HEADER_ROOM);
	for (size_t i = 0; i < PARTS; i++)
		v->parts[i].arena = GP_ARENA_INIT(PART_ARENA_MAX);
	gp_dkim_body_init(&v->body);
	v->query = *query;
	v->query.helo = gp_arena_dup(&v->arena, query->helo);
	v->query.sender = gp_arena_dup(&v->arena, query->sender);
	v->query.receiver = gp_arena_dup(&v->arena, query->receiver);
	v->answers = gp_answers_new(&v->answers_arena, ANSWERS_MAX, seed);
	v->parts[MAIL_FROM].done = !checks_spf(v);
	v->parts[HELO].done = !checks_helo(v);
	v->parts[DMARC].done = !query->dmarc;
	v->parts[ARC].done = !query->arc;
	return v->arena.failed || !v->answers ? gp_verify_free(v) : v;
}

struct gp_verify *
gp_verify_free(struct gp_verify *v)
{
	if (!v)
		return NULL;
	for (size_t i = 0; i < PARTS; i++)
		gp_arena_free(&v->parts[i].arena);
	gp_dkim_body_free(&v->body);
	gp_buf_free(&v->text);
	gp_answers_free(v->answers);
	gp_arena_free(&v->answers_arena);
	gp_arena_free(&v->arena);
	free(v);
	return NULL;
}

size_t
gp_verify_memory(const struct gp_verify *v)
{
	size_t held = v->text.cap + v->answers_size + v->arena.used;
	for (size_t i = 0; i < PARTS; i++)
		held += v->parts[i].arena.used;
	return held;
}

/* --- the message --- */

/* The header is complete, and with it something of the body. */
static void
take_header(struct gp_verify *v)
{
	struct gp_slice text = gp_buf_slice(&v->text);
	int r = gp_header_split(text, &v->arena, &v->header);
	v->has_header = true;
	if (r == 0)
		r = gp_dkim_collect(&v->header, &v->body, &v->arena, &v->signatures);
	if (r == 0 && v->query.arc)
		r = gp_arc_collect(&v->header, &v->body, &v->arena, &v->chain);
	if (r == 0)
		r = gp_dmarc_author_find(&v->header, &v->arena, &v->author);
	if (r == 0)
		r = gp_verify_from(&v->header, &v->author, &v->arena, &v->from_trick);
	if (r == 0)
		gp_dkim_body_feed(&v->body, gp_header_body(&v->header));
	else
		fail(v, r < 0 ? r : GP_VERIFY_TOO_BIG);
}

static struct gp_slice
feed_header(struct gp_verify *v, struct gp_slice piece)
{
	struct gp_slice part = gp_slice_take(piece, STRIDE);
	gp_header_meter_feed(&v->meter, part);
	/* What is too much for the buffer is too much for a header. */
	if (v->meter.size > GP_HEADER_SIZE_MAX)
		fail(v, GP_VERIFY_TOO_BIG);
	else if (!gp_buf_put(&v->text, part))
		fail(v, -ENOMEM);
	else if (v->meter.done)
		take_header(v);
	return gp_slice_drop(piece, part.len);
}

bool
gp_verify_feed(struct gp_verify *v, struct gp_slice piece)
{
	gp_assert(!v->ended);
	bool before = v->has_header;
	while (v->failed == 0 && !v->has_header && piece.len > 0)
		piece = feed_header(v, piece);
	if (v->failed == 0 && piece.len > 0)
		gp_dkim_body_feed(&v->body, piece);
	return v->has_header && !before;
}

void
gp_verify_end(struct gp_verify *v)
{
	gp_assert(!v->ended);
	if (v->failed == 0 && !v->has_header)
		take_header(v);
	v->ended = true;
	if (v->failed == 0 && gp_dkim_body_end(&v->body) < 0)
		fail(v, -ENOMEM);
}

/* --- answers --- */

static size_t
answer_size(const struct gp_dns_answer *a)
{
	size_t size = 0;
	for (size_t i = 0; i < a->records_len; i++)
		size += sizeof(a->records[i]) + a->records[i].name.len + a->records[i].data.len;
	return size;
}

static void
put_status(struct gp_verify *v, struct gp_slice name, uint16_t type, uint8_t status)
{
	const struct gp_dns_answer a = {
		.name = name, .canonical = name, .type = type, .status = status};
	if (gp_answers_add(v->answers, &a) != 0)
		fail(v, -ENOMEM);
}

void
gp_verify_answer(struct gp_verify *v, const struct gp_dns_answer *answer)
{
	size_t size = answer_size(answer);
	if (size > GP_VERIFY_ANSWERS_MAX - v->answers_size) {
		put_status(v, answer->name, answer->type, GP_DNS_SERVFAIL);
		return;
	}
	v->answers_size += size;
	if (gp_answers_add(v->answers, answer) != 0)
		fail(v, -ENOMEM);
}

const struct gp_answers *
gp_verify_answers(const struct gp_verify *v)
{
	return v->answers;
}

void
gp_verify_expire(struct gp_verify *v)
{
	v->expired = true;
}

static bool
was_asked(const struct gp_verify *v, const struct gp_dns_question *q)
{
	for (size_t i = 0; i < v->asked_len; i++) {
		if (v->asked[i].type == q->type && gp_slice_eq_nocase(v->asked[i].name, q->name))
			return true;
	}
	return false;
}

static bool
may_ask(const struct gp_verify *v, enum asker who)
{
	return v->asked_len < GP_VERIFY_QUESTIONS_MAX && v->asked_by[who] < asker_max[who];
}

/* An evaluator wants to know this. It is asked, once; or settled, since it is too late or too
 * much. */
static void
require_one(struct gp_verify *v, const struct gp_dns_question *q, enum asker who)
{
	bool asked = was_asked(v, q);
	if (asked && !v->expired)
		return;
	if (v->expired || !may_ask(v, who)) {
		put_status(v, q->name, q->type, v->expired ? GP_DNS_TIMEOUT : GP_DNS_SERVFAIL);
		v->settled = true;
		return;
	}
	struct gp_slice name = gp_arena_dup(&v->arena, q->name);
	if (!name.ptr)
		fail(v, -ENOMEM);
	v->asked[v->asked_len++] = (struct gp_dns_question){name, q->type};
	v->asked_by[who]++;
}

static void
require_all(struct gp_verify *v, const struct gp_dns_question *need, size_t len, enum asker who)
{
	for (size_t i = 0; i < len && v->failed == 0; i++)
		require_one(v, &need[i], who);
}

/* --- the evaluators, each until it is done --- */

static void
run_spf(struct gp_verify *v, size_t which)
{
	struct part *part = &v->parts[which];
	struct gp_spf_result *result = &v->spf[which];
	if (part->done)
		return;
	struct gp_spf_query q = {
		.address_len = v->query.address_len,
		.scope = which == HELO ? GP_SPF_HELO : GP_SPF_MFROM,
		.explain = v->query.explain,
		.trail = v->query.trail,
		.helo = v->query.helo,
		.sender = v->query.sender,
		.receiver = v->query.receiver,
		.now_s = v->query.now_s,
	};
	memcpy(q.address, v->query.address, sizeof(q.address));
	gp_arena_reset(&part->arena);
	int r = gp_spf_eval(&q, v->answers, &part->arena, result);
	if (r < 0)
		fail(v, r);
	else if (r == GP_SPF_NEED)
		require_all(v, result->need, result->need_len, ASKS_SPF);
	part->done = r == GP_SPF_DONE;
}

static void
run_dkim(struct gp_verify *v)
{
	struct part *part = &v->parts[DKIM];
	if (part->done)
		return;
	gp_arena_reset(&part->arena);
	const struct gp_dkim_world world = {.answers = v->answers,
					    .keys = v->query.keys,
					    .now_s = v->query.now_s,
					    .arena = &part->arena,
					    .trail = v->query.trail};
	int r = gp_dkim_eval(&v->signatures, v->ended ? &v->body : NULL, &world, &v->dkim);
	if (r < 0)
		fail(v, r);
	else if (r == GP_DKIM_NEED)
		require_all(v, v->dkim.need, v->dkim.need_len, ASKS_OTHER);
	part->done = r == GP_DKIM_DONE;
}

static void
run_arc(struct gp_verify *v)
{
	struct part *part = &v->parts[ARC];
	if (part->done)
		return;
	gp_arena_reset(&part->arena);
	const struct gp_dkim_world world = {.answers = v->answers,
					    .keys = v->query.keys,
					    .now_s = v->query.now_s,
					    .arena = &part->arena,
					    .trail = v->query.trail};
	int r = gp_arc_eval(&v->chain, v->ended ? &v->body : NULL, &world, &v->arc);
	if (r < 0)
		fail(v, r);
	else if (r == GP_DKIM_NEED)
		require_all(v, v->arc.need, v->arc.need_len, ASKS_ARC);
	part->done = r == GP_DKIM_DONE;
}

static uint8_t
proof_state(bool pass, bool trouble)
{
	return pass ? GP_DMARC_PROVEN : trouble ? GP_DMARC_TROUBLE : GP_DMARC_UNPROVEN;
}

/* A signature that leaves a part of the body open proves nothing of its author. */
static struct gp_dmarc_proof
proof_of_signature(const struct gp_dkim_verdict *d)
{
	return (struct gp_dmarc_proof){d->signature->domain,
				       proof_state(d->result == GP_DKIM_PASS && !d->partial,
						   d->result == GP_DKIM_TEMPERROR)};
}

/* What SPF and DKIM came to. False: no memory. */
static bool
add_proofs(const struct gp_verify *v, struct gp_arena *arena, struct gp_dmarc_query *q)
{
	const struct gp_spf_result *spf = &v->spf[MAIL_FROM];
	size_t len = v->dkim.len;
	struct gp_dmarc_proof *proofs = gp_arena_array(arena, len, sizeof(*proofs));
	for (size_t i = 0; proofs && i < len; i++)
		proofs[i] = proof_of_signature(&v->dkim.verdicts[i]);
	q->dkim = proofs;
	q->dkim_len = len;
	if (checks_spf(v))
		q->spf = (struct gp_dmarc_proof){
			spf->domain,
			proof_state(spf->verdict == GP_SPF_PASS, spf->verdict == GP_SPF_TEMPERROR)};
	return proofs;
}

static bool
has_proofs(const struct gp_verify *v)
{
	return v->parts[MAIL_FROM].done && v->parts[DKIM].done;
}

/* Before SPF and DKIM are done it is run for its questions alone. */
static void
run_dmarc(struct gp_verify *v)
{
	struct part *part = &v->parts[DMARC];
	if (part->done)
		return;
	bool ready = has_proofs(v);
	struct gp_dmarc_query q = {.author = v->author, .trail = v->query.trail};
	gp_arena_reset(&part->arena);
	if (ready && !add_proofs(v, &part->arena, &q)) {
		fail(v, -ENOMEM);
		return;
	}
	int r = gp_dmarc_eval(&q, v->answers, &part->arena, &v->dmarc);
	if (r < 0)
		fail(v, r);
	else if (r == GP_DMARC_NEED)
		require_all(v, v->dmarc.need, v->dmarc.need_len, ASKS_OTHER);
	part->done = ready && r == GP_DMARC_DONE;
}

static void
run_parts(struct gp_verify *v)
{
	/* Where questions are short, those come last that strangers lead. */
	if (v->has_header) {
		run_dkim(v);
		run_dmarc(v);
	}
	run_spf(v, MAIL_FROM);
	run_spf(v, HELO);
	if (v->has_header)
		run_arc(v);
}

int
gp_verify_run(struct gp_verify *v, struct gp_verify_need *ret_need)
{
	size_t before = v->asked_len;
	/* Whenever something was settled, or DMARC's proofs have just come, there is more to do. */
	do {
		v->settled = false;
		bool ready = has_proofs(v);
		if (v->failed == 0)
			run_parts(v);
		v->settled = v->settled || ready != has_proofs(v);
	} while (v->failed == 0 && v->settled);
	*ret_need =
		(struct gp_verify_need){v->asked + before, v->failed ? 0 : v->asked_len - before};
	if (v->failed != 0)
		return v->failed;
	bool done = v->ended;
	for (size_t i = 0; i < PARTS; i++)
		done = done && v->parts[i].done;
	return done ? GP_VERIFY_DONE : GP_VERIFY_WAITS;
}

struct gp_verify_facts
gp_verify_facts(const struct gp_verify *v)
{
	return (struct gp_verify_facts){
		.header = &v->header,
		.mail_from = checks_spf(v) ? &v->spf[MAIL_FROM] : NULL,
		.helo = checks_helo(v) ? &v->spf[HELO] : NULL,
		.dkim = v->dkim.verdicts,
		.dkim_len = v->dkim.len,
		.author = v->author,
		.from_trick = v->from_trick,
		.dmarc = v->query.dmarc ? &v->dmarc : NULL,
		.arc = v->query.arc ? &v->arc : NULL,
		.chain = v->query.arc ? &v->chain : NULL,
	};
}
