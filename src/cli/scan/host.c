/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host: an address and a port. It is asked for its name, stands in line for a connection, is
 * probed, and all who look at it are told. Where names led to it, it is kept for a while: thousands
 * of domains have the same MX host.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/scan/arrivals.h"
#include "cli/scan/findings.h"
#include "cli/scan/log.h"
#include "cli/scan/survey.h"
#include "core/dane/server_name.h"
#include "core/dns/record.h"
#include "core/identity/organisation.h"
#include "core/message/date.h"
#include "core/targets/special.h"
#include "sys/clock.h"

enum {
	RESULT_ARENA_MAX = 1 << 20,
	KEPT_MAX = 2000,                         /* results, of some 20 KB */
	PLACE_LEN = 18,                          /* an address and a port, */
	PLACE_MAX = PLACE_LEN + GP_DNS_NAME_MAX, /* and a name, where it is asked in another */
	SURVEY_LINES = 8,                        /* at once, where no budget says otherwise */
	TOKEN_LEN = 16,
};

/* By which one is known. */
struct place {
	char octets[PLACE_MAX];
	size_t len;
};

struct host {
	struct gp_list link; /* in `hosts`, then in `kept` */
	struct engine *engine;
	struct gp_list sights; /* who waits for it */
	struct applicant applicant;
	struct scan_result *result;
	struct scan_talk talk;
	struct gp_ask ask;
	struct event wait;          /* for canaries */
	struct scan_survey *survey; /* NULL: none is under way */
	struct gp_slice token;
	struct gp_slice operator;
	bool exempt;  /* from budgets */
	bool at_home; /* the recipient's domain has its mail here */
	bool by_name; /* in by_place */
	bool begun, over;
	unsigned names; /* in which it is asked again */
	struct place place;
};

struct scan_result *
scan_result_free(struct scan_result *r)
{
	if (!r)
		return NULL;
	gp_probe_free(r->probe);
	gp_arena_free(&r->arena);
	free(r);
	return NULL;
}

/* --- its end --- */

static struct gp_slice
key_of(const struct place *p)
{
	return gp_slice(p->octets, p->len);
}

static void
leave_line(struct host *h)
{
	struct engine *e = h->engine;
	uint64_t now = gp_clock_monotonic_ms();
	if (h->applicant.waiter.counted)
		scan_rate_done(e->rate, &h->applicant.waiter, false, now);
	scan_waiter_end(e->rate, &h->applicant.waiter, now);
}

static void
free_survey(struct host *h)
{
	scan_survey_end(h->survey);
	free(h->survey);
	h->survey = NULL;
}

static void
free_host(struct host *h)
{
	if (h->begun || h->over)
		scan_log_event(h->engine->o->log, (struct scan_log_place){h->result->number, 0},
			       gp_clock_monotonic_ms(), "over");
	scan_talk_end(&h->talk);
	free_survey(h);
	gp_ask_end(&h->ask);
	if (event_initialized(&h->wait))
		event_del(&h->wait);
	if (!h->over) {
		leave_line(h);
		gp_probe_free(h->talk.probe);
		h->engine->open_hosts--;
	}
	if (h->by_name)
		(void)gp_map_remove(&h->engine->by_place, key_of(&h->place));
	gp_list_remove(&h->link);
	scan_result_free(h->result);
	free(h);
}

void
host_free_all(struct engine *e)
{
	gp_list_each (it, &e->hosts)
		free_host(gp_container_of(it, struct host, link));
	gp_list_each (it, &e->kept)
		free_host(gp_container_of(it, struct host, link));
}

static void
count(struct engine *e, const struct scan_result *r)
{
	const struct gp_probe_record *record = r->probe ? gp_probe_record(r->probe) : NULL;
	if (!record) {
		e->counts.left_out++;
		return;
	}
	e->counts.hosts++;
	e->counts.connections += record->connections;
	e->counts.octets += record->octets;
	if (r->survey) {
		e->counts.connections += r->survey->facts.connections;
		e->counts.octets += r->survey->octets;
	}
	if (record->replies[GP_PROBE_GREETING].code / 100 == 2)
		e->counts.answered++;
	else if (record->connections > 0)
		e->counts.refused++;
	else
		e->counts.silent++;
}

