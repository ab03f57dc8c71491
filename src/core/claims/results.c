/* SPDX-License-Identifier: Apache-2.0 */
#include "core/claims/results.h"

#include <errno.h>

#include "core/authres/authres.h"

/* Does the property name somebody: an address, or a domain? */
static bool
names_domain(const struct gp_authres_property *p)
{
	static const struct {
		struct gp_slice type, name;
	} all[] = {
		{GP_SLICE("header"), GP_SLICE("from")}, {GP_SLICE("header"), GP_SLICE("d")},
		{GP_SLICE("header"), GP_SLICE("i")},    {GP_SLICE("smtp"), GP_SLICE("mailfrom")},
		{GP_SLICE("smtp"), GP_SLICE("helo")},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(all); i++) {
		if (gp_slice_eq_nocase(p->type, all[i].type) &&
		    gp_slice_eq_nocase(p->name, all[i].name))
			return true;
	}
	return false;
}

static struct gp_claimed_result
read_result(const struct gp_authres_result *r)
{
	struct gp_claimed_result ret = {
		.method = r->method, .result = r->result, .reason = r->reason};
	for (size_t i = 0; i < r->properties_len && ret.domain.len == 0; i++) {
		if (!names_domain(&r->properties[i]))
			continue;
		struct gp_slice value = r->properties[i].value;
		ptrdiff_t at = gp_slice_rfind(value, '@');
		ret.domain = gp_slice_drop(value, (size_t)(at + 1));
	}
	return ret;
}

int
gp_claimed_results_read(struct gp_slice value, struct gp_arena *arena,
			struct gp_claimed_results *ret)
{
	struct gp_authres field;
	*ret = (struct gp_claimed_results){};
	int rc = gp_authres_parse(value, arena, &field, &ret->why);
	if (rc != 0)
		return GP_MIN(rc, 0);
	struct gp_claimed_result *items = gp_arena_array(arena, field.results_len, sizeof(*items));
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < field.results_len; i++)
		items[i] = read_result(&field.results[i]);
	*ret = (struct gp_claimed_results){
		.authserv = field.id, .items = items, .len = field.results_len};
	return 0;
}
