/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/rcpts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/map.h"
#include "cli/command.h"
#include "cli/scan/talk.h"
#include "cli/scan/targets.h"
#include "cli/traffic/wire.h"
#include "core/targets/hosts.h"
#include "core/targets/special.h"
#include "sys/clock.h"

enum {
	PORT_SMTP = 25,
	MAILBOXES_MAX = 100'000,
	ARENA_MAX = 64 << 20,     /* of what is known of all of them */
	TALK_ARENA_MAX = 4 << 20, /* of one that is asked about: its hosts, and what they show */
	REPLY_MAX = 200,          /* octets of a reply that are told */
	PAUSE_MAX_MS = 3'600'000, /* between two connections, whatever the rate is */
};

/* One that is asked about, for all who want to know. */
struct mailbox {
	struct gp_list link; /* waiting, or under way */
	struct audit_rcpts *rcpts;
	struct gp_list wants; /* struct audit_rcpt_want */
	struct gp_posture_mailbox result;
	struct gp_arena arena;
	struct gp_ask ask;
	struct gp_hosts_result hosts;
	size_t next, tried; /* addresses */
	struct scan_talk talk;
	struct event turn; /* of its next connection */
	bool under_way, over;
};

struct audit_rcpts {
	struct audit_rcpts_options o;
	struct gp_tls_client *tls;
	struct scan_talkers talkers;
	struct scan_targets optouts; /* no targets: who asked to be left out */
	struct gp_arena arena;       /* of results */
	struct gp_map by_address;
	struct gp_list waiting, under_way, known;
	struct event kick; /* those that wait may begin */
	size_t under_way_len;
	uint64_t free_ms; /* when the next connection may be made */
};

/* --- its life --- */

static bool
read_optouts(struct audit_rcpts *r)
{
	struct scan_target_options o = {.command = "gatepost audit",
					.ports = {PORT_SMTP},
					.ports_len = 1,
					.optouts_len = r->o.optouts_len};
	memcpy(o.optouts, r->o.optouts, o.optouts_len * sizeof(*o.optouts));
	return scan_targets_read(&r->optouts, &o, &r->arena) == GP_EXIT_OK;
}

static void
on_kick(evutil_socket_t fd, short what, void *arg);

struct audit_rcpts *
audit_rcpts_open(const struct audit_rcpts_options *options)
{
	const char *authorities = options->authorities ? options->authorities : GP_TLS_AUTHORITIES;
	uint64_t seed[2];
	struct audit_rcpts *r = calloc(1, sizeof(*r));
	if (!r || getrandom(seed, sizeof(seed), 0) != sizeof(seed)) {
		free(r);
		fputs("gatepost audit: no memory\n", stderr);
		return NULL;
	}
	r->o = *options;
	r->arena = GP_ARENA_INIT(ARENA_MAX);
	r->by_address = gp_map(MAILBOXES_MAX, seed);
	event_assign(&r->kick, options->base, -1, 0, on_kick, r);
	gp_list_init(&r->waiting);
	gp_list_init(&r->under_way);
	gp_list_init(&r->known);
	if (!read_optouts(r)) {
		audit_rcpts_close(r);
		return NULL;
	}
	r->tls = gp_wire_prepare_tls() == 0 ? gp_tls_client_new_tolerant(authorities) : NULL;
	r->talkers = (struct scan_talkers){.base = options->base, .tls = r->tls};
	if (!r->tls) {
		fprintf(stderr, "gatepost audit: %s has no certificates that can be read\n",
			authorities);
		audit_rcpts_close(r);
		return NULL;
	}
	return r;
}

/* What it took to ask; the result stays. */
static void
put_away(struct mailbox *m)
{
	gp_ask_end(&m->ask);
	event_del(&m->turn);
	scan_talk_end(&m->talk);
	m->talk.probe = gp_probe_free(m->talk.probe);
	gp_arena_free(&m->arena);
}

static void
free_mailboxes(struct gp_list *list)
{
	gp_list_each (it, list) {
		struct mailbox *m = gp_container_of(it, struct mailbox, link);
		if (!m->over)
			put_away(m);
		gp_list_remove(&m->link);
		free(m);
	}
}

void
audit_rcpts_close(struct audit_rcpts *r)
{
	if (!r)
		return;
	event_del(&r->kick);
	free_mailboxes(&r->waiting);
	free_mailboxes(&r->under_way);
	free_mailboxes(&r->known);
	gp_map_free(&r->by_address);
	scan_targets_free(&r->optouts);
	gp_tls_client_free(r->tls);
	gp_arena_free(&r->arena);
	free(r);
}

/* --- what came of it --- */

static void
start_more(struct audit_rcpts *r);

