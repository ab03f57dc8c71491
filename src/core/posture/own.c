/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses that are a domain's own. Nothing is asked for: what the other parts have asked for
   is there. */
#include <string.h>

#include "core/identity/organisation.h"
#include "core/posture/spf_tree.h"
#include "core/targets/special.h"

enum { BITS_MAX = 6 }; /* of a network: it has as many addresses as there is room for */
static_assert(1 << BITS_MAX == GP_POSTURE_OWN_MAX);

struct own {
	struct posture_run *run;
	struct gp_posture_address *list;
	size_t len, left_out;
};

static void
add(struct own *o, const uint8_t *octets, size_t len)
{
	if (gp_special_of(octets, len))
		return;
	for (size_t i = 0; i < o->len; i++) {
		if (o->list[i].len == len && memcmp(o->list[i].octets, octets, len) == 0)
			return;
	}
	if (o->len == GP_POSTURE_OWN_MAX) {
		o->left_out++;
		return;
	}
	o->list[o->len].len = (uint8_t)len;
	memcpy(o->list[o->len++].octets, octets, len);
}

/* All of a network, or nothing of it: a part would say that the rest is well. */
static void
add_network(struct own *o, const uint8_t *octets, size_t len, unsigned prefix)
{
	uint8_t one[GP_DNS_ADDRESS_MAX];
	unsigned bits = (unsigned)len * 8 - prefix;
	if (bits > BITS_MAX || o->len + (1U << bits) > GP_POSTURE_OWN_MAX) {
		o->left_out++;
		return;
	}
	memcpy(one, octets, len);
	one[len - 1] &= (uint8_t) ~((1U << bits) - 1);
	for (unsigned i = 0; i < 1U << bits; i++, one[len - 1]++)
		add(o, one, len);
}

static void
add_host(struct own *o, struct gp_slice host, const struct gp_spf_term *term)
{
	static const struct {
		uint16_t type;
		size_t len;
	} kinds[] = {{GP_DNS_A, 4}, {GP_DNS_AAAA, 16}};
	for (size_t k = 0; k < GP_ARRAY_LEN(kinds); k++) {
		struct gp_dns_answer answer;
		unsigned prefix = !term                       ? (unsigned)kinds[k].len * 8
				  : kinds[k].type == GP_DNS_A ? term->prefix4
							      : term->prefix6;
		if (!gp_answers_find(o->run->answers, host, kinds[k].type, &answer))
			continue;
		for (size_t i = 0; i < answer.records_len; i++)
			add_network(o, answer.records[i].address, kinds[k].len, prefix);
	}
}

static void
add_exchanges(struct own *o, struct gp_slice name, const struct gp_spf_term *term)
{
	struct gp_dns_answer answer;
	if (!gp_answers_find(o->run->answers, name, GP_DNS_MX, &answer))
		return;
	for (size_t i = 0; i < answer.records_len && i < GP_POSTURE_HOSTS_MAX; i++)
		add_host(o, answer.records[i].name, term);
}

static void
add_term(struct own *o, const struct posture_spf_term *t)
{
	if (t->bad || t->moot || t->term.qualifier != GP_SPF_PASS)
		return;
	if (t->term.kind == GP_SPF_IP4)
		add_network(o, t->term.address, 4, t->term.prefix4);
	else if (t->term.kind == GP_SPF_IP6)
		add_network(o, t->term.address, 16, t->term.prefix6);
	else if (t->term.kind == GP_SPF_A && t->target.len > 0)
		add_host(o, t->target, &t->term);
	else if (t->term.kind == GP_SPF_MX && t->target.len > 0)
		add_exchanges(o, t->target, &t->term);
}

void
posture_read_own(struct posture_run *run)
{
	struct own o = {.run = run,
			.list = gp_arena_array(run->arena, GP_POSTURE_OWN_MAX, sizeof(*o.list))};
	if (!o.list)
		return;
	if (run->facts->mx.implicit)
		add_host(&o, run->facts->domain, NULL);
	for (size_t i = 0; i < GP_MIN(run->facts->mx.len, (size_t)GP_POSTURE_HOSTS_MAX); i++)
		add_host(&o, run->facts->mx.records[i].name, NULL);
	for (size_t i = 0; run->spf && i < run->spf->len; i++) {
		const struct posture_spf_node *node = &run->spf->nodes[i];
		/* What a provider's record authorises is the provider's. */
		bool ours = gp_organisation_same(node->name, run->facts->domain);
		for (size_t k = 0; ours && k < node->len; k++)
			add_term(&o, &node->terms[k]);
	}
	run->facts->own.list = o.list;
	run->facts->own.len = o.len;
	run->facts->own.left_out = o.left_out;
}
