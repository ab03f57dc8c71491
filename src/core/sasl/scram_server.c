/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's side of SCRAM-SHA-256 (RFC 5802 section 5), in SMTP's way: the last message of the
 * server goes as a challenge, which the client answers with nothing.
 *
 *     C: n,,n=user,r=rOprNGfwEbeRWgbNEkqO                      take_first     FETCH_KEYS
 *     S: r=rOprNGfwEbeRWgbNEkqO%hvYDpW...,s=W22Z...,i=4096     gp_sasl_use_keys
 *     C: c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpW...,p=dHzb...     take_final
 *     S: v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=        sign
 *     C:                                                       DONE
 */
#include <errno.h>

#include "base/base64.h"
#include "core/sasl/mechanism.h"
#include "core/sasl/scram_message.h"

enum step { FIRST, KEYS, FINAL, SIGNED };

/* Each is a part of a message that was copied into the arena. */
struct gp_sasl_scram {
	struct gp_slice gs2_header; /* "n,,", "y,,", "p=tls-exporter,a=user," */
	struct gp_slice binding;    /* the channel's data, empty without */
	struct gp_slice first_bare; /* "n=user,r=..." */
	struct gp_slice server_first;
	struct gp_slice nonce; /* the client's and ours together */
	struct gp_scram_keys keys;
};

/* The flag of the channel binding; 0, FAILED. */
static int
take_binding_flag(struct gp_sasl *s, struct gp_slice flag)
{
	bool plus = s->setup.mechanism == GP_SASL_SCRAM_SHA_256_PLUS;
	bool offered = s->setup.tls_exporter.len > 0 || s->setup.tls_server_end_point.len > 0;
	if (gp_slice_starts(flag, GP_SLICE("p="))) {
		struct gp_slice name = gp_slice_drop(flag, 2);
		if (!plus)
			return sasl_malformed(s, "channel binding goes with -PLUS");
		if (gp_slice_eq(name, GP_SLICE("tls-exporter")))
			s->scram->binding = s->setup.tls_exporter;
		else if (gp_slice_eq(name, GP_SLICE("tls-server-end-point")))
			s->scram->binding = s->setup.tls_server_end_point;
		return s->scram->binding.len > 0 ? 0 : sasl_fail(s, "no such channel binding");
	}
	if (plus)
		return sasl_malformed(s, "-PLUS goes with channel binding");
	if (gp_slice_eq(flag, GP_SLICE("n")))
		return 0;
	if (!gp_slice_eq(flag, GP_SLICE("y")))
		return sasl_malformed(s, "not a GS2 header");
	/* Section 6: the client could bind, and was made to believe that we cannot. */
	return offered ? sasl_fail(s, "somebody took -PLUS out of our offer") : 0;
}

/* "n=NAME,r=NONCE" and extensions. */
static int
take_first_bare(struct gp_sasl *s, struct gp_slice authzid)
{
	struct gp_slice rest = s->scram->first_bare, name, nonce, plain = {}, acting = {};
	if (!scram_take_attribute(&rest, 'n', &name) || !scram_take_attribute(&rest, 'r', &nonce) ||
	    !scram_is_nonce(nonce, GP_SASL_NONCE_MAX) || !scram_extensions_are_optional(rest))
		return sasl_malformed(s, "not a client's first message");
	int r = sasl_unescape(s, name, &plain);
	if (r == 0)
		r = sasl_unescape(s, authzid, &acting);
	if (r == 1)
		return sasl_malformed(s, "not a user name");
	if (r == 0)
		r = sasl_take_names(s, acting, plain);
	if (r != 0)
		return r;
	s->scram->nonce = gp_arena_printf(s->arena, "%.*s%.*s", GP_SLICE_FMT(nonce),
					  GP_SLICE_FMT(s->setup.nonce));
	s->at = KEYS;
	return s->arena->failed ? -ENOMEM : GP_SASL_FETCH_KEYS;
}

static int
take_first(struct gp_sasl *s, struct gp_slice response)
{
	struct gp_slice whole = gp_arena_dup(s->arena, response), rest = whole, authzid = {};
	s->scram = gp_arena_new(s->arena, struct gp_sasl_scram);
	if (s->arena->failed)
		return -ENOMEM;
	int r = take_binding_flag(s, gp_slice_cut(&rest, ','));
	if (r != 0)
		return r;
	if (!scram_take_attribute(&rest, 'a', &authzid) && gp_slice_cut(&rest, ',').len > 0)
		return sasl_malformed(s, "not a GS2 header");
	s->scram->gs2_header = gp_slice_take(whole, whole.len - rest.len);
	s->scram->first_bare = rest;
	return take_first_bare(s, authzid);
}

