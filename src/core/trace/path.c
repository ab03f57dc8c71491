/* SPDX-License-Identifier: Apache-2.0 */
#include "core/trace/path.h"

#include <errno.h>

#include "core/config/value.h"
#include "core/identity/organisation.h"

enum {
	SKEW_MIN_S = 2,   /* what a clock kept by NTP and whole seconds explain */
	GAP_MIN_S = 3600, /* a queue's first retries are over by then */
	FUTURE_MIN_S = 24 * 3600,
	OLD_MIN_S = 30 * 24 * 3600, /* Date before the first hop: no queue keeps so long */
	HOPS_MANY = 25,
};

/* --- what it finds --- */

static const struct gp_finding_kind
	no_path = {"path.none", GP_SEVERITY_LOW, "no trace of its way",
		   "every server adds a Received field (RFC 5321 section 4.4); a message without "
		   "one was never relayed, or they were taken out"},
	not_understood = {"path.hop_unreadable", GP_SEVERITY_INFO, "a hop that is not understood",
			  "its text fits no known program; it is shown as it is"},
	skew = {"path.skew", GP_SEVERITY_LOW, "clocks disagree",
		"a hop is earlier than the one before it: one of the two clocks is wrong, or a "
		"field is made up"},
	gap = {"path.gap", GP_SEVERITY_INFO, "a long delay",
	       "it waited before this hop: in a queue, by greylisting, or for a connection"},
	no_time = {"path.no_time", GP_SEVERITY_LOW, "a hop without a time that can be read",
		   "a Received field ends in a date (RFC 5321 section 4.4)"},
	odd_time = {"path.odd_time", GP_SEVERITY_INFO, "a time in an odd form",
		    "it was read, but RFC 5322 section 3.3 writes it otherwise"},
	future = {"path.future", GP_SEVERITY_MEDIUM, "a time that has not come yet",
		  "a clock far ahead, or a message that wants to stay on top of a mailbox"},
	broken = {"path.broken", GP_SEVERITY_MEDIUM, "the chain breaks",
		  "the host that handed it over is not the one that the field below says it was "
		  "at: a hop is missing, a host has several names, or the fields below are made "
		  "up"},
	forged_own = {"path.forged_own", GP_SEVERITY_HIGH, "a trace field in our name",
		      "it names a host of ours, but stands below the place where the message "
		      "came in: whoever sent it wrote it"},
	helo_mismatch = {"path.helo", GP_SEVERITY_INFO, "HELO and address do not agree",
			 "the client's name for itself is not the one that the DNS has for its "
			 "address"},
	helo_own = {"path.helo_own", GP_SEVERITY_HIGH, "a stranger greets with our name",
		    "the client that handed it to us said that it was one of our hosts"},
	rdns_forged = {"path.rdns_forged", GP_SEVERITY_LOW, "the client's name leads elsewhere",
		       "its address has a name in the DNS that does not have this address"},
	private_client = {"path.private", GP_SEVERITY_INFO, "a private address",
			  "such an address says nothing outside its own network (RFC 6890)"},
	loop = {"path.loop", GP_SEVERITY_MEDIUM, "it was at a host twice",
		"the same host and id stand in two fields: a loop, or a copied field"},
	many = {"path.many", GP_SEVERITY_LOW, "many hops", "a loop, or made-up fields"},
	boundary_none = {"path.no_trusted_hop", GP_SEVERITY_MEDIUM, "no hop is ours",
			 "no Received field at the top was written by a trusted host, so all of "
			 "them are claims"},
	boundary_assumed = {"path.assumed", GP_SEVERITY_INFO, "the trust boundary is assumed",
			    "nobody said which hosts are ours, so the one that wrote the topmost "
			    "field is taken for it; --trust says it"},
	date_far = {"date.far", GP_SEVERITY_LOW, "Date is far from the first hop",
		    "mail is submitted within seconds of being written, as a rule"},
	date_bad = {"date.unreadable", GP_SEVERITY_LOW, "Date cannot be read",
		    "RFC 5322 section 3.6.1 wants one, and a time in it"};

/* --- names and networks --- */

static struct gp_slice
without_dot(struct gp_slice name)
{
	return name.len > 1 && name.ptr[name.len - 1] == '.' ? gp_slice_take(name, name.len - 1)
							     : name;
}

bool
gp_trust_names(const struct gp_trust *trust, struct gp_slice host)
{
	host = without_dot(host);
	for (size_t i = 0; i < trust->hosts_len; i++) {
		struct gp_slice own = trust->hosts[i];
		bool below = own.len > 0 && own.ptr[0] == '.';
		if (gp_slice_eq_nocase(host, own) || (below && gp_slice_ends_nocase(host, own)))
			return true;
	}
	return false;
}

