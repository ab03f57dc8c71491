/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dkim/signature.h"

#include <errno.h>

#include "base/scan.h"
#include "core/dkim/body.h"
#include "core/dns/idn.h"
#include "core/smtp/address.h"
#include "core/taglist/taglist.h"

const char *
gp_dkim_result_name(uint8_t result)
{
	static const char *const names[] = {
		[GP_DKIM_PASS] = "pass",           [GP_DKIM_FAIL] = "fail",
		[GP_DKIM_NEUTRAL] = "neutral",     [GP_DKIM_POLICY] = "policy",
		[GP_DKIM_TEMPERROR] = "temperror", [GP_DKIM_PERMERROR] = "permerror",
	};
	gp_assert(result > 0 && result < GP_ARRAY_LEN(names));
	return names[result];
}

static const char *const algorithms[] = {
	[GP_DKIM_UNKNOWN] = "unknown",
	[GP_DKIM_RSA_SHA256] = "rsa-sha256",
	[GP_DKIM_ED25519_SHA256] = "ed25519-sha256",
};

const char *
gp_dkim_algorithm_name(uint8_t algorithm)
{
	gp_assert(algorithm < GP_ARRAY_LEN(algorithms));
	return algorithms[algorithm];
}

uint8_t
gp_dkim_algorithm_number(struct gp_slice name)
{
	for (size_t i = GP_DKIM_RSA_SHA256; i < GP_ARRAY_LEN(algorithms); i++) {
		if (gp_slice_eq(name, gp_slice_str(algorithms[i])))
			return (uint8_t)i;
	}
	return GP_DKIM_UNKNOWN;
}

bool
gp_dkim_is_below(struct gp_slice name, struct gp_slice domain)
{
	if (!gp_slice_ends_nocase(name, domain))
		return false;
	size_t above = name.len - domain.len;
	return above == 0 || name.ptr[above - 1] == '.';
}

/* --- reading --- */

struct reading {
	struct gp_taglist list;
	enum gp_dkim_kind kind;
	struct gp_arena *arena;
	struct gp_dkim_signature *sig;
};

/* The first fault is the one that is told. Returns false. */
static bool
wrong(struct reading *r, uint8_t result, const char *reason)
{
	if (!r->sig->result) {
		r->sig->result = result;
		r->sig->reason = reason;
	}
	return false;
}

/* A tag's value; ptr NULL: the tag is not there. */
static struct gp_slice
value_of(const struct reading *r, const char *name)
{
	const struct gp_tag *tag = gp_taglist_find(&r->list, gp_slice_str(name));
	return tag ? tag->value : gp_slice(NULL, 0);
}

/* Section 6.1.1: v= says 1; what ARC has of it is ignored (RFC 8617 section 4.1.2). */
static bool
read_version(struct reading *r)
{
	struct gp_slice v = value_of(r, "v");
	if (r->kind != GP_DKIM_FIELD || gp_slice_eq(v, GP_SLICE("1")))
		return true;
	return wrong(r, GP_DKIM_PERMERROR, v.ptr ? "v= is not 1" : "v= is missing");
}

static bool
read_algorithm(struct reading *r)
{
	r->sig->algorithm_name = value_of(r, "a");
	r->sig->algorithm = gp_dkim_algorithm_number(r->sig->algorithm_name);
	if (r->sig->algorithm != GP_DKIM_UNKNOWN)
		return true;
	if (!r->sig->algorithm_name.ptr)
		return wrong(r, GP_DKIM_PERMERROR, "a= is missing");
	if (gp_slice_eq(r->sig->algorithm_name, GP_SLICE("rsa-sha1")))
		return wrong(r, GP_DKIM_PERMERROR, "rsa-sha1 is historic");
	return wrong(r, GP_DKIM_NEUTRAL, "a= is an algorithm that we do not know");
}

static bool
read_base64(struct reading *r, struct gp_slice value, struct gp_slice *ret)
{
	return gp_taglist_base64(value, r->arena, ret) == 0 && ret->len > 0;
}

