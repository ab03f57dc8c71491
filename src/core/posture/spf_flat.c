/* SPDX-License-Identifier: Apache-2.0 */
#include "core/posture/spf_flat.h"

#include <arpa/inet.h>
#include <string.h>

struct network {
	uint8_t address[GP_DNS_ADDRESS_MAX];
	uint8_t len;  /* octets of the address: 4 or 16 */
	uint8_t bits; /* that count */
};

/* None of them covers another. */
struct networks {
	struct network *list; /* room for FLAT_NETWORKS_MAX */
	size_t len;
	bool failed; /* they are not all */
};

/* --- networks --- */

static bool
covers(const struct network *a, const struct network *b)
{
	if (a->len != b->len || a->bits > b->bits)
		return false;
	for (size_t i = 0; i < a->bits; i++) {
		uint8_t mask = (uint8_t)(0x80 >> i % 8);
		if ((a->address[i / 8] ^ b->address[i / 8]) & mask)
			return false;
	}
	return true;
}

static bool
is_covered(const struct networks *n, const struct network *one)
{
	for (size_t i = 0; i < n->len; i++) {
		if (covers(&n->list[i], one))
			return true;
	}
	return false;
}

static void
add(struct networks *n, const uint8_t *address, size_t len, uint8_t bits)
{
	struct network one = {.len = (uint8_t)len, .bits = bits};
	memcpy(one.address, address, len);
	for (size_t i = bits; i < 8 * len; i++)
		one.address[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	if (n->failed || is_covered(n, &one))
		return;
	size_t kept = 0;
	for (size_t i = 0; i < n->len; i++) {
		if (!covers(&one, &n->list[i]))
			n->list[kept++] = n->list[i];
	}
	n->len = kept;
	n->failed = n->len == FLAT_NETWORKS_MAX;
	if (!n->failed)
		n->list[n->len++] = one;
}

static struct networks
new_networks(struct posture_run *run)
{
	struct networks n = {
		.list = gp_arena_array(run->arena, FLAT_NETWORKS_MAX, sizeof(*n.list))};
	n.failed = !n.list;
	return n;
}

/* --- what a record comes to --- */

/* All was asked when the tree was built; what is not there now was cut. */
static void
add_addresses(struct posture_run *run, struct networks *n, const struct gp_spf_term *t,
	      struct gp_slice name)
{
	static const uint16_t types[] = {GP_DNS_A, GP_DNS_AAAA};
	for (size_t k = 0; k < GP_ARRAY_LEN(types); k++) {
		struct gp_dns_answer a;
		bool ip4 = types[k] == GP_DNS_A;
		if (!gp_answers_find(run->answers, name, types[k], &a) ||
		    gp_dns_status_temporary(a.status)) {
			n->failed = true;
			return;
		}
		for (size_t i = 0; i < a.records_len; i++)
			add(n, a.records[i].address, ip4 ? 4 : 16, ip4 ? t->prefix4 : t->prefix6);
	}
}

static void
add_hosts(struct posture_run *run, struct networks *n, const struct posture_spf_term *t)
{
	struct gp_dns_answer mx;
	if (!gp_answers_find(run->answers, t->target, GP_DNS_MX, &mx) ||
	    gp_dns_status_temporary(mx.status) || t->hosts > GP_SPF_HOSTS_MAX) {
		n->failed = true;
		return;
	}
	for (size_t i = 0; i < mx.records_len; i++) {
		if (!gp_slice_eq(mx.records[i].name, GP_SLICE(".")))
			add_addresses(run, n, &t->term, mx.records[i].name);
	}
}

static void
collect(struct posture_run *run, struct networks *n, const struct posture_spf_node *node);

static void
collect_term(struct posture_run *run, struct networks *n, const struct posture_spf_term *t)
{
	switch (t->term.kind) {
	case GP_SPF_IP4:
		add(n, t->term.address, 4, t->term.prefix4);
		break;
	case GP_SPF_IP6:
		add(n, t->term.address, 16, t->term.prefix6);
		break;
	case GP_SPF_A:
		add_addresses(run, n, &t->term, t->target);
		break;
	case GP_SPF_MX:
		add_hosts(run, n, t);
		break;
	case GP_SPF_INCLUDE:
	case GP_SPF_REDIRECT:
		collect(run, n, t->child);
		break;
	default:
		n->failed = true;
		break;
	}
}

/* Where each directive but the last "all" gives a pass, their order does not matter, and what they
   pass is the sum of their networks. */
static void
collect(struct posture_run *run, struct networks *n, const struct posture_spf_node *node)
{
	if (!node || node->state != SPF_RECORD || node->bad > 0) {
		n->failed = true;
		return;
	}
	for (size_t i = 0; i < node->len && !n->failed; i++) {
		const struct posture_spf_term *t = &node->terms[i];
		if (t->moot || t == node->all || t->term.kind >= GP_SPF_REDIRECT)
			continue;
		if (t->term.qualifier != GP_SPF_PASS || t->macro || t->no_name || t->trouble)
			n->failed = true;
		else
			collect_term(run, n, t);
	}
	if (node->all && node->all->term.qualifier == GP_SPF_PASS)
		n->failed = true;
	if (node->redirect && !n->failed)
		collect_term(run, n, node->redirect);
}

/* --- records that hold them --- */

static struct gp_slice
write_network(struct posture_run *run, const struct network *n)
{
	char address[INET6_ADDRSTRLEN];
	bool ip4 = n->len == 4;
	(void)inet_ntop(ip4 ? AF_INET : AF_INET6, n->address, address, sizeof(address));
	if (n->bits == 8 * n->len)
		return gp_arena_printf(run->arena, "ip%c:%s", ip4 ? '4' : '6', address);
	return gp_arena_printf(run->arena, "ip%c:%s/%u", ip4 ? '4' : '6', address, n->bits);
}

/* Into ret->records[1] and on; false: they do not fit. */
static bool
write_networks(struct posture_run *run, const struct networks *n, struct posture_flat *ret)
{
	struct gp_slice end = GP_SLICE(" -all"), text = GP_SLICE("");
	ret->len = 1;
	for (size_t i = 0; i < n->len; i++) {
		struct gp_slice term = write_network(run, &n->list[i]);
		bool fits = text.len + 1 + term.len + end.len <= FLAT_LENGTH_MAX;
		if (text.len == 0 || !fits) {
			if (ret->len > FLAT_RECORDS_MAX)
				return false;
			struct gp_slice name =
				gp_arena_printf(run->arena, "_spf-flat%zu.%.*s", ret->len,
						GP_SLICE_FMT(run->facts->domain));
			ret->records[ret->len++] =
				(struct gp_finding_record){.name = name, .type = "TXT"};
			text = GP_SLICE("v=spf1");
		}
		text = gp_arena_printf(run->arena, "%.*s %.*s", GP_SLICE_FMT(text),
				       GP_SLICE_FMT(term));
		ret->records[ret->len - 1].value = text;
	}
	for (size_t i = 1; i < ret->len; i++)
		ret->records[i].value =
			gp_arena_printf(run->arena, "%.*s%.*s", GP_SLICE_FMT(ret->records[i].value),
					GP_SLICE_FMT(end));
	return !run->arena->failed;
}

/* What the texts say, read as every verifier reads them. */
static void
read_back(const struct posture_flat *flat, struct networks *n)
{
	for (size_t i = 1; i < flat->len; i++) {
		struct gp_slice terms = gp_slice_drop(flat->records[i].value, sizeof("v=spf1") - 1);
		struct gp_spf_term t;
		for (int rc; (rc = gp_spf_next(&terms, &t)) != 1;) {
			n->failed |= rc < 0;
			if (t.kind == GP_SPF_IP4)
				add(n, t.address, 4, t.prefix4);
			else if (t.kind == GP_SPF_IP6)
				add(n, t.address, 16, t.prefix6);
		}
	}
}

/* Each network of one is in one of the other, and the other way round: so the sums are equal. */
static bool
is_same(const struct networks *a, const struct networks *b)
{
	bool same = !a->failed && !b->failed;
	for (size_t i = 0; same && i < a->len; i++)
		same = is_covered(b, &a->list[i]);
	for (size_t i = 0; same && i < b->len; i++)
		same = is_covered(a, &b->list[i]);
	return same;
}

/* --- which includes go --- */

/* The costliest include that was not tried yet; NULL: none is left. */
static const struct posture_spf_term *
find_costliest(const struct posture_spf_node *own, const bool *tried, size_t *ret_at,
	       unsigned *ret_cost)
{
	const struct posture_spf_term *best = NULL;
	*ret_cost = 0; /* those that ask once gain something together */
	for (size_t i = 0; i < own->len; i++) {
		const struct posture_spf_term *t = &own->terms[i];
		if (t->moot || tried[i] || t->term.kind != GP_SPF_INCLUDE || !t->child)
			continue;
		unsigned cost = posture_spf_count_term(own, t).lookups;
		if (cost <= *ret_cost)
			continue;
		best = t;
		*ret_at = i;
		*ret_cost = cost;
	}
	return best;
}

/* Its own record must be one in which the order of what passes does not matter. */
static bool
is_plain(const struct posture_spf_node *own)
{
	bool plain = own->state == SPF_RECORD && own->bad == 0 && !own->redirect;
	for (size_t i = 0; i < own->len; i++) {
		const struct posture_spf_term *t = &own->terms[i];
		plain &= t->moot || t == own->all || t->term.kind >= GP_SPF_REDIRECT ||
			 t->term.qualifier == GP_SPF_PASS;
	}
	return plain;
}

/* They stand first: they find nothing void, so whom they pass meets no limit of what follows; and
   what stays meets no more of it than before. */
static struct gp_slice
write_own(struct posture_run *run, const struct posture_spf_node *own, const bool *gone,
	  const struct posture_flat *flat)
{
	struct posture_spf_draft d = {};
	if (own->all)
		d.all = own->all->raw;
	for (size_t i = 1; i < flat->len; i++)
		d.terms[d.len++] = gp_arena_printf(run->arena, "include:%.*s",
						   GP_SLICE_FMT(flat->records[i].name));
	for (size_t i = 0; i < own->len && d.len < SPF_DRAFT_MAX; i++) {
		const struct posture_spf_term *t = &own->terms[i];
		if (!gone[i] && !t->moot && t != own->all)
			d.terms[d.len++] = t->raw;
	}
	return posture_spf_write(run, &d);
}

/* Adds what the include comes to, or nothing where that cannot be told. */
static bool
take_in(struct posture_run *run, const struct posture_spf_term *t, struct networks *all)
{
	struct networks one = new_networks(run);
	collect(run, &one, t->child);
	for (size_t i = 0; i < one.len && !one.failed; i++)
		add(all, one.list[i].address, one.list[i].len, one.list[i].bits);
	return !one.failed;
}

bool
posture_spf_flatten(struct posture_run *run, const struct posture_spf *tree,
		    struct posture_flat *ret)
{
	const struct posture_spf_node *own = &tree->nodes[0];
	const struct posture_spf_term *t;
	bool tried[SPF_TERMS_MAX] = {}, gone[SPF_TERMS_MAX] = {}, enough = false;
	unsigned left = tree->count.lookups, cost;
	struct networks all = new_networks(run), again = new_networks(run);
	size_t at = 0;
	*ret = (struct posture_flat){};
	if (tree->cut || !is_plain(own))
		return false;
	while (!enough && (t = find_costliest(own, tried, &at, &cost))) {
		tried[at] = true;
		gone[at] = take_in(run, t, &all);
		left -= gone[at] ? cost : 0;
		if (all.failed || !write_networks(run, &all, ret))
			return false;
		ret->lookups = left + (unsigned)(ret->len - 1);
		enough = ret->lookups <= FLAT_RECORDS_MAX;
	}
	read_back(ret, &again);
	ret->networks = all.len;
	ret->records[0] =
		(struct gp_finding_record){own->name, "TXT", write_own(run, own, gone, ret)};
	return enough && is_same(&all, &again);
}