int
gp_sasl_use_keys(struct gp_sasl *s, const struct gp_scram_keys *keys)
{
	struct gp_buf text = GP_BUF_INIT(1024);
	gp_assert(s->at == KEYS);
	s->at = FINAL;
	s->scram->keys = *keys;
	gp_buf_printf(&text, "r=%.*s,s=", GP_SLICE_FMT(s->scram->nonce));
	gp_base64_put(&text, keys->salt);
	gp_buf_printf(&text, ",i=%u", keys->iterations);
	s->scram->server_first = gp_arena_dup(s->arena, gp_buf_slice(&text));
	bool failed = text.failed;
	gp_buf_free(&text);
	return failed ? -ENOMEM : sasl_challenge(s, s->scram->server_first);
}

/* Whether c= is what the client said at first, with the data of this channel and no other. Returns
 * 0, 1 or -ENOMEM. */
static int
check_binding(struct gp_sasl *s, struct gp_slice text)
{
	struct gp_slice said, header = s->scram->gs2_header;
	int r = gp_base64_decode(text, GP_BASE64, s->arena, &said);
	if (r != 0)
		return r;
	return !gp_slice_starts(said, header) ||
	       !gp_equal_secretly(gp_slice_drop(said, header.len), s->scram->binding);
}

/* v= and the signature. */
static int
sign(struct gp_sasl *s, struct gp_slice message)
{
	struct gp_sha256 signature;
	struct gp_buf text = GP_BUF_INIT(128);
	int r = gp_scram_sign(&s->scram->keys, message, &signature);
	if (r < 0)
		return r;
	gp_buf_put_str(&text, "v=");
	gp_base64_put(&text, gp_sha256_slice(&signature));
	struct gp_slice challenge = gp_arena_dup(s->arena, gp_buf_slice(&text));
	bool failed = text.failed;
	gp_buf_free(&text);
	s->at = SIGNED;
	return failed ? -ENOMEM : sasl_challenge(s, challenge);
}

/* without_proof: the client's final message up to the comma before p=. */
static int
check_proof(struct gp_sasl *s, struct gp_slice without_proof, struct gp_slice proof_text)
{
	struct gp_slice proof;
	struct gp_slice message =
		gp_arena_printf(s->arena, "%.*s,%.*s,%.*s", GP_SLICE_FMT(s->scram->first_bare),
				GP_SLICE_FMT(s->scram->server_first), GP_SLICE_FMT(without_proof));
	int r = gp_base64_decode(proof_text, GP_BASE64, s->arena, &proof);
	if (r == 1)
		return sasl_malformed(s, "the proof is not base64");
	if (r == 0)
		r = s->arena->failed ? -ENOMEM : gp_scram_check(&s->scram->keys, message, proof);
	if (r == 1)
		return sasl_fail(s, "wrong user name or password");
	return r < 0 ? r : sign(s, message);
}

/* "c=BINDING,r=NONCE", extensions, ",p=PROOF" */
static int
take_final(struct gp_sasl *s, struct gp_slice response)
{
	struct gp_slice rest, binding, nonce, proof;
	ptrdiff_t comma = gp_slice_rfind(response, ',');
	struct gp_slice without_proof = gp_slice_take(response, comma < 0 ? 0 : (size_t)comma);
	struct gp_slice last = gp_slice_drop(response, without_proof.len + 1);
	rest = without_proof;
	if (!scram_take_attribute(&rest, 'c', &binding) ||
	    !scram_take_attribute(&rest, 'r', &nonce) || !scram_extensions_are_optional(rest) ||
	    !scram_take_attribute(&last, 'p', &proof))
		return sasl_malformed(s, "not a client's final message");
	if (!gp_slice_eq(nonce, s->scram->nonce))
		return sasl_malformed(s, "another nonce");
	int r = check_binding(s, binding);
	if (r == 1)
		return sasl_fail(s, "the channel is another than the client's");
	return r < 0 ? r : check_proof(s, without_proof, proof);
}

int
sasl_scram(struct gp_sasl *s, const struct gp_slice *response)
{
	if (!response)
		return sasl_challenge(s, gp_slice("", 0));
	switch ((enum step)s->at) {
	case FIRST:
		return take_first(s, *response);
	case FINAL:
		return take_final(s, *response);
	case SIGNED:
		return response->len == 0 ? GP_SASL_DONE : sasl_malformed(s, "nothing was asked");
	case KEYS:
		break;
	}
	gp_unreachable("a response while the keys are awaited");
}
