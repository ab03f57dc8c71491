/* SPDX-License-Identifier: Apache-2.0 */
#include "core/targets/hosts.h"

#include <errno.h>
#include <string.h>

struct eval {
	const struct gp_answers *answers;
	struct gp_arena *arena;
	struct gp_hosts_result *result;
	struct gp_dns_question *need;
	struct gp_host_address *addresses;
	bool each_name;
	bool temporary; /* an answer that is missing may come later */
};

struct host {
	struct gp_slice name;
	uint16_t preference;
};

static int
none(struct eval *e, const char *why, bool temporary)
{
	e->result->why = why;
	e->result->temporary = temporary;
	return GP_HOSTS_NONE;
}

/* The answer to one question. False: it has to be asked for. */
static bool
know(struct eval *e, struct gp_slice name, uint16_t type, struct gp_dns_answer *ret)
{
	if (gp_answers_find(e->answers, name, type, ret)) {
		e->temporary |= gp_dns_status_temporary(ret->status);
		return true;
	}
	gp_assert(e->result->need_len < GP_HOSTS_NEED_MAX);
	e->need[e->result->need_len++] = (struct gp_dns_question){name, type};
	return false;
}

/* --- addresses --- */

static bool
has_address(const struct eval *e, const struct host *h, const uint8_t *address, size_t len)
{
	for (size_t i = 0; i < e->result->addresses_len; i++) {
		const struct gp_host_address *a = &e->addresses[i];
		if (a->address_len == len && memcmp(a->address, address, len) == 0 &&
		    (!e->each_name || gp_slice_eq_nocase(a->host, h->name)))
			return true;
	}
	return false;
}

static void
add_addresses(struct eval *e, const struct host *h, const struct gp_dns_answer *answer)
{
	uint8_t len = answer->type == GP_DNS_A ? 4 : 16;
	for (size_t i = 0; i < answer->records_len; i++) {
		const uint8_t *address = answer->records[i].address;
		if (has_address(e, h, address, len))
			continue;
		if (e->result->addresses_len == GP_HOSTS_ADDRESSES_MAX) {
			e->result->dropped++;
			continue;
		}
		struct gp_host_address *a = &e->addresses[e->result->addresses_len++];
		*a = (struct gp_host_address){
			.host = h->name,
			.canonical = answer->canonical,
			.address_len = len,
			.secure = answer->secure,
			.preference = h->preference,
		};
		memcpy(a->address, address, len);
	}
}

static int
add_hosts(struct eval *e, const struct host *hosts, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		struct gp_dns_answer six, four;
		bool known = know(e, hosts[i].name, GP_DNS_AAAA, &six);
		known &= know(e, hosts[i].name, GP_DNS_A, &four);
		if (!known)
			continue;
		add_addresses(e, &hosts[i], &four);
		add_addresses(e, &hosts[i], &six);
	}
	if (e->result->need_len > 0)
		return GP_HOSTS_NEED;
	if (e->result->addresses_len > 0)
		return GP_HOSTS_DONE;
	if (e->temporary)
		return none(e, "the DNS did not answer", true);
	return none(e, "no address", false);
}

/* --- MX --- */

/* In order of preference, which is that of the records for equal ones. */
static size_t
read_mx(struct eval *e, const struct gp_dns_answer *answer, struct host ret[GP_HOSTS_MAX])
{
	size_t len = 0;
	for (size_t i = 0; i < answer->records_len; i++) {
		const struct gp_dns_record *r = &answer->records[i];
		size_t at = len;
		while (at > 0 && ret[at - 1].preference > r->preference)
			at--;
		if (len == GP_HOSTS_MAX)
			e->result->dropped++;
		if (at == GP_HOSTS_MAX)
			continue;
		len = GP_MIN(len + 1, (size_t)GP_HOSTS_MAX);
		memmove(&ret[at + 1], &ret[at], (len - at - 1) * sizeof(*ret));
		ret[at] = (struct host){r->name, r->preference};
	}
	return len;
}

/* RFC 7505: a single MX record with the root for a name. */
static bool
is_null_mx(const struct gp_dns_answer *answer)
{
	return answer->records_len == 1 && gp_slice_eq(answer->records[0].name, GP_SLICE("."));
}

