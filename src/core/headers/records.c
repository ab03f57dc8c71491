/* SPDX-License-Identifier: Apache-2.0 */
#include "core/headers/records.h"

#include "base/id.h"

static const struct gp_finding_kind
	none = {"record.none", GP_SEVERITY_HIGH, "our gateway knows nothing of this queue id",
		"every message that we take is in our journal: the trace field was made up, in our "
		"name"},
	differs = {"record.differs", GP_SEVERITY_HIGH, "our queue id, of another message",
		   "the trace field was copied from a message that we took, or changed since"};

/* --- before the journal is asked --- */

static struct gp_slice
without_dot(struct gp_slice host)
{
	bool dotted = host.len > 0 && host.ptr[host.len - 1] == '.';
	return dotted ? gp_slice_take(host, host.len - 1) : host;
}

size_t
gp_headers_claimed(const struct gp_headers *h, struct gp_slice hostname,
		   struct gp_headers_record ret[GP_HEADERS_RECORDS_MAX])
{
	size_t len = 0;
	for (size_t i = h->path.len; i-- > 0 && len < GP_HEADERS_RECORDS_MAX;) {
		const struct gp_hop *hop = &h->path.hops[i].hop;
		uint64_t id;
		if (hostname.len > 0 && gp_slice_eq_nocase(without_dot(hop->by), hostname) &&
		    gp_id_parse(hop->id, &id))
			ret[len++] = (struct gp_headers_record){.hop = i, .id = id};
	}
	return len;
}

/* --- what it says --- */

static bool
has_message_id(const struct gp_headers *h, struct gp_slice wanted)
{
	struct gp_slice name = GP_SLICE("Message-ID");
	size_t at = gp_header_find(&h->header, name, 0);
	if (at == h->header.fields_len)
		return wanted.len == 0;
	struct gp_slice is = gp_header_unfold(gp_header_value(&h->header, at), h->findings.arena);
	return gp_slice_eq(gp_slice_take(is, GP_JOURNAL_TEXT_MAX), wanted);
}

const char *
gp_headers_contradiction(const struct gp_headers *h, const struct gp_headers_record *record)
{
	const struct gp_hop *hop = &h->path.hops[record->hop].hop;
	const struct gp_journal_entry *came = &record->came;
	bool user = came->origin == GP_JOURNAL_USER;
	if (record->state != GP_RECORD_FOUND)
		return "there is no record of it";
	/* Who comes after us may add one where there was none. */
	if (came->message_id.len > 0 && !has_message_id(h, came->message_id))
		return "its Message-ID was another";
	if (hop->address.len > 0 && !gp_slice_eq(hop->address, came->client))
		return "it came from another client";
	if (hop->authenticated != user)
		return user ? "it came with a login" : "it came without a login";
	return NULL;
}

static void
tell(struct gp_headers *h, const struct gp_headers_record *r)
{
	const struct gp_path_hop *at = &h->path.hops[r->hop];
	const struct gp_journal_entry *came = &r->came;
	const char *wrong = gp_headers_contradiction(h, r);
	if (r->state == GP_RECORD_NONE)
		gp_finding_add(&h->findings, &none, "hop %zu, by %.*s, id %.*s", r->hop + 1,
			       GP_SLICE_FMT(at->hop.by), GP_SLICE_FMT(at->hop.id));
	if (r->state == GP_RECORD_FOUND && wrong)
		gp_finding_add(&h->findings, &differs,
			       "hop %zu, id %.*s: %s; that message was %.*s, from [%.*s]%s%.*s",
			       r->hop + 1, GP_SLICE_FMT(at->hop.id), wrong,
			       GP_SLICE_FMT(came->message_id), GP_SLICE_FMT(came->client),
			       came->user.len > 0 ? " as " : "", GP_SLICE_FMT(came->user));
}

void
gp_headers_take_records(struct gp_headers *h, const struct gp_headers_record *records, size_t len)
{
	h->records = records;
	h->records_len = len;
	for (size_t i = 0; i < len; i++)
		tell(h, &records[i]);
}

const struct gp_headers_record *
gp_headers_record_of(const struct gp_headers *h, size_t hop)
{
	for (size_t i = 0; i < h->records_len; i++) {
		if (h->records[i].hop == hop)
			return &h->records[i];
	}
	return NULL;
}