static void
finish(struct mailbox *m, uint8_t taken, struct gp_slice why)
{
	struct audit_rcpts *r = m->rcpts;
	struct gp_list *item, ready;
	m->result.taken = taken;
	m->result.why = gp_arena_dup(&r->arena, gp_slice_take(why, REPLY_MAX));
	r->under_way_len -= m->under_way;
	m->over = true;
	put_away(m);
	gp_list_remove(&m->link);
	gp_list_append(&r->known, &m->link);
	start_more(r);
	gp_list_init(&ready);
	while ((item = gp_list_pop(&m->wants))) {
		struct audit_rcpt_want *w = gp_container_of(item, struct audit_rcpt_want, link);
		*w->ret = m->result;
		if (--w->of->open == 0)
			gp_list_append(&ready, &w->link);
	}
	while ((item = gp_list_pop(&ready))) {
		struct audit_rcpt_want *w = gp_container_of(item, struct audit_rcpt_want, link);
		w->of->ready(w->of);
	}
}

/* --- the conversation --- */

static void
ask_next_host(struct mailbox *m);

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct mailbox *m = arg;
	(void)fd, (void)what;
	m->rcpts->talkers.now_ms = gp_clock_monotonic_ms();
	scan_talk_connect(&m->talk);
}

/* One after the other, as fast as the rate lets them: many mailboxes are of few hosts. */
static void
on_asks(struct scan_talk *t)
{
	struct mailbox *m = gp_container_of(t, struct mailbox, talk);
	struct audit_rcpts *r = m->rcpts;
	uint64_t now_ms = gp_clock_monotonic_ms(), at_ms = GP_MAX(r->free_ms, now_ms);
	r->free_ms = r->o.rate > 0 ? at_ms + (uint64_t)GP_MIN(1000 / r->o.rate, PAUSE_MAX_MS) : 0;
	const struct timeval wait = {.tv_sec = (time_t)((at_ms - now_ms) / 1000),
				     .tv_usec = (suseconds_t)((at_ms - now_ms) % 1000 * 1000)};
	event_add(&m->turn, &wait);
}

static void
on_over(struct scan_talk *t, bool backed_off)
{
	(void)t, (void)backed_off;
}

/* Who does not come to MAIL is not who is to decide, as long as there are others. */
static void
on_done(struct scan_talk *t)
{
	struct mailbox *m = gp_container_of(t, struct mailbox, talk);
	const struct gp_probe_record *record = gp_probe_record(t->probe);
	const struct gp_probe_reply *mail = &record->replies[GP_PROBE_MAIL],
				    *rcpt = &record->replies[GP_PROBE_RCPT];
	bool decides = mail->code > 0 || m->tried == AUDIT_RCPTS_ADDRESSES_MAX ||
		       m->next == m->hosts.addresses_len;
	if (!decides)
		ask_next_host(m);
	else if (rcpt->code > 0)
		finish(m, gp_posture_taken_by(rcpt->code, rcpt->text), rcpt->text);
	else if (mail->code > 0)
		finish(m, GP_POSTURE_TAKEN_UNKNOWN,
		       gp_arena_printf(&m->arena, "MAIL: %.*s", GP_SLICE_FMT(mail->text)));
	else
		finish(m, GP_POSTURE_TAKEN_UNKNOWN, gp_slice_str(record->end_why));
}

static bool
may_be_asked(const struct audit_rcpts *r, const struct gp_host_address *a)
{
	const struct gp_special *special = gp_special_of(a->address, a->address_len);
	return !(special && (special->never || !r->o.private)) &&
	       !gp_optout_has_name(&r->optouts.optout, a->host) &&
	       !gp_optout_has_name(&r->optouts.optout, a->canonical) &&
	       !gp_optout_has_address(&r->optouts.optout, a->address, a->address_len);
}

static void
ask_next_host(struct mailbox *m)
{
	struct audit_rcpts *r = m->rcpts;
	const struct gp_probe_options options = {.helo = gp_slice_str(r->o.helo),
						 .brief = true,
						 .consents = GP_PROBE_ASK_MAILBOX,
						 .recipient = m->result.address};
	event_del(&m->turn);
	scan_talk_end(&m->talk);
	m->talk.probe = gp_probe_free(m->talk.probe);
	while (m->next < m->hosts.addresses_len && !may_be_asked(r, &m->hosts.addresses[m->next]))
		m->next++;
	if (m->next == m->hosts.addresses_len) {
		finish(m, GP_POSTURE_TAKEN_UNKNOWN,
		       m->tried > 0 ? GP_SLICE("no host of it could be asked")
				    : GP_SLICE("it has no host that may be asked"));
		return;
	}
	const struct gp_host_address *a = &m->hosts.addresses[m->next++];
	m->tried++;
	m->talk = (struct scan_talk){
		.with = &r->talkers,
		.address = gp_sockaddr_from_octets(a->address, a->address_len, PORT_SMTP),
		.sni = a->host,
		.arena = &m->arena,
		.fd = -1,
		.asks = on_asks,
		.over = on_over,
		.done = on_done,
	};
	r->talkers.now_ms = gp_clock_monotonic_ms();
	if (gp_probe_options_wrong(&options))
		finish(m, GP_POSTURE_TAKEN_UNKNOWN,
		       GP_SLICE("it is not asked for such an address"));
	else if (scan_talk_begin(&m->talk, &options) < 0)
		finish(m, GP_POSTURE_TAKEN_UNKNOWN, GP_SLICE("no memory"));
}

