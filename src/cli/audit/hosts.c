/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/hosts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/audit/seen.h"
#include "cli/command.h"
#include "cli/progress_line.h"
#include "cli/scan/engine.h"
#include "cli/scan/sandbox.h"
#include "cli/scan/targets.h"
#include "cli/traffic/wire.h"
#include "sys/tls_client.h"

enum {
	ARENA_MAX = 1 << 30,
	PORT_SMTP = 25,
	CONNECTIONS = 1000,
	FIRST_ROOM = 64,
	LINE_ARENA_MAX = 4096,
};

/* One look at an address. */
struct look {
	struct gp_posture_host host;
	bool brief; /* at TLS in another name; else it has all */
};

/* A look under way. */
struct looking {
	const struct audit_options *o;
	struct audit_hosts *ret;
	struct look *looks;
	size_t looks_len, looks_room;
	struct gp_arena arena; /* of the targets */
	struct scan_target_options reading;
	struct scan_targets targets;
	struct gp_progress progress;
	struct gp_targets_walk walk;
	bool line; /* of progress is shown */
	struct gp_progress_line shown;
};

/* --- what is told --- */

/* Room for one more. */
static int
grow(struct looking *l)
{
	if (l->looks_len < l->looks_room)
		return 0;
	size_t room = GP_MAX(2 * l->looks_room, (size_t)FIRST_ROOM);
	void *moved = reallocarray(l->looks, room, sizeof(*l->looks));
	if (!moved)
		return -ENOMEM;
	l->looks = moved;
	l->looks_room = room;
	return 0;
}

static int
add_host(struct looking *l, const struct scan_view *view)
{
	if ((!view->result && !view->host) || view->again)
		return 0;
	int r = grow(l);
	if (r < 0)
		return r;
	struct look *look = &l->looks[l->looks_len];
	look->brief = view->result && view->result->brief;
	r = audit_seen_host(view, &l->ret->arena, &look->host);
	l->looks_len += r == 0;
	return r;
}

/* A domain's policy is told with each of its hosts. */
static int
add_policy(struct looking *l, const struct scan_view *view)
{
	struct audit_hosts *h = l->ret;
	if (!view->policy || gp_map_get(&h->policies, view->target))
		return 0;
	struct gp_posture_file *policy = gp_arena_new(&h->arena, struct gp_posture_file);
	struct gp_slice domain = gp_arena_dup(&h->arena, view->target);
	if (!policy)
		return -ENOMEM;
	*policy = audit_seen_policy(view->policy, &h->arena);
	return !h->arena.failed && gp_map_set(&h->policies, domain, policy) ? 0 : -ENOMEM;
}

static int
tell(void *context, const struct scan_view *view)
{
	struct looking *l = context;
	int r = add_host(l, view);
	return r == 0 ? add_policy(l, view) : r;
}

static int
tick(void *context, const struct scan_counts *counts, bool last)
{
	struct looking *l = context;
	struct gp_arena arena = GP_ARENA_INIT(LINE_ARENA_MAX);
	if (!l->line)
		return 0;
	struct gp_slice rest = gp_arena_printf(&arena, ", %llu hosts looked at",
					       (unsigned long long)counts->hosts);
	gp_progress_line_show(&l->shown, counts->turns_done, counts->turns, rest, last);
	gp_arena_free(&arena);
	return 0;
}

int
audit_confine(const struct audit_options *o)
{
	const struct scan_files files = {
		.command = o->command, .written = {o->resume, o->metrics}, .store = o->store};
	return scan_sandbox_enter(&files);
}

static int
confine(void *context)
{
	const struct looking *l = context;
	return audit_confine(l->o);
}

/* --- in order --- */

/* Of one address that was told of twice, as some were left out by one name and not by another, what
   is known more of stands first; behind that what it showed to other names. */
static int
compare_looks(const void *a, const void *b)
{
	const struct look *x = a, *y = b;
	int order = gp_posture_host_cmp(&x->host, &y->host);
	if (order == 0)
		order = (int)x->brief - (int)y->brief;
	return order != 0 ? order : (int)y->host.reach - (int)x->host.reach;
}

/* Each address once, and once more for each other name. 0 or -ENOMEM. */
static int
put_in_order(struct looking *l)
{
	struct gp_posture_host *list = reallocarray(NULL, l->looks_len + 1, sizeof(*list));
	size_t len = 0, whole = 0;
	if (!list)
		return -ENOMEM;
	if (l->looks_len > 0)
		qsort(l->looks, l->looks_len, sizeof(*l->looks), compare_looks);
	for (size_t i = 0; i < l->looks_len; i++) {
		const struct gp_posture_host *h = &l->looks[i].host;
		bool same = len > 0 && gp_posture_host_cmp(&list[whole], h) == 0;
		if (!same && !l->looks[i].brief)
			list[whole = len++] = *h;
		else if (same && l->looks[i].brief &&
			 audit_seen_otherwise(&list[whole], h, &list[len]))
			len++;
	}
	l->ret->seen = (struct gp_posture_hosts){list, len};
	return 0;
}