static bool
read_signature(struct reading *r)
{
	const struct gp_tag *tag = gp_taglist_find(&r->list, GP_SLICE("b"));
	if (!tag)
		return wrong(r, GP_DKIM_PERMERROR, "b= is missing");
	r->sig->raw = tag->raw;
	if (!read_base64(r, tag->value, &r->sig->signature))
		return wrong(r, GP_DKIM_PERMERROR, "b= is no signature in base64");
	if (r->sig->signature.len > GP_DKIM_SIGNATURE_MAX)
		return wrong(r, GP_DKIM_POLICY, "b= is longer than any signature that we verify");
	return true;
}

static bool
read_body_hash(struct reading *r)
{
	struct gp_slice value = value_of(r, "bh");
	if (!value.ptr)
		return wrong(r, GP_DKIM_PERMERROR, "bh= is missing");
	if (!read_base64(r, value, &r->sig->body_hash) ||
	    r->sig->body_hash.len != GP_DKIM_DIGEST_SIZE)
		return wrong(r, GP_DKIM_PERMERROR, "bh= is no SHA-256 in base64");
	return true;
}

/* c=: header, and body behind a slash; what is not said is simple. ARC's without any are relaxed to
 * those who sign so. */
static bool
read_canons(struct reading *r)
{
	struct gp_slice body = value_of(r, "c");
	if (!body.ptr && r->kind == GP_DKIM_ARC_MESSAGE)
		r->sig->header_canon = r->sig->body_canon = GP_DKIM_RELAXED;
	if (!body.ptr)
		return true;
	struct gp_slice header = gp_slice_cut(&body, '/');
	if (gp_dkim_canon_read(header, &r->sig->header_canon) &&
	    (!body.ptr || gp_dkim_canon_read(body, &r->sig->body_canon)))
		return true;
	r->sig->header_canon = r->sig->body_canon = GP_DKIM_SIMPLE;
	return wrong(r, GP_DKIM_NEUTRAL, "c= is a canonicalisation that we do not know");
}

/* A name in the form that the DNS is asked in; U-labels are allowed (RFC 8616 section 4). */
static bool
read_name(struct reading *r, const char *tag, struct gp_slice *ret)
{
	struct gp_slice name = value_of(r, tag);
	return gp_domain_valid(name) && gp_idn_to_ascii(name, r->arena, ret) == 0;
}

static bool
read_names(struct reading *r)
{
	if (!read_name(r, "d", &r->sig->domain))
		return wrong(r, GP_DKIM_PERMERROR, "d= is missing, or no domain");
	if (!read_name(r, "s", &r->sig->selector))
		return wrong(r, GP_DKIM_PERMERROR, "s= is missing, or no selector");
	return true;
}

/* Section 2.11, dkim-quoted-printable. An empty text: it is malformed. */
static struct gp_slice
decode_quoted(struct gp_slice text, struct gp_arena *arena)
{
	char *to = gp_arena_alloc(arena, text.len);
	size_t len = 0;
	for (size_t i = 0; to && i < text.len; i++) {
		char c = text.ptr[i];
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			continue;
		if (c == '=') {
			int high = i + 1 < text.len ? gp_ascii_hex(text.ptr[i + 1]) : -1;
			int low = i + 2 < text.len ? gp_ascii_hex(text.ptr[i + 2]) : -1;
			if (high < 0 || low < 0)
				return GP_SLICE("");
			c = (char)(high << 4 | low);
			i += 2;
		}
		to[len++] = c;
	}
	return gp_slice(to, len);
}

/* i=: somebody at d=, or below it. In ARC's fields it is the instance. */
static bool
read_identity(struct reading *r)
{
	struct gp_dkim_signature *sig = r->sig;
	struct gp_slice value = value_of(r, "i");
	sig->identity_domain = sig->domain;
	if (r->kind != GP_DKIM_FIELD)
		return true;
	sig->identity = gp_arena_printf(r->arena, "@%.*s", GP_SLICE_FMT(sig->domain));
	if (!value.ptr)
		return true;
	struct gp_slice identity = decode_quoted(value, r->arena);
	ptrdiff_t at = gp_slice_rfind(identity, '@');
	struct gp_slice domain = gp_slice_drop(identity, (size_t)(at + 1));
	if (at < 0 || !gp_domain_valid(domain) || gp_idn_to_ascii(domain, r->arena, &domain) != 0)
		return wrong(r, GP_DKIM_PERMERROR, "i= is no identity");
	sig->identity = identity;
	sig->identity_domain = domain;
	if (!gp_dkim_is_below(domain, sig->domain))
		return wrong(r, GP_DKIM_PERMERROR, "i= is not of the domain d=");
	return true;
}

