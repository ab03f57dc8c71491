/* SPDX-License-Identifier: Apache-2.0 */
/* The tags of a DMARC record, and which of them somebody may have meant. */
#include "core/posture/dmarc.h"
#include "core/taglist/taglist.h"

static const struct gp_finding_kind
	pct = {"dmarc.pct", GP_SEVERITY_MEDIUM, "pct no longer counts",
	       "RFC 9989 has taken it out: receivers apply the policy to all mail, or, those that "
	       "follow the older RFC, to a part"},
	removed = {"dmarc.rf.ri", GP_SEVERITY_LOW, "tags that no longer count",
		   "RFC 9989 has taken rf and ri out; they are ignored"},
	unknown = {"dmarc.unknown.tag", GP_SEVERITY_LOW, "tags that nobody knows",
		   "they are ignored: if one was mistyped, what it should say is not said"};

/* Is one an insertion, a deletion, an exchange of one letter away from the other? */
static bool
is_near(struct gp_slice a, struct gp_slice b)
{
	if (a.len > b.len)
		return is_near(b, a);
	size_t front = 0, back = 0;
	while (front < a.len && gp_ascii_lower(a.ptr[front]) == gp_ascii_lower(b.ptr[front]))
		front++;
	while (back < a.len - front &&
	       gp_ascii_lower(a.ptr[a.len - 1 - back]) == gp_ascii_lower(b.ptr[b.len - 1 - back]))
		back++;
	return b.len - front - back <= 1;
}

const char *
posture_dmarc_tag_near(struct gp_slice name)
{
	static const char *const names[] = {"adkim", "aspf", "rua", "ruf", "psd", "sp", "np", "fo"};
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		if (is_near(name, gp_slice_str(names[i])))
			return names[i];
	}
	return NULL;
}

enum tag_class {
	KNOWN,
	PCT,
	REMOVED,
	UNKNOWN,
};

static enum tag_class
class_of(struct gp_slice name)
{
	static const struct {
		const char *name;
		uint8_t class;
	} tags[] = {
		{"v", KNOWN},    {"p", KNOWN},   {"sp", KNOWN},   {"np", KNOWN},   {"adkim", KNOWN},
		{"aspf", KNOWN}, {"psd", KNOWN}, {"t", KNOWN},    {"fo", KNOWN},   {"rua", KNOWN},
		{"ruf", KNOWN},  {"pct", PCT},   {"rf", REMOVED}, {"ri", REMOVED},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(tags); i++) {
		if (gp_slice_eq_nocase(name, gp_slice_str(tags[i].name)))
			return tags[i].class;
	}
	return UNKNOWN;
}

void
posture_judge_dmarc_tags(struct posture_run *run, const struct gp_dmarc_record *record)
{
	struct posture_list unknowns = {};
	struct gp_slice rest = record->text;
	struct gp_tag tag;
	bool seen[UNKNOWN + 1] = {};
	for (int rc; (rc = gp_taglist_next(&rest, &tag)) <= 0;) {
		enum tag_class class = rc < 0 ? KNOWN : class_of(tag.name);
		const char *near = class == UNKNOWN ? posture_dmarc_tag_near(tag.name) : NULL;
		seen[class] = true;
		if (class == UNKNOWN)
			posture_list_add(run, &unknowns, "%.*s%s%s%s", GP_SLICE_FMT(tag.name),
					 near ? ", perhaps for " : "", near ? near : "", "");
	}
	if (seen[PCT])
		posture_dmarc_find(run, &pct, record, "take it out; t=y is for trying a policy");
	if (seen[REMOVED])
		posture_dmarc_find(run, &removed, record, "take them out");
	if (unknowns.len > 0) {
		struct posture_mend m =
			posture_dmarc_mend(run, record, "take them out, or correct them");
		m.evidence = unknowns.text;
		posture_add(run, &unknown, unknown.severity, &m);
	}
}

bool
posture_dmarc_is_whole_tag(struct gp_slice text, struct gp_slice flaw)
{
	while (text.ptr) {
		struct gp_slice part = gp_slice_trim(gp_slice_cut(&text, ';'));
		if (part.ptr == flaw.ptr && part.len == flaw.len)
			return true;
	}
	return false;
}