const struct gp_posture_file *
audit_hosts_policy(const struct audit_hosts *h, struct gp_slice domain)
{
	return gp_map_get(&h->policies, domain);
}

void
audit_hosts_free(struct audit_hosts *h)
{
	free((void *)h->seen.list);
	gp_map_free(&h->policies);
	gp_arena_free(&h->arena);
}

/* --- the look --- */

static int
fail(const struct audit_options *o, int error)
{
	fprintf(stderr, "%s: the look at hosts: %s\n", o->command, strerror(-error));
	return GP_EXIT_ERROR;
}

static int
read_targets(struct looking *l, const struct gp_slice *domains, size_t len)
{
	struct scan_target_options *o = &l->reading;
	*o = (struct scan_target_options){.command = l->o->command,
					  .ports = {PORT_SMTP},
					  .ports_len = 1,
					  .optouts_len = l->o->optouts_len};
	memcpy(o->optouts, l->o->optouts, o->optouts_len * sizeof(*o->optouts));
	int code = scan_targets_read(&l->targets, o, &l->arena);
	for (size_t i = 0; code == GP_EXIT_OK && i < len; i++) {
		const struct gp_scan_target t = {.name = domains[i]};
		int r = gp_targets_add(&l->targets.list, &t);
		if (r < 0)
			code = fail(l->o, r);
	}
	return code;
}

static int
run(struct looking *l, const struct gp_config *config, struct gp_tls_client *tls)
{
	const struct audit_options *o = l->o;
	struct scan_counts counts;
	const struct scan_engine_options options = {
		.command = o->command,
		.config = config,
		.walk = &l->walk,
		.progress = &l->progress,
		.optout = &l->targets.optout,
		.mx = true,
		.mx_only = true,
		.private = o->private,
		.dns = o->dns,
		.resolver = o->resolver,
		.dns_per_s = (double)o->rate,
		.limits = {.per_s = o->probe_rate,
			   .per_address = 2,
			   .per_network = 8,
			   .per_operator = 16},
		.connections = CONNECTIONS,
		.probe = {.helo = gp_slice_str(o->helo)},
		.mta_sts = true,
		.authorities = o->authorities,
		.tls_survey = o->tls_survey,
		.tls_versions = true,
		.each_name = true,
		.mode = -1,
		.tls = tls,
		.confine = confine,
		.tell = tell,
		.tick = tick,
		.context = l,
	};
	int r = scan_engine_run(&options, &counts);
	if (r < 0)
		return fail(l->o, r);
	if (r == SCAN_END_STOPPED)
		fprintf(stderr, "%s: stopped\n", o->command);
	return r == SCAN_END_DONE      ? GP_EXIT_OK
	       : r == SCAN_END_STOPPED ? GP_EXIT_UNKNOWN
				       : GP_EXIT_USAGE;
}

static int
run_with_tls(struct looking *l, const struct gp_config *config, uint64_t seed)
{
	const char *authorities = l->o->authorities ? l->o->authorities : GP_TLS_AUTHORITIES;
	struct gp_tls_client *tls =
		gp_wire_prepare_tls() == 0 ? gp_tls_client_new_tolerant(authorities) : NULL;
	if (!tls) {
		fprintf(stderr, "%s: %s has no certificates that can be read\n", l->o->command,
			authorities);
		return GP_EXIT_ERROR;
	}
	l->walk = gp_targets_walk(&l->targets.list, seed, 0, 1);
	int code = run(l, config, tls);
	gp_tls_client_free(tls);
	return code;
}

int
audit_hosts_look(struct audit_hosts *ret, const struct audit_options *o,
		 const struct gp_config *config, const struct gp_slice *domains, size_t len)
{
	uint64_t seed[2];
	*ret = (struct audit_hosts){.arena = GP_ARENA_INIT(ARENA_MAX)};
	struct looking *l = calloc(1, sizeof(*l));
	if (!l)
		return fail(o, -ENOMEM);
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed)) {
		free(l);
		return fail(o, -EIO);
	}
	ret->policies = gp_map(AUDIT_DOMAINS_MAX, seed);
	l->o = o;
	l->ret = ret;
	l->arena = GP_ARENA_INIT(ARENA_MAX);
	l->shown = gp_progress_line(isatty(STDERR_FILENO), 0);
	l->line = !o->quiet && (o->progress || (l->shown.terminal && len > 1));
	int code = read_targets(l, domains, len);
	if (code == GP_EXIT_OK)
		code = run_with_tls(l, config, seed[0]);
	if (put_in_order(l) < 0)
		code = fail(o, -ENOMEM);
	free(l->looks);
	scan_targets_free(&l->targets);
	gp_arena_free(&l->arena);
	free(l);
	return code;
}
