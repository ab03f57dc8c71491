/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy_fetch.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "core/mtasts/ours.h"
#include "procs/fetch/https.h"
#include "procs/fetch/reach.h"
#include "sys/small_file.h"

enum {
	ADDRESSES_MAX = 32,
	TIME_MAX_MS = 20 * 1000,
	PORT_HTTPS = 443,
};

struct transfer {
	struct https_request request;
	struct event_base *base;
	struct gp_arena *arena;
	struct gp_fetched_policy *ret;
	bool done;
};

static void
fail(struct gp_fetched_policy *p, struct gp_arena *arena, enum gp_mtasts_failure failure,
     struct gp_slice reason)
{
	p->failure = (uint8_t)failure;
	p->reason = gp_arena_dup(arena, reason);
}

static int
read_policy(struct gp_fetched_policy *p, struct gp_arena *arena, struct gp_slice text)
{
	struct gp_mtasts_policy *policy = gp_arena_new(arena, struct gp_mtasts_policy);
	struct gp_slice why;
	p->text = gp_arena_dup(arena, text);
	if (!policy || !p->text.ptr)
		return -ENOMEM;
	int r = gp_mtasts_policy_parse(p->text, arena, policy, &why);
	if (r == 1)
		fail(p, arena, GP_MTASTS_POLICY_INVALID, why);
	else if (r == 0)
		p->policy = policy;
	return GP_MIN(r, 0);
}

static int
find_record(struct gp_lookup *l, struct gp_slice domain, struct gp_fetched_policy *ret)
{
	struct gp_dns_answer answer;
	struct gp_dns_question q = gp_mtasts_question(domain, &l->arena);
	if (!q.name.ptr || !gp_lookup_get(l, q.name, q.type, &answer))
		return -ENOMEM;
	ret->record = (uint8_t)gp_mtasts_record_read(&answer, &ret->id);
	return 0;
}

/* Of one type; those that the gateway would not dial are left out, and told of. */
static int
find_addresses(struct gp_lookup *l, const struct gp_config *cfg, struct gp_slice host,
	       uint16_t type, struct gp_fetch_address *ret, size_t *ret_len, bool *ret_private)
{
	struct gp_dns_answer answer;
	if (!gp_lookup_get(l, host, type, &answer))
		return -ENOMEM;
	for (size_t i = 0; i < answer.records_len && *ret_len < ADDRESSES_MAX; i++) {
		const struct gp_dns_record *r = &answer.records[i];
		struct gp_slice octets =
			gp_slice((const char *)r->address, type == GP_DNS_A ? 4 : 16);
		bool good = cfg->fetch.private_addresses || reach_is_global(octets);
		*ret_private = *ret_private || !good;
		if (good)
			ret[(*ret_len)++].octets = octets;
	}
	return 0;
}

/* --- HTTPS --- */

static void
on_done(struct https_request *q, const struct https_answer *a)
{
	struct transfer *t = gp_container_of(q, struct transfer, request);
	t->done = true;
	if (a->result == GP_FETCH_OK) {
		t->arena->failed |= read_policy(t->ret, t->arena, a->body) < 0;
	} else {
		enum gp_mtasts_failure failure =
			a->result == GP_FETCH_TLS_FAILED    ? GP_MTASTS_WEBPKI_INVALID
			: a->result == GP_FETCH_BAD_CONTENT ? GP_MTASTS_POLICY_INVALID
							    : GP_MTASTS_FETCH_ERROR;
		struct gp_slice reason = gp_slice_str(a->reason);
		if (a->status != 0)
			reason = gp_arena_printf(t->arena, "status %u: %s", a->status, a->reason);
		fail(t->ret, t->arena, failure, reason);
	}
	(void)event_base_loopbreak(t->base);
}

static int
fetch(struct gp_lookup *l, const struct gp_config *cfg, struct gp_slice host,
      const struct gp_fetch_address *addresses, size_t len, struct gp_fetched_policy *ret)
{
	struct https_options options = {.ca = cfg->fetch.ca,
					.port = cfg->fetch.port ? (uint16_t)cfg->fetch.port
								: PORT_HTTPS};
	struct transfer t = {
		.base = event_base_new(),
		.arena = &l->arena,
		.ret = ret,
		.request = {.host = host.ptr,
			    .path = GP_MTASTS_PATH,
			    .addresses = addresses,
			    .addresses_len = len,
			    .time_max_ms = TIME_MAX_MS,
			    .done = on_done},
	};
	struct https *https = NULL;
	int r = t.base ? https_new(t.base, &options, &https) : -ENOMEM;
	if (r == 0)
		r = https_start(https, &t.request);
	if (r == 0 && !t.done)
		(void)event_base_dispatch(t.base);
	if (r == 0 && !t.done)
		https_cancel(https, &t.request);
	https_free(https);
	if (t.base)
		event_base_free(t.base);
	return r == 0 && (!t.done || l->arena.failed) ? -ENOMEM : r;
}

static int
fetch_from_host(struct gp_lookup *l, const struct gp_config *cfg, struct gp_slice domain,
		struct gp_fetched_policy *ret)
{
	struct gp_fetch_address addresses[ADDRESSES_MAX];
	size_t len = 0;
	bool hidden = false;
	struct gp_slice host = gp_arena_printf(&l->arena, "mta-sts.%.*s", GP_SLICE_FMT(domain));
	int r = host.ptr ? find_addresses(l, cfg, host, GP_DNS_AAAA, addresses, &len, &hidden)
			 : -ENOMEM;
	if (r == 0)
		r = find_addresses(l, cfg, host, GP_DNS_A, addresses, &len, &hidden);
	if (r < 0)
		return r;
	if (len > 0)
		return fetch(l, cfg, host, addresses, len, ret);
	fail(ret, &l->arena, GP_MTASTS_FETCH_ERROR,
	     gp_arena_printf(&l->arena, "%.*s has no address%s", GP_SLICE_FMT(host),
			     hidden ? " but private ones, which are not dialled" : ""));
	return l->arena.failed ? -ENOMEM : 0;
}

int
gp_policy_fetch_alone(struct gp_lookup *l, const struct gp_config *cfg, struct gp_slice domain,
		      const char *file, struct gp_fetched_policy *ret)
{
	struct gp_slice text;
	if (!file)
		return fetch_from_host(l, cfg, domain, ret);
	int r = gp_file_read(gp_slice_str(file), GP_MTASTS_BODY_MAX, &l->arena, &text);
	return r < 0 ? r : read_policy(ret, &l->arena, text);
}

int
gp_policy_fetch(struct gp_lookup *l, const struct gp_config *cfg, struct gp_slice domain,
		const char *file, struct gp_fetched_policy *ret)
{
	*ret = (struct gp_fetched_policy){};
	int r = find_record(l, domain, ret);
	bool asked = ret->record == GP_MTASTS_RECORD_OK;
	return r == 0 && asked ? gp_policy_fetch_alone(l, cfg, domain, file, ret) : r;
}
