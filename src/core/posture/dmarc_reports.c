/* SPDX-License-Identifier: Apache-2.0 */
/* Where the DMARC record has reports sent, and whether they arrive there (RFC 9990). */
#include "core/dmarc/destination.h"
#include "core/posture/dmarc.h"
#include "core/taglist/taglist.h"

static const struct gp_finding_kind
	rua_none = {"dmarc.rua.none", GP_SEVERITY_HIGH, "nobody gets reports",
		    "nobody learns who sends as this domain, and what a stricter policy would hit"},
	external = {"dmarc.rua.external.unauth", GP_SEVERITY_HIGH,
		    "another organisation has not agreed to take the reports",
		    "no report is sent there (RFC 9990 section 4): who reads them is blind"},
	rua_uri = {"dmarc.rua.uri", GP_SEVERITY_MEDIUM, "places for reports that do not count",
		   "receivers send to mailto: alone, and to two places at least; the rest goes "
		   "nowhere"},
	ruf = {"dmarc.ruf", GP_SEVERITY_INFO, "failure reports are asked for",
	       "few receivers send them, as they hold personal data of others"};

/* A size behind a URI, which RFC 7489 had: not told by the record's reader. */
static bool
has_size(const struct gp_dmarc_record *record)
{
	struct gp_slice rest = record->text;
	struct gp_tag tag;
	for (int rc; (rc = gp_taglist_next(&rest, &tag)) <= 0;) {
		if (rc == 0 && gp_slice_eq_nocase(tag.name, GP_SLICE("rua")) &&
		    gp_slice_find(tag.value, '!') >= 0)
			return true;
	}
	return false;
}

static void
judge_uris(struct posture_run *run, const struct gp_dmarc_record *record)
{
	struct gp_dmarc_uris useful = posture_dmarc_useful_uris(&record->rua);
	struct gp_dmarc_record r = *record;
	struct posture_list flaws = {};
	for (size_t i = 0; i < record->flaws_len; i++) {
		if (!posture_dmarc_is_whole_tag(record->text, record->flaws[i]))
			posture_list_add(run, &flaws, "malformed: %.*s",
					 GP_SLICE_FMT(record->flaws[i]));
	}
	for (size_t i = 0; i < record->rua.len; i++) {
		if (!posture_dmarc_is_listed(&useful, &record->rua.list[i]))
			posture_list_add(run, &flaws, "no mailto, or the third: %.*s",
					 GP_SLICE_FMT(record->rua.list[i].uri));
	}
	if (useful.len < record->rua.len && flaws.len == 0)
		posture_list_add(run, &flaws, "one stands there twice");
	if (has_size(record))
		posture_list_add(run, &flaws, "a size behind a URI no longer counts");
	if (flaws.len == 0)
		return;
	posture_dmarc_complete(run, &r);
	struct posture_mend m = posture_dmarc_mend(run, &r, "name one or two mailboxes");
	m.evidence = flaws.text;
	posture_add(run, &rua_uri, rua_uri.severity, &m);
}

static void
judge_destinations(struct posture_run *run, const struct gp_dmarc_uris *uris, uint8_t kind,
		   const char *tag)
{
	struct gp_dmarc_destinations to;
	struct gp_finding_record *records =
		gp_arena_array(run->arena, GP_DMARC_URIS_MAX, sizeof(*records));
	struct posture_list refused = {};
	int rc = uris->len == 0 || !records
			 ? -1
			 : gp_dmarc_destinations_eval(run->facts->dmarc.at, uris, kind,
						      run->answers, run->arena, &to);
	if (rc < 0)
		return;
	posture_merge(run, to.need, to.need_len,
		      (GP_DMARC_WALK_MAX + 1) * (unsigned)(uris->len + 1));
	for (size_t i = 0; i < to.len; i++) {
		const struct gp_dmarc_destination *d = &to.list[i];
		if (d->state == GP_DMARC_DESTINATION_REFUSED) {
			records[refused.len] = posture_dmarc_agreement(run, d->from->host);
			posture_list_add(run, &refused, "%s %.*s", tag, GP_SLICE_FMT(d->from->uri));
		} else if (d->state == GP_DMARC_DESTINATION_UNKNOWN && rc == 0) {
			posture_not_measured(run, &external, d->from->uri);
		}
	}
	const struct posture_mend m = {
		refused.text, GP_SLICE("the organisation that takes the reports publishes"),
		records, refused.len};
	if (refused.len > 0)
		posture_add(run, &external, external.severity, &m);
}

static void
judge_reach(struct posture_run *run, const struct gp_dmarc_record *record)
{
	struct gp_dmarc_record r = *record;
	struct posture_list dead = {};
	r.rua = (struct gp_dmarc_uris){};
	for (size_t i = 0; i < record->rua.len; i++) {
		const struct gp_dmarc_uri *uri = &record->rua.list[i];
		if (uri->address.len == 0 || posture_is_reachable(run, uri->host))
			r.rua.list[r.rua.len++] = *uri;
		else
			posture_list_add(run, &dead, "%.*s", GP_SLICE_FMT(uri->uri));
	}
	if (dead.len == 0)
		return;
	if (r.rua.len == 0)
		r.rua = posture_dmarc_wanted_uris(run);
	struct posture_mend m = posture_dmarc_mend(run, &r, "name a mailbox that is read");
	m.evidence = dead.text;
	m.records_len = r.rua.len > 0 ? m.records_len : 0;
	posture_add(run, &posture_rua_dead, posture_rua_dead.severity, &m);
}

void
posture_judge_dmarc_reports(struct posture_run *run, const struct gp_dmarc_record *record)
{
	struct gp_dmarc_record r = *record;
	bool locked = run->facts->class == GP_POSTURE_PARKED && r.p == GP_DMARC_P_REJECT;
	const struct posture_mend failures = {.evidence = r.ruf.list[0].uri};
	if (r.ruf.len > 0)
		posture_add(run, &ruf, ruf.severity, &failures);
	judge_uris(run, record);
	judge_reach(run, record);
	judge_destinations(run, &record->rua, GP_DMARC_RUA, "rua");
	judge_destinations(run, &record->ruf, GP_DMARC_RUF, "ruf");
	if (record->rua.len > 0 || locked)
		return;
	struct gp_dmarc_uri first = posture_dmarc_first_uri(run);
	r.rua = posture_dmarc_meant_uris(run, record);
	if (r.rua.len == 0 && posture_is_reachable(run, first.host))
		r.rua.list[r.rua.len++] = first;
	struct posture_mend m =
		posture_dmarc_mend(run, &r, "name a mailbox, and read what arrives");
	m.records_len = r.rua.len > 0 ? m.records_len : 0;
	posture_add(run, &rua_none, rua_none.severity, &m);
}
