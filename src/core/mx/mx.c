/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mx/mx.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "core/dns/idn.h"
#include "core/dns/name.h"

enum {
	PORT_SMTP = 25,
	/* Hosts asked about in advance: each has an address as a rule, so more would be wasted. */
	PREFETCH = GP_MX_ADDRESSES_MAX,
	NEED_MAX = 2 * GP_MX_RECORDS_MAX,
};

struct address {
	uint8_t octets[GP_DNS_ADDRESS_MAX];
	uint8_t len;
};

struct host {
	struct gp_slice name;
	uint16_t preference;
};

struct eval {
	const struct gp_mx_query *query;
	const struct gp_answers *answers;
	struct gp_arena *arena;
	struct gp_mx_result *result;
	uint64_t random; /* state of next_random() */
	uint16_t port;
	bool trouble; /* a question about a host had no answer: nothing final may follow */
	struct gp_dns_question *need;
	struct gp_mx_target *targets;
};

/* SplitMix64: spreads the seed; nothing here has to be unpredictable. */
static uint64_t
next_random(struct eval *e)
{
	uint64_t z = e->random += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Any index below n; n > 0. The bias of the remainder is far below what DNS caches add. */
static size_t
random_below(struct eval *e, size_t n)
{
	return (size_t)(next_random(e) % n);
}

/* The outcome with a reply: "about", then the text. */
static int
fail(struct eval *e, uint16_t code, uint16_t subject, uint16_t detail, struct gp_slice about,
     const char *text)
{
	struct gp_reply *r = &e->result->reply;
	*r = (struct gp_reply){.code = code,
			       .enhanced_class = (uint8_t)(code / 100),
			       .enhanced_subject = subject,
			       .enhanced_detail = detail};
	r->text = gp_arena_printf(e->arena, "%.*s %s", GP_SLICE_FMT(about), text);
	return r->text.ptr ? GP_MX_FAILED : -ENOMEM;
}

static int
fail_dns(struct eval *e, struct gp_slice about)
{
	return fail(e, 451, 4, 3, about, "could not be looked up in the DNS at this time");
}

static int
fail_domain(struct eval *e, struct gp_slice about)
{
	return fail(e, 550, 1, 2, about, "is not a domain that exists");
}

/* IPv4-mapped becomes IPv4 (RFC 4291 section 2.5.5.2), so that no rule for IPv4 is walked around.
 */
static struct address
make_address(const uint8_t *octets, uint8_t len)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct address a = {.len = len};
	if (len == 16 && memcmp(octets, mapped, sizeof(mapped)) == 0) {
		octets += sizeof(mapped);
		a.len = 4;
	}
	memcpy(a.octets, octets, a.len);
	return a;
}

/*
 * Addresses of one host, not of "this host", groups or nobody (RFC 6890): the system would take a
 * connection to 0.0.0.0 or :: as one to itself.
 */
static bool
is_usable(const struct address *a)
{
	static const uint8_t unspecified[16];
	if (a->len == 4)
		return a->octets[0] != 0 && a->octets[0] < 224;
	return a->octets[0] != 0xff && memcmp(a->octets, unspecified, 16) != 0;
}

static bool
in_network(const struct address *a, const struct gp_mx_endpoint *n)
{
	size_t whole = n->prefix_len / 8, bits = n->prefix_len % 8;
	if (a->len != n->address_len || n->prefix_len > 8 * a->len)
		return false;
	if (memcmp(a->octets, n->address, whole) != 0)
		return false;
	uint8_t mask = (uint8_t)(0xff00 >> bits);
	return bits == 0 || ((a->octets[whole] ^ n->address[whole]) & mask) == 0;
}

static bool
is_own_address(const struct eval *e, const struct address *a)
{
	const struct gp_mx_self *self = e->query->self;
	for (size_t i = 0; self && i < self->endpoints_len; i++) {
		const struct gp_mx_endpoint *n = &self->endpoints[i];
		if (n->port == e->port && in_network(a, n))
			return true;
	}
	return false;
}

static bool
is_own_name(const struct eval *e, struct gp_slice name)
{
	const struct gp_mx_self *self = e->query->self;
	for (size_t i = 0; self && i < self->names_len; i++) {
		if (gp_slice_eq_nocase(self->names[i], name))
			return true;
	}
	return false;
}

static int
ask(struct eval *e, struct gp_slice name, uint16_t type)
{
	if (!e->need)
		e->need = gp_arena_array(e->arena, NEED_MAX, sizeof(*e->need));
	if (!e->need)
		return -ENOMEM;
	gp_assert(e->result->need_len < NEED_MAX);
	e->result->need = e->need;
	e->need[e->result->need_len++] = (struct gp_dns_question){name, type};
	return GP_MX_NEED;
}

