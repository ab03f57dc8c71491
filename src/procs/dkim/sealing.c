/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/dkim/sealing.h"

enum { ARENA_MAX = 4 * 1024 * 1024 }; /* a header, what of it is signed, and the fields */

/* --- the order --- */

/* NULL: it has no keys. Of those that cannot be used the algorithm is not known. */
static const struct gp_dkim_signer *
choose_signer(const struct signers *all, struct gp_slice domain)
{
	size_t len;
	const struct gp_dkim_signer *signers = signers_of(all, domain, &len), *best = signers;
	for (size_t i = 0; i < len; i++) {
		if (signers[i].algorithm == GP_DKIM_RSA_SHA256)
			return &signers[i];
		if (best->algorithm == GP_DKIM_UNKNOWN)
			best = &signers[i];
	}
	return best;
}

/* The header as it goes on, and its chain. Returns 0; 1 with *ret_why; -1: no memory. */
static int
read_header(struct sealing *g, const struct sealing_mail *mail, const char **ret_why)
{
	struct gp_slice text = signing_text(&mail->mail, &g->arena);
	int r = text.ptr ? gp_header_split(text, &g->arena, &g->header) : -1;
	*ret_why = "the header is too big";
	gp_assert(r != 0 ||
		  gp_slice_eq(gp_header_name(&g->header, 0), GP_SLICE("Authentication-Results")));
	if (r == 0)
		r = gp_arc_collect(&g->header, NULL, &g->arena, &g->chain);
	return r;
}

/* What the chain was: none where none is, and never better than what is to be handed on. */
static uint8_t
arrival(const struct sealing *g, uint8_t told)
{
	bool none = g->chain.len == 0 && !g->chain.fault;
	return (told == GP_ARC_NONE) == none ? told : (uint8_t)GP_ARC_FAIL;
}

static int
draft(struct sealing *g, const struct sealing_mail *mail, const struct gp_dkim_signer *signer,
      const char **ret_why)
{
	g->order = (struct gp_arc_order){
		.chain = &g->chain,
		.arrival = arrival(g, mail->arrival),
		.results = gp_slice_trim(gp_header_value(&g->header, 0)),
		.domain = gp_arena_dup(&g->arena, signer->domain),
		.selector = gp_arena_dup(&g->arena, signer->selector),
		.algorithm = signer->algorithm,
		.time_s = mail->mail.now_s,
		.body_hash = mail->mail.body_hash,
	};
	return gp_arc_draft(&g->order, &g->header, &g->arena, &g->draft, ret_why);
}

enum signing_result
sealing_begin(struct sealing *g, const struct signers *all, const struct sealing_mail *mail,
	      const char **ret_why)
{
	*g = (struct sealing){.arena = GP_ARENA_INIT(ARENA_MAX)};
	const struct gp_dkim_signer *signer = choose_signer(all, mail->domain);
	*ret_why = "the domain has no keys";
	if (!all->known || (signer && signer->algorithm == GP_DKIM_UNKNOWN))
		return SIGNING_LATER;
	if (!signer)
		return SIGNING_NOT_OURS;
	int r = read_header(g, mail, ret_why);
	if (r == 0)
		r = draft(g, mail, signer, ret_why);
	if (r != 0 || g->arena.failed)
		return r > 0 ? SIGNING_NOT_OURS : SIGNING_LATER;
	g->step = SEALING_MESSAGE;
	return SIGNING_BEGUN;
}

void
sealing_free(struct sealing *g)
{
	gp_arena_free(&g->arena);
	*g = (struct sealing){};
}

/* --- signatures --- */

bool
sealing_request(const struct sealing *g, struct gp_msg_dkim_sign *ret)
{
	if (g->step != SEALING_MESSAGE && g->step != SEALING_SEAL)
		return false;
	const struct gp_dkim_draft *d =
		g->step == SEALING_MESSAGE ? &g->draft.message : &g->draft.seal;
	*ret = (struct gp_msg_dkim_sign){
		.domain = g->order.domain,
		.selector = g->order.selector,
		.digest = gp_dkim_digest_slice(&d->digest),
	};
	return true;
}

bool
sealing_take(struct sealing *g, struct gp_slice signature)
{
	gp_assert(g->step == SEALING_MESSAGE || g->step == SEALING_SEAL);
	bool seals = g->step++ == SEALING_SEAL;
	return seals ? gp_arc_finish(&g->draft, signature, &g->arena, &g->fields) == 0
		     : gp_arc_draft_seal(&g->draft, signature, &g->arena) == 0;
}

void
sealing_write(const struct sealing *g, struct gp_buf *out)
{
	gp_assert(g->step == SEALING_NOTHING || g->step == SEALING_DONE);
	gp_buf_put(out, g->fields);
}
