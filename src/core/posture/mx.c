/* SPDX-License-Identifier: Apache-2.0 */
/* Where mail for the domain goes: RFC 5321 section 5.1, RFC 7505. */
#include <string.h>

#include "core/identity/organisation.h"
#include "core/posture/parts.h"
#include "core/targets/hosts.h"
#include "core/targets/special.h"

enum { REVERSE_MAX = 20 }; /* addresses of which the names are looked up */

static const struct gp_finding_kind
	absent = {"domain.absent", GP_SEVERITY_INFO, "there is no such domain",
		  "nothing that it should publish can be told; who wanted another name has "
		  "mistyped it"},
	none = {"mx.none", GP_SEVERITY_INFO, "no MX record",
		"mail goes to the domain's own address (RFC 5321 section 5.1), if there is one; a "
		"domain that takes no mail should say so (RFC 7505)"},
	null = {"mx.null", GP_SEVERITY_INFO, "it sends mail, and takes none",
		"some servers refuse mail from a domain that no answer can be sent to (RFC 7505 "
		"section 4.2)"},
	mixed = {"mx.null.mixed", GP_SEVERITY_HIGH, "a null MX record beside others",
		 "one says that the domain takes no mail, the others that it does (RFC 7505 "
		 "section 3); senders choose what they believe"},
	alias = {"mx.cname", GP_SEVERITY_HIGH, "an MX record leads to an alias",
		 "it shall name a host with addresses (RFC 5321 section 5.1); some senders do not "
		 "follow the alias"},
	address = {"mx.ip", GP_SEVERITY_HIGH, "an MX record has an address for a name",
		   "an exchange is a name (RFC 1035 section 3.3.9); to most senders there is no "
		   "such host"},
	gone = {"mx.nxdomain", GP_SEVERITY_HIGH, "an MX host has no address",
		"mail that goes there waits, or comes back"},
	dangling = {"mx.dangling", GP_SEVERITY_CRITICAL, "an MX host's domain is not registered",
		    "whoever registers it gets this domain's mail, password resets among it"},
	private = {"mx.private", GP_SEVERITY_HIGH, "an MX host has an address that is nobody's",
		   "no sender on the Internet can reach it, and each that tries talks to its own "
		   "network"},
	single = {"mx.single", GP_SEVERITY_INFO, "one MX host",
		  "while it is away mail waits with the senders; that is what they are made for"},
	nameless = {"mx.ptr", GP_SEVERITY_MEDIUM, "an MX host's address has no name",
		    "if it sends mail too, large receivers refuse it, or take it for spam"},
	unconfirmed = {"mx.fcrdns", GP_SEVERITY_MEDIUM,
		       "the name of an MX host's address does not lead back to it",
		       "if it sends mail too, large receivers refuse it, or take it for spam"};

/* --- reading --- */

static bool
is_null(const struct gp_dns_record *mx)
{
	return gp_slice_eq(mx->name, GP_SLICE("."));
}

/* A copy of the records, the preferred first. */
static void
sort(struct posture_run *run, const struct gp_dns_answer *answer)
{
	struct gp_dns_record *to = gp_arena_array(run->arena, answer->records_len, sizeof(*to));
	if (!to)
		return;
	size_t len = 0;
	for (size_t i = 0; i < answer->records_len; i++) {
		const struct gp_dns_record *r = &answer->records[i];
		if (is_null(r)) {
			run->facts->mx.null = true;
			continue;
		}
		size_t at = len++;
		for (; at > 0 && to[at - 1].preference > r->preference; at--)
			to[at] = to[at - 1];
		to[at] = *r;
	}
	run->facts->mx.records = to;
	run->facts->mx.len = len;
}

void
posture_read_mx(struct posture_run *run)
{
	struct gp_posture_facts *f = run->facts;
	struct gp_dns_answer mx, a, aaaa;
	bool known = posture_ask(run, f->domain, GP_DNS_MX, &mx);
	known &= posture_ask(run, f->domain, GP_DNS_A, &a);
	known &= posture_ask(run, f->domain, GP_DNS_AAAA, &aaaa);
	if (!known || gp_dns_status_temporary(mx.status))
		return;
	f->mx.known = true;
	if (mx.status == GP_DNS_OK)
		sort(run, &mx);
	else
		f->mx.implicit = a.status == GP_DNS_OK || aaaa.status == GP_DNS_OK;
}

