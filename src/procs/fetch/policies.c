/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/fetch/policies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "procs/fetch/policy_file.h"
#include "procs/fetch/reach.h"
#include "sys/clock.h"
#include "sys/log.h"

enum { POLICY_ARENA_MAX = 1 << 20 };

struct policies {
	struct queue *queue;
	struct policy_cache *cache;
	struct policy_file *file; /* NULL: in memory only */
	struct gp_map lookups;    /* by domain */
};

/* A fetch under way. */
struct lookup {
	struct policies *policies;
	struct queue_job *job;
	struct gp_list asks;
	char domain[POLICY_DOMAIN_MAX];
	char id[GP_MTASTS_ID_MAX];
	uint8_t domain_len, id_len;
};

static struct gp_slice
domain_of(const struct lookup *l)
{
	return gp_slice(l->domain, l->domain_len);
}

/* --- what is known --- */

static struct policy_news
decide(struct policies *p, struct gp_slice domain, uint8_t record, struct gp_slice id)
{
	static const struct gp_mtasts_state nothing;
	uint64_t now_ms = gp_clock_wall_ms();
	const struct policy *known = policy_cache_find(p->cache, domain);
	const struct gp_mtasts_state *state = known ? &known->state : &nothing;
	struct gp_mtasts_next next =
		gp_mtasts_decide(state, (enum gp_mtasts_record)record, id, now_ms);
	bool valid = gp_mtasts_valid(state, now_ms);
	return (struct policy_news){.action = next.action,
				    .failure = next.failure,
				    .kept = valid ? known : NULL,
				    .reason = ""};
}

/* After a fetch that was tried, however it went, nobody is sent to fetch again. Where there was no
 * room to try, nobody knows whether the domain demands proof: what is not kept is still to be
 * fetched, and nothing is reported. */
static void
conclude(struct policy_news *news, bool tried, enum gp_mtasts_failure failure, const char *reason)
{
	news->action = news->kept ? GP_MTASTS_APPLY
		       : tried    ? GP_MTASTS_DO_NOTHING
				  : GP_MTASTS_FETCH;
	news->failure = tried ? (uint8_t)failure : GP_MTASTS_FETCHED;
	news->reason = reason;
}

/* --- what a fetch brings --- */

static enum gp_mtasts_failure
failure_of(enum gp_fetch_result result)
{
	switch (result) {
	case GP_FETCH_OK:
		return GP_MTASTS_FETCHED;
	case GP_FETCH_TLS_FAILED:
		return GP_MTASTS_WEBPKI_INVALID;
	case GP_FETCH_BAD_CONTENT:
	case GP_FETCH_TOO_LARGE:
		return GP_MTASTS_POLICY_INVALID;
	default:
		return GP_MTASTS_FETCH_ERROR;
	}
}

static bool
keep(struct policies *p, const struct lookup *l, struct gp_slice text,
     const struct gp_mtasts_policy *policy)
{
	uint64_t now_ms = gp_clock_wall_ms();
	struct policy *known = policy_cache_make(p->cache, domain_of(l));
	if (!known || !policy_cache_set_text(p->cache, known, text))
		return false;
	gp_mtasts_kept(&known->state, gp_slice(l->id, l->id_len), policy, now_ms);
	if (p->file)
		policy_file_keep(p->file, known, now_ms);
	return true;
}

static enum gp_mtasts_failure
take_body(struct policies *p, const struct lookup *l, struct gp_slice text, struct gp_arena *arena,
	  const char **ret_reason)
{
	struct gp_mtasts_policy policy;
	struct gp_slice why;
	int r = gp_mtasts_policy_parse(text, arena, &policy, &why);
	if (r == 0 && keep(p, l, text, &policy))
		return GP_MTASTS_FETCHED;
	*ret_reason = r > 0 ? gp_arena_str(arena, why) : NULL;
	*ret_reason = *ret_reason ? *ret_reason : "out of memory";
	return r > 0 ? GP_MTASTS_POLICY_INVALID : GP_MTASTS_FETCH_ERROR;
}

static void
remember_failure(struct policies *p, const struct lookup *l, enum gp_mtasts_failure failure)
{
	struct policy *known = policy_cache_make(p->cache, domain_of(l));
	if (known)
		gp_mtasts_failed(&known->state, gp_slice(l->id, l->id_len), failure,
				 gp_clock_wall_ms());
}

static void
free_lookup(struct lookup *l)
{
	gp_map_remove(&l->policies->lookups, domain_of(l));
	free(l);
}

static void
on_fetched(void *ctx, const struct https_answer *a)
{
	struct lookup *l = ctx;
	struct policies *p = l->policies;
	struct gp_arena arena = GP_ARENA_INIT(POLICY_ARENA_MAX);
	const char *reason = a->reason;
	bool tried = a->result != GP_FETCH_NO_ROOM;
	enum gp_mtasts_failure failure = failure_of(a->result);
	if (failure == GP_MTASTS_FETCHED)
		failure = take_body(p, l, a->body, &arena, &reason);
	if (failure != GP_MTASTS_FETCHED)
		gp_info("policy_not_fetched", GP_F("domain", domain_of(l)),
			GP_FS("reason", reason));
	/* What was not tried says nothing about the domain: the next one may ask again. */
	if (failure != GP_MTASTS_FETCHED && tried)
		remember_failure(p, l, failure);
	for (struct gp_list *link; (link = gp_list_pop(&l->asks));) {
		struct policy_ask *ask = gp_container_of(link, struct policy_ask, link);
		struct policy_news news =
			decide(p, domain_of(l), ask->record, gp_slice(ask->id, ask->id_len));
		conclude(&news, tried, failure, reason);
		ask->done(ask, &news);
	}
	gp_arena_free(&arena);
	free_lookup(l);
}

