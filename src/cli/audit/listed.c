/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/listed.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/map.h"
#include "core/config/value.h"
#include "core/identity/visible.h"
#include "core/targets/blocklist.h"
#include "core/targets/hosts.h"

enum {
	BATCH = 64, /* addresses that are asked about at once */
	OWNERS_SHOWN = 3,
	ADDRESS_TEXT_MAX = 64,
	NAMES_MAX = 64 << 20,  /* octets of all addresses */
	ANSWERS_MAX = 8 << 20, /* of a batch */
};

/* Not in scan's words: here it is known whose mail suffers. */
static const struct gp_finding_kind listed = {
	"dns.blocklist", GP_SEVERITY_HIGH, "a block list has the address",
	"who asks the list refuses mail from there, or takes it for spam; and there may be a "
	"reason: a host that is not ours any more"};

struct address {
	uint8_t octets[GP_DNS_ADDRESS_MAX];
	uint8_t len;
	struct gp_slice owners[OWNERS_SHOWN];
	size_t owners_len; /* all of them */
};

struct audit_listed {
	const struct gp_slice *zones;
	size_t zones_len;
	struct gp_arena arena;
	struct gp_map by_octets;
	struct address **list;
	size_t len, room, left_out;
};

struct batch {
	struct audit_listed *l;
	const struct audit_listed_reader *reader;
	struct gp_ask ask;
	struct gp_arena set, arena; /* answers; what is made of them */
	size_t begin, len;          /* addresses of the list */
	struct gp_blocklist_tests of_ip4, of_ip6;
	struct gp_listings told[BATCH];
	struct gp_dns_question *need;
	size_t need_len;
	bool done;
	int error;
};

/* --- the addresses --- */