/* --- judging: one host --- */

struct mx_lists {
	struct posture_list aliases, addresses, gone, dangling, private, nameless, unconfirmed;
	struct gp_finding_record *mended; /* what the MX records should be */
	size_t mended_len;
	unsigned reversed;
	bool unknown;
};

/* All digits and dots: a name that somebody wrote for an address. */
static bool
looks_like_address(struct gp_slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (!gp_ascii_is_digit(name.ptr[i]) && name.ptr[i] != '.')
			return false;
	}
	return name.len > 0;
}

static void
look_back(struct posture_run *run, struct mx_lists *l, struct gp_slice host,
	  const struct gp_dns_record *r)
{
	struct gp_reverse reverse;
	if (l->reversed++ >= REVERSE_MAX)
		return;
	int rc = gp_reverse_eval(r->address, r->type == GP_DNS_A ? 4 : 16, run->answers, run->arena,
				 &reverse);
	posture_merge(run, reverse.need, rc == GP_HOSTS_NEED ? reverse.need_len : 0,
		      1 + GP_REVERSE_NAMES_MAX);
	if (rc != GP_HOSTS_DONE)
		return;
	struct gp_slice text = posture_show_address(run, r);
	if (reverse.state == GP_REVERSE_NONE)
		posture_list_add(run, &l->nameless, "%.*s %.*s", GP_SLICE_FMT(host),
				 GP_SLICE_FMT(text));
	else if (reverse.state == GP_REVERSE_UNCONFIRMED)
		posture_list_add(run, &l->unconfirmed, "%.*s %.*s is %.*s", GP_SLICE_FMT(host),
				 GP_SLICE_FMT(text), GP_SLICE_FMT(reverse.name));
}

/* True: a sender can reach one of them. */
static bool
look_at_addresses(struct posture_run *run, struct mx_lists *l, struct gp_slice host,
		  const struct gp_dns_answer *answer)
{
	bool good = false;
	for (size_t i = 0; i < answer->records_len; i++) {
		const struct gp_dns_record *r = &answer->records[i];
		const struct gp_special *special =
			gp_special_of(r->address, r->type == GP_DNS_A ? 4 : 16);
		if (special) {
			posture_list_add(run, &l->private, "%.*s %.*s: %s", GP_SLICE_FMT(host),
					 GP_SLICE_FMT(posture_show_address(run, r)), special->what);
			continue;
		}
		good = true;
		look_back(run, l, host, r);
	}
	return good;
}

static void
keep(struct posture_run *run, struct mx_lists *l, uint16_t preference, struct gp_slice host)
{
	struct gp_slice value =
		gp_arena_printf(run->arena, "%u %.*s", preference, GP_SLICE_FMT(host));
	if (l->mended)
		l->mended[l->mended_len++] =
			(struct gp_finding_record){run->facts->domain, "MX", value};
}

static void
look_at_missing(struct posture_run *run, struct mx_lists *l, const struct gp_dns_record *mx,
		const struct gp_dns_answer *a)
{
	if (a->status == GP_DNS_NXDOMAIN && posture_unregistered(run, a->canonical))
		posture_list_add(run, &l->dangling, "%.*s: no domain %.*s", GP_SLICE_FMT(mx->name),
				 GP_SLICE_FMT(gp_organisation_of(a->canonical)));
	else
		posture_list_add(run, &l->gone, "%.*s", GP_SLICE_FMT(mx->name));
}