/* --- its hosts --- */

static void
find_hosts(struct mailbox *m)
{
	struct gp_slice domain = m->result.address;
	(void)gp_slice_cut(&domain, '@');
	const struct gp_hosts_query query = {domain, .mx = true};
	int outcome = gp_hosts_eval(&query, m->ask.answers, &m->arena, &m->hosts);
	if (outcome == GP_HOSTS_NEED)
		outcome = gp_ask_for(&m->ask, m->hosts.need, m->hosts.need_len) < 0 ? -ENOMEM
										    : GP_HOSTS_NEED;
	if (outcome == GP_HOSTS_DONE)
		ask_next_host(m);
	else if (outcome == GP_HOSTS_NONE)
		finish(m, GP_POSTURE_TAKEN_UNKNOWN, gp_slice_str(m->hosts.why));
	else if (outcome < 0)
		finish(m, GP_POSTURE_TAKEN_UNKNOWN, GP_SLICE("no memory"));
}

static void
on_ready(struct gp_ask *ask)
{
	find_hosts(gp_container_of(ask, struct mailbox, ask));
}

/* --- who wants to know --- */

static void
begin(struct mailbox *m)
{
	struct audit_rcpts *r = m->rcpts;
	gp_list_remove(&m->link);
	gp_list_append(&r->under_way, &m->link);
	m->under_way = true;
	r->under_way_len++;
	if (gp_ask_init(&m->ask, r->o.dns, &m->arena, on_ready) < 0)
		finish(m, GP_POSTURE_TAKEN_UNKNOWN, GP_SLICE("no memory"));
	else
		find_hosts(m);
}

static void
on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct audit_rcpts *r = arg;
	(void)fd, (void)what;
	while (r->under_way_len < AUDIT_RCPTS_AT_ONCE && !gp_list_empty(&r->waiting))
		begin(gp_container_of(r->waiting.next, struct mailbox, link));
}

/* In the next turn of the loop: one may be over as soon as it begins. */
static void
start_more(struct audit_rcpts *r)
{
	const struct timeval now = {};
	if (!gp_list_empty(&r->waiting))
		event_add(&r->kick, &now);
}

/* NULL: there are too many. */
static struct mailbox *
find_or_make(struct audit_rcpts *r, struct gp_slice address)
{
	struct mailbox *m = gp_map_get(&r->by_address, address);
	if (m)
		return m;
	struct gp_slice key = gp_arena_dup(&r->arena, address);
	m = key.ptr ? calloc(1, sizeof(*m)) : NULL;
	if (!m || !gp_map_set(&r->by_address, key, m)) {
		free(m);
		return NULL;
	}
	m->rcpts = r;
	m->result.address = key;
	m->arena = GP_ARENA_INIT(TALK_ARENA_MAX);
	m->talk.fd = -1;
	event_assign(&m->turn, r->o.base, -1, 0, on_turn, m);
	gp_list_init(&m->wants);
	gp_list_append(&r->waiting, &m->link);
	return m;
}

static bool
is_wanted(const struct audit_rcpt_wants *w, struct gp_slice address)
{
	for (size_t i = 0; i < w->len; i++) {
		if (gp_slice_eq(w->mailboxes[i].address, address))
			return true;
	}
	return false;
}

bool
audit_rcpts_follow(struct audit_rcpts *r, struct audit_rcpt_wants *w,
		   const struct gp_dmarc_uris *uris, struct gp_arena *arena)
{
	for (size_t i = 0; i < uris->len; i++) {
		struct gp_slice address = uris->list[i].address;
		if (address.len == 0 || is_wanted(w, address))
			continue;
		struct audit_rcpt_want *want = &w->wants[w->len];
		struct mailbox *m = find_or_make(r, address);
		*want = (struct audit_rcpt_want){.of = w, .ret = &w->mailboxes[w->len]};
		gp_list_init(&want->link);
		w->len++;
		if (!m) {
			*want->ret = (struct gp_posture_mailbox){
				.address = gp_arena_dup(arena, address),
				.why = GP_SLICE("no more of them are asked about")};
		} else if (m->over) {
			*want->ret = m->result;
		} else {
			want->ret->address = m->result.address;
			gp_list_append(&m->wants, &want->link);
			w->open++;
		}
	}
	start_more(r);
	return w->open > 0;
}

void
audit_rcpts_end(struct audit_rcpt_wants *w)
{
	for (size_t i = 0; i < w->len; i++)
		gp_list_remove(&w->wants[i].link);
}