static void
keep(struct host *h)
{
	struct engine *e = h->engine;
	gp_list_append(&e->kept, &h->link);
	if (e->kept_len < KEPT_MAX) {
		e->kept_len++;
		return;
	}
	free_host(gp_container_of(e->kept.next, struct host, link));
}

static void
answer(struct host *h, struct sight *s, bool again);

static void
end_host(struct host *h)
{
	struct engine *e = h->engine;
	struct gp_list *item;
	scan_talk_end(&h->talk);
	gp_ask_end(&h->ask);
	leave_line(h);
	h->over = true;
	e->open_hosts--;
	gp_list_remove(&h->link);
	count(e, h->result);
	for (bool again = false; (item = gp_list_pop(&h->sights)); again = true)
		answer(h, gp_container_of(item, struct sight, link), again);
	if (h->by_name)
		keep(h);
	else
		free_host(h);
}

/* --- the probe --- */

static void
on_asks(struct scan_talk *t)
{
	struct host *h = gp_container_of(t, struct host, talk);
	if (h->applicant.waiter.counted)
		scan_talk_connect(t); /* the first: it was waited for before the probe began */
	else
		scan_rate_add(h->engine->rate, &h->applicant.waiter, true);
}

static void
on_over(struct scan_talk *t, bool backed_off)
{
	struct host *h = gp_container_of(t, struct host, talk);
	struct engine *e = h->engine;
	gp_list_remove(&h->applicant.waiter.link);
	if (!h->applicant.waiter.counted)
		return;
	e->open--;
	scan_rate_done(e->rate, &h->applicant.waiter, backed_off, t->with->now_ms);
}

/* Has a message of ours been taken, that may arrive somewhere? */
static bool
has_sent(const struct gp_probe_record *record)
{
	for (size_t i = 0; i < record->relay_len; i++) {
		if (record->relay[i].sent)
			return true;
	}
	for (size_t i = 0; i < record->smuggle_len; i++) {
		if (record->smuggle[i].code / 100 == 2)
			return true;
	}
	return false;
}

static void
on_waited(evutil_socket_t fd, short what, void *arg)
{
	struct host *h = arg;
	struct scan_result *r = h->result;
	struct gp_slice lines = {};
	(void)fd, (void)what;
	int error = scan_arrivals_read(h->engine->o->canary_list, h->token, &r->arena, &lines);
	if (error == 0) {
		scan_log_arrivals(h->engine->o->log, r->number, gp_clock_monotonic_ms(), lines);
		error = scan_arrivals_judge(lines, r->probe);
	}
	if (error < 0)
		engine_finish(h->engine, error);
	else
		end_host(h);
}

static void
wait_for_arrivals(struct host *h)
{
	const struct scan_engine_options *o = h->engine->o;
	if (!o->canary_list || !has_sent(gp_probe_record(h->result->probe))) {
		end_host(h);
		return;
	}
	event_assign(&h->wait, h->engine->talkers.base, -1, 0, on_waited, h);
	gp_timer_set(&h->wait, o->canary_wait_ms);
}

/* --- the survey --- */

static void
on_surveyed(struct scan_survey *s)
{
	struct engine *e = s->engine;
	struct host *h = s->host;
	h->result->survey = scan_survey_keep(s->surveyor, &h->result->arena);
	bool good = h->result->survey;
	free_survey(h);
	if (good)
		wait_for_arrivals(h);
	else
		engine_finish(e, -ENOMEM);
}

/* What the probe has left of an address's octets and time. */
static struct gp_surveyor_options
survey_options(const struct host *h, struct gp_slice seed)
{
	const struct scan_engine_options *o = h->engine->o;
	const struct gp_probe_record *record = gp_probe_record(h->result->probe);
	uint64_t total = o->probe.consents == 0 ? GP_PROBE_TOTAL_MS : GP_PROBE_CONSENTED_MS;
	uint32_t at_once = h->exempt ? SURVEY_LINES : o->limits.per_address;
	if (at_once == 0)
		at_once = SURVEY_LINES;
	return (struct gp_surveyor_options){
		.helo = o->probe.helo,
		.sni = h->talk.sni,
		.seed = seed,
		.tls_at_once = record->mode == GP_PROBE_MODE_TLS,
		.brief = !o->tls_survey,
		.lines_max = GP_MIN(at_once, (uint32_t)GP_SURVEYOR_LINES_MAX),
		.connections_max = o->survey_connections,
		.greeting_ms = GP_PROBE_GREETING_MS,
		.reply_ms = GP_PROBE_REPLY_MS,
		.total_ms = (uint32_t)(total - GP_MIN(total, h->talk.spent_ms)),
		.octets_max =
			GP_PROBE_OCTETS_MAX - GP_MIN((uint64_t)GP_PROBE_OCTETS_MAX, record->octets),
	};
}

