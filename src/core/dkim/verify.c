/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dkim/verify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum { NOTE_MAX = 512 };

/* One judgement on its way. */
struct judging {
	const struct gp_dkim_signature *sig;
	const struct gp_dkim_world *world;
	struct gp_dkim_verdict *verdict;
	struct gp_slice record;
	struct gp_dkim_keys *keys; /* where its key is kept; NULL: nowhere */
	struct gp_dkim_key key;
};

GP_PRINTF(2, 3)
static void
note(struct judging *j, const char *fmt, ...)
{
	char text[NOTE_MAX];
	va_list args;
	if (!j->world->trail)
		return;
	va_start(args, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	gp_assert(len >= 0 && j->verdict->trail_len < GP_DKIM_TRAIL_MAX);
	struct gp_slice line = gp_slice(text, GP_MIN((size_t)len, sizeof(text) - 1));
	j->verdict->trail[j->verdict->trail_len++] = gp_arena_dup(j->world->arena, line);
}

/* The end of it. section: of RFC 6376, or a whole citation. */
static int
decide(struct judging *j, uint8_t result, const char *reason, const char *section)
{
	j->verdict->result = result;
	j->verdict->reason = result == GP_DKIM_PASS ? NULL : reason;
	note(j, "%s: %s (%s)", gp_dkim_result_name(result), reason, section);
	return GP_DKIM_DONE;
}

/* --- the signature by itself --- */

static void
begin(struct judging *j, const struct gp_dkim_signature *sig, const struct gp_dkim_world *world,
      struct gp_dkim_verdict *ret)
{
	*ret = (struct gp_dkim_verdict){.signature = sig};
	*j = (struct judging){.sig = sig, .world = world, .verdict = ret};
	if (sig->domain.len > 0)
		note(j, "signature of %.*s, selector %.*s, by %.*s", GP_SLICE_FMT(sig->domain),
		     GP_SLICE_FMT(sig->selector), GP_SLICE_FMT(sig->algorithm_name));
}

/* Section 6.1.1. Returns 0 when there is nothing to say against it. */
static uint8_t
judge_signature(struct judging *j)
{
	const struct gp_dkim_signature *sig = j->sig;
	uint64_t now_s = j->world->now_s;
	bool historic = gp_slice_eq(sig->algorithm_name, GP_SLICE("rsa-sha1"));
	if (sig->result)
		decide(j, sig->result, sig->reason,
		       historic ? "RFC 8301 section 3.1" : "RFC 6376 section 6.1.1");
	else if (sig->expires && now_s > GP_DKIM_SKEW_S && now_s - GP_DKIM_SKEW_S > sig->expiry_s)
		decide(j, GP_DKIM_FAIL, "it has expired", "RFC 6376 section 3.5, x=");
	else if (sig->timed && sig->time_s > GP_DKIM_FUTURE_S &&
		 sig->time_s - GP_DKIM_FUTURE_S > now_s)
		decide(j, GP_DKIM_FAIL, "it is of the future", "RFC 6376 section 3.5, t=");
	return j->verdict->result;
}

/* --- the key --- */

static const char *const key_section = "RFC 6376 section 6.1.2";

/* The one record that the DNS has. Returns 0, or what it is judged by. */
static uint8_t
find_record(struct judging *j, const struct gp_dns_answer *answer)
{
	note(j, "its key is at %.*s", GP_SLICE_FMT(answer->name));
	if (gp_dns_status_temporary(answer->status))
		decide(j, GP_DKIM_TEMPERROR, "the DNS did not answer", key_section);
	else if (answer->status != GP_DNS_OK || answer->records_len == 0)
		decide(j, GP_DKIM_PERMERROR, "there is no key", key_section);
	else if (answer->records_len > 1)
		decide(j, GP_DKIM_PERMERROR, "there is more than one key",
		       "RFC 6376 section 3.6.2.2");
	else
		j->record = answer->records[0].data;
	return j->verdict->result;
}

/* May this key sign what the signature says? Section 6.1.2. */
static int
judge_use(struct judging *j)
{
	const struct gp_dkim_key *key = &j->key;
	const struct gp_dkim_signature *sig = j->sig;
	j->verdict->testing = key->testing;
	if (key->testing)
		note(j, "its domain is only trying (RFC 6376 section 3.6.1, t=y)");
	if (key->revoked)
		return decide(j, GP_DKIM_PERMERROR, "the key is revoked", key_section);
	if (key->algorithm != sig->algorithm)
		return decide(j, GP_DKIM_PERMERROR, "the key is of another type", key_section);
	j->verdict->key_bits = key->bits;
	note(j, "the key has %u bits", key->bits);
	if (!key->email)
		return decide(j, GP_DKIM_PERMERROR, "the key is not for mail", key_section);
	if (!key->sha256)
		return decide(j, GP_DKIM_PERMERROR, "the key is not for SHA-256", key_section);
	if (key->strict && !gp_slice_eq(sig->identity_domain, sig->domain))
		return decide(j, GP_DKIM_PERMERROR,
			      "the key is not for i= below d=", "RFC 6376 section 3.6.1, t=s");
	if (key->algorithm != GP_DKIM_RSA_SHA256)
		return GP_DKIM_DONE;
	if (key->bits < GP_DKIM_RSA_BITS_MIN)
		return decide(j, GP_DKIM_PERMERROR, "the key is shorter than 1024 bits",
			      "RFC 8301 section 3.2");
	if (key->bits > GP_DKIM_RSA_BITS_MAX)
		return decide(j, GP_DKIM_POLICY, "the key is longer than 4096 bits",
			      "RFC 8301 section 3.2");
	return GP_DKIM_DONE;
}

/* What the record says. Returns enum gp_dkim_outcome or -ENOMEM. */
static int
read_record(struct judging *j)
{
	const char *why;
	if (j->record.len <= GP_DKIM_RECORD_KEPT_MAX)
		j->keys = j->world->keys;
	if (j->keys && gp_dkim_keys_find(j->keys, j->record, &j->key))
		return GP_DKIM_DONE;
	int r = gp_dkim_key_read(j->record, j->world->arena, &j->key, &why);
	if (r <= 0)
		return r;
	note(j, "%s (RFC 6376 section 3.6.1)", why);
	return decide(j, GP_DKIM_PERMERROR, "the key record is malformed", key_section);
}

/* Returns enum gp_dkim_outcome or -ENOMEM; the verdict's result is 0 while all is well. */
static int
judge_key(struct judging *j)
{
	struct gp_dns_question q = gp_dkim_question(j->sig, j->world->arena);
	struct gp_dns_answer answer;
	if (!q.name.ptr)
		return -ENOMEM;
	if (!gp_answers_find(j->world->answers, q.name, q.type, &answer))
		return GP_DKIM_NEED;
	if (find_record(j, &answer))
		return GP_DKIM_DONE;
	int r = read_record(j);
	return r == GP_DKIM_DONE && !j->verdict->result ? judge_use(j) : r;
}

/* --- the message --- */

/* Section 6.1.3, step 3: the hash of the body, as far as l= goes. Returns 0 when it is right. */
static uint8_t
judge_body(struct judging *j, const struct gp_dkim_body *body, size_t body_hash)
{
	const struct gp_dkim_body_hash *hash = &body->hashes[body_hash];
	const struct gp_dkim_signature *sig = j->sig;
	uint64_t size = gp_dkim_body_size(body, sig->body_canon);
	if (sig->length != GP_DKIM_BODY_ALL) {
		if (sig->length > size)
			return decide(j, GP_DKIM_FAIL,
				      "the body is shorter than l=", "RFC 6376 section 3.5, l="),
			       GP_DKIM_FAIL;
		j->verdict->partial = sig->length < size;
		note(j, "l= covers %ju of %ju octets of the body (RFC 6376 section 8.2)",
		     (uintmax_t)sig->length, (uintmax_t)size);
	}
	j->verdict->body_differs =
		!gp_slice_eq(gp_dkim_digest_slice(&hash->digest), sig->body_hash);
	if (j->verdict->body_differs)
		decide(j, GP_DKIM_FAIL, "the body is not the one that was signed",
		       "RFC 6376 section 6.1.3");
	return j->verdict->result;
}

/* How From is covered, which is what a stranger would like to add (section 8.15). */
static void
judge_from(struct judging *j, const struct gp_header *header)
{
	struct gp_slice from = GP_SLICE("from");
	size_t named = 0, there = gp_header_count(header, from);
	for (size_t i = 0; i < j->sig->names_len; i++)
		named += gp_slice_eq_nocase(j->sig->names[i], from);
	j->verdict->from_oversigned = named > there;
	if (named < there)
		note(j, "%zu of %zu From fields are signed (RFC 6376 section 8.15)", named, there);
	note(j, "h= names %zu fields%s, header %s, body %s", j->sig->names_len,
	     named > there ? ", From once more than it is there" : "",
	     gp_dkim_canon_name(j->sig->header_canon), gp_dkim_canon_name(j->sig->body_canon));
}

/* Section 6.1.3, step 4: the signature itself. */
static int
judge_digest(struct judging *j, const struct gp_dkim_digest *digest)
{
	struct gp_dkim_pkey *pkey = j->keys ? gp_dkim_keys_open(j->keys, j->record, &j->key)
					    : gp_dkim_key_open(&j->key);
	if (!pkey)
		return decide(j, GP_DKIM_PERMERROR, "the key is none that verifies", key_section);
	int r = gp_dkim_pkey_verify(pkey, digest, j->sig->signature);
	if (!j->keys)
		gp_dkim_pkey_free(pkey);
	if (r < 0)
		return r;
	return r == 0 ? decide(j, GP_DKIM_PASS, "the signature fits", "RFC 6376 section 6.1.3")
		      : decide(j, GP_DKIM_FAIL, "the header is not the one that was signed",
			       "RFC 6376 section 6.1.3");
}

/* --- the whole --- */

int
gp_dkim_verify(const struct gp_header *header, size_t field, const struct gp_dkim_signature *sig,
	       const struct gp_dkim_body *body, size_t body_hash, const struct gp_dkim_world *world,
	       struct gp_dkim_verdict *ret)
{
	struct gp_dkim_digest digest;
	struct judging j;
	begin(&j, sig, world, ret);
	ret->field = field;
	if (judge_signature(&j))
		return world->arena->failed ? -ENOMEM : GP_DKIM_DONE;
	int r = judge_key(&j);
	if (r == GP_DKIM_DONE && !ret->result) {
		if (!body)
			return GP_DKIM_BODY;
		judge_from(&j, header);
		if (!judge_body(&j, body, body_hash)) {
			r = gp_dkim_header_digest(header, field, sig, world->arena, &digest);
			if (r == 0)
				r = judge_digest(&j, &digest);
		}
	}
	return r >= 0 && world->arena->failed ? -ENOMEM : r;
}

int
gp_dkim_verify_digest(const struct gp_dkim_signature *sig, const struct gp_dkim_digest *digest,
		      const struct gp_dkim_world *world, struct gp_dkim_verdict *ret)
{
	struct judging j;
	begin(&j, sig, world, ret);
	if (judge_signature(&j))
		return world->arena->failed ? -ENOMEM : GP_DKIM_DONE;
	int r = judge_key(&j);
	if (r == GP_DKIM_DONE && !ret->result)
		r = judge_digest(&j, digest);
	return r >= 0 && world->arena->failed ? -ENOMEM : r;
}
