/* SPDX-License-Identifier: Apache-2.0 */
/* The mechanisms of RFC 7208 section 5 that do not evaluate another record, in its order. */
#include <string.h>

#include "core/spf/parts.h"

enum { REVERSE_MAX = 73 }; /* 32 nibbles with dots, ".ip6.arpa", NUL */

/* --- what they share --- */

int
gp_spf_target(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t,
	      struct gp_spf_name *ret)
{
	*ret = c->domain;
	if (t->spec.len == 0)
		return GP_SPF_YES;
	if ((t->uses & GP_SPF_USES_LOCAL) && e->odd_local) {
		e->detail = "the local-part is not ASCII (RFC 8616 section 4)";
		return GP_SPF_NO;
	}
	if (t->uses & GP_SPF_USES_VALIDATED) {
		int found = gp_spf_find_validated(e, c);
		if (found != GP_SPF_YES)
			return found;
	}
	e->values.domain = c->domain.text;
	int rc = gp_spf_expand_name(t->spec, &e->values, e->arena, &e->octets, ret);
	if (e->octets > GP_SPF_OCTETS_MAX)
		return gp_spf_stop(e, c, t, GP_SPF_PERMERROR,
				   "the names that macros make are too long");
	if (rc > 0)
		e->detail = "its target is no name";
	return rc < 0 ? GP_SPF_UNKNOWN : rc > 0 ? GP_SPF_NO : GP_SPF_YES;
}

/* The answer to a term's first question: YES when there is one. */
static int
look_up_first(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t,
	      struct gp_slice name, uint16_t type, struct gp_dns_answer *ret)
{
	if (!c->charged && !gp_spf_charge(e, c, t, 1))
		return GP_SPF_STOP;
	return gp_spf_look_up(e, name, type, ret) ? GP_SPF_YES : GP_SPF_UNKNOWN;
}

/* The same, where trouble is an error (section 5), and nothing found a void lookup. */
static int
find_records(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t,
	     uint16_t type, struct gp_dns_answer *ret)
{
	struct gp_spf_name target;
	int found = gp_spf_target(e, c, t, &target);
	if (found == GP_SPF_YES)
		found = look_up_first(e, c, t, target.name, type, ret);
	if (found != GP_SPF_YES || ret->status == GP_DNS_OK)
		return found;
	if (gp_dns_status_temporary(ret->status))
		return gp_spf_stop(e, c, t, GP_SPF_TEMPERROR,
				   "the DNS did not answer (RFC 7208 section 5)");
	return gp_spf_void(e, c, t);
}

static uint16_t
address_type(const struct gp_spf_eval *e)
{
	return e->values.address_len == 4 ? GP_DNS_A : GP_DNS_AAAA;
}

static bool
in_network(const uint8_t *a, const uint8_t *network, size_t prefix)
{
	size_t whole = prefix / 8, bits = prefix % 8;
	if (memcmp(a, network, whole) != 0)
		return false;
	return bits == 0 || ((a[whole] ^ network[whole]) & (uint8_t)(0xff00 >> bits)) == 0;
}

static bool
has_client(const struct gp_spf_eval *e, const struct gp_dns_answer *answer, size_t prefix)
{
	for (size_t i = 0; i < answer->records_len; i++) {
		if (in_network(e->values.address, answer->records[i].address, prefix))
			return true;
	}
	return false;
}

static size_t
prefix_of(const struct gp_spf_eval *e, const struct gp_spf_term *t)
{
	return e->values.address_len == 4 ? t->prefix4 : t->prefix6;
}

/* --- section 5.3: a --- */

static int
match_a(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t)
{
	struct gp_dns_answer answer;
	int found = find_records(e, c, t, address_type(e), &answer);
	if (found != GP_SPF_YES)
		return found;
	return has_client(e, &answer, prefix_of(e, t)) ? GP_SPF_YES : GP_SPF_NO;
}

/* --- section 5.4: mx --- */

/* A null MX (RFC 7505) has no host. */
static bool
is_host(const struct gp_dns_record *mx)
{
	return !gp_slice_eq(mx->name, GP_SLICE("."));
}