static void
begin_survey(struct host *h)
{
	struct engine *e = h->engine;
	char seed[GP_SURVEYOR_SEED];
	h->survey = calloc(1, sizeof(*h->survey));
	if (!h->survey || getrandom(seed, sizeof(seed), 0) != sizeof(seed)) {
		engine_finish(e, -ENOMEM);
		return;
	}
	*h->survey = (struct scan_survey){
		.engine = e,
		.host = h,
		.result = h->result,
		.operator= h->operator,
		.exempt = h->exempt,
		.done = on_surveyed,
	};
	const struct gp_surveyor_options options = survey_options(h, gp_slice(seed, sizeof(seed)));
	if (scan_survey_begin(h->survey, &options) < 0)
		engine_finish(e, -ENOMEM);
}

static void
on_done(struct scan_talk *t)
{
	struct host *h = gp_container_of(t, struct host, talk);
	h->result->probe = t->probe;
	h->result->tls = t->tls;
	h->result->connect_error = t->connect_error;
	t->probe = NULL;
	const struct scan_engine_options *o = h->engine->o;
	bool tried = gp_probe_record(h->result->probe)->tls_tried && !h->result->brief;
	if ((o->tls_survey && tried) || (o->tls_versions && tried && t->tls.ok))
		begin_survey(h);
	else
		wait_for_arrivals(h);
}

uint8_t
scan_mode_of(int mode, uint16_t port)
{
	if (mode >= 0)
		return (uint8_t)mode;
	return port == 465 ? GP_PROBE_MODE_TLS : GP_PROBE_MODE_STARTTLS;
}

/* The address that a connection there would have on our side: a socket of UDP knows, without a word
   to anybody. */
