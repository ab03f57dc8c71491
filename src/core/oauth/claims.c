/* SPDX-License-Identifier: Apache-2.0 */
#include "core/oauth/claims.h"

struct gp_slice
oauth_text(const json_t *object, const char *name)
{
	const json_t *member = json_object_get(object, name);
	return gp_slice(json_string_value(member), json_string_length(member));
}

bool
oauth_time(const json_t *claims, const char *name, uint64_t *ret)
{
	const json_t *member = json_object_get(claims, name);
	double s = json_number_value(member);
	if (!json_is_number(member) || !(s >= 0 && s < 1e15))
		return false;
	*ret = (uint64_t)s;
	return true;
}

/* aud is a string, or a list of them (RFC 7519 section 4.1.3). */
static bool
is_for(const json_t *claims, struct gp_slice audience)
{
	const json_t *aud = json_object_get(claims, "aud");
	if (json_is_string(aud))
		return gp_slice_eq(oauth_text(claims, "aud"), audience);
	for (size_t i = 0; i < json_array_size(aud); i++) {
		const json_t *one = json_array_get(aud, i);
		if (json_is_string(one) &&
		    gp_slice_eq(gp_slice(json_string_value(one), json_string_length(one)),
				audience))
			return true;
	}
	return false;
}

const char *
oauth_check_claims(const json_t *claims, const struct gp_oauth_demand *demand)
{
	uint64_t expires, begins;
	struct gp_slice issuer = oauth_text(claims, "iss");
	if (json_object_get(claims, "exp") &&
	    (!oauth_time(claims, "exp", &expires) || demand->now_s >= expires + GP_OAUTH_LEEWAY_S))
		return "it has expired";
	if (json_object_get(claims, "nbf") &&
	    (!oauth_time(claims, "nbf", &begins) || begins > demand->now_s + GP_OAUTH_LEEWAY_S))
		return "it is not valid yet";
	if (demand->issuer.len > 0 && !gp_slice_eq(issuer, demand->issuer))
		return "it is another issuer's";
	if (demand->audience.len > 0 && !is_for(claims, demand->audience))
		return "it is for another server";
	return NULL;
}

void
oauth_put_value(struct gp_buf *out, const char *name, struct gp_slice value)
{
	gp_buf_put_str(out, name);
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];
		if (gp_ascii_is_alnum(c) || gp_slice_find(GP_SLICE("-._*"), c) >= 0)
			gp_buf_put_char(out, c);
		else
			gp_buf_printf(out, "%%%02X", (unsigned char)c);
	}
}
