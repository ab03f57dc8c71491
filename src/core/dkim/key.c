/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dkim/key.h"

#include <errno.h>

#include "core/dkim/der.h"
#include "core/taglist/taglist.h"

struct gp_dns_question
gp_dkim_question(const struct gp_dkim_signature *sig, struct gp_arena *arena)
{
	struct gp_slice name =
		gp_arena_printf(arena, "%.*s._domainkey.%.*s", GP_SLICE_FMT(sig->selector),
				GP_SLICE_FMT(sig->domain));
	return (struct gp_dns_question){name, GP_DNS_TXT};
}

/* Whether a list with colons names it. A tag that is not there has the fallback's word. */
static bool
names(const struct gp_taglist *list, const char *tag, const char *word, bool fallback)
{
	const struct gp_tag *found = gp_taglist_find(list, gp_slice_str(tag));
	if (!found)
		return fallback;
	struct gp_slice rest = found->value, item;
	while (gp_taglist_item(&rest, ':', &item)) {
		if (gp_slice_eq(item, gp_slice_str(word)))
			return true;
	}
	return false;
}

/* k=: GP_DKIM_UNKNOWN when it is no type of ours. */
static uint8_t
read_type(const struct gp_taglist *list)
{
	const struct gp_tag *k = gp_taglist_find(list, GP_SLICE("k"));
	if (!k || gp_slice_eq(k->value, GP_SLICE("rsa")))
		return GP_DKIM_RSA_SHA256;
	if (gp_slice_eq(k->value, GP_SLICE("ed25519")))
		return GP_DKIM_ED25519_SHA256;
	return GP_DKIM_UNKNOWN;
}

/* Bits of a number without leading zeros. */
static unsigned
count_bits(struct gp_slice number)
{
	unsigned bits = 8 * (unsigned)number.len;
	for (uint8_t first = (uint8_t)number.ptr[0]; first < 0x80; first = (uint8_t)(first << 1))
		bits--;
	return bits;
}

/* NULL, or what is wrong. An exponent of 1 signs nothing, an even one has no inverse. */
static const char *
read_rsa(struct gp_dkim_key *key)
{
	if (!gp_dkim_der_rsa(key->octets, &key->modulus, &key->exponent))
		return "p= is no RSA key in DER";
	key->bits = count_bits(key->modulus);
	char last = key->exponent.ptr[key->exponent.len - 1];
	if (key->exponent.len > GP_DKIM_EXPONENT_MAX || (last & 1) == 0 ||
	    (key->exponent.len == 1 && last == 1))
		return "its exponent is none that a key should have";
	if ((key->modulus.ptr[key->modulus.len - 1] & 1) == 0)
		return "its modulus is even";
	return NULL;
}

static const char *
read_ed25519(struct gp_dkim_key *key)
{
	key->bits = GP_DKIM_ED25519_BITS;
	return key->octets.len == GP_DKIM_ED25519_SIZE ? NULL : "p= is no Ed25519 key of 32 octets";
}

/* Returns 0, 1 or -ENOMEM. */
static int
read_public_key(const struct gp_taglist *list, struct gp_arena *arena, struct gp_dkim_key *ret,
		const char **ret_why)
{
	const struct gp_tag *p = gp_taglist_find(list, GP_SLICE("p"));
	*ret_why = p ? "p= is no base64" : "p= is missing";
	if (!p)
		return 1;
	int r = gp_taglist_base64(p->value, arena, &ret->octets);
	if (r != 0)
		return r;
	ret->revoked = ret->octets.len == 0;
	if (ret->revoked)
		return 0;
	*ret_why = ret->algorithm == GP_DKIM_RSA_SHA256 ? read_rsa(ret) : read_ed25519(ret);
	return *ret_why != NULL;
}

int
gp_dkim_key_read(struct gp_slice record, struct gp_arena *arena, struct gp_dkim_key *ret,
		 const char **ret_why)
{
	struct gp_taglist list;
	*ret = (struct gp_dkim_key){};
	*ret_why = "it is no list of tags";
	if (gp_taglist_read(record, &list) != GP_TAGLIST_OK)
		return 1;
	const struct gp_tag *v = gp_taglist_find(&list, GP_SLICE("v"));
	*ret_why = "v=DKIM1 is not what it begins with";
	if (v && (v != &list.tags[0] || !gp_slice_eq(v->value, GP_SLICE("DKIM1"))))
		return 1;
	ret->algorithm = read_type(&list);
	*ret_why = "k= is a type that we do not know";
	if (ret->algorithm == GP_DKIM_UNKNOWN)
		return 1;
	ret->testing = names(&list, "t", "y", false);
	ret->strict = names(&list, "t", "s", false);
	ret->email = names(&list, "s", "email", true) || names(&list, "s", "*", true);
	ret->sha256 = names(&list, "h", "sha256", true);
	return read_public_key(&list, arena, ret, ret_why);
}

struct gp_dkim_pkey *
gp_dkim_key_open(const struct gp_dkim_key *key)
{
	gp_assert(!key->revoked);
	return key->algorithm == GP_DKIM_RSA_SHA256 ? gp_dkim_pkey_rsa(key->modulus, key->exponent)
						    : gp_dkim_pkey_ed25519(key->octets);
}
