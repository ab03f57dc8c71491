/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS of one connection: what the verdict wants proven is what TLS is told to prove, and what it
 * proved is what the judgement is made from.
 */
#include <errno.h>

#include "procs/relay/relay.h"
#include "sys/log.h"

static struct gp_tls_client *client;

int
secure_prepare(const struct gp_config *cfg)
{
	char path[4096];
	const char *authorities = GP_TLS_AUTHORITIES;
	if (cfg->tls.authorities.len > 0) {
		snprintf(path, sizeof(path), "%.*s", GP_SLICE_FMT(cfg->tls.authorities));
		authorities = path;
	}
	client = gp_tls_client_new(authorities);
	if (client)
		return 0;
	/* Then nobody can be proven by an authority, and what demands that waits. */
	gp_error("no_authorities", GP_FS("file", authorities));
	client = gp_tls_client_new(NULL);
	return client ? 0 : -ENOMEM;
}

enum gp_client_tls
secure_wish(const struct target *target)
{
	const struct gp_tlspolicy_verdict *v = target->verdict;
	if (!v || target->clear || target->implicit || v->level == GP_TLSPOLICY_NONE)
		return GP_CLIENT_TLS_OFF;
	return v->encrypt ? GP_CLIENT_TLS_REQUIRED : GP_CLIENT_TLS_IF_OFFERED;
}

struct gp_tls *
secure_connect(int fd, const struct gp_tlspolicy_verdict *v, const struct gp_tls_session *session)
{
	struct gp_tls_tlsa tlsa[GP_TLS_TLSA_MAX];
	struct gp_tls_goal goal = {
		.name = v->sni,
		.names = v->names,
		.names_len = GP_MIN(v->names_len, (size_t)GP_TLS_NAMES_MAX),
		.tlsa = tlsa,
		.tlsa_len = GP_MIN(v->records_len, (size_t)GP_TLS_TLSA_MAX),
		.session = session,
	};
	for (size_t i = 0; i < goal.tlsa_len; i++) {
		const struct gp_dns_record *r = &v->records[i];
		tlsa[i] = (struct gp_tls_tlsa){r->usage, r->selector, r->matching, r->data};
	}
	return gp_tls_connect(client, fd, &goal);
}

/* --- the judgement --- */

static enum gp_tlspolicy_stage
stage_of(const struct gp_tlspolicy_verdict *v, const struct gp_smtp_client *c)
{
	if (gp_smtp_client_in_tls(c))
		return GP_TLSPOLICY_UP;
	switch (gp_smtp_client_tls_fault(c)) {
	case GP_CLIENT_TLS_NOT_OFFERED:
		return GP_TLSPOLICY_NOT_OFFERED;
	case GP_CLIENT_TLS_REFUSED:
	case GP_CLIENT_TLS_INJECTED:
		return GP_TLSPOLICY_REFUSED;
	case GP_CLIENT_TLS_HANDSHAKE:
		return GP_TLSPOLICY_HANDSHAKE_FAILED;
	default:
		return v->level == GP_TLSPOLICY_NONE ? GP_TLSPOLICY_UNUSED
						     : GP_TLSPOLICY_NOT_OFFERED;
	}
}

static enum gp_tlspolicy_proof
proof_of(enum gp_tls_trust trust)
{
	static const uint8_t proofs[] = {
		[GP_TLS_TRUSTED] = GP_PROOF_GOOD,
		[GP_TLS_OTHER_NAME] = GP_PROOF_HOST_MISMATCH,
		[GP_TLS_OUT_OF_DATE] = GP_PROOF_EXPIRED,
		[GP_TLS_NO_AUTHORITY] = GP_PROOF_NOT_TRUSTED,
		[GP_TLS_NO_MATCH] = GP_PROOF_NO_MATCH,
		[GP_TLS_UNTRUSTED] = GP_PROOF_BROKEN,
	};
	return (enum gp_tlspolicy_proof)proofs[trust];
}

/* In hexadecimal, of either case. */
static bool
is_digest(struct gp_slice text, const uint8_t digest[GP_TLS_DIGEST])
{
	char hex[2 * GP_TLS_DIGEST + 1];
	for (size_t i = 0; i < GP_TLS_DIGEST; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return gp_slice_eq_nocase(text, gp_slice_str(hex));
}

/* Of the certificate or of its key: either may be pinned. */
static enum gp_tlspolicy_proof
fingerprint_proof(const struct gp_tlspolicy_verdict *v, const struct gp_tls_facts *facts)
{
	for (size_t i = 0; facts->has_certificate && i < v->fingerprints_len; i++) {
		if (is_digest(v->fingerprints[i], facts->certificate_sha256) ||
		    is_digest(v->fingerprints[i], facts->key_sha256))
			return GP_PROOF_GOOD;
	}
	return GP_PROOF_NO_MATCH;
}

/* What the certificate proves by each way that the verdict knows. */
static void
look_at_certificate(const struct gp_tlspolicy_verdict *v, const struct gp_tls *tls,
		    struct gp_tlspolicy_session *seen)
{
	struct gp_tls_facts facts = gp_tls_facts(tls);
	bool dane = v->level == GP_TLSPOLICY_DANE;
	/* Records that TLS cannot read prove nothing, whatever an authority says. */
	if (dane)
		seen->dane = (uint8_t)(gp_tls_tlsa_usable(tls) > 0 ? proof_of(facts.trust)
								   : GP_PROOF_NO_MATCH);
	else
		seen->pkix = (uint8_t)proof_of(facts.trust);
	/* The owner of an MTA-STS policy is told of it, though DANE decides. */
	for (size_t i = 0; dane && i < v->reports_len; i++) {
		if (v->reports[i].policy == GP_TLSRPT_STS)
			seen->pkix = (uint8_t)proof_of(gp_tls_by_authorities(tls, v->host));
	}
	seen->fingerprint = (uint8_t)fingerprint_proof(v, &facts);
	seen->reason = gp_slice_str(facts.trust_text);
}

bool
secure_is_proven(const struct gp_tlspolicy_verdict *v, const struct gp_tls *tls)
{
	struct gp_arena words = {.max = 16 * 1024};
	struct gp_tlspolicy_judgement j;
	struct gp_tlspolicy_session seen = {.stage = GP_TLSPOLICY_UP, .requiretls_offered = true};
	look_at_certificate(v, tls, &seen);
	bool proven =
		gp_tlspolicy_judge(v, &seen, &words, &j) == 0 && j.decision == GP_TLSPOLICY_DELIVER;
	gp_arena_free(&words);
	return proven;
}

int
secure_judge(const struct gp_tlspolicy_verdict *v, const struct gp_smtp_client *c,
	     const struct gp_tls *tls, struct gp_arena *arena, struct gp_tlspolicy_judgement *ret)
{
	struct gp_tlspolicy_session seen = {
		.stage = (uint8_t)stage_of(v, c),
		.requiretls_offered = gp_smtp_client_ehlo(c)->flags & GP_EHLO_REQUIRETLS,
	};
	if (tls && seen.stage == GP_TLSPOLICY_UP)
		look_at_certificate(v, tls, &seen);
	else if (tls)
		seen.reason = gp_slice_str(gp_tls_error(tls));
	return gp_tlspolicy_judge(v, &seen, arena, ret);
}
