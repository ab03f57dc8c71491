/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/dkim/signing.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "core/dkim/body.h"
#include "core/dkim/sign.h"
#include "core/dns/idn.h"
#include "core/keyring/keyring.h"
#include "core/message/lone_mailbox.h"
#include "core/smtp/address.h"

enum {
	ARENA_MAX = 256 * 1024,           /* fields as they are made */
	LOOK_ARENA_MAX = 4 * 1024 * 1024, /* a header, and what of it is signed, for each key */
};

static_assert((int)GP_KEYRING_RSA == (int)GP_DKIM_RSA_SHA256 &&
		      (int)GP_KEYRING_ED25519 == (int)GP_DKIM_ED25519_SHA256,
	      "one number for an algorithm");

struct signing_item {
	struct gp_dkim_signer signer;
	struct gp_dkim_draft draft; /* without its input */
	struct gp_slice field;      /* when it is signed */
};

int
signing_prepare(void)
{
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return -EIO;
	/* The first algorithm that is looked up brings in all of them. */
	EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
	EVP_MD_free(md);
	return md ? 0 : -ENOMEM;
}

/* --- whose mail it is --- */

/* The first mailbox of a From field, or the one that is in it though it is malformed: who verifies
 * it may find that one, as we do. 0; 1: there is none; -ENOMEM. */
static int
find_author(struct gp_slice value, struct gp_arena *arena, struct gp_mailbox *ret)
{
	struct gp_mailbox_list list;
	const char *why;
	struct gp_slice line = gp_header_unfold(value, arena);
	int r = line.ptr ? gp_mailbox_list_parse(line, arena, &list, &why) : -ENOMEM;
	if (r > 0)
		return gp_lone_mailbox_find(line, arena, ret);
	if (r < 0 || list.len == 0)
		return r < 0 ? r : 1;
	*ret = list.items[0];
	return 0;
}

/* The domain of the author in the only From field, as the configuration has domains; empty: there
 * is none. 0 or -ENOMEM. */
static int
author_domain(const struct gp_header *h, struct gp_arena *arena, struct gp_slice *ret)
{
	struct gp_slice name = GP_SLICE("From");
	struct gp_mailbox author;
	struct gp_address address;
	const char *why;
	*ret = GP_SLICE("");
	if (gp_header_count(h, name) != 1)
		return 0;
	int r = find_author(gp_header_value(h, gp_header_find(h, name, 0)), arena, &author);
	if (r != 0)
		return GP_MIN(r, 0);
	r = gp_address_parse(author.text, arena, &address, &why);
	if (r == 0 && address.domain_kind == GP_DOMAIN_NAME)
		r = gp_idn_to_ascii(address.domain, arena, ret);
	return GP_MIN(r, 0);
}

/* --- what is to be signed --- */

static enum signing_result
draft(struct signing *g, const struct gp_header *h, const struct signing_mail *mail,
      const struct gp_dkim_signer *signer, struct gp_arena *arena)
{
	struct signing_item *item = &g->items[g->len];
	const struct gp_dkim_order order = {
		.kind = GP_DKIM_FIELD,
		.domain = signer->domain,
		.selector = signer->selector,
		.algorithm = signer->algorithm,
		.header_canon = GP_DKIM_RELAXED,
		.body_canon = GP_DKIM_RELAXED,
		.time_s = mail->now_s,
		.body_hash = mail->body_hash,
	};
	const char *why;
	if (signer->algorithm == GP_DKIM_UNKNOWN || signer->algorithm > GP_DKIM_ED25519_SHA256)
		return SIGNING_LATER;
	int r = gp_dkim_draft(&order, h, arena, &item->draft, &why);
	if (r != 0)
		return r > 0 ? SIGNING_IMPOSSIBLE : SIGNING_LATER;
	item->draft.field = gp_arena_dup(&g->arena, item->draft.field);
	item->draft.input = gp_slice(NULL, 0);
	item->signer = (struct gp_dkim_signer){
		.domain = gp_arena_dup(&g->arena, signer->domain),
		.selector = gp_arena_dup(&g->arena, signer->selector),
	};
	g->len++;
	return SIGNING_BEGUN;
}

