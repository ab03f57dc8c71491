/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An octet that chooses, a record that every name has, and behind its line a message. However it is
 * cut, and whenever answers come, it comes to the same, within the bounds, and to a field of ours;
 * and what is told of it is what the role reports takes from an honest role.
 */
#include <errno.h>

#include "core/dmarcrpt/message.h"
#include "core/failrpt/incident.h"
#include "core/verify/results.h"
#include "procs/reports/sane.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELD_MAX = 64 * 1024, PACKET_MAX = 128 * 1024, ARENA_MAX = 4 << 20 };
enum { SERVFAIL_IS = 1, NULL_SENDER = 2, UTF8 = 4 };

static const uint64_t seed[2] = {1, 2};

struct drive {
	struct gp_verify *v;
	const struct gp_dns_question *open[GP_VERIFY_QUESTIONS_MAX];
	size_t open_len, asked_len;
	struct gp_slice record;
	uint8_t choice;
	int outcome;
};

static void
run(struct drive *d)
{
	struct gp_verify_need need;
	d->outcome = gp_verify_run(d->v, &need);
	d->asked_len += need.len;
	gp_assert(d->asked_len <= GP_VERIFY_QUESTIONS_MAX);
	for (size_t i = 0; i < need.len; i++)
		d->open[d->open_len++] = &need.questions[i];
}

/* TXT: the record; MX: a host; A: the client; what else is asked, and names that begin with "f"
 * where it was chosen: nothing. */
static void
answer(struct drive *d)
{
	const struct gp_dns_question *q = d->open[--d->open_len];
	struct gp_dns_record record = {.type = q->type,
				       .preference = 1,
				       .name = GP_SLICE("host.test"),
				       .address = {192, 0, 2, 1},
				       .data = d->record};
	bool none = q->type == GP_DNS_AAAA || q->type == GP_DNS_PTR;
	bool fails = d->choice & SERVFAIL_IS && q->name.len > 0 && q->name.ptr[0] == 'f';
	struct gp_dns_answer a = {.name = q->name,
				  .canonical = q->name,
				  .type = q->type,
				  .status = none ? GP_DNS_NXDOMAIN : GP_DNS_OK,
				  .records = none ? NULL : &record,
				  .records_len = !none};
	if (fails)
		a = (struct gp_dns_answer){q->name, q->name, q->type, GP_DNS_SERVFAIL};
	gp_verify_answer(d->v, &a);
	run(d);
}

/* Else reports would take the channel of whoever says it away. */
static void
check_told(const struct gp_message *m, bool sane)
{
	struct gp_buf packet = GP_BUF_INIT(PACKET_MAX);
	gp_assert(sane && gp_message_encode(&packet, m));
	gp_buf_free(&packet);
}

static void
tell(const struct gp_verify_query *q, const struct drive *d, const struct gp_verify_facts *f,
     const struct gp_authpolicy_decision *decision, struct gp_arena *arena)
{
	struct gp_message m = {.type = GP_MSG_DMARC_RESULT, .fd = -1};
	const struct gp_failrpt_message message = {q, f, decision, gp_verify_answers(d->v),
						   GP_SLICE("mx.test")};
	if (gp_dmarcrpt_of_message(q, f, decision, arena, &m.dmarc_result.policy,
				   &m.dmarc_result.row) == 0)
		check_told(&m, sane_dmarc(&m.dmarc_result));
	m = (struct gp_message){.type = GP_MSG_DMARC_FAILURE, .fd = -1};
	if (gp_failrpt_of_message(&message, arena, &m.dmarc_failure.incident) == 0)
		check_told(&m, sane_failure(&m.dmarc_failure.incident));
}