static bool
find_own_address(const struct gp_sockaddr *to, struct gp_sockaddr_text *ret)
{
	struct gp_sockaddr own = {.len = sizeof(own.ss)};
	int fd = socket(to->ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool good = fd >= 0 && connect(fd, (const struct sockaddr *)&to->ss, to->len) == 0 &&
		    getsockname(fd, (struct sockaddr *)&own.ss, &own.len) == 0;
	if (good)
		*ret = gp_sockaddr_text(&own, false);
	if (fd >= 0)
		close(fd);
	return good;
}

/* An arrival is a proof, so nobody can guess it: neither from nothing nor from what another host
   was told. ptr NULL: no memory. */
static struct gp_slice
make_token(const struct host *h)
{
	static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	unsigned char random[TOKEN_LEN];
	char token[TOKEN_LEN];
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return (struct gp_slice){};
	for (size_t i = 0; i < sizeof(random); i++)
		token[i] = letters[random[i] % (sizeof(letters) - 1)];
	return gp_arena_dup(&h->result->arena, gp_slice(token, sizeof(token)));
}

static struct gp_slice
recipient_domain(const struct engine *e)
{
	struct gp_slice domain = e->o->probe.recipient;
	(void)gp_slice_cut(&domain, '@');
	return domain;
}

static void
begin_talk(struct host *h)
{
	struct engine *e = h->engine;
	struct gp_probe_options options = e->o->probe;
	struct gp_sockaddr_text address = gp_sockaddr_text(&h->talk.address, false);
	struct gp_date_text date = gp_date_text(gp_clock_wall_ms() / 1000);
	struct gp_sockaddr_text own = {};
	options.brief = h->result->brief;
	options.token = h->token = make_token(h);
	options.date = gp_slice_str(date.s);
	if (options.consents != 0 && find_own_address(&h->talk.address, &own))
		options.own_address = gp_slice_str(own.s);
	options.mode = scan_mode_of(e->o->mode, h->result->port);
	options.address = gp_slice_str(address.s);
	if (h->at_home)
		options.hosted = recipient_domain(e);
	else if (h->result->is_mx)
		options.hosted = h->result->domain;
	if (h->result->reverse.state == GP_REVERSE_CONFIRMED)
		options.server = h->result->reverse.name;
	h->begun = true;
	h->result->time_ms = gp_clock_wall_ms();
	e->talkers.now_ms = gp_clock_monotonic_ms();
	scan_log_begin(e->o->log, h->result->number, e->talkers.now_ms, h->result, &options);
	if (!options.token.ptr || scan_talk_begin(&h->talk, &options) < 0)
		engine_finish(e, -ENOMEM);
}

static void
on_granted(struct applicant *a)
{
	struct host *h = gp_container_of(a, struct host, applicant);
	if (h->begun)
		scan_talk_connect(&h->talk);
	else
		begin_talk(h);
}

/* --- before it --- */

static void
leave_out(struct host *h, const char *why)
{
	struct scan_result *r = h->result;
	r->left_out = why;
	scan_log_begin(h->engine->o->log, r->number, gp_clock_monotonic_ms(), r, NULL);
	end_host(h);
}

/* Whoever has the name of the address runs it, as far as strangers can tell. */
static void
stand_in_line(struct host *h)
{
	struct engine *e = h->engine;
	const struct scan_result *r = h->result;
	struct gp_slice *operator= & h->operator;
	h->exempt = !e->o->keep_budgets && gp_special_of(r->address, r->address_len);
	*operator= gp_organisation_of(r->reverse.name);
	if (r->reverse.name.len > 0 && gp_optout_has_name(e->o->optout, r->reverse.name)) {
		leave_out(h, "has a name whose owner asked not to be scanned");
		return;
	}
	if (scan_waiter_init(e->rate, &h->applicant.waiter, r->address, r->address_len, *operator,
			     h->exempt) < 0)
		engine_finish(e, -ENOMEM);
	else
		scan_rate_add(e->rate, &h->applicant.waiter, false);
}

/* Returns GP_HOSTS_NEED or -ENOMEM. */
static int
ask_for(struct host *h, const struct gp_dns_question *need, size_t len)
{
	return gp_ask_for(&h->ask, need, len) < 0 ? -ENOMEM : GP_HOSTS_NEED;
}

/* It matters where mail between servers comes in, and to who asks for relays. */
static struct gp_slice
domain_to_look_up(const struct host *h)
{
	const struct scan_result *r = h->result;
	bool matters = r->port == 25 || (h->engine->o->probe.consents & GP_PROBE_RELAY);
	if (!matters || r->domain.len > 0)
		return gp_slice("", 0);
	if (h->talk.sni.len > 0)
		return gp_organisation_of(h->talk.sni);
	return r->reverse.state == GP_REVERSE_CONFIRMED ? gp_organisation_of(r->reverse.name)
							: gp_slice("", 0);
}

/* Does the domain have its mail here? Not set where nobody knows. Returns GP_HOSTS_DONE, NEED, or
   -ENOMEM. */
static int
find_mail_of(struct host *h, struct gp_slice domain, bool *ret_known, bool *ret_here)
{
	const struct scan_result *r = h->result;
	struct gp_hosts_result hosts;
	const struct gp_hosts_query query = {domain, .mx = true};
	int outcome = gp_hosts_eval(&query, h->ask.answers, &h->result->arena, &hosts);
	if (outcome == GP_HOSTS_NEED)
		return ask_for(h, hosts.need, hosts.need_len);
	if (outcome < 0 || (outcome == GP_HOSTS_NONE && hosts.temporary))
		return GP_MIN(outcome, (int)GP_HOSTS_DONE);
	*ret_known = true;
	for (size_t i = 0; outcome == GP_HOSTS_DONE && i < hosts.addresses_len; i++) {
		const struct gp_host_address *a = &hosts.addresses[i];
		*ret_here |= gp_slice_eq_nocase(a->host, r->sni) ||
			     (a->address_len == r->address_len &&
			      memcmp(a->address, r->address, r->address_len) == 0);
	}
	return GP_HOSTS_DONE;
}

/* Returns as find_mail_of() does. */
static int
find_domain(struct host *h)
{
	struct scan_result *r = h->result;
	struct gp_slice domain = domain_to_look_up(h);
	bool known = false;
	if (domain.len == 0)
		return GP_HOSTS_DONE;
	int outcome = find_mail_of(h, domain, &known, &r->is_mx);
	if (known)
		r->domain = domain;
	return outcome;
}

/* A host of another's domain may well have the user's, too, as those of large providers have: to
   take mail for it is its job then. Returns as find_mail_of() does. */
static int
find_home(struct host *h)
{
	bool known = false;
	if (!(h->engine->o->probe.consents & GP_PROBE_RELAY))
		return GP_HOSTS_DONE;
	return find_mail_of(h, recipient_domain(h->engine), &known, &h->at_home);
}

/* Returns as find_domain() does. */
static int
find_listings(struct host *h)
{
	struct scan_result *r = h->result;
	const struct scan_engine_options *o = h->engine->o;
	int outcome =
		gp_blocklists_eval(r->address, r->address_len, o->blocklists, o->blocklists_len,
				   h->ask.answers, &r->arena, &r->listings);
	if (outcome == GP_HOSTS_NEED)
		return ask_for(h, r->listings.need, r->listings.need_len);
	return outcome;
}

static int
find_name(struct host *h)
{
	struct scan_result *r = h->result;
	int outcome =
		gp_reverse_eval(r->address, r->address_len, h->ask.answers, &r->arena, &r->reverse);
	if (outcome == GP_HOSTS_NEED)
		return ask_for(h, r->reverse.need, r->reverse.need_len);
	return outcome;
}

/* Whoever has the zone of its address had more to say than there is room for. The others go on, and
   so does this host, as one of whom the DNS knows nothing. */
static void
do_without_names(struct host *h)
{
	struct scan_result *r = h->result;
	struct gp_arena spent = r->arena;
	gp_ask_end(&h->ask);
	r->arena = GP_ARENA_INIT(RESULT_ARENA_MAX);
	h->talk.sni = r->sni = gp_arena_dup(&r->arena, r->sni);
	r->domain = gp_arena_dup(&r->arena, r->domain);
	r->reverse = (struct gp_reverse){};
	r->listings = (struct gp_listings){};
	gp_arena_free(&spent);
	if (r->arena.failed)
		engine_finish(h->engine, -ENOMEM);
	else
		stand_in_line(h);
}

static void
find_names(struct host *h)
{
	int outcome = find_name(h);
	if (outcome == GP_HOSTS_DONE)
		outcome = find_domain(h);
	if (outcome == GP_HOSTS_DONE)
		outcome = find_home(h);
	if (outcome == GP_HOSTS_DONE)
		outcome = find_listings(h);
	if (outcome < 0 || h->result->arena.failed)
		do_without_names(h);
	else if (outcome == GP_HOSTS_DONE)
		stand_in_line(h);
}

static void
on_ready(struct gp_ask *ask)
{
	find_names(gp_container_of(ask, struct host, ask));
}

/* Why it is not to be asked, static; NULL: it may be. */
static const char *
why_left_out(const struct engine *e, const struct scan_result *r)
{
	const struct gp_special *special = gp_special_of(r->address, r->address_len);
	if (gp_optout_has_address(e->o->optout, r->address, r->address_len))
		return "is on the list of those who asked not to be scanned";
	if (special && (special->never || !e->o->private))
		return special->what;
	return NULL;
}

/* Names of addresses that only we have are nobody's to tell, unless he was named to us. */
static bool
has_name_to_find(const struct engine *e, const struct scan_result *r)
{
	if (e->o->no_dns)
		return false;
	return e->o->dns || e->o->resolver || !gp_special_of(r->address, r->address_len);
}

static void
begin_host(struct host *h)
{
	struct engine *e = h->engine;
	const char *why = why_left_out(e, h->result);
	if (why)
		leave_out(h, why);
	else if (!has_name_to_find(e, h->result))
		stand_in_line(h);
	else if (gp_ask_init(&h->ask, &e->dns, &h->result->arena, on_ready) < 0)
		engine_finish(e, -ENOMEM);
	else
		find_names(h);
}

static struct host *
make_host(struct engine *e, const uint8_t *address, size_t address_len, uint16_t port)
{
	struct host *h = calloc(1, sizeof(*h));
	struct scan_result *r = calloc(1, sizeof(*r));
	if (!h || !r) {
		free(h);
		free(r);
		return NULL;
	}
	*r = (struct scan_result){
		.arena = GP_ARENA_INIT(RESULT_ARENA_MAX),
		.address_len = (uint8_t)address_len,
		.port = port,
	};
	memcpy(r->address, address, address_len);
	*h = (struct host){
		.engine = e,
		.result = r,
		.applicant = {.granted = on_granted},
		.talk = {.with = &e->talkers,
			 .address = gp_sockaddr_from_octets(address, address_len, port),
			 .arena = &r->arena,
			 .fd = -1,
			 .asks = on_asks,
			 .over = on_over,
			 .done = on_done},
	};
	h->talk.number = r->number = e->next_number++;
	gp_list_init(&h->sights);
	gp_list_init(&h->applicant.waiter.link);
	gp_list_append(&e->hosts, &h->link);
	e->open_hosts++;
	return h;
}

static struct place
place_at(const uint8_t *address, size_t len, uint16_t port, struct gp_slice name)
{
	/* An IPv4 address never looks like an IPv6 one of the Internet's. */
	struct place p = {.len = PLACE_LEN + GP_MIN(name.len, (size_t)GP_DNS_NAME_MAX)};
	memcpy(p.octets, address, len);
	p.octets[16] = (char)(port >> 8);
	p.octets[17] = (char)port;
	for (size_t i = PLACE_LEN; i < p.len; i++)
		p.octets[i] = gp_ascii_lower(name.ptr[i - PLACE_LEN]);
	return p;
}

/* One that a name led to before; what was kept becomes the newest. */
static struct host *
find_host(struct engine *e, const struct place *place)
{
	struct host *h = gp_map_get(&e->by_place, key_of(place));
	if (h && h->over) {
		gp_list_remove(&h->link);
		gp_list_append(&e->kept, &h->link);
	}
	return h;
}

/* The sight's is the first look at it. */
static void
begin_look(struct host *h, struct sight *s, const struct place *place, bool by_name)
{
	struct scan_result *r = h->result;
	h->place = *place;
	gp_list_append(&h->sights, &s->link);
	h->by_name = by_name && gp_map_set(&h->engine->by_place, key_of(&h->place), h);
	if (s->view.host)
		h->talk.sni = r->sni = gp_arena_dup(&r->arena, s->view.host->host);
	r->is_mx = s->view.mx;
	if (s->view.mx)
		r->domain = gp_arena_dup(&r->arena, s->view.target);
	begin_host(h);
}

static void
join(struct host *h, struct sight *s)
{
	if (h->over)
		answer(h, s, true);
	else
		gp_list_append(&h->sights, &s->link);
}

void
host_look(struct sight *s, const uint8_t *address, size_t address_len, bool by_name)
{
	struct engine *e = s->turn->engine;
	uint16_t port = s->turn->what.port;
	const struct place place = place_at(address, address_len, port, gp_slice("", 0));
	struct host *h = find_host(e, &place);
	if (h) {
		join(h, s);
		return;
	}
	h = make_host(e, address, address_len, port);
	if (h)
		begin_look(h, s, &place, by_name);
	else
		engine_finish(e, -ENOMEM);
}

/* --- the same address by other names --- */

/* May TLS, asked in the sight's own name, show another certificate that proves it? */
static bool
may_show_another(const struct host *h, const struct sight *s)
{
	const struct scan_result *r = h->result;
	if (!h->engine->o->each_name || r->brief || !s->view.host || !r->tls.ok ||
	    gp_slice_eq_nocase(s->view.host->host, r->sni))
		return false;
	bool keyed = s->view.dane_outcome == GP_DANE_USABLE &&
		     !scan_dane_matches(s->view.dane, &r->tls.shown);
	return keyed || !gp_server_name_in(s->view.host->host, r->tls.certificate.names);
}

/* False: there are too many such names, or no memory, which ends the run. */
static bool
look_by_name(struct host *h, struct sight *s)
{
	struct engine *e = h->engine;
	const struct scan_result *r = h->result;
	const struct place place =
		place_at(r->address, r->address_len, r->port, s->view.host->host);
	struct host *other = find_host(e, &place);
	if (other) {
		join(other, s);
		return true;
	}
	if (h->names == SCAN_NAMES_MAX)
		return false;
	other = make_host(e, r->address, r->address_len, r->port);
	if (!other) {
		engine_finish(e, -ENOMEM);
		return false;
	}
	h->names++;
	other->result->brief = true;
	begin_look(other, s, &place, true);
	return true;
}

static void
answer(struct host *h, struct sight *s, bool again)
{
	if (may_show_another(h, s) && look_by_name(h, s))
		return;
	s->view.again = again;
	turn_tell(s, h->result);
}