/* The hosts' answers are all there, or are asked for together. */
static bool
look_up_hosts(struct gp_spf_eval *e, const struct gp_dns_answer *mx, struct gp_dns_answer *ret,
	      size_t *ret_len)
{
	bool known = true;
	*ret_len = 0;
	for (size_t i = 0; i < mx->records_len; i++) {
		if (!is_host(&mx->records[i]))
			continue;
		gp_assert(*ret_len < GP_SPF_HOSTS_MAX);
		known &=
			gp_spf_look_up(e, mx->records[i].name, address_type(e), &ret[(*ret_len)++]);
	}
	return known;
}

static int
match_hosts(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t,
	    const struct gp_dns_answer *hosts, size_t len)
{
	bool trouble = false, all_void = true;
	for (size_t i = 0; i < len; i++) {
		if (has_client(e, &hosts[i], prefix_of(e, t)))
			return GP_SPF_YES;
		trouble |= gp_dns_status_temporary(hosts[i].status);
		all_void &= hosts[i].status != GP_DNS_OK;
	}
	if (trouble)
		return gp_spf_stop(e, c, t, GP_SPF_TEMPERROR,
				   "the DNS did not answer for a host (RFC 7208 section 5)");
	return len > 0 && all_void ? gp_spf_void(e, c, t) : GP_SPF_NO;
}

static int
match_mx(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t)
{
	struct gp_dns_answer mx, hosts[GP_SPF_HOSTS_MAX];
	size_t len = 0;
	int found = find_records(e, c, t, GP_DNS_MX, &mx);
	if (found != GP_SPF_YES)
		return found;
	for (size_t i = 0; i < mx.records_len; i++)
		len += is_host(&mx.records[i]);
	if (len > GP_SPF_HOSTS_MAX)
		return gp_spf_stop(e, c, t, GP_SPF_PERMERROR,
				   "more than 10 MX hosts (RFC 7208 section 4.6.4)");
	if (!gp_spf_charge(e, c, t, len))
		return GP_SPF_STOP;
	if (!look_up_hosts(e, &mx, hosts, &len))
		return GP_SPF_UNKNOWN;
	return match_hosts(e, c, t, hosts, len);
}

/* --- section 5.5: ptr, and %{p} of section 7.3 --- */

static struct gp_slice
reverse_name(struct gp_spf_eval *e)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *a = e->values.address;
	char text[REVERSE_MAX];
	if (e->values.address_len == 4)
		return gp_arena_printf(e->arena, "%u.%u.%u.%u.in-addr.arpa", a[3], a[2], a[1],
				       a[0]);
	for (size_t i = 0; i < 16; i++) {
		text[4 * i] = hex[a[15 - i] & 15];
		text[4 * i + 1] = '.';
		text[4 * i + 2] = hex[a[15 - i] >> 4];
		text[4 * i + 3] = '.';
	}
	memcpy(text + 64, "ip6.arpa", 9);
	return gp_arena_dup(e->arena, gp_slice_str(text));
}

/* All that it takes to know the client's names is charged for once. */
static bool
charge_client(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t)
{
	if (!e->client_charged && !gp_spf_charge(e, c, t, 1 + GP_SPF_HOSTS_MAX))
		return false;
	e->client_charged = true;
	return true;
}

enum kinship {
	SAME,
	BELOW,
	STRANGER,
};

/* How a name of the client is related to the domain in question. */
static enum kinship
kinship_of(struct gp_slice name, struct gp_slice domain)
{
	if (gp_slice_eq_nocase(name, domain))
		return SAME;
	if (name.len <= domain.len || !gp_slice_ends_nocase(name, domain))
		return STRANGER;
	return name.ptr[name.len - domain.len - 1] == '.' ? BELOW : STRANGER;
}

/*
 * Looks for the name that resolves back to the client and is the closest kin of the domain, of
 * `least` kinship at least. Names of which the addresses cannot be had are passed over. YES: *ret.
 */
static int
find_client_name(struct gp_spf_eval *e, const struct gp_dns_answer *ptr, struct gp_slice domain,
		 enum kinship least, struct gp_slice *ret)
{
	size_t len = GP_MIN(ptr->records_len, (size_t)GP_SPF_HOSTS_MAX);
	enum kinship best = STRANGER + 1;
	bool known = true;
	for (size_t i = 0; i < len; i++) {
		struct gp_dns_answer answer;
		struct gp_slice name = ptr->records[i].name;
		enum kinship kinship = kinship_of(name, domain);
		if (kinship > least)
			continue;
		if (!gp_spf_look_up(e, name, address_type(e), &answer)) {
			known = false;
		} else if (kinship < best && has_client(e, &answer, 8 * e->values.address_len)) {
			best = kinship;
			*ret = name;
		}
	}
	if (!known)
		return GP_SPF_UNKNOWN;
	return best <= STRANGER ? GP_SPF_YES : GP_SPF_NO;
}