static void
look_at_host(struct posture_run *run, struct mx_lists *l, const struct gp_dns_record *mx)
{
	struct gp_dns_answer a, aaaa;
	if (looks_like_address(mx->name)) {
		posture_list_add(run, &l->addresses, "%u %.*s", mx->preference,
				 GP_SLICE_FMT(mx->name));
		return;
	}
	bool known = posture_ask(run, mx->name, GP_DNS_A, &a);
	known &= posture_ask(run, mx->name, GP_DNS_AAAA, &aaaa);
	if (!known)
		return;
	bool aliased = !gp_slice_eq_nocase(a.canonical, mx->name);
	if (aliased)
		posture_list_add(run, &l->aliases, "%.*s is %.*s", GP_SLICE_FMT(mx->name),
				 GP_SLICE_FMT(a.canonical));
	bool good = look_at_addresses(run, l, mx->name, &a);
	good |= look_at_addresses(run, l, mx->name, &aaaa);
	bool unknown = gp_dns_status_temporary(a.status) || gp_dns_status_temporary(aaaa.status);
	l->unknown |= unknown;
	if (good || unknown)
		keep(run, l, mx->preference, aliased ? a.canonical : mx->name);
	else if (a.records_len + aaaa.records_len == 0)
		look_at_missing(run, l, mx, &a);
}

/* --- judging: all of them --- */

static void
tell(struct posture_run *run, const struct mx_lists *l, const struct gp_finding_kind *kind,
     const struct posture_list *list, const char *fix)
{
	const struct posture_mend m = {list->text, gp_slice_str(fix), l->mended, l->mended_len};
	if (list->len > 0)
		posture_add(run, kind, kind->severity, &m);
}

static void
judge_hosts(struct posture_run *run)
{
	const struct gp_posture_facts *f = run->facts;
	struct mx_lists l = {};
	size_t len = GP_MIN(f->mx.len, (size_t)GP_POSTURE_HOSTS_MAX);
	l.mended = gp_arena_array(run->arena, len, sizeof(*l.mended));
	for (size_t i = 0; i < len; i++)
		look_at_host(run, &l, &f->mx.records[i]);
	struct posture_list mixed_list = {};
	if (f->mx.null)
		posture_list_add(run, &mixed_list, "0 . and %zu more", f->mx.len);
	tell(run, &l, &mixed, &mixed_list, "take the null MX record out, or the others");
	tell(run, &l, &alias, &l.aliases, "name the host that the alias leads to");
	tell(run, &l, &address, &l.addresses, "give the host a name, and name that");
	tell(run, &l, &gone, &l.gone, "give the host an address, or take the record out");
	tell(run, &l, &dangling, &l.dangling, "take the record out now");
	tell(run, &l, &private, &l.private, "take such addresses out");
	l.mended_len = 0; /* these are not mended by MX records */
	tell(run, &l, &nameless, &l.nameless, "publish a PTR record for the address");
	tell(run, &l, &unconfirmed, &l.unconfirmed,
	     "let the PTR record name a host that has this address");
	if (l.unknown)
		posture_not_measured(run, &gone, GP_SLICE("the DNS did not say all addresses"));
	if (f->mx.len == 1) {
		const struct posture_mend m = {.evidence = f->mx.records[0].name};
		posture_add(run, &single, single.severity, &m);
	}
}

/* Whether it is there at all is what its MX answer says, and nothing else. */
static void
judge_none(struct posture_run *run)
{
	const struct gp_posture_facts *f = run->facts;
	struct posture_mend m = {.evidence = f->domain};
	struct gp_finding_record *r = gp_arena_new(run->arena, struct gp_finding_record);
	if (!r)
		return;
	*r = (struct gp_finding_record){f->domain, "MX", GP_SLICE("0 .")};
	if (f->class == GP_POSTURE_ABSENT) {
		posture_add(run, &absent, absent.severity, &m);
	} else if (f->mx.null) {
		m.fix = GP_SLICE("let a host take its mail, or let it send none");
		if (f->class == GP_POSTURE_SENDING)
			posture_add(run, &null, GP_SEVERITY_MEDIUM, &m);
	} else {
		m.fix = GP_SLICE("name the hosts that take its mail, or say that it takes none");
		m.records = r;
		m.records_len = f->class == GP_POSTURE_PARKED ? 1 : 0;
		posture_add(run, &none, none.severity, &m);
	}
}

void
posture_judge_mx(struct posture_run *run)
{
	struct gp_dns_answer mx;
	if (!posture_ask(run, run->facts->domain, GP_DNS_MX, &mx))
		return;
	if (gp_dns_status_temporary(mx.status))
		posture_unknown(run, &none, &mx);
	else if (run->facts->mx.len > 0)
		judge_hosts(run);
	else
		judge_none(run);
}
