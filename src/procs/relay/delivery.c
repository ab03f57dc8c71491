/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One DELIVER message: its recipients share a destination. The way of it:
 *
 *     start --kept connection--> transactions --all have outcomes--> OUTCOMES to spool
 *       |                          ^        |
 *       v                          |        | the session ended before that
 *     route (MX, addresses) --> dial <------+
 *                                 |
 *                                 +--no address left, or enough sessions--> the rest is deferred
 *
 * An outcome is final for this delivery when the server decided about this message. What only
 * speaks of the connection leaves the recipient open for the next host, except after the end of
 * data: then the server may have the message, and trying at once elsewhere would make it two.
 */
#include <errno.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/id.h"
#include "base/map.h"
#include "core/config/value.h"
#include "core/message/downgrade.h"
#include "core/message/header.h"
#include "procs/relay/relay.h"
#include "sys/log.h"

enum {
	READ_SIZE = 64 * 1024,
	HEADER_MAX = GP_HEADER_SIZE_MAX,
	LOOK_ARENA_MAX = 1024 * 1024, /* the fields of a header */
	ARENA_MAX = 256 * 1024 * 1024,
	/* Of a binary message, at once: a few milliseconds, in which nobody else is served. */
	LOOK_SIZE = 8 * READ_SIZE,
	/* What a piece of READ_SIZE and a header that was held back make (see downgrade.h). */
	LINES_MAX = 2 * READ_SIZE + 2 * GP_HEADER_SIZE_MAX,
	/* Text in one OUTCOMES message: half of what such a message may be. */
	TEXTS_MAX = 4 * 1024 * 1024,
};

struct delivery {
	struct gp_arena arena;
	uint64_t lease, id;
	uint64_t spool_run; /* the spool that gave it */
	struct gp_envelope envelope;
	struct gp_route route;
	struct gp_outcome *outcomes; /* in the envelope's order; kind 0: open */
	size_t open;
	struct gp_outcome why; /* the last thing that went wrong, for those that stay open */
	/* the message */
	uint64_t size;
	struct gp_slice body; /* when there is no descriptor */
	int fd;               /* -1: none */
	bool body_8bit, header_utf8;
	bool lines_8bit;   /* what is made of a binary message has octets over 127 */
	int lines_fault;   /* enum gp_downgrade_fault: why lines cannot be made of it */
	bool tls_optional; /* `TLS-Required: No` */
	bool tls_report;
	/* the transaction */
	struct gp_smtp_client_mail mail;
	struct gp_envelope mail_envelope; /* with those recipients only */
	struct gp_rcpt *mail_rcpts;
	uint32_t *mail_places; /* in the whole envelope */
	uint64_t fed;
	bool ended;                 /* the end of data was given */
	bool converts;              /* lines are made of it */
	struct gp_downgrade *lines; /* by this; NULL beside `converts`: no memory */
	struct gp_buf waiting;      /* lines that the client has not taken yet */
	bool converted;             /* all of it */
	struct event looks; /* further into it, before the first; `fed` says how far it is */
	/* the way there */
	struct way way;
	size_t next_target;
	unsigned sessions; /* that broke */
};

static size_t deliveries;

size_t
delivery_count(void)
{
	return deliveries;
}

struct gp_slice
delivery_destination(const struct delivery *d)
{
	return d->route.destination;
}

uint8_t
delivery_wishes(const struct delivery *d)
{
	return d->way.message;
}

const struct way *
delivery_way(const struct delivery *d)
{
	return &d->way;
}

uint64_t
delivery_id(const struct delivery *d)
{
	return d->id;
}

bool
delivery_lmtp(const struct delivery *d)
{
	return d->route.transport == GP_TRANSPORT_LMTP;
}

/* --- beginning and end --- */

static void
free_delivery(struct delivery *d)
{
	if (d->fd >= 0)
		close(d->fd);
	way_free(&d->way);
	event_del(&d->looks);
	gp_downgrade_free(d->lines);
	gp_buf_free(&d->waiting);
	gp_arena_free(&d->arena);
	free(d);
	deliveries--;
	relay_check_stop();
}

/* Texts so long that all of them fit into the message. */
static void
limit_texts(struct delivery *d)
{
	size_t n = d->envelope.rcpts_len;
	size_t each = GP_MIN(TEXTS_MAX / n, (size_t)GP_CLIENT_TEXT_MAX);
	for (size_t i = 0; i < n; i++)
		d->outcomes[i].reply.text = gp_slice_take(d->outcomes[i].reply.text, each);
}