/* The decision's action, and the field in *out; or -1 where nothing came of it. */
static int
conclude(const struct gp_verify_query *q, const struct drive *d, struct gp_buf *out)
{
	static const struct gp_slice trusted[] = {{".test", 5}, {".example", 8}};
	static const struct gp_authentication_config cfg = {.spf = GP_SPF_MODE_ENFORCE,
							    .trusted_sealers = trusted,
							    .trusted_sealers_len =
								    GP_ARRAY_LEN(trusted)};
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_authpolicy *policy = gp_authpolicy_new(&cfg, seed);
	struct gp_authpolicy_decision decision;
	struct gp_authres results;
	struct gp_verify_facts f = gp_verify_facts(d->v);
	bool done = policy &&
		    gp_verify_results(q, &f, GP_SLICE("mx.test"), &arena, &results) == 0 &&
		    gp_authpolicy_decide(policy, &f, &arena, &decision) == 0;
	if (done)
		gp_authres_write(out, &results);
	for (size_t i = 0; i < out->len; i++) {
		unsigned char c = (unsigned char)gp_buf_slice(out).ptr[i];
		gp_assert(q->utf8 || c < 128);
		gp_assert(c >= ' ' || c == '\r' || c == '\n' || c == '\t');
	}
	gp_assert(!done || (decision.reply.code != 0) == (decision.action >= GP_AUTHPOLICY_DEFER));
	gp_assert(!done || decision.sealer.len == 0 ||
		  (f.arc && f.arc->result == GP_ARC_PASS && !f.arc->loose));
	if (done)
		tell(q, d, &f, &decision, &arena);
	gp_authpolicy_free(policy);
	gp_arena_free(&arena);
	return done && !out->failed ? decision.action : -1;
}

/* late: answers come when all of the message is there. Returns as conclude() does. */
static int
drive(const struct gp_verify_query *q, struct drive *d, struct gp_slice message, size_t step,
      bool late, struct gp_buf *out)
{
	int action = -1;
	d->v = gp_verify_new(q, seed);
	if (!d->v)
		return -1;
	run(d);
	for (; message.len > 0; message = gp_slice_drop(message, step)) {
		if (gp_verify_feed(d->v, gp_slice_take(message, step)))
			run(d);
		while (!late && d->open_len > 0)
			answer(d);
	}
	gp_verify_end(d->v);
	run(d);
	while (d->open_len > 0)
		answer(d);
	gp_assert(d->outcome != GP_VERIFY_WAITS);
	if (d->outcome == GP_VERIFY_DONE)
		action = conclude(q, d, out);
	gp_verify_free(d->v);
	return action;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice message = gp_slice((const char *)data, size);
	if (size == 0)
		return 0;
	uint8_t choice = data[0];
	message = gp_slice_drop(message, 1);
	struct gp_slice record = gp_slice_cut(&message, '\n');
	const struct gp_verify_query q = {
		.address = {192, 0, 2, 1},
		.address_len = 4,
		.dmarc = true,
		.utf8 = choice & UTF8,
		.helo = GP_SLICE("helo.test"),
		.sender = choice & NULL_SENDER ? GP_SLICE("") : GP_SLICE("me@sender.test"),
		.receiver = GP_SLICE("mx.test"),
		.now_s = 1'700'000'000,
	};
	struct drive whole = {.record = record, .choice = choice};
	struct drive pieces = whole;
	struct gp_buf a = GP_BUF_INIT(FIELD_MAX), b = GP_BUF_INIT(FIELD_MAX);
	int of_whole = drive(&q, &whole, message, 1 << 20, false, &a);
	int of_pieces = drive(&q, &pieces, message, 1 + choice / 8, true, &b);
	/* Where questions ran short it depends on who asked first. */
	bool short_of = whole.asked_len >= GP_VERIFY_SPF_QUESTIONS_MAX ||
			pieces.asked_len >= GP_VERIFY_SPF_QUESTIONS_MAX;
	gp_assert(short_of ||
		  (of_whole == of_pieces && gp_slice_eq(gp_buf_slice(&a), gp_buf_slice(&b))));
	gp_buf_free(&a);
	gp_buf_free(&b);
	return 0;
}
