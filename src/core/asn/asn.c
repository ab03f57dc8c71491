/* SPDX-License-Identifier: Apache-2.0 */
#include "core/asn/asn.h"

#include "base/utf8.h"

/* "GeoLite2-ASN", "DBIP-ASN-Lite (compat=GeoLite2-ASN)": those of cities have other members. */
static bool
is_about_asns(struct gp_slice type)
{
	for (; type.len > 0; type = gp_slice_drop(type, 1)) {
		if (gp_slice_starts(type, GP_SLICE("ASN")))
			return true;
	}
	return false;
}

const char *
gp_asn_open(struct gp_slice file, struct gp_mmdb *ret)
{
	const char *why = gp_mmdb_open(file, ret);
	return why                         ? why
	       : !is_about_asns(ret->type) ? "it is a database of something else than ASNs"
					   : NULL;
}

bool
gp_asn_find(const struct gp_mmdb *db, const uint8_t address[16], struct gp_asn *ret)
{
	struct gp_slice value, name;
	uint64_t number;
	*ret = (struct gp_asn){};
	if (!db || !gp_mmdb_find(db, address, &value) ||
	    !gp_mmdb_number(db, value, GP_SLICE("autonomous_system_number"), &number) ||
	    number == 0 || number > UINT32_MAX)
		return false;
	ret->number = (uint32_t)number;
	if (gp_mmdb_text(db, value, GP_SLICE("autonomous_system_organization"), &name) &&
	    name.len <= GP_ASN_ORGANIZATION_MAX && gp_utf8_printable(name))
		ret->organization = name;
	return true;
}