/* Tells the spool; d is gone. Only the spool that gave the lease: to one that was started since,
   the same number means another message. */
static void
report(struct delivery *d)
{
	bool ours = relay.spool && d->spool_run == relay.spool_run;
	gp_assert(d->open == 0);
	limit_texts(d);
	struct gp_message m = {
		.type = GP_MSG_OUTCOMES,
		.fd = -1,
		.outcomes = {d->lease, d->outcomes, d->envelope.rcpts_len},
	};
	if (ours && !gp_channel_send(relay.spool, &m))
		gp_error("outcomes_lost", GP_FID("id", d->id));
	free_delivery(d);
}

static void
settle_open(struct delivery *d, const struct gp_outcome *o)
{
	for (size_t i = 0; i < d->envelope.rcpts_len; i++) {
		if (d->outcomes[i].kind == 0)
			d->outcomes[i] = *o;
	}
	d->open = 0;
}

/* An outcome of our own making for all that are open. */
static void
give_up(struct delivery *d, uint8_t kind, const struct gp_reply *r)
{
	struct gp_outcome o = {.kind = kind, .reply = *r};
	settle_open(d, &o);
	report(d);
}

static struct gp_slice
copy(struct delivery *d, struct gp_slice s)
{
	return gp_arena_dup(&d->arena, s);
}

static void
copy_envelope(struct delivery *d, const struct gp_envelope *e)
{
	struct gp_rcpt *rcpts = gp_arena_array(&d->arena, e->rcpts_len, sizeof(*rcpts));
	d->envelope = *e;
	d->envelope.sender = copy(d, e->sender);
	d->envelope.forwarder = (struct gp_slice){}; /* spool has chosen */
	d->envelope.envid = copy(d, e->envid);
	d->envelope.client_addr = copy(d, e->client_addr);
	d->envelope.client_helo = copy(d, e->client_helo);
	d->envelope.rcpts = rcpts;
	for (size_t i = 0; rcpts && i < e->rcpts_len; i++) {
		rcpts[i].address = copy(d, e->rcpts[i].address);
		rcpts[i].orcpt = copy(d, e->rcpts[i].orcpt);
		rcpts[i].notify = e->rcpts[i].notify;
	}
}

/* Everything that the delivery needs, out of a message that is gone when its handler returns. */
static bool
copy_deliver(struct delivery *d, const struct gp_msg_deliver *m)
{
	size_t n = m->envelope.rcpts_len;
	d->lease = m->lease;
	d->id = m->id;
	d->size = m->body_size;
	copy_envelope(d, &m->envelope);
	d->route = m->route;
	d->route.host = copy(d, m->route.host);
	d->route.domain = copy(d, m->route.domain);
	d->route.destination = copy(d, m->route.destination);
	d->route.mailbox = (struct gp_slice){};
	if (d->fd < 0) {
		d->body = copy(d, m->body);
		d->size = m->body.len;
	}
	d->outcomes = gp_arena_array(&d->arena, n, sizeof(*d->outcomes));
	d->mail_rcpts = gp_arena_array(&d->arena, n, sizeof(*d->mail_rcpts));
	d->mail_places = gp_arena_array(&d->arena, n, sizeof(*d->mail_places));
	d->open = n;
	return !d->arena.failed;
}

/* --- the message --- */

