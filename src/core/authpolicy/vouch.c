/* SPDX-License-Identifier: Apache-2.0 */
#include "core/authpolicy/vouch.h"

#include <errno.h>

#include "core/authres/authres.h"
#include "core/dmarc/walk.h"
#include "core/policy/suffix.h"

/* --- one result --- */

static bool
is_pass_of(const struct gp_authres_result *r, const char *method)
{
	return gp_slice_eq_nocase(r->method, gp_slice_str(method)) &&
	       gp_slice_eq_nocase(r->result, GP_SLICE("pass"));
}

/* Is the property there, and of the author's domain: as it stands, or behind an "@"? All that are
 * of that name must be. */
static int
names_author(const struct gp_authres_result *r, const char *type, const char *name,
	     struct gp_slice author, struct gp_arena *arena)
{
	bool found = false;
	for (size_t i = 0; i < r->properties_len; i++) {
		const struct gp_authres_property *p = &r->properties[i];
		struct gp_slice domain;
		if (!gp_slice_eq_nocase(p->type, gp_slice_str(type)) ||
		    !gp_slice_eq_nocase(p->name, gp_slice_str(name)))
			continue;
		domain = gp_slice_drop(p->value, (size_t)(gp_slice_rfind(p->value, '@') + 1));
		int rc = gp_dmarc_domain(domain, arena, &domain);
		if (rc != 0 || !gp_slice_eq(domain, author))
			return GP_MIN(rc, 0);
		found = true;
	}
	return found;
}

/* --- one set --- */

/* What a set says of DMARC: all that it says must be of this author, and good. */
static int
says_dmarc(const struct gp_authres *a, struct gp_slice author, struct gp_arena *arena,
	   bool *ret_told)
{
	int good = 0;
	*ret_told = false;
	for (size_t i = 0; i < a->results_len; i++) {
		const struct gp_authres_result *r = &a->results[i];
		if (!gp_slice_eq_nocase(r->method, GP_SLICE("dmarc")))
			continue;
		*ret_told = true;
		good = is_pass_of(r, "dmarc") ? names_author(r, "header", "from", author, arena)
					      : 0;
		if (good <= 0)
			return good;
	}
	return good;
}

static int
says_proof(const struct gp_authres *a, struct gp_slice author, struct gp_arena *arena)
{
	for (size_t i = 0; i < a->results_len; i++) {
		const struct gp_authres_result *r = &a->results[i];
		int good = 0;
		if (is_pass_of(r, "dkim"))
			good = names_author(r, "header", "d", author, arena);
		else if (is_pass_of(r, "spf"))
			good = names_author(r, "smtp", "mailfrom", author, arena);
		if (good != 0)
			return good;
	}
	return 0;
}

/* 1: set i says that the message was its author's. 0: it does not. -ENOMEM. */
static int
says_pass(const struct gp_arc_chain *chain, unsigned i, struct gp_slice author,
	  struct gp_arena *arena)
{
	struct gp_slice value =
		gp_header_value(chain->header, chain->sets[i - 1].fields[GP_ARC_RESULTS]);
	struct gp_authres results;
	const char *why;
	bool told;
	/* Its "i=1;" is read as a result that nobody knows. */
	int r = gp_authres_parse(value, arena, &results, &why);
	if (r != 0)
		return GP_MIN(r, 0);
	r = says_dmarc(&results, author, arena, &told);
	return told ? r : says_proof(&results, author, arena);
}

/* --- the chain --- */

/* What the chain is worth as a proof, before anybody is trusted. */
static enum gp_vouched
worth(const struct gp_arc_verdict *v)
{
	if (v->result == GP_ARC_PASS && !v->loose)
		return GP_VOUCHED;
	return v->result == GP_ARC_FAIL && v->trouble ? GP_VOUCHED_PERHAPS : GP_VOUCHED_NOT;
}

int
gp_vouch(const struct gp_map *trusted, const struct gp_verify_facts *facts, struct gp_arena *arena,
	 struct gp_slice *ret)
{
	const struct gp_arc_chain *chain = facts->chain;
	struct gp_slice author = facts->dmarc ? facts->dmarc->from_domain : GP_SLICE("");
	enum gp_vouched is = facts->arc && chain ? worth(facts->arc) : GP_VOUCHED_NOT;
	if (is == GP_VOUCHED_NOT || author.len == 0)
		return GP_VOUCHED_NOT;
	for (unsigned i = chain->len; i > 0; i--) {
		struct gp_slice sealer;
		int r = gp_dmarc_domain(chain->sets[i - 1].seal.domain, arena, &sealer);
		if (r != 0 || !gp_suffix_find(trusted, sealer))
			return GP_MIN(r, 0);
		r = says_pass(chain, i, author, arena);
		if (r < 0)
			return r;
		*ret = sealer;
		if (r > 0)
			return is;
	}
	return GP_VOUCHED_NOT;
}