/* Items of a list with colons. */
static size_t
count_items(struct gp_slice list)
{
	size_t n = 1;
	for (size_t i = 0; i < list.len; i++)
		n += list.ptr[i] == ':';
	return n;
}

/* h=: names of fields, From among them (section 5.4). In ARC's everybody lets pass one without From
 * and one with empty names; core/arc tells what that leaves open. */
static bool
read_fields(struct reading *r)
{
	struct gp_slice rest = value_of(r, "h"), name;
	size_t room = GP_MIN(count_items(rest), (size_t)GP_DKIM_NAMES_MAX);
	struct gp_slice *names = gp_arena_array(r->arena, room, sizeof(*names));
	bool dkim = r->kind == GP_DKIM_FIELD, from = !dkim;
	if (!rest.ptr || !names)
		return wrong(r, GP_DKIM_PERMERROR, "h= is missing");
	r->sig->names = names;
	while (gp_taglist_item(&rest, ':', &name)) {
		if (name.len == 0 && dkim)
			return wrong(r, GP_DKIM_PERMERROR, "h= has an empty name");
		if (r->sig->names_len == room)
			return wrong(r, GP_DKIM_POLICY, "h= has too many names");
		names[r->sig->names_len++] = name;
		from = from || gp_slice_eq_nocase(name, GP_SLICE("from"));
	}
	return from || wrong(r, GP_DKIM_PERMERROR, "h= does not name From");
}

/* A number that need not be there. */
static bool
read_number(struct reading *r, const char *tag, bool *ret_there, uint64_t *ret)
{
	struct gp_slice value = value_of(r, tag);
	*ret_there = value.ptr != NULL;
	return !*ret_there || gp_slice_u64(value, UINT64_MAX - 1, ret);
}

static bool
read_numbers(struct reading *r)
{
	struct gp_dkim_signature *sig = r->sig;
	bool limited;
	if (!read_number(r, "t", &sig->timed, &sig->time_s))
		return wrong(r, GP_DKIM_PERMERROR, "t= is no number");
	if (r->kind == GP_DKIM_ARC_SEAL)
		return true;
	if (!read_number(r, "x", &sig->expires, &sig->expiry_s))
		return wrong(r, GP_DKIM_PERMERROR, "x= is no number");
	if (sig->expires && sig->timed && sig->expiry_s <= sig->time_s)
		return wrong(r, GP_DKIM_PERMERROR, "x= is not behind t=");
	if (!read_number(r, "l", &limited, &sig->length))
		return wrong(r, GP_DKIM_PERMERROR, "l= is no number");
	return true;
}

/* q=: one of the methods must be the one that there is. */
static bool
read_method(struct reading *r)
{
	struct gp_slice rest = value_of(r, "q"), method;
	if (!rest.ptr)
		return true;
	while (gp_taglist_item(&rest, ':', &method)) {
		if (gp_slice_eq(method, GP_SLICE("dns/txt")))
			return true;
	}
	return wrong(r, GP_DKIM_NEUTRAL, "q= has no way to the key that we know");
}

int
gp_dkim_signature_read(struct gp_slice value, enum gp_dkim_kind kind, struct gp_arena *arena,
		       struct gp_dkim_signature *ret)
{
	struct reading r = {.kind = kind, .arena = arena, .sig = ret};
	*ret = (struct gp_dkim_signature){.length = GP_DKIM_BODY_ALL};
	if (gp_taglist_read(value, &r.list) != GP_TAGLIST_OK)
		wrong(&r, GP_DKIM_PERMERROR, "the list of tags is malformed");
	/* All are read, since who tells of a fault names the domain and the rest beside it. */
	read_version(&r);
	read_algorithm(&r);
	read_signature(&r);
	if (read_names(&r))
		read_identity(&r);
	read_numbers(&r);
	if (kind == GP_DKIM_ARC_SEAL) {
		ret->header_canon = GP_DKIM_RELAXED;
		return arena->failed ? -ENOMEM : 0;
	}
	read_body_hash(&r);
	read_canons(&r);
	read_fields(&r);
	read_method(&r);
	return arena->failed ? -ENOMEM : 0;
}
