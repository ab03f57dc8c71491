/* SPDX-License-Identifier: Apache-2.0 */
#include "core/tlspolicy/judge.h"

#include <errno.h>

/* The proof that the level is about; GOOD where it is about none. */
static uint8_t
proof_of(const struct gp_tlspolicy_verdict *v, const struct gp_tlspolicy_session *s)
{
	switch (v->level) {
	case GP_TLSPOLICY_DANE:
		return s->dane;
	case GP_TLSPOLICY_VERIFY:
	case GP_TLSPOLICY_STS:
		return s->pkix;
	case GP_TLSPOLICY_FINGERPRINT:
		return s->fingerprint;
	default:
		return GP_PROOF_GOOD;
	}
}

static const char *
stage_text(uint8_t stage)
{
	switch (stage) {
	case GP_TLSPOLICY_NOT_OFFERED:
		return "does not offer TLS";
	case GP_TLSPOLICY_REFUSED:
		return "refused to begin TLS";
	default:
		return "failed in the TLS handshake";
	}
}

static const char *
proof_text(uint8_t proof)
{
	static const char *const texts[] = {
		[GP_PROOF_UNCHECKED] = "has a certificate that was not checked",
		[GP_PROOF_HOST_MISMATCH] = "has a certificate for another name",
		[GP_PROOF_EXPIRED] = "has a certificate that has expired, or is not valid yet",
		[GP_PROOF_NOT_TRUSTED] = "has a certificate of no authority that we know",
		[GP_PROOF_NO_MATCH] = "has another certificate than was announced",
		[GP_PROOF_BROKEN] = "has a certificate that could not be verified",
	};
	gp_assert(proof < GP_ARRAY_LEN(texts) && texts[proof]);
	return texts[proof];
}

static int
next(struct gp_tlspolicy_judgement *j, struct gp_reply reply)
{
	j->decision = GP_TLSPOLICY_NEXT;
	j->reply = reply;
	return reply.text.ptr ? 0 : -ENOMEM;
}

/* "host", what is the matter, and the reason that was given. */
static struct gp_slice
explain(const struct gp_tlspolicy_verdict *v, const struct gp_tlspolicy_session *s,
	const char *what, struct gp_arena *arena)
{
	return gp_arena_printf(arena, "%.*s %s%s%.*s", GP_SLICE_FMT(v->host), what,
			       s->reason.len > 0 ? ": " : "", GP_SLICE_FMT(s->reason));
}

static int
decide_without_tls(const struct gp_tlspolicy_verdict *v, const struct gp_tlspolicy_session *s,
		   struct gp_arena *arena, struct gp_tlspolicy_judgement *j)
{
	j->decision = s->stage == GP_TLSPOLICY_UNUSED ? GP_TLSPOLICY_DELIVER : GP_TLSPOLICY_CLEAR;
	if (s->stage == GP_TLSPOLICY_UNUSED && !v->encrypt)
		return 0;
	struct gp_slice why = explain(v, s, stage_text(s->stage), arena);
	if (!v->encrypt) {
		j->reply.text = why;
		return why.ptr ? 0 : -ENOMEM;
	}
	struct gp_reply reply = GP_REPLY(451, 4, 7, 5, "");
	/* A refusal or a handshake that fails may be a bad moment (RFC 3207 section 4: 454). */
	if (s->stage == GP_TLSPOLICY_NOT_OFFERED || s->stage == GP_TLSPOLICY_UNUSED)
		reply = v->requiretls ? GP_REPLY(550, 5, 7, 10, "") : GP_REPLY(451, 4, 7, 10, "");
	reply.text = why;
	return next(j, reply);
}

static int
decide(const struct gp_tlspolicy_verdict *v, const struct gp_tlspolicy_session *s,
       struct gp_arena *arena, struct gp_tlspolicy_judgement *j)
{
	if (s->stage != GP_TLSPOLICY_UP)
		return decide_without_tls(v, s, arena, j);
	uint8_t proof = proof_of(v, s);
	if (v->binding && proof != GP_PROOF_GOOD) {
		struct gp_reply reply =
			v->requiretls ? GP_REPLY(550, 5, 7, 10, "") : GP_REPLY(451, 4, 7, 5, "");
		reply.text = explain(v, s, proof_text(proof), arena);
		return next(j, reply);
	}
	if (v->requiretls && !s->requiretls_offered) {
		struct gp_reply reply = GP_REPLY(550, 5, 7, 30, "");
		reply.text = gp_arena_printf(arena,
					     "%.*s does not support REQUIRETLS, which the message "
					     "was sent with",
					     GP_SLICE_FMT(v->host));
		return next(j, reply);
	}
	j->decision = GP_TLSPOLICY_DELIVER;
	return 0;
}

static struct gp_tlspolicy_count
count(uint8_t result, struct gp_slice reason)
{
	return (struct gp_tlspolicy_count){result, reason};
}

static struct gp_tlspolicy_count
count_proof(uint8_t proof, struct gp_slice reason)
{
	static const uint8_t results[] = {
		[GP_PROOF_UNCHECKED] = GP_TLSRPT_UNCOUNTED,
		[GP_PROOF_GOOD] = GP_TLSRPT_SUCCESS,
		[GP_PROOF_HOST_MISMATCH] = GP_TLSRPT_CERTIFICATE_HOST_MISMATCH,
		[GP_PROOF_EXPIRED] = GP_TLSRPT_CERTIFICATE_EXPIRED,
		[GP_PROOF_NOT_TRUSTED] = GP_TLSRPT_CERTIFICATE_NOT_TRUSTED,
		[GP_PROOF_NO_MATCH] = GP_TLSRPT_TLSA_INVALID,
		[GP_PROOF_BROKEN] = GP_TLSRPT_VALIDATION_FAILURE,
	};
	gp_assert(proof < GP_ARRAY_LEN(results));
	return count(results[proof], proof == GP_PROOF_BROKEN ? reason : GP_SLICE(""));
}

/* The session as one policy's owner is told of it. */
static struct gp_tlspolicy_count
count_for(const struct gp_tlspolicy_report *r, const struct gp_tlspolicy_session *s)
{
	if (r->failure != 0)
		return count(r->failure, gp_slice_str(r->reason));
	switch (s ? s->stage : GP_TLSPOLICY_UNUSED) {
	case GP_TLSPOLICY_UNUSED:
		return count(GP_TLSRPT_UNCOUNTED, GP_SLICE(""));
	case GP_TLSPOLICY_NOT_OFFERED:
		return count(GP_TLSRPT_STARTTLS_NOT_SUPPORTED, GP_SLICE(""));
	case GP_TLSPOLICY_UP:
		break;
	default:
		return count(GP_TLSRPT_VALIDATION_FAILURE, s->reason);
	}
	if (r->policy == GP_TLSRPT_NO_POLICY)
		return count(GP_TLSRPT_SUCCESS, GP_SLICE(""));
	return count_proof(r->policy == GP_TLSRPT_TLSA ? s->dane : s->pkix, s->reason);
}

int
gp_tlspolicy_judge(const struct gp_tlspolicy_verdict *v, const struct gp_tlspolicy_session *s,
		   struct gp_arena *arena, struct gp_tlspolicy_judgement *ret)
{
	gp_assert((s == NULL) == v->skip);
	*ret = (struct gp_tlspolicy_judgement){0};
	for (size_t i = 0; i < v->reports_len; i++)
		ret->counts[i] = count_for(&v->reports[i], s);
	return v->skip ? next(ret, v->reply) : decide(v, s, arena, ret);
}