static const struct gp_network loopback[] = {
	{.address = {127}, .address_len = 4, .prefix_len = 8},
	{.address = {[15] = 1}, .address_len = 16, .prefix_len = 128},
};

static const struct gp_network private[] = {
	{.address = {10}, .address_len = 4, .prefix_len = 8},
	{.address = {172, 16}, .address_len = 4, .prefix_len = 12},
	{.address = {192, 168}, .address_len = 4, .prefix_len = 16},
	{.address = {100, 64}, .address_len = 4, .prefix_len = 10},
	{.address = {169, 254}, .address_len = 4, .prefix_len = 16},
	{.address = {0xfc}, .address_len = 16, .prefix_len = 7},
	{.address = {0xfe, 0x80}, .address_len = 16, .prefix_len = 10},
};

static bool
in_networks(const struct gp_network *networks, size_t len, const struct gp_hop *hop)
{
	for (size_t i = 0; i < len; i++) {
		if (gp_network_contains(&networks[i], hop->octets, hop->octets_len))
			return true;
	}
	return false;
}

static bool
is_private(const struct gp_hop *hop)
{
	return in_networks(loopback, GP_ARRAY_LEN(loopback), hop) ||
	       in_networks(private, GP_ARRAY_LEN(private), hop);
}

/*
 * Did the host that wrote this field take the message from another of ours? By the address that it
 * saw, or the name that it looked up; never by what the client said.
 */
static bool
client_is_ours(const struct gp_trust *trust, const struct gp_hop *hop)
{
	if (hop->local)
		return true;
	if (in_networks(loopback, GP_ARRAY_LEN(loopback), hop) ||
	    in_networks(trust->networks, trust->networks_len, hop))
		return true;
	return hop->octets_len > 0 && !hop->rdns_forged && !hop->rdns_from_name &&
	       gp_trust_names(trust, hop->rdns);
}

/* --- reading --- */

struct reading {
	const struct gp_header *header;
	struct gp_trust trust;
	struct gp_arena *arena;
	struct gp_findings *findings;
	struct gp_path *path;
	struct gp_path_hop *hops; /* in the path's order */
	int64_t now_s;
};

static int
read_hops(struct reading *r)
{
	struct gp_slice name = GP_SLICE("Received");
	size_t all = gp_header_count(r->header, name);
	size_t len = GP_MIN(all, (size_t)GP_PATH_HOPS_MAX);
	r->hops = gp_arena_array(r->arena, len, sizeof(*r->hops));
	if (!r->hops)
		return -ENOMEM;
	r->path->hops = r->hops;
	r->path->len = len;
	r->path->more = all - len;
	size_t field = gp_header_find(r->header, name, 0);
	for (size_t i = len; i-- > 0; field = gp_header_find(r->header, name, field + 1)) {
		struct gp_slice value =
			gp_header_unfold(gp_header_value(r->header, field), r->arena);
		int rc = gp_hop_parse(value, r->arena, &r->hops[i].hop);
		if (rc != 0)
			return rc;
		r->hops[i].field = field;
	}
	return 0;
}

/* From the top down to the boundary. */
static void
find_boundary(struct reading *r)
{
	struct gp_path *p = r->path;
	p->boundary = p->submission = GP_PATH_NONE;
	for (size_t i = p->len; i-- > 0;) {
		const struct gp_hop *hop = &r->hops[i].hop;
		bool top = i == p->len - 1;
		bool named = gp_trust_names(&r->trust, hop->by);
		/* Within a host, mail goes by names that only that host knows, or by none. */
		bool within = hop->local && (!top || p->assumed || hop->by.len == 0);
		within |= !top && r->hops[i + 1].hop.local;
		if (!named && !within)
			return;
		r->hops[i].trusted = true;
		p->boundary = (int)i;
		if (hop->authenticated && p->submission == GP_PATH_NONE)
			p->submission = (int)i;
		if (hop->authenticated || !client_is_ours(&r->trust, hop))
			return;
	}
}

/* The newest hop whose host has a name: a few give themselves addresses. */
static struct gp_slice
newest_name(const struct gp_path *p)
{
	for (size_t i = p->len; i-- > 0;) {
		struct gp_slice by = without_dot(p->hops[i].hop.by);
		if (gp_slice_find(by, '.') > 0 && gp_slice_find(by, ':') < 0)
			return by;
	}
	return gp_slice("", 0);
}