/* Up to READ_SIZE octets from there; empty: it cannot be read. Valid until the next call. */
static struct gp_slice
read_piece(const struct delivery *d, uint64_t at)
{
	static char piece[READ_SIZE];
	if (d->fd < 0)
		return gp_slice_take(gp_slice_drop(d->body, (size_t)at), READ_SIZE);
	for (;;) {
		size_t want = (size_t)GP_MIN(d->size - at, (uint64_t)READ_SIZE);
		ssize_t n = pread(d->fd, piece, want, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		return gp_slice(piece, n > 0 ? (size_t)n : 0);
	}
}

/* RFC 8689 section 5: the field counts when it stands there once, and says just that. */
static bool
says_tls_is_optional(const struct gp_header *h, struct gp_arena *arena)
{
	static const struct gp_slice name = {"TLS-Required", 12};
	size_t at = gp_header_find(h, name, 0);
	if (at == h->fields_len || gp_header_count(h, name) != 1)
		return false;
	return gp_slice_eq_nocase(gp_header_unfold(gp_header_value(h, at), arena), GP_SLICE("No"));
}

/* Its sessions are left out of the next report (RFC 8460 section 5.3): two gateways would go on
   telling each other of the last telling. */
static bool
is_tls_report(const struct delivery *d, const struct gp_header *h)
{
	return d->envelope.sender.len == 0 && gp_header_count(h, GP_SLICE("TLS-Report-Domain")) > 0;
}

/*
 * A large body is not searched: to call it 8-bit where that is offered is never wrong (RFC 6152
 * section 2 has 7-bit as a part of it). Of a header over the limits of one nothing is known.
 */
static void
look_at_message(struct delivery *d)
{
	struct gp_arena arena = {.max = LOOK_ARENA_MAX};
	struct gp_slice start = d->fd < 0 ? gp_slice_take(d->body, HEADER_MAX) : read_piece(d, 0);
	struct gp_header h;
	d->body_8bit = d->fd >= 0 || gp_slice_has_8bit(d->body);
	d->header_utf8 = d->body_8bit && d->envelope.flags & GP_ENVELOPE_SMTPUTF8;
	if (gp_header_split(start, &arena, &h) == 0 && h.body_at < start.len) {
		d->header_utf8 =
			d->header_utf8 && gp_slice_has_8bit(gp_slice_take(h.message, h.len));
		d->tls_optional = says_tls_is_optional(&h, &arena);
		d->tls_report = is_tls_report(d, &h);
	}
	gp_arena_free(&arena);
}

static bool
is_binary(const struct delivery *d)
{
	return d->envelope.flags & GP_ENVELOPE_BINARYMIME;
}

/* Whether lines can be made of a binary message: with a false label they cannot, and that is known
 * before anything is said of it. Looks at a part of it. True: it is known. */
static bool
look_further(struct delivery *d)
{
	uint64_t end = GP_MIN(d->fed + LOOK_SIZE, d->size);
	int fault = d->lines ? GP_DOWNGRADE_FINE : GP_DOWNGRADE_NO_MEMORY;
	while (fault == GP_DOWNGRADE_FINE && d->fed < end) {
		struct gp_slice piece = read_piece(d, d->fed);
		fault = piece.len > 0 ? gp_downgrade_feed(d->lines, piece, &d->waiting)
				      : GP_DOWNGRADE_NO_MEMORY;
		d->fed += piece.len;
		gp_buf_clear(&d->waiting);
	}
	if (fault == GP_DOWNGRADE_FINE && d->fed < d->size)
		return false;
	if (fault == GP_DOWNGRADE_FINE)
		fault = gp_downgrade_end(d->lines, &d->waiting);
	d->lines_8bit = fault != GP_DOWNGRADE_FINE || gp_downgrade_has_8bit(d->lines);
	/* What is our own trouble shows again when it is sent, and defers it. */
	d->lines_fault = fault == GP_DOWNGRADE_NO_MEMORY ? GP_DOWNGRADE_FINE : fault;
	d->lines = gp_downgrade_free(d->lines);
	gp_buf_free(&d->waiting);
	return true;
}

static bool
is_convertible(const struct delivery *d)
{
	if (d->lines_fault != GP_DOWNGRADE_FINE)
		gp_info("message_not_convertible", GP_FID("id", d->id),
			GP_FS("reason", gp_downgrade_words(d->lines_fault)));
	return d->lines_fault == GP_DOWNGRADE_FINE;
}

/* Whether lines are to be made of the message for this server. Where they cannot be, the client
 * says what it lacks. */
static bool
must_convert(const struct delivery *d, const struct gp_smtp_client *client)
{
	const uint32_t needed = GP_EHLO_CHUNKING | GP_EHLO_BINARYMIME;
	return is_binary(d) && ~gp_smtp_client_ehlo(client)->flags & needed && is_convertible(d);
}

static int
break_off(struct delivery *d, struct gp_smtp_client *client, const char *why)
{
	gp_error("message_unreadable", GP_FID("id", d->id), GP_FS("reason", why));
	gp_smtp_client_body_abort(client, why);
	return -EIO;
}

/* Hands on what was made of the pieces so far. False: the client takes no more. */
static bool
feed_waiting(struct delivery *d, struct gp_smtp_client *client)
{
	if (d->waiting.len > 0)
		gp_buf_consume(&d->waiting, gp_smtp_client_body(client, gp_buf_slice(&d->waiting)));
	return d->waiting.len == 0;
}

static int
feed_lines(struct delivery *d, struct gp_smtp_client *client)
{
	if (!d->lines)
		return break_off(d, client, "out of memory");
	while (feed_waiting(d, client)) {
		if (d->converted)
			return 1;
		struct gp_slice piece = {};
		if (d->fed < d->size) {
			piece = read_piece(d, d->fed);
			if (piece.len == 0)
				return break_off(d, client, "the message cannot be read");
		}
		d->fed += piece.len;
		d->converted = piece.len == 0;
		int fault = d->converted ? gp_downgrade_end(d->lines, &d->waiting)
					 : gp_downgrade_feed(d->lines, piece, &d->waiting);
		if (fault != GP_DOWNGRADE_FINE)
			return break_off(d, client, gp_downgrade_words(fault));
	}
	return 0;
}

static int
feed_as_it_is(struct delivery *d, struct gp_smtp_client *client)
{
	while (d->fed < d->size) {
		struct gp_slice piece = read_piece(d, d->fed);
		if (piece.len == 0)
			return break_off(d, client, "the message cannot be read");
		size_t n = gp_smtp_client_body(client, piece);
		d->fed += n;
		if (n < piece.len)
			return 0;
	}
	return 1;
}

int
delivery_feed(struct delivery *d, struct gp_smtp_client *client)
{
	int r = d->converts ? feed_lines(d, client) : feed_as_it_is(d, client);
	if (r <= 0)
		return r;
	d->ended = true;
	gp_smtp_client_body_end(client, gp_loop_now_ms(relay.env->loop));
	return 1;
}

/* --- transactions --- */

/* From its beginning, as this server takes it. */
static void
begin_message(struct delivery *d, const struct gp_smtp_client *client)
{
	d->fed = 0;
	d->ended = d->converted = false;
	d->lines = gp_downgrade_free(d->lines);
	gp_buf_clear(&d->waiting);
	d->waiting.max = LINES_MAX;
	d->converts = must_convert(d, client);
	if (d->converts)
		d->lines = gp_downgrade_new();
}

const struct gp_smtp_client_mail *
delivery_next(struct delivery *d, const struct gp_smtp_client *client)
{
	size_t rcpts_max = gp_smtp_client_rcpts_max(client);
	size_t n = 0, max = GP_MIN(rcpts_max, (size_t)GP_CLIENT_RCPTS_MAX);
	for (uint32_t i = 0; i < d->envelope.rcpts_len && n < max; i++) {
		if (d->outcomes[i].kind != 0)
			continue;
		d->mail_places[n] = i;
		d->mail_rcpts[n++] = d->envelope.rcpts[i];
	}
	gp_assert(n > 0);
	d->mail_envelope = d->envelope;
	d->mail_envelope.rcpts = d->mail_rcpts;
	d->mail_envelope.rcpts_len = n;
	begin_message(d, client);
	d->mail = (struct gp_smtp_client_mail){
		.envelope = &d->mail_envelope,
		.size = d->converts ? 0 : d->size,
		.body_8bit = d->converts ? d->lines_8bit : d->body_8bit,
		.body_binary = !d->converts && is_binary(d),
		.header_utf8 = d->header_utf8,
	};
	return &d->mail;
}

/* A copy that outlives the session. Recipients of one reply share its text: so do the copies. */
static struct gp_outcome
keep(struct delivery *d, const struct gp_outcome *o, const struct gp_outcome *before,
     const struct gp_outcome *kept_before)
{
	struct gp_outcome kept = *o;
	if (before && before->reply.text.ptr == o->reply.text.ptr)
		kept.reply.text = kept_before->reply.text;
	else
		kept.reply.text = copy(d, o->reply.text);
	kept.remote = before ? kept_before->remote : copy(d, o->remote);
	return kept;
}

/* Does it speak of the connection only, so that another host may be asked? */
static bool
of_connection(const struct gp_outcome *o)
{
	return o->kind == GP_OUTCOME_DEFERRED && (!o->remote_said || o->reply.code == 421);
}

/* "Too many recipients" to some of a transaction that others of it passed: RFC 5321 section
   4.5.3.1.10 has the rest sent right after it. */
static bool
for_next_transaction(const struct gp_outcome *o, bool progress)
{
	return progress && o->kind == GP_OUTCOME_DEFERRED && o->remote_said && o->reply.code == 452;
}

bool
delivery_take(struct delivery *d, const struct gp_smtp_client *client)
{
	size_t n;
	const struct gp_outcome *outcomes = gp_smtp_client_outcomes(client, &n), *before = NULL;
	struct gp_outcome kept = {};
	bool progress = false;
	for (size_t i = 0; i < n; i++)
		progress |= outcomes[i].kind <= GP_OUTCOME_RELAYED;
	for (size_t i = 0; i < n; i++) {
		const struct gp_outcome *o = &outcomes[i];
		kept = keep(d, o, before, &kept);
		before = o;
		if ((of_connection(o) && !d->ended) || for_next_transaction(o, progress)) {
			d->why = kept;
			continue;
		}
		d->outcomes[d->mail_places[i]] = kept;
		d->open--;
	}
	if (d->open > 0)
		return false;
	report(d);
	return true;
}

/* --- the way there --- */

static void
dial(struct delivery *d)
{
	while (d->next_target < d->way.targets_len && d->sessions < RELAY_SESSIONS_MAX) {
		const struct target *t = &d->way.targets[d->next_target++];
		int r = connection_dial(d, t);
		if (r == 0)
			return;
		d->why = (struct gp_outcome){
			.kind = GP_OUTCOME_DEFERRED,
			.reply = GP_REPLY(451, 4, 4, 1, ""),
		};
		d->why.reply.text = gp_arena_printf(&d->arena, "connect to %.*s: %s",
						    GP_SLICE_FMT(t->name), strerror(-r));
	}
	gp_assert(d->why.kind != 0);
	struct gp_outcome why = d->why;
	/* A host that could not be asked may yet take what those that were would not. */
	if (why.kind == GP_OUTCOME_FAILED && d->way.skipped.code > 0)
		why = (struct gp_outcome){.kind = GP_OUTCOME_DEFERRED, .reply = d->way.skipped};
	settle_open(d, &why);
	report(d);
}

static void
out_of_memory(struct delivery *d)
{
	static const struct gp_reply r = GP_REPLY(451, 4, 3, 0, "out of memory");
	give_up(d, GP_OUTCOME_DEFERRED, &r);
}

static void
find_way(struct delivery *d)
{
	switch (way_find(&d->way)) {
	case WAY_FOUND:
		dial(d);
		break;
	case WAY_WAITS:
		break;
	case WAY_NONE:
		give_up(d,
			gp_reply_permanent(&d->way.reply) ? GP_OUTCOME_FAILED : GP_OUTCOME_DEFERRED,
			&d->way.reply);
		break;
	default:
		out_of_memory(d);
	}
}

void
delivery_answered(struct delivery *d)
{
	find_way(d);
}

void
delivery_lost(struct delivery *d, const struct gp_outcome *why, enum lost how)
{
	if (how != LOST_AGAIN) {
		/* What a host will never do speaks of that host alone, and is not the last word
		   where another one may do better later. */
		if (why->kind != GP_OUTCOME_FAILED || d->why.kind != GP_OUTCOME_DEFERRED)
			d->why = keep(d, why, NULL, NULL);
		/* Candidates are tried until one passes (RFC 8461 section 5.1). */
		d->sessions += how == LOST_BROKEN && why->remote.len > 0;
	} else if (d->next_target > 0) {
		d->next_target--;
	}
	find_way(d);
}

void
delivery_clear(struct delivery *d)
{
	gp_assert(d->next_target > 0);
	d->way.targets[--d->next_target].clear = true;
	find_way(d);
}

/* Without an answer the lease would never end. The supervisor starts the role anew, and the spool
   gives out again what this one had. */
static void
die(uint64_t id)
{
	gp_error("delivery_dropped", GP_FID("id", id), GP_FS("reason", "out of memory"));
	gp_loop_stop(relay.env->loop);
}

/* What the message says of its own way: RFC 8689 sections 2 and 5. */
static uint8_t
wishes(const struct delivery *d)
{
	bool demanded = d->envelope.flags & GP_ENVELOPE_REQUIRETLS && d->envelope.sender.len > 0;
	return (uint8_t)((demanded ? GP_TLSPOLICY_REQUIRETLS : 0) |
			 (d->tls_optional ? GP_TLSPOLICY_OPTIONAL : 0));
}

/* Whether spool, when it routed this, knew the smarthost that we know. */
static bool
smarthost_is_the_same(struct delivery *d)
{
	struct gp_endpoint e;
	const char *why;
	return gp_endpoint_parse(relay.env->config->smarthost.address, 0, &d->arena, &e, &why) ==
		       0 &&
	       gp_slice_eq(e.host, d->route.host) && e.port == d->route.port;
}

/* What is configured for the next hop, as copies: a reload may take the original away. */
static void
set_demand(struct delivery *d, const struct gp_demand *demand)
{
	static const uint8_t wants[] = {
		[GP_DEMAND_MAY] = GP_TLSPOLICY_WANT_MAY,
		[GP_DEMAND_NONE] = GP_TLSPOLICY_WANT_NONE,
		[GP_DEMAND_ENCRYPT] = GP_TLSPOLICY_WANT_ENCRYPT,
		[GP_DEMAND_VERIFY] = GP_TLSPOLICY_WANT_VERIFY,
		[GP_DEMAND_DANE_ONLY] = GP_TLSPOLICY_WANT_DANE_ONLY,
	};
	size_t len = demand->fingerprints_len;
	d->way.implicit = demand->implicit;
	d->way.want = len > 0 ? GP_TLSPOLICY_WANT_FINGERPRINT : wants[demand->tls];
	struct gp_slice *pins = gp_arena_array(&d->arena, len, sizeof(*pins));
	for (size_t i = 0; pins && i < len; i++)
		pins[i] = copy(d, demand->fingerprints[i]);
	d->way.fingerprints = pins;
	d->way.fingerprints_len = len;
}

/* False: the way cannot be gone now, and the delivery is over. */
static bool
learn_demand(struct delivery *d)
{
	static const struct gp_reply changed =
		GP_REPLY_INIT(451, 4, 3, 5, "the smarthost has just been changed");
	const struct gp_config *cfg = relay.env->config;
	const struct gp_route *r = &d->route;
	bool smarthost = gp_slice_eq(r->destination, GP_SLICE("smarthost"));
	struct gp_demand demand =
		smarthost ? gp_demand_of_smarthost(cfg)
			  : gp_demands_of_hop(relay.demands, r->host.len > 0 ? r->host : r->domain);
	set_demand(d, &demand);
	if (smarthost && cfg->smarthost.user.len > 0)
		d->way.login = copy(d, cfg->smarthost.address);
	if (d->arena.failed)
		out_of_memory(d);
	else if (smarthost && !smarthost_is_the_same(d))
		give_up(d, GP_OUTCOME_DEFERRED, &changed);
	else
		return true;
	return false;
}

static void
prepare_way(struct delivery *d)
{
	d->way = (struct way){
		.delivery = d,
		.arena = &d->arena,
		.lmtp = delivery_lmtp(d),
		.message = wishes(d),
		.uncounted = d->tls_report,
		.query = {.domain = d->route.domain,
			  .host = d->route.host,
			  .port = d->route.port > 0  ? d->route.port
				  : delivery_lmtp(d) ? RELAY_LMTP_PORT
						     : 0,
			  .self = &relay.self,
			  .seed = gp_siphash13(relay.env->seed,
					       gp_slice((char *)&d->lease, sizeof(d->lease)))},
	};
}

static void
set_out(struct delivery *d)
{
	if (learn_demand(d) && !connection_reuse(d))
		find_way(d);
}

/* Others have their turn between two looks: spool hands out messages of any size. */
static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct delivery *d = arg;
	(void)fd, (void)what;
	if (look_further(d))
		set_out(d);
	else
		gp_timer_set(&d->looks, 0);
}

static void
begin_to_look(struct delivery *d)
{
	d->lines = gp_downgrade_new();
	d->waiting.max = LINES_MAX;
	on_look(-1, 0, d);
}

void
delivery_start(struct gp_message *m)
{
	struct delivery *d = calloc(1, sizeof(*d));
	if (!d) {
		die(m->deliver.id);
		return;
	}
	*d = (struct delivery){
		.arena = {.max = ARENA_MAX}, .fd = m->fd, .spool_run = relay.spool_run};
	m->fd = -1;
	deliveries++;
	evtimer_assign(&d->looks, gp_loop_base(relay.env->loop), on_look, d);
	if (!copy_deliver(d, &m->deliver)) {
		die(m->deliver.id);
		free_delivery(d);
		return;
	}
	look_at_message(d);
	prepare_way(d);
	if (is_binary(d))
		begin_to_look(d);
	else
		set_out(d);
}