struct audit_listed *
audit_listed_new(const struct gp_slice *zones, size_t zones_len)
{
	uint64_t seed[2];
	struct audit_listed *l = calloc(1, sizeof(*l));
	gp_assert(zones_len <= AUDIT_LISTS_MAX);
	if (!l || getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return audit_listed_free(l);
	l->zones = zones;
	l->zones_len = zones_len;
	l->arena = GP_ARENA_INIT(NAMES_MAX);
	l->by_octets = gp_map(AUDIT_LISTED_MAX, seed);
	return l;
}

struct audit_listed *
audit_listed_free(struct audit_listed *l)
{
	if (!l)
		return NULL;
	gp_map_free(&l->by_octets);
	gp_arena_free(&l->arena);
	free(l->list);
	free(l);
	return NULL;
}

static int
append(struct audit_listed *l, struct address *a)
{
	if (l->len == l->room) {
		size_t room = GP_MAX(2 * l->room, (size_t)BATCH);
		struct address **more = realloc(l->list, room * sizeof(struct address *));
		if (!more)
			return -ENOMEM;
		l->list = more;
		l->room = room;
	}
	l->list[l->len++] = a;
	struct gp_slice key = gp_slice((const char *)a->octets, a->len);
	return gp_map_set(&l->by_octets, key, a) ? 0 : -ENOMEM;
}

int
audit_listed_add(struct audit_listed *l, const uint8_t *address, size_t address_len,
		 struct gp_slice owner)
{
	struct gp_slice key = gp_slice((const char *)address, address_len);
	struct address *a = gp_map_get(&l->by_octets, key);
	if (!a && l->len == AUDIT_LISTED_MAX) {
		l->left_out++;
		return 0;
	}
	if (!a) {
		a = gp_arena_new(&l->arena, struct address);
		if (!a)
			return -ENOMEM;
		a->len = (uint8_t)address_len;
		memcpy(a->octets, address, address_len);
		int r = append(l, a);
		if (r < 0)
			return r;
	}
	if (owner.len > 0 && a->owners_len++ < OWNERS_SHOWN)
		a->owners[a->owners_len - 1] = owner;
	return 0;
}

size_t
audit_listed_left_out(const struct audit_listed *l)
{
	return l->left_out;
}

/* --- asking --- */

static int
want(struct batch *b, int r, const struct gp_dns_question *need, size_t len)
{
	for (size_t i = 0; i < len && r == GP_HOSTS_NEED; i++)
		b->need[b->need_len++] = need[i];
	return GP_MIN(r, 0);
}

static int
test(struct batch *b, size_t address_len, struct gp_blocklist_tests *ret)
{
	const struct audit_listed *l = b->l;
	int r = gp_blocklists_test(address_len, l->zones, l->zones_len, b->ask.answers, &b->arena,
				   ret);
	return want(b, r, ret->need, ret->need_len);
}

/* Returns 0 or -ENOMEM. */
static int
take_step(struct batch *b)
{
	const struct audit_listed *l = b->l;
	gp_arena_reset(&b->arena);
	b->need_len = 0;
	b->need = gp_arena_array(&b->arena, (BATCH + 4) * AUDIT_LISTS_MAX, sizeof(*b->need));
	int r = b->need ? test(b, 4, &b->of_ip4) : -ENOMEM;
	if (r == 0)
		r = test(b, 16, &b->of_ip6);
	for (size_t i = 0; i < b->len && r == 0; i++) {
		const struct address *a = l->list[b->begin + i];
		r = gp_blocklists_eval(a->octets, a->len, l->zones, l->zones_len, b->ask.answers,
				       &b->arena, &b->told[i]);
		r = want(b, r, b->told[i].need, b->told[i].need_len);
	}
	if (r < 0 || b->set.failed)
		return -ENOMEM;
	b->done = b->need_len == 0;
	return b->done ? 0 : gp_ask_for(&b->ask, b->need, b->need_len);
}

static void
on_ready(struct gp_ask *ask)
{
	struct batch *b = gp_container_of(ask, struct batch, ask);
	b->error = take_step(b);
	if (b->done || b->error < 0)
		(void)event_base_loopbreak(ask->dns->base);
}

static void
on_seen(struct gp_ask *ask, const struct gp_ask_seen *seen)
{
	struct batch *b = gp_container_of(ask, struct batch, ask);
	b->reader->seen(b->reader->context, seen);
}

/* --- telling --- */

/* NULL: it works. */
static const char *
why_not(uint8_t health)
{
	static const char *const reasons[] = {
		[GP_BLOCKLIST_UNKNOWN] = "no answer",
		[GP_BLOCKLIST_WORKS] = NULL,
		[GP_BLOCKLIST_REFUSES] = "it does not answer who asks by this resolver",
		[GP_BLOCKLIST_EMPTY] = ("it does not have the address that each list has, so it "
					"is no list of such addresses"),
		[GP_BLOCKLIST_ALL] = "it has the address that no list has, so it has all",
	};
	return reasons[health];
}

static struct gp_slice
owners_text(const struct address *a, struct gp_arena *arena)
{
	struct gp_slice text = GP_SLICE("");
	for (size_t i = 0; i < GP_MIN(a->owners_len, (size_t)OWNERS_SHOWN); i++)
		text = gp_arena_printf(arena, "%.*s%s%.*s", GP_SLICE_FMT(text),
				       i > 0 ? ", " : "; of ", GP_SLICE_FMT(a->owners[i]));
	if (a->owners_len > OWNERS_SHOWN)
		text = gp_arena_printf(arena, "%.*s and %zu more", GP_SLICE_FMT(text),
				       a->owners_len - OWNERS_SHOWN);
	return text;
}

/* The list's text may be another each day; it is no part of what was found. */
static struct gp_slice
mend(const struct gp_listing *l, struct gp_arena *arena)
{
	struct gp_slice reason = gp_visible(l->reason, arena);
	return gp_arena_printf(arena,
			       "find out what was sent from there, and end it; then ask the list "
			       "to take the address off%s%.*s",
			       reason.len > 0 ? ": it says: " : "", GP_SLICE_FMT(reason));
}

static void
judge(const struct address *a, const struct gp_listing *l, uint8_t health,
      struct gp_findings *findings)
{
	struct gp_arena *arena = findings->arena;
	const char *why = why_not(health);
	struct gp_finding f = {
		.kind = &listed, .state = GP_FINDING_NOT_MEASURED, .severity = listed.severity};
	if (!why && (l->state == GP_LISTING_UNKNOWN || l->state == GP_LISTING_ODD))
		why = l->state == GP_LISTING_ODD ? "its answer is not a list's" : "no answer";
	if (!why && l->state == GP_LISTING_REFUSED)
		why = why_not(GP_BLOCKLIST_REFUSES);
	if (why) {
		f.evidence = gp_arena_printf(arena, "%.*s: %s", GP_SLICE_FMT(l->zone), why);
	} else if (l->state == GP_LISTING_NO) {
		f.state = GP_FINDING_PASS;
		f.evidence = gp_arena_printf(arena, "not in %.*s", GP_SLICE_FMT(l->zone));
	} else {
		struct gp_slice owners = owners_text(a, arena);
		f.state = GP_FINDING_FAIL;
		f.evidence =
			gp_arena_printf(arena, "in %.*s: 127.%u.%u.%u%.*s", GP_SLICE_FMT(l->zone),
					l->code[1], l->code[2], l->code[3], GP_SLICE_FMT(owners));
		f.fix = mend(l, arena);
	}
	gp_finding_put(findings, &f);
}

static int
tell_one(struct batch *b, size_t at)
{
	const struct address *a = b->l->list[b->begin + at];
	const uint8_t *health = a->len == 4 ? b->of_ip4.health : b->of_ip6.health;
	struct gp_findings findings = gp_findings(&b->arena);
	struct gp_buf name = GP_BUF_INIT(ADDRESS_TEXT_MAX);
	for (size_t i = 0; i < b->told[at].len; i++)
		judge(a, &b->told[at].items[i], health[i], &findings);
	gp_ip_write(&name, a->octets, a->len);
	int r = name.failed || b->arena.failed
			? -ENOMEM
			: b->reader->tell(b->reader->context, gp_buf_slice(&name), &findings,
					  &b->arena);
	gp_buf_free(&name);
	return r;
}

static int
run_batch(struct batch *b, struct gp_asks *dns)
{
	int r = gp_ask_init(&b->ask, dns, &b->set, on_ready);
	if (b->reader->seen)
		b->ask.seen = on_seen;
	if (r == 0)
		r = take_step(b);
	if (r == 0 && !b->done && event_base_dispatch(dns->base) < 0)
		r = -EIO;
	r = r < 0 ? r : b->error;
	for (size_t i = 0; i < b->len && r == 0; i++)
		r = tell_one(b, i);
	gp_ask_end(&b->ask);
	return r;
}

int
audit_listed_ask(struct audit_listed *l, struct gp_asks *dns,
		 const struct audit_listed_reader *reader)
{
	int r = 0;
	for (size_t at = 0; at < l->len && r == 0; at += BATCH) {
		struct batch b = {.l = l,
				  .reader = reader,
				  .set = GP_ARENA_INIT(ANSWERS_MAX),
				  .arena = GP_ARENA_INIT(ANSWERS_MAX),
				  .begin = at,
				  .len = GP_MIN(l->len - at, (size_t)BATCH)};
		r = run_batch(&b, dns);
		gp_arena_free(&b.set);
		gp_arena_free(&b.arena);
	}
	return r;
}

void
audit_listed_note(struct gp_findings *findings, size_t left_out)
{
	struct gp_finding f = {.kind = &listed,
			       .state = GP_FINDING_NOT_MEASURED,
			       .severity = listed.severity,
			       .evidence = gp_arena_printf(
				       findings->arena,
				       "%zu networks or addresses of its records are more than "
				       "block lists are asked about",
				       left_out)};
	if (left_out > 0)
		gp_finding_put(findings, &f);
}