static int
match_ptr(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t)
{
	struct gp_spf_name target;
	struct gp_dns_answer ptr;
	struct gp_slice name;
	int found = gp_spf_target(e, c, t, &target);
	if (found != GP_SPF_YES)
		return found;
	if (!charge_client(e, c, t))
		return GP_SPF_STOP;
	struct gp_slice reverse = reverse_name(e);
	if (!reverse.ptr || !gp_spf_look_up(e, reverse, GP_DNS_PTR, &ptr))
		return GP_SPF_UNKNOWN;
	if (gp_dns_status_temporary(ptr.status)) {
		e->detail = "the DNS did not answer, which is no error here";
		return GP_SPF_NO;
	}
	if (ptr.status != GP_DNS_OK)
		return gp_spf_void(e, c, t);
	return find_client_name(e, &ptr, target.name, BELOW, &name);
}

int
gp_spf_find_validated(struct gp_spf_eval *e, const struct gp_spf_check *c)
{
	struct gp_dns_answer ptr;
	if (!charge_client(e, c, NULL))
		return GP_SPF_STOP;
	struct gp_slice reverse = reverse_name(e);
	if (!reverse.ptr || !gp_spf_look_up(e, reverse, GP_DNS_PTR, &ptr))
		return GP_SPF_UNKNOWN;
	int found = find_client_name(e, &ptr, c->domain.name, STRANGER, &e->values.validated);
	if (found == GP_SPF_NO)
		e->values.validated = GP_SLICE("unknown");
	return found == GP_SPF_UNKNOWN ? GP_SPF_UNKNOWN : GP_SPF_YES;
}

/* --- section 5.6: ip4 and ip6 --- */

static int
match_network(const struct gp_spf_eval *e, const struct gp_spf_term *t)
{
	size_t len = t->kind == GP_SPF_IP4 ? 4 : 16;
	if (e->values.address_len != len)
		return GP_SPF_NO;
	return in_network(e->values.address, t->address, prefix_of(e, t)) ? GP_SPF_YES : GP_SPF_NO;
}

/* --- section 5.7: exists --- */

static int
match_exists(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t)
{
	struct gp_dns_answer answer;
	return find_records(e, c, t, GP_DNS_A, &answer);
}

int
gp_spf_match(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t)
{
	switch (t->kind) {
	case GP_SPF_ALL:
		return GP_SPF_YES;
	case GP_SPF_A:
		return match_a(e, c, t);
	case GP_SPF_MX:
		return match_mx(e, c, t);
	case GP_SPF_PTR:
		return match_ptr(e, c, t);
	case GP_SPF_IP4:
	case GP_SPF_IP6:
		return match_network(e, t);
	default:
		gp_assert(t->kind == GP_SPF_EXISTS);
		return match_exists(e, c, t);
	}
}

void
gp_spf_ask_ahead(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t)
{
	struct gp_dns_answer answer;
	struct gp_spf_name target;
	bool unknown_name = (t->uses & GP_SPF_USES_VALIDATED) != 0;
	if (unknown_name || gp_spf_target(e, c, t, &target) != GP_SPF_YES)
		return;
	switch (t->kind) {
	case GP_SPF_A:
		(void)gp_spf_look_up(e, target.name, address_type(e), &answer);
		break;
	case GP_SPF_EXISTS:
		(void)gp_spf_look_up(e, target.name, GP_DNS_A, &answer);
		break;
	case GP_SPF_MX:
		(void)gp_spf_look_up(e, target.name, GP_DNS_MX, &answer);
		break;
	case GP_SPF_PTR:
		(void)gp_spf_look_up(e, reverse_name(e), GP_DNS_PTR, &answer);
		break;
	default:
		(void)gp_spf_look_up(e, target.name, GP_DNS_TXT, &answer);
		break;
	}
}