struct gp_slice
signing_text(const struct signing_mail *mail, struct gp_arena *arena)
{
	struct gp_slice a = mail->head, b = mail->start;
	char *to = gp_arena_alloc(arena, a.len + b.len);
	if (to && a.len > 0)
		memcpy(to, a.ptr, a.len);
	if (to && b.len > 0)
		memcpy(to + a.len, b.ptr, b.len);
	return gp_slice(to, to ? a.len + b.len : 0);
}

static enum signing_result
begin(struct signing *g, const struct signers *all, const struct signing_mail *mail,
      struct gp_arena *arena)
{
	struct gp_header h;
	struct gp_slice domain;
	size_t len;
	struct gp_slice text = signing_text(mail, arena);
	int r = text.ptr ? gp_header_split(text, arena, &h) : -1;
	if (r == 0)
		r = author_domain(&h, arena, &domain);
	if (r != 0)
		return r > 0 ? SIGNING_NOT_OURS : SIGNING_LATER;
	const struct gp_dkim_signer *signers =
		mail->made_here ? signers_above(all, domain, &len) : signers_of(all, domain, &len);
	g->items = gp_arena_array(&g->arena, len, sizeof(*g->items));
	enum signing_result result = len > 0 ? SIGNING_BEGUN : SIGNING_NOT_OURS;
	for (size_t i = 0; g->items && result == SIGNING_BEGUN && i < len; i++)
		result = draft(g, &h, mail, &signers[i], arena);
	return g->arena.failed ? SIGNING_LATER : result;
}

enum signing_result
signing_begin(struct signing *g, const struct signers *all, const struct signing_mail *mail)
{
	struct gp_arena arena = GP_ARENA_INIT(LOOK_ARENA_MAX);
	*g = (struct signing){.arena = GP_ARENA_INIT(ARENA_MAX)};
	if (!all->known)
		return SIGNING_LATER;
	enum signing_result result = begin(g, all, mail, &arena);
	gp_arena_free(&arena);
	return result;
}

static int
hash_body(struct gp_slice body, struct gp_dkim_digest *ret)
{
	struct gp_dkim_body b;
	size_t place;
	gp_dkim_body_init(&b);
	int r = gp_dkim_body_want(&b, GP_DKIM_RELAXED, GP_DKIM_BODY_ALL, &place);
	if (r == 0) {
		gp_dkim_body_feed(&b, body);
		r = gp_dkim_body_end(&b);
		*ret = b.hashes[place].digest;
	}
	gp_dkim_body_free(&b);
	return r;
}

enum signing_result
signing_begin_whole(struct signing *g, const struct signers *all, struct gp_slice text,
		    uint64_t now_s)
{
	struct gp_arena arena = GP_ARENA_INIT(LOOK_ARENA_MAX);
	struct gp_header h;
	struct gp_dkim_digest digest;
	*g = (struct signing){};
	int r = gp_header_split(text, &arena, &h);
	if (r == 0)
		r = hash_body(gp_header_body(&h), &digest);
	const struct signing_mail mail = {
		.start = gp_slice_take(text, r == 0 ? h.len : 0),
		.body_hash = &digest,
		.now_s = now_s,
		.made_here = true,
	};
	enum signing_result result = r == 0  ? signing_begin(g, all, &mail)
				     : r > 0 ? SIGNING_NOT_OURS
					     : SIGNING_LATER;
	gp_arena_free(&arena);
	return result;
}

void
signing_free(struct signing *g)
{
	gp_arena_free(&g->arena);
	*g = (struct signing){};
}

/* --- signatures --- */

bool
signing_request(const struct signing *g, struct gp_msg_dkim_sign *ret)
{
	if (g->at == g->len)
		return false;
	const struct signing_item *item = &g->items[g->at];
	*ret = (struct gp_msg_dkim_sign){
		.domain = item->signer.domain,
		.selector = item->signer.selector,
		.digest = gp_dkim_digest_slice(&item->draft.digest),
	};
	return true;
}

bool
signing_take(struct signing *g, struct gp_slice signature)
{
	gp_assert(g->at < g->len);
	struct signing_item *item = &g->items[g->at++];
	return gp_dkim_finish(&item->draft, signature, &g->arena, &item->field) == 0;
}

void
signing_write(const struct signing *g, struct gp_buf *out)
{
	gp_assert(g->at == g->len);
	for (size_t i = 0; i < g->len; i++)
		gp_buf_put(out, g->items[i].field);
}