/* Asks for what is unknown of the host's addresses. GP_MX_DONE: nothing is. */
static int
ask_addresses(struct eval *e, const struct host *h)
{
	struct gp_dns_answer answer;
	int rc = GP_MX_DONE;
	if (!gp_answers_find(e->answers, h->name, GP_DNS_AAAA, &answer))
		rc = ask(e, h->name, GP_DNS_AAAA);
	if (rc >= 0 && !gp_answers_find(e->answers, h->name, GP_DNS_A, &answer))
		rc = ask(e, h->name, GP_DNS_A);
	return rc;
}

/* The addresses of one family, shuffled: one host's addresses are equals. */
struct family {
	struct address list[GP_DNS_RECORDS_MAX];
	size_t len;
	struct gp_slice canonical;
	bool secure;
};

static void
shuffle_family(struct eval *e, struct family *f)
{
	for (size_t i = f->len; i > 1; i--) {
		size_t j = random_below(e, i);
		struct address moved = f->list[i - 1];
		f->list[i - 1] = f->list[j];
		f->list[j] = moved;
	}
}

/* Reads one known answer. True: the host turned out to be us. */
static bool
read_family(struct eval *e, const struct host *h, uint16_t type, struct family *ret)
{
	struct gp_dns_answer answer;
	ret->len = 0;
	bool known = gp_answers_find(e->answers, h->name, type, &answer);
	gp_assert(known);
	ret->canonical = answer.canonical;
	ret->secure = answer.secure;
	if (gp_dns_status_temporary(answer.status))
		e->trouble = true;
	for (size_t i = 0; i < answer.records_len && ret->len < GP_DNS_RECORDS_MAX; i++) {
		uint8_t len = type == GP_DNS_A ? 4 : 16;
		struct address a = make_address(answer.records[i].address, len);
		if (is_own_address(e, &a))
			return true;
		if (is_usable(&a))
			ret->list[ret->len++] = a;
	}
	shuffle_family(e, ret);
	return e->query->host.len == 0 && is_own_name(e, answer.canonical);
}

/* from: the answer that the address stood in; NULL for one that was given as such. */
static void
add_target(struct eval *e, const struct host *h, const struct address *a, const struct family *from)
{
	if (e->result->targets_len >= GP_MX_ADDRESSES_MAX)
		return;
	struct gp_mx_target *t = &e->targets[e->result->targets_len++];
	*t = (struct gp_mx_target){.host = h->name,
				   .address_len = a->len,
				   .preference = h->preference,
				   .port = e->port,
				   .canonical = from ? from->canonical : GP_SLICE(""),
				   .secure = from && from->secure};
	memcpy(t->address, a->octets, a->len);
}

/* IPv6 first, then in turn, so that a broken family costs one attempt only. True: it is us. */
static bool
add_host(struct eval *e, const struct host *h)
{
	struct family six, four;
	if (read_family(e, h, GP_DNS_AAAA, &six) || read_family(e, h, GP_DNS_A, &four))
		return true;
	for (size_t i = 0; i < six.len || i < four.len; i++) {
		if (i < six.len)
			add_target(e, h, &six.list[i], &six);
		if (i < four.len)
			add_target(e, h, &four.list[i], &four);
	}
	return false;
}

/* The end of the run of equal preference that begins at `from`. */
static size_t
group_end(const struct host *hosts, size_t len, size_t from)
{
	size_t end = from + 1;
	while (end < len && hosts[end].preference == hosts[from].preference)
		end++;
	return end;
}

/*
 * Asks for what is unknown of one group's addresses, and then for the next hosts' too, since a
 * group without any address sends us there. GP_MX_DONE: the group is known.
 */
static int
ask_group(struct eval *e, const struct host *hosts, size_t len, size_t from, size_t end)
{
	int rc = GP_MX_DONE;
	for (size_t i = from; i < end && rc >= 0; i++)
		rc = ask_addresses(e, &hosts[i]);
	if (rc < 0 || e->result->need_len == 0)
		return rc;
	for (size_t i = end; i < len && i < from + PREFETCH && rc >= 0; i++)
		rc = ask_addresses(e, &hosts[i]);
	return rc < 0 ? rc : GP_MX_NEED;
}

/*
 * Takes a known group over, unless one of its addresses is ours: then all of it is no better than
 * we are. True: so it was.
 */
static bool
add_group(struct eval *e, const struct host *hosts, size_t from, size_t end)
{
	size_t before = e->result->targets_len;
	for (size_t i = from; i < end; i++) {
		if (!add_host(e, &hosts[i]))
			continue;
		e->result->targets_len = before;
		return true;
	}
	return false;
}