/* Without anybody's word the topmost field's host is ours, and all of its organisation. */
static int
assume_trust(struct reading *r)
{
	struct gp_path *p = r->path;
	p->ours = newest_name(p);
	if (r->trust.hosts_len > 0 || p->ours.len == 0)
		return 0;
	struct gp_slice *hosts = gp_arena_array(r->arena, 2, sizeof(*hosts));
	if (!hosts)
		return -ENOMEM;
	hosts[0] = p->ours;
	hosts[1] = gp_arena_printf(r->arena, ".%.*s", GP_SLICE_FMT(gp_organisation_of(p->ours)));
	r->trust.hosts = hosts;
	r->trust.hosts_len = 2;
	p->assumed = true;
	return 0;
}

static void
measure_delays(struct reading *r)
{
	struct gp_path *p = r->path;
	for (size_t i = 1; i < p->len; i++) {
		const struct gp_when *before = &r->hops[i - 1].hop.when, *w = &r->hops[i].hop.when;
		r->hops[i].has_delay = before->known && w->known;
		if (r->hops[i].has_delay)
			r->hops[i].delay_s = w->epoch_s - before->epoch_s;
	}
	if (p->len > 0 && r->hops[0].hop.when.known && r->hops[p->len - 1].hop.when.known) {
		p->has_total = true;
		p->total_s = r->hops[p->len - 1].hop.when.epoch_s - r->hops[0].hop.when.epoch_s;
	}
	size_t field = gp_header_find(r->header, GP_SLICE("Date"), 0);
	if (field < r->header->fields_len)
		p->date = gp_when_parse(gp_header_value(r->header, field));
}

/* --- judging --- */

/* What is only assumed to be ours is not there to be forged. */
static bool
is_known_ours(const struct reading *r, struct gp_slice host)
{
	return !r->path->assumed && gp_trust_names(&r->trust, host);
}

/* Hops are numbered from 1 for people, the first being the oldest. */
#define HOP_FMT "hop %zu, by %.*s"
#define HOP_ARGS(i, hop) (i) + 1, GP_SLICE_FMT((hop)->by.len > 0 ? (hop)->by : GP_SLICE("?"))

static void
judge_times(struct reading *r, size_t i)
{
	const struct gp_path_hop *h = &r->hops[i];
	const struct gp_hop *hop = &h->hop;
	if (h->has_delay && h->delay_s <= -SKEW_MIN_S)
		gp_finding_add(r->findings, &skew, HOP_FMT ": %lld s before hop %zu",
			       HOP_ARGS(i, hop), (long long)-h->delay_s, i);
	if (h->has_delay && h->delay_s >= GAP_MIN_S)
		gp_finding_add(r->findings, &gap, HOP_FMT ": %lld s after hop %zu",
			       HOP_ARGS(i, hop), (long long)h->delay_s, i);
	if (!hop->when.known && !(hop->local && hop->when.len == 0))
		gp_finding_add(r->findings, &no_time, HOP_FMT, HOP_ARGS(i, hop));
	if (hop->when.known && hop->when.epoch_s - r->now_s >= FUTURE_MIN_S)
		gp_finding_add(r->findings, &future, HOP_FMT, HOP_ARGS(i, hop));
	if (hop->when.known && (hop->when.odd & (uint8_t)~GP_WHEN_NO_SECONDS) != 0)
		gp_finding_add(r->findings, &odd_time, HOP_FMT, HOP_ARGS(i, hop));
}

static bool
same_name(struct gp_slice a, struct gp_slice b)
{
	return a.len > 0 && gp_slice_eq_nocase(without_dot(a), without_dot(b));
}

/* Could the host that wrote `below` be the client that `hop` names? */
static bool
hops_join(const struct gp_trust *trust, const struct gp_hop *hop, const struct gp_hop *below)
{
	struct gp_slice by = below->by;
	/* Within our networks, and anybody's, hosts have other names than outside. */
	bool internal = client_is_ours(trust, hop) || hop->octets_len == 0 || is_private(hop);
	return internal || by.len == 0 || gp_slice_find(by, '.') < 0 ||
	       gp_organisation_same(by, hop->rdns) || gp_organisation_same(by, hop->helo) ||
	       same_name(by, hop->address);
}

