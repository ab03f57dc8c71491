/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ingest/aggregate_parts.h"

/* RFC 9990 section 3.1. */
static const struct {
	uint8_t parent;
	bool once;
	struct gp_slice name;
} places[PLACES] = {
	[PLACE_FEEDBACK] = {PLACE_OUTSIDE, true, GP_SLICE("feedback")},

	[PLACE_VERSION] = {PLACE_FEEDBACK, true, GP_SLICE("version")},
	[PLACE_METADATA] = {PLACE_FEEDBACK, true, GP_SLICE("report_metadata")},
	[PLACE_POLICY] = {PLACE_FEEDBACK, true, GP_SLICE("policy_published")},
	[PLACE_RECORD] = {PLACE_FEEDBACK, false, GP_SLICE("record")},

	[PLACE_ORG] = {PLACE_METADATA, true, GP_SLICE("org_name")},
	[PLACE_EMAIL] = {PLACE_METADATA, true, GP_SLICE("email")},
	[PLACE_CONTACT] = {PLACE_METADATA, true, GP_SLICE("extra_contact_info")},
	[PLACE_ID] = {PLACE_METADATA, true, GP_SLICE("report_id")},
	[PLACE_RANGE] = {PLACE_METADATA, true, GP_SLICE("date_range")},
	[PLACE_ERROR] = {PLACE_METADATA, false, GP_SLICE("error")},
	[PLACE_GENERATOR] = {PLACE_METADATA, true, GP_SLICE("generator")},

	[PLACE_BEGIN] = {PLACE_RANGE, true, GP_SLICE("begin")},
	[PLACE_END] = {PLACE_RANGE, true, GP_SLICE("end")},

	[PLACE_DOMAIN] = {PLACE_POLICY, true, GP_SLICE("domain")},
	[PLACE_P] = {PLACE_POLICY, true, GP_SLICE("p")},
	[PLACE_SP] = {PLACE_POLICY, true, GP_SLICE("sp")},
	[PLACE_NP] = {PLACE_POLICY, true, GP_SLICE("np")},
	[PLACE_ADKIM] = {PLACE_POLICY, true, GP_SLICE("adkim")},
	[PLACE_ASPF] = {PLACE_POLICY, true, GP_SLICE("aspf")},
	[PLACE_PCT] = {PLACE_POLICY, true, GP_SLICE("pct")},
	[PLACE_FO] = {PLACE_POLICY, true, GP_SLICE("fo")},
	[PLACE_TESTING] = {PLACE_POLICY, true, GP_SLICE("testing")},
	[PLACE_DISCOVERY] = {PLACE_POLICY, true, GP_SLICE("discovery_method")},

	[PLACE_ROW] = {PLACE_RECORD, true, GP_SLICE("row")},
	[PLACE_IDENTIFIERS] = {PLACE_RECORD, true, GP_SLICE("identifiers")},
	[PLACE_RESULTS] = {PLACE_RECORD, true, GP_SLICE("auth_results")},

	[PLACE_SOURCE] = {PLACE_ROW, true, GP_SLICE("source_ip")},
	[PLACE_COUNT] = {PLACE_ROW, true, GP_SLICE("count")},
	[PLACE_EVALUATED] = {PLACE_ROW, true, GP_SLICE("policy_evaluated")},

	[PLACE_DISPOSITION] = {PLACE_EVALUATED, true, GP_SLICE("disposition")},
	[PLACE_DKIM_ALIGNED] = {PLACE_EVALUATED, true, GP_SLICE("dkim")},
	[PLACE_SPF_ALIGNED] = {PLACE_EVALUATED, true, GP_SLICE("spf")},
	[PLACE_REASON] = {PLACE_EVALUATED, false, GP_SLICE("reason")},

	[PLACE_TYPE] = {PLACE_REASON, true, GP_SLICE("type")},
	[PLACE_COMMENT] = {PLACE_REASON, true, GP_SLICE("comment")},

	[PLACE_HEADER_FROM] = {PLACE_IDENTIFIERS, true, GP_SLICE("header_from")},
	[PLACE_ENVELOPE_FROM] = {PLACE_IDENTIFIERS, true, GP_SLICE("envelope_from")},
	[PLACE_ENVELOPE_TO] = {PLACE_IDENTIFIERS, true, GP_SLICE("envelope_to")},

	[PLACE_DKIM] = {PLACE_RESULTS, false, GP_SLICE("dkim")},
	[PLACE_SPF] = {PLACE_RESULTS, false, GP_SLICE("spf")},

	[PLACE_DKIM_DOMAIN] = {PLACE_DKIM, true, GP_SLICE("domain")},
	[PLACE_DKIM_SELECTOR] = {PLACE_DKIM, true, GP_SLICE("selector")},
	[PLACE_DKIM_RESULT] = {PLACE_DKIM, true, GP_SLICE("result")},
	[PLACE_DKIM_HUMAN] = {PLACE_DKIM, true, GP_SLICE("human_result")},

	[PLACE_SPF_DOMAIN] = {PLACE_SPF, true, GP_SLICE("domain")},
	[PLACE_SPF_SCOPE] = {PLACE_SPF, true, GP_SLICE("scope")},
	[PLACE_SPF_RESULT] = {PLACE_SPF, true, GP_SLICE("result")},
	[PLACE_SPF_HUMAN] = {PLACE_SPF, true, GP_SLICE("human_result")},
};

/* Where the children of a place begin; 0: it has none. */
static const uint8_t children[PLACES] = {
	[PLACE_OUTSIDE] = PLACE_FEEDBACK, [PLACE_FEEDBACK] = PLACE_VERSION,
	[PLACE_METADATA] = PLACE_ORG,     [PLACE_RANGE] = PLACE_BEGIN,
	[PLACE_POLICY] = PLACE_DOMAIN,    [PLACE_RECORD] = PLACE_ROW,
	[PLACE_ROW] = PLACE_SOURCE,       [PLACE_EVALUATED] = PLACE_DISPOSITION,
	[PLACE_REASON] = PLACE_TYPE,      [PLACE_IDENTIFIERS] = PLACE_HEADER_FROM,
	[PLACE_RESULTS] = PLACE_DKIM,     [PLACE_DKIM] = PLACE_DKIM_DOMAIN,
	[PLACE_SPF] = PLACE_SPF_DOMAIN,
};

enum place
gp_aggregate_child(enum place parent, struct gp_slice name)
{
	for (size_t i = children[parent]; i > 0 && i < PLACES && places[i].parent == parent; i++) {
		if (gp_slice_eq(places[i].name, name))
			return (enum place)i;
	}
	if (parent == PLACE_RECORD && gp_slice_eq(name, GP_SLICE("identities")))
		return PLACE_IDENTIFIERS; /* as some write it */
	return parent == PLACE_OUTSIDE ? PLACE_OUTSIDE : PLACE_UNKNOWN;
}

bool
gp_aggregate_once(enum place place)
{
	return places[place].once;
}

const char *
gp_aggregate_name(enum place place)
{
	return places[place].name.ptr;
}

const char *
gp_aggregate_parent_name(enum place place)
{
	return places[places[place].parent].name.ptr;
}