/* Targets from hosts in order of preference; `backup`: hosts at our own preference were cut off. */
static int
add_hosts(struct eval *e, const struct host *hosts, size_t len, bool backup)
{
	struct gp_slice domain = e->query->domain;
	size_t from = 0, end;
	for (; from < len && e->result->targets_len < GP_MX_ADDRESSES_MAX; from = end) {
		end = group_end(hosts, len, from);
		int rc = ask_group(e, hosts, len, from, end);
		if (rc != GP_MX_DONE)
			return rc;
		if (add_group(e, hosts, from, end)) {
			backup = true;
			break;
		}
	}
	if (e->result->targets_len > 0)
		return GP_MX_DONE;
	if (e->trouble)
		return fail_dns(e, domain);
	if (backup && from == 0)
		return fail(e, 554, 4, 6, domain, "is served by this host: mail loops back");
	if (backup)
		return fail(e, 451, 4, 4, domain, "has no better host than this with an address");
	return fail(e, 550, 4, 4, domain, "has no mail host with a usable address");
}

static size_t
find_host(const struct host *hosts, size_t len, struct gp_slice name)
{
	size_t i = 0;
	while (i < len && !gp_slice_eq(hosts[i].name, name))
		i++;
	return i;
}

/* The answer's hosts, each once with its best preference, null MX left out. */
static size_t
read_hosts(const struct gp_dns_answer *answer, struct host *hosts)
{
	size_t len = 0;
	for (size_t i = 0; i < answer->records_len; i++) {
		const struct gp_dns_record *r = &answer->records[i];
		if (gp_slice_eq(r->name, GP_SLICE(".")))
			continue;
		size_t at = find_host(hosts, len, r->name);
		if (at == len)
			hosts[len++] = (struct host){r->name, r->preference};
		else
			hosts[at].preference = GP_MIN(hosts[at].preference, r->preference);
	}
	return len;
}

/* By preference, equals in random order (RFC 5321 section 5.1). */
static void
sort_hosts(struct eval *e, struct host *hosts, size_t len)
{
	for (size_t i = len; i > 1; i--) {
		size_t j = random_below(e, i);
		struct host moved = hosts[i - 1];
		hosts[i - 1] = hosts[j];
		hosts[j] = moved;
	}
	for (size_t i = 1; i < len; i++) {
		struct host moved = hosts[i];
		size_t j = i;
		for (; j > 0 && hosts[j - 1].preference > moved.preference; j--)
			hosts[j] = hosts[j - 1];
		hosts[j] = moved;
	}
}

/* How many hosts of the sorted list are better than ourselves, as far as names tell. */
static size_t
count_better(const struct eval *e, const struct host *hosts, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!is_own_name(e, hosts[i].name))
			continue;
		size_t better = 0;
		while (hosts[better].preference < hosts[i].preference)
			better++;
		return better;
	}
	return len;
}

static int
eval_hosts(struct eval *e, struct host *hosts, size_t len)
{
	sort_hosts(e, hosts, len);
	size_t better = count_better(e, hosts, len);
	return add_hosts(e, hosts, GP_MIN(better, (size_t)GP_MX_RECORDS_MAX), better < len);
}

static int
eval_records(struct eval *e, const struct gp_dns_answer *answer)
{
	struct host *hosts = gp_arena_array(e->arena, answer->records_len, sizeof(*hosts));
	if (!hosts)
		return -ENOMEM;
	size_t len = read_hosts(answer, hosts);
	/* RFC 7505 section 3: "." stands alone; beside others it says nothing. */
	if (len == 0)
		return fail(e, 556, 1, 10, e->query->domain, "accepts no mail: it has a null MX");
	return eval_hosts(e, hosts, len);
}

/* A host name in the form that lookups take. 1: the text is none. */
static int
canonical_name(struct eval *e, struct gp_slice text, struct gp_slice *ret)
{
	struct gp_name name;
	int rc = gp_idn_to_ascii(text, e->arena, ret);
	if (rc == 0)
		rc = gp_name_from_text(*ret, &name) && !gp_name_is_root(&name) ? 0 : 1;
	return rc == 0 ? gp_name_to_text(&name, e->arena, ret) : rc;
}