static void
judge_chain(struct reading *r, size_t i)
{
	const struct gp_path_hop *h = &r->hops[i];
	const struct gp_hop *hop = &h->hop;
	if (!hop->understood)
		gp_finding_add(r->findings, &not_understood, "hop %zu: %.*s", i + 1,
			       GP_SLICE_FMT(gp_slice_take(hop->value, 200)));
	if (i > 0 && !hops_join(&r->trust, hop, &r->hops[i - 1].hop))
		gp_finding_add(r->findings, &broken, HOP_FMT ", took it from %.*s [%.*s]; " HOP_FMT,
			       HOP_ARGS(i, hop), GP_SLICE_FMT(hop->helo),
			       GP_SLICE_FMT(hop->address), HOP_ARGS(i - 1, &r->hops[i - 1].hop));
	if (!h->trusted && r->path->boundary >= 0 && is_known_ours(r, hop->by))
		gp_finding_add(r->findings, &forged_own, HOP_FMT, HOP_ARGS(i, hop));
	for (size_t j = 0; j < i && hop->id.len > 0; j++) {
		const struct gp_hop *other = &r->hops[j].hop;
		if (gp_slice_eq(other->id, hop->id) && same_name(other->by, hop->by)) {
			gp_finding_add(r->findings, &loop, HOP_FMT ", and hop %zu: id %.*s",
				       HOP_ARGS(i, hop), j + 1, GP_SLICE_FMT(hop->id));
			break;
		}
	}
}

/* The client at the boundary is the last fact, so what is odd about it counts. */
static void
judge_boundary_client(struct reading *r)
{
	const struct gp_hop *hop = &r->hops[r->path->boundary].hop;
	if (hop->octets_len == 0 || client_is_ours(&r->trust, hop))
		return;
	if (hop->rdns_forged)
		gp_finding_add(r->findings, &rdns_forged, "%.*s [%.*s]", GP_SLICE_FMT(hop->rdns),
			       GP_SLICE_FMT(hop->address));
	if (is_private(hop))
		gp_finding_add(r->findings, &private_client, "[%.*s]", GP_SLICE_FMT(hop->address));
	if (hop->authenticated)
		return;
	if (is_known_ours(r, hop->helo))
		gp_finding_add(r->findings, &helo_own, "%.*s [%.*s]", GP_SLICE_FMT(hop->helo),
			       GP_SLICE_FMT(hop->address));
	else if (hop->rdns.len > 0 && !same_name(hop->rdns, hop->helo))
		gp_finding_add(r->findings, &helo_mismatch, "HELO %.*s, the DNS says %.*s [%.*s]",
			       GP_SLICE_FMT(hop->helo), GP_SLICE_FMT(hop->rdns),
			       GP_SLICE_FMT(hop->address));
}

static void
judge_date(struct reading *r)
{
	const struct gp_path *p = r->path;
	if (!p->date.known) {
		gp_finding_add(r->findings, &date_bad, "%s", "there is none, or no time in it");
		return;
	}
	if (p->date.epoch_s - r->now_s >= FUTURE_MIN_S)
		gp_finding_add(r->findings, &future, "Date");
	if (p->len == 0 || !r->hops[0].hop.when.known)
		return;
	int64_t late_s = r->hops[0].hop.when.epoch_s - p->date.epoch_s;
	if (late_s >= OLD_MIN_S || late_s <= -FUTURE_MIN_S)
		gp_finding_add(r->findings, &date_far, "the first hop is %lld s %s it",
			       (long long)(late_s < 0 ? -late_s : late_s),
			       late_s < 0 ? "before" : "after");
}

static void
judge(struct reading *r)
{
	const struct gp_path *p = r->path;
	if (p->len == 0)
		gp_finding_add(r->findings, &no_path, "no Received field");
	if (p->len > 0 && p->boundary == GP_PATH_NONE)
		gp_finding_add(r->findings, &boundary_none, "the topmost is by %.*s",
			       GP_SLICE_FMT(p->ours.len > 0 ? p->ours : GP_SLICE("nobody")));
	if (p->assumed)
		gp_finding_add(r->findings, &boundary_assumed, "%.*s", GP_SLICE_FMT(p->ours));
	if (p->len + p->more > HOPS_MANY)
		gp_finding_add(r->findings, &many, "%zu", p->len + p->more);
	if (p->boundary >= 0)
		judge_boundary_client(r);
	for (size_t i = p->len; i-- > 0;) {
		judge_chain(r, i);
		judge_times(r, i);
	}
	judge_date(r);
}

int
gp_path_read(const struct gp_header *header, const struct gp_trust *trust, int64_t now_s,
	     struct gp_arena *arena, struct gp_findings *findings, struct gp_path *ret)
{
	struct reading r = {
		.header = header,
		.trust = *trust,
		.arena = arena,
		.findings = findings,
		.path = ret,
		.now_s = now_s,
	};
	*ret = (struct gp_path){};
	int rc = read_hops(&r);
	if (rc == 0)
		rc = assume_trust(&r);
	if (rc != 0)
		return rc;
	ret->trust = r.trust;
	find_boundary(&r);
	measure_delays(&r);
	judge(&r);
	return arena->failed ? -ENOMEM : 0;
}