/* --- fetching --- */

/* What leads to a fetch: the record's id, or where the DNS did not tell it that of the kept policy,
   which is to be refreshed. */
static struct gp_slice
id_for(const struct policies *p, const struct gp_msg_policy *q)
{
	if (q->id.len > 0)
		return q->id;
	const struct policy *known = policy_cache_find(p->cache, q->domain);
	gp_assert(known && known->state.id_len > 0);
	return gp_slice(known->state.id, known->state.id_len);
}

static struct lookup *
new_lookup(struct policies *p, const struct gp_msg_policy *q)
{
	struct lookup *l = calloc(1, sizeof(*l));
	struct gp_slice id = id_for(p, q);
	if (!l)
		return NULL;
	l->policies = p;
	gp_list_init(&l->asks);
	l->domain_len = (uint8_t)q->domain.len;
	memcpy(l->domain, q->domain.ptr, q->domain.len);
	l->id_len = (uint8_t)id.len;
	memcpy(l->id, id.ptr, id.len);
	if (gp_map_set(&p->lookups, domain_of(l), l))
		return l;
	free(l);
	return NULL;
}

/* NULL: *ret_why says why not. */
static struct lookup *
start_lookup(struct policies *p, const struct gp_msg_policy *q, struct https_answer *ret_why)
{
	struct gp_arena arena = GP_ARENA_INIT(1024);
	struct gp_msg_fetch order = {.kind = GP_FETCH_GET_TEXT,
				     .time_max_ms = QUEUE_TIME_MAX_MS,
				     .path = GP_SLICE("/.well-known/mta-sts.txt"),
				     .addresses = q->addresses,
				     .addresses_len = q->addresses_len};
	struct lookup *l = new_lookup(p, q);
	*ret_why = (struct https_answer){.result = GP_FETCH_NO_ROOM, .reason = "out of memory"};
	order.host = gp_arena_printf(&arena, "mta-sts.%.*s", GP_SLICE_FMT(q->domain));
	if (l)
		l->job = queue_add(p->queue, &order, ret_why);
	gp_arena_free(&arena);
	if (l && !l->job) {
		free_lookup(l);
		return NULL;
	}
	if (!l)
		return NULL;
	l->job->done = on_fetched;
	l->job->ctx = l;
	return l;
}

/* --- questions --- */

static bool
makes_sense(const struct gp_msg_policy *q)
{
	if (q->record > GP_MTASTS_RECORD_UNKNOWN)
		return false;
	for (size_t i = 0; i < q->domain.len; i++) {
		if (gp_ascii_lower(q->domain.ptr[i]) != q->domain.ptr[i])
			return false;
	}
	return (q->record == GP_MTASTS_RECORD_OK) == (q->id.len > 0);
}

/* A recipient may have a domain that no policy host can stand before. */
static bool
may_have_policy(struct gp_slice domain)
{
	return domain.len <= POLICY_DOMAIN_MAX && reach_host_valid(domain);
}

static void
wait_for(struct lookup *l, struct policy_ask *ask, const struct gp_msg_policy *q)
{
	ask->record = q->record;
	ask->id_len = (uint8_t)q->id.len;
	memcpy(ask->id, q->id.ptr, q->id.len);
	gp_list_append(&l->asks, &ask->link);
}

int
policies_ask(struct policies *p, const struct gp_msg_policy *q, struct policy_ask *ask,
	     struct policy_news *ret)
{
	struct https_answer why = {.result = GP_FETCH_OK, .reason = ""};
	if (!makes_sense(q))
		return -EPROTO;
	*ret = (struct policy_news){.action = GP_MTASTS_DO_NOTHING, .reason = ""};
	if (!may_have_policy(q->domain))
		return 0;
	*ret = decide(p, q->domain, q->record, q->id);
	bool due = ret->action == GP_MTASTS_FETCH || ret->action == GP_MTASTS_REFRESH;
	if (!due)
		return 0;
	struct lookup *l = gp_map_get(&p->lookups, q->domain);
	if (!l && q->addresses_len == 0)
		return 0;
	l = l ? l : start_lookup(p, q, &why);
	if (l && ret->action == GP_MTASTS_FETCH) {
		wait_for(l, ask, q);
		return 1;
	}
	/* Beside the delivery; or it could not even be tried, which is not remembered. */
	bool beside = ret->action == GP_MTASTS_REFRESH;
	conclude(ret, why.result != GP_FETCH_NO_ROOM,
		 beside ? GP_MTASTS_FETCHED : GP_MTASTS_FETCH_ERROR, why.reason);
	return 0;
}

/* --- the beginning and the end --- */

struct policies *
policies_new(struct queue *queue, const uint64_t seed[2])
{
	struct policies *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->queue = queue;
	p->lookups = gp_map(QUEUE_MAX, seed);
	p->cache = policy_cache_new(seed, POLICY_CACHE_MAX, POLICY_CACHE_OCTETS_MAX);
	return p->cache ? p : policies_free(p);
}

struct policies *
policies_free(struct policies *p)
{
	if (!p)
		return NULL;
	size_t at = 0;
	for (const struct gp_map_entry *e; (e = gp_map_next(&p->lookups, &at));)
		free(e->value);
	gp_map_free(&p->lookups);
	policy_file_close(p->file);
	policy_cache_free(p->cache);
	free(p);
	return NULL;
}

void
policies_use_folder(struct policies *p, int folder)
{
	int r = policy_file_open(folder, p->cache, gp_clock_wall_ms(), &p->file);
	if (r < 0)
		gp_error("policies_not_kept", GP_FS("reason", strerror(-r)));
}
