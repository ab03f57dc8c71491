/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan/policy.h"

#include <errno.h>
#include <string.h>

#include "core/mtasts/ours.h"
#include "core/mtasts/record.h"
#include "core/targets/special.h"
#include "sys/clock.h"

int
scan_policy_read(struct scan_policy *p, struct gp_slice text, struct gp_arena *arena)
{
	struct gp_mtasts_policy *policy = gp_arena_new(arena, struct gp_mtasts_policy);
	if (!policy)
		return -ENOMEM;
	p->text = text;
	int r = gp_mtasts_policy_parse(text, arena, policy, &p->reason);
	if (r == 0)
		p->policy = policy;
	return GP_MIN(r, 0);
}

/* --- HTTPS --- */

static void
leave_line(struct scan_policy_fetch *f)
{
	struct engine *e = f->engine;
	struct scan_waiter *w = &f->applicant.waiter;
	if (!f->joined)
		return;
	f->joined = false;
	if (w->counted) {
		e->open--;
		scan_rate_done(e->rate, w, false, gp_clock_monotonic_ms());
	}
	scan_waiter_end(e->rate, w, gp_clock_monotonic_ms());
}

static void
on_answer(struct https_request *q, const struct https_answer *a)
{
	struct scan_policy_fetch *f = gp_container_of(q, struct scan_policy_fetch, request);
	struct scan_policy *p = &f->policy;
	f->under_way = false;
	f->over = true;
	p->result = (uint8_t)a->result;
	leave_line(f);
	if (a->result == GP_FETCH_OK) {
		if (scan_policy_read(p, gp_arena_dup(f->arena, a->body), f->arena) < 0)
			f->arena->failed = true;
	} else if (a->status != 0) {
		p->reason = gp_arena_printf(f->arena, "status %u: %s", a->status, a->reason);
	} else {
		p->reason = gp_arena_dup(f->arena, gp_slice_str(a->reason));
	}
	f->done(f);
}

static void
on_granted(struct applicant *a)
{
	struct scan_policy_fetch *f = gp_container_of(a, struct scan_policy_fetch, applicant);
	f->under_way = https_start(f->engine->https, &f->request) == 0;
	if (!f->under_way)
		engine_finish(f->engine, -ENOMEM);
}

static int
stand_in_line(struct scan_policy_fetch *f, struct gp_slice host)
{
	struct engine *e = f->engine;
	const struct gp_slice first = f->addresses[0].octets;
	const uint8_t *octets = (const uint8_t *)first.ptr;
	bool exempt = !e->o->keep_budgets && gp_special_of(octets, first.len);
	f->request = (struct https_request){
		.host = host.ptr,
		.path = GP_MTASTS_PATH,
		.addresses = f->addresses,
		.addresses_len = f->addresses_len,
		.time_max_ms = SCAN_POLICY_TIME_MAX_MS,
		.done = on_answer,
	};
	f->applicant.granted = on_granted;
	if (scan_waiter_init(e->rate, &f->applicant.waiter, octets, first.len, gp_slice("", 0),
			     exempt) < 0)
		return -ENOMEM;
	f->joined = true;
	scan_rate_add(e->rate, &f->applicant.waiter, false);
	return SCAN_POLICY_WAIT;
}

/* --- the DNS --- */

/* False: it is asked for. */
static bool
find(struct scan_policy_fetch *f, const struct gp_answers *answers, struct gp_dns_question q,
     struct gp_dns_answer *ret)
{
	if (gp_answers_find(answers, q.name, q.type, ret))
		return true;
	gp_assert(f->need_len < SCAN_POLICY_NEED_MAX);
	f->need[f->need_len++] = q;
	return false;
}

/* Those that may be dialled. */
static void
take_addresses(struct scan_policy_fetch *f, const struct gp_dns_answer *answer)
{
	const struct scan_engine_options *o = f->engine->o;
	size_t len = answer->type == GP_DNS_A ? 4 : 16;
	for (size_t i = 0; i < answer->records_len; i++) {
		const uint8_t *octets = answer->records[i].address;
		const struct gp_special *special = gp_special_of(octets, len);
		if (f->addresses_len < SCAN_POLICY_ADDRESSES_MAX &&
		    !gp_optout_has_address(o->optout, octets, len) &&
		    !(special && (special->never || !o->private)))
			f->addresses[f->addresses_len++].octets =
				gp_slice((const char *)octets, len);
	}
}

static int
find_host(struct scan_policy_fetch *f, const struct gp_answers *answers)
{
	struct gp_dns_answer six, four;
	struct gp_slice host = gp_arena_printf(f->arena, "mta-sts.%.*s", GP_SLICE_FMT(f->domain));
	if (!host.ptr)
		return -ENOMEM;
	bool has_six = find(f, answers, (struct gp_dns_question){host, GP_DNS_AAAA}, &six);
	bool has_four = find(f, answers, (struct gp_dns_question){host, GP_DNS_A}, &four);
	if (!has_six || !has_four)
		return SCAN_POLICY_NEED;
	take_addresses(f, &six);
	take_addresses(f, &four);
	if (f->addresses_len > 0)
		return stand_in_line(f, host);
	f->over = true;
	f->policy.reason = gp_arena_printf(f->arena, "%.*s has no address that may be asked",
					   GP_SLICE_FMT(host));
	return SCAN_POLICY_DONE;
}

int
scan_policy_look(struct scan_policy_fetch *f, const struct gp_answers *answers)
{
	struct gp_dns_answer answer;
	struct gp_slice id;
	f->need_len = 0;
	if (f->over)
		return f->arena->failed ? -ENOMEM : SCAN_POLICY_DONE;
	struct gp_dns_question q = gp_mtasts_question(f->domain, f->arena);
	if (!q.name.ptr)
		return -ENOMEM;
	if (!find(f, answers, q, &answer))
		return SCAN_POLICY_NEED;
	f->policy.record = (uint8_t)gp_mtasts_record_read(&answer, &id);
	if (f->policy.record == GP_MTASTS_RECORD_OK)
		return find_host(f, answers);
	f->over = true;
	return SCAN_POLICY_DONE;
}

void
scan_policy_end(struct scan_policy_fetch *f)
{
	if (f->under_way)
		https_cancel(f->engine->https, &f->request);
	f->under_way = false;
	leave_line(f);
}