static int
eval_mx(struct eval *e, struct gp_slice domain)
{
	struct gp_dns_answer mx;
	struct host hosts[GP_HOSTS_MAX] = {{domain, 0}};
	if (!know(e, domain, GP_DNS_MX, &mx))
		return GP_HOSTS_NEED;
	e->result->mx_secure = mx.secure;
	if (gp_dns_status_temporary(mx.status))
		return none(e, "the DNS did not answer", true);
	if (mx.status == GP_DNS_NXDOMAIN)
		return none(e, "there is no such domain", false);
	if (mx.status != GP_DNS_OK)
		return add_hosts(e, hosts, 1);
	if (is_null_mx(&mx))
		return none(e, "the domain takes no mail (null MX, RFC 7505)", false);
	e->result->mx = true;
	return add_hosts(e, hosts, read_mx(e, &mx, hosts));
}

int
gp_hosts_eval(const struct gp_hosts_query *query, const struct gp_answers *answers,
	      struct gp_arena *arena, struct gp_hosts_result *ret)
{
	struct eval e = {
		.answers = answers,
		.arena = arena,
		.result = ret,
		.need = gp_arena_array(arena, GP_HOSTS_NEED_MAX, sizeof(*e.need)),
		.addresses = gp_arena_array(arena, GP_HOSTS_ADDRESSES_MAX, sizeof(*e.addresses)),
		.each_name = query->each_name,
	};
	const struct host itself = {query->name, 0};
	*ret = (struct gp_hosts_result){.need = e.need, .addresses = e.addresses};
	if (!e.need || !e.addresses)
		return -ENOMEM;
	return query->mx ? eval_mx(&e, query->name) : add_hosts(&e, &itself, 1);
}

/* --- and back --- */

struct gp_slice
gp_address_labels(const uint8_t *address, size_t len, struct gp_arena *arena)
{
	static const char hex[] = "0123456789abcdef";
	char text[64];
	if (len == 4)
		return gp_arena_printf(arena, "%u.%u.%u.%u", address[3], address[2], address[1],
				       address[0]);
	for (size_t i = 0; i < 16; i++) {
		char *to = text + 4 * (15 - i);
		to[0] = hex[address[i] & 15];
		to[2] = hex[address[i] >> 4];
		to[1] = to[3] = '.';
	}
	return gp_arena_dup(arena, gp_slice(text, sizeof(text) - 1));
}

static bool
leads_to(const struct gp_dns_answer *answer, const uint8_t *address, size_t len)
{
	for (size_t i = 0; i < answer->records_len; i++) {
		if (memcmp(answer->records[i].address, address, len) == 0)
			return true;
	}
	return false;
}

/* Is one of its names confirmed? What is not known yet is asked for. */
static void
confirm(const struct gp_dns_answer *ptr, const uint8_t *address, size_t len,
	const struct gp_answers *answers, struct gp_dns_question *need, struct gp_reverse *ret)
{
	uint16_t type = len == 4 ? GP_DNS_A : GP_DNS_AAAA;
	size_t names = GP_MIN(ptr->records_len, (size_t)GP_REVERSE_NAMES_MAX);
	ret->name = ptr->records[0].name;
	ret->state = GP_REVERSE_UNCONFIRMED;
	for (size_t i = 0; i < names; i++) {
		struct gp_dns_answer answer;
		struct gp_slice name = ptr->records[i].name;
		if (!gp_answers_find(answers, name, type, &answer)) {
			need[ret->need_len++] = (struct gp_dns_question){name, type};
		} else if (leads_to(&answer, address, len)) {
			ret->name = name;
			ret->state = GP_REVERSE_CONFIRMED;
			ret->need_len = 0;
			return;
		} else if (gp_dns_status_temporary(answer.status)) {
			ret->state = GP_REVERSE_UNKNOWN;
		}
	}
}

int
gp_reverse_eval(const uint8_t *address, size_t address_len, const struct gp_answers *answers,
		struct gp_arena *arena, struct gp_reverse *ret)
{
	struct gp_dns_answer ptr;
	struct gp_dns_question *need = gp_arena_array(arena, GP_REVERSE_NEED_MAX, sizeof(*need));
	struct gp_slice labels = gp_address_labels(address, address_len, arena);
	struct gp_slice name = gp_arena_printf(arena, "%.*s.%s", GP_SLICE_FMT(labels),
					       address_len == 4 ? "in-addr.arpa" : "ip6.arpa");
	*ret = (struct gp_reverse){.need = need};
	if (arena->failed)
		return -ENOMEM;
	if (!gp_answers_find(answers, name, GP_DNS_PTR, &ptr))
		need[ret->need_len++] = (struct gp_dns_question){name, GP_DNS_PTR};
	else if (ptr.status == GP_DNS_OK)
		confirm(&ptr, address, address_len, answers, need, ret);
	else if (!gp_dns_status_temporary(ptr.status))
		ret->state = GP_REVERSE_NONE;
	return ret->need_len > 0 ? GP_HOSTS_NEED : GP_HOSTS_DONE;
}
