/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dmarc/destination.h"

#include <errno.h>

struct eval {
	struct gp_slice domain;
	struct gp_dmarc_walk walk; /* of the domain; counts when walk_outcome is WALKED */
	int walk_outcome;
	uint8_t kind;
	struct gp_dmarc_asking asking;
};

static const struct gp_dmarc_uris *
uris_of(const struct gp_dmarc_record *record, uint8_t kind)
{
	return kind == GP_DMARC_RUA ? &record->rua : &record->ruf;
}

/* --- what the host says --- */

/* Of the places that the host names, those that are its own; there is one URI at least. */
static void
replace(const struct gp_dmarc_uris *uris, struct gp_arena *arena, struct gp_dmarc_destination *d)
{
	struct gp_dmarc_uri *to = gp_arena_array(arena, uris->len, sizeof(*to));
	d->to_len = 0;
	for (size_t i = 0; to && i < uris->len; i++) {
		if (gp_slice_eq(uris->list[i].host, d->from->host))
			to[d->to_len++] = uris->list[i];
	}
	d->to = to;
	d->state = d->to_len > 0 ? GP_DMARC_DESTINATION_REPLACED : GP_DMARC_DESTINATION_REFUSED;
}

/* Several records are fine here; the first that names places decides where. */
static int
read_answer(struct eval *e, const struct gp_dns_answer *answer, struct gp_dmarc_destination *d)
{
	for (size_t i = 0; i < answer->records_len; i++) {
		struct gp_dmarc_record record;
		int rc = gp_dmarc_record_parse(answer->records[i].data, e->asking.arena, &record);
		if (rc < 0)
			return rc;
		if (rc > 0)
			continue;
		if (uris_of(&record, e->kind)->len > 0) {
			replace(uris_of(&record, e->kind), e->asking.arena, d);
			return 0;
		}
		d->state = GP_DMARC_DESTINATION_AUTHORISED;
		d->to = d->from;
		d->to_len = 1;
	}
	return 0;
}

static int
ask_host(struct eval *e, struct gp_dmarc_destination *d)
{
	struct gp_dns_answer answer;
	struct gp_slice name =
		gp_arena_printf(e->asking.arena, "%.*s._report._dmarc.%.*s",
				GP_SLICE_FMT(e->domain), GP_SLICE_FMT(d->from->host));
	if (!name.ptr)
		return -ENOMEM;
	if (!gp_dmarc_ask(&e->asking, name, GP_DNS_TXT, &answer))
		return 0;
	d->state = gp_dns_status_temporary(answer.status) ? GP_DMARC_DESTINATION_UNKNOWN
							  : GP_DMARC_DESTINATION_REFUSED;
	return read_answer(e, &answer, d);
}

/* --- whose host it is --- */

static int
judge(struct eval *e, struct gp_dmarc_destination *d)
{
	struct gp_dmarc_walk walk;
	struct gp_slice host = d->from->host;
	d->state = GP_DMARC_DESTINATION_SCHEME;
	if (host.len == 0)
		return 0;
	bool same = gp_slice_eq(host, e->domain);
	int rc = same ? GP_DMARC_WALKED : gp_dmarc_walk(host, &e->asking, &walk);
	if (rc != GP_DMARC_WALKED || e->walk_outcome != GP_DMARC_WALKED)
		return GP_MIN(rc, 0);
	/* Without both organisational domains the host is asked all the same: its yes is one. */
	bool unsaid = !same && (e->walk.broken || walk.broken);
	if (!same && (unsaid || !gp_slice_eq(walk.org, e->walk.org))) {
		rc = ask_host(e, d);
		if (unsaid && d->state == GP_DMARC_DESTINATION_REFUSED)
			d->state = GP_DMARC_DESTINATION_UNKNOWN;
		return rc;
	}
	d->state = GP_DMARC_DESTINATION_INTERNAL;
	d->to = d->from;
	d->to_len = 1;
	return 0;
}

int
gp_dmarc_destinations_eval(struct gp_slice policy_domain, const struct gp_dmarc_uris *uris,
			   uint8_t kind, const struct gp_answers *answers, struct gp_arena *arena,
			   struct gp_dmarc_destinations *ret)
{
	struct eval e = {
		.domain = policy_domain,
		.kind = kind,
		.asking = {.answers = answers,
			   .arena = arena,
			   .need_max = GP_DMARC_DESTINATION_NEED_MAX},
	};
	*ret = (struct gp_dmarc_destinations){};
	e.asking.need =
		gp_arena_array(arena, GP_DMARC_DESTINATION_NEED_MAX, sizeof(*e.asking.need));
	if (!e.asking.need)
		return -ENOMEM;
	e.walk_outcome = gp_dmarc_walk(policy_domain, &e.asking, &e.walk);
	if (e.walk_outcome < 0)
		return e.walk_outcome;
	for (size_t i = 0; i < uris->len; i++) {
		struct gp_dmarc_destination *d = &ret->list[ret->len++];
		d->from = &uris->list[i];
		int rc = judge(&e, d);
		if (rc < 0)
			return rc;
	}
	ret->need = e.asking.need;
	ret->need_len = e.asking.need_len;
	if (arena->failed)
		return -ENOMEM;
	return ret->need_len > 0 ? GP_DMARC_DESTINATION_NEED : GP_DMARC_DESTINATION_DONE;
}