static int
eval_domain(struct eval *e)
{
	struct gp_dns_answer answer;
	struct host implicit = {0};
	int rc = canonical_name(e, e->query->domain, &implicit.name);
	if (rc != 0)
		return rc < 0 ? rc : fail_domain(e, e->query->domain);
	if (!gp_answers_find(e->answers, implicit.name, GP_DNS_MX, &answer))
		return ask(e, implicit.name, GP_DNS_MX);
	e->result->way = (struct gp_mx_way){.domain = implicit.name,
					    .canonical = answer.canonical,
					    .mx = answer.status == GP_DNS_OK,
					    .secure = answer.secure};
	switch (answer.status) {
	case GP_DNS_OK:
		return eval_records(e, &answer);
	case GP_DNS_NODATA:
		return eval_hosts(e, &implicit, 1);
	case GP_DNS_NXDOMAIN:
		return fail_domain(e, e->query->domain);
	default:
		return fail_dns(e, e->query->domain);
	}
}

static bool
parse_ip(struct gp_slice text, struct address *ret)
{
	char copy[INET6_ADDRSTRLEN];
	uint8_t octets[16];
	if (text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET, copy, octets) == 1)
		*ret = make_address(octets, 4);
	else if (inet_pton(AF_INET6, copy, octets) == 1)
		*ret = make_address(octets, 16);
	else
		return false;
	return memchr(text.ptr, '\0', text.len) == NULL;
}

static bool
is_bracketed(struct gp_slice text)
{
	return text.len >= 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']';
}

/* An address, in brackets or not, with the tag of RFC 5321 section 4.1.3 or without. */
static bool
parse_literal(struct gp_slice text, struct address *ret)
{
	struct gp_slice tag = GP_SLICE("IPv6:");
	if (is_bracketed(text)) {
		text = gp_slice_take(gp_slice_drop(text, 1), text.len - 2);
		if (gp_slice_starts_nocase(text, tag))
			text = gp_slice_drop(text, tag.len);
	}
	return text.len > 0 && parse_ip(text, ret);
}

/* No MX lookup stands between the name and its host. */
static void
set_fixed_way(struct eval *e, struct gp_slice name)
{
	e->result->way = (struct gp_mx_way){.domain = name, .canonical = name, .secure = true};
}

static int
eval_literal(struct eval *e)
{
	struct gp_slice domain = e->query->domain;
	struct host h = {.name = domain};
	struct address a;
	set_fixed_way(e, domain);
	if (!parse_literal(domain, &a))
		return fail_domain(e, domain);
	if (is_own_address(e, &a))
		return fail(e, 554, 4, 6, domain, "is this host: mail loops back");
	if (!is_usable(&a))
		return fail(e, 550, 4, 4, domain, "is not a usable address");
	add_target(e, &h, &a, NULL);
	return GP_MX_DONE;
}

static int
fail_own(struct eval *e)
{
	return fail(e, 451, 3, 5, e->query->host, "is the configured next hop, and this server");
}

static int
fail_fixed(struct eval *e)
{
	return fail(e, 451, 4, 4, e->query->host, "is the next hop, and has no usable address");
}

static int
eval_fixed_name(struct eval *e)
{
	struct host h = {0};
	int rc = canonical_name(e, e->query->host, &h.name);
	if (rc != 0)
		return rc < 0 ? rc : fail_fixed(e);
	set_fixed_way(e, h.name);
	rc = ask_addresses(e, &h);
	if (rc != GP_MX_DONE || e->result->need_len > 0)
		return rc < 0 ? rc : GP_MX_NEED;
	if (add_host(e, &h))
		return fail_own(e);
	if (e->result->targets_len > 0)
		return GP_MX_DONE;
	return e->trouble ? fail_dns(e, e->query->host) : fail_fixed(e);
}

static int
eval_fixed(struct eval *e)
{
	struct host h = {.name = e->query->host};
	struct address a;
	set_fixed_way(e, h.name);
	if (!parse_literal(h.name, &a))
		return eval_fixed_name(e);
	if (is_own_address(e, &a))
		return fail_own(e);
	if (!is_usable(&a))
		return fail_fixed(e);
	add_target(e, &h, &a, NULL);
	return GP_MX_DONE;
}

int
gp_mx_eval(const struct gp_mx_query *query, const struct gp_answers *answers,
	   struct gp_arena *arena, struct gp_mx_result *ret)
{
	struct eval e = {.query = query,
			 .answers = answers,
			 .arena = arena,
			 .result = ret,
			 .random = query->seed,
			 .port = query->port ? query->port : PORT_SMTP};
	*ret = (struct gp_mx_result){0};
	e.targets = gp_arena_array(arena, GP_MX_ADDRESSES_MAX, sizeof(*e.targets));
	if (!e.targets)
		return -ENOMEM;
	ret->targets = e.targets;
	if (query->host.len > 0)
		return eval_fixed(&e);
	return is_bracketed(query->domain) ? eval_literal(&e) : eval_domain(&e);
}
