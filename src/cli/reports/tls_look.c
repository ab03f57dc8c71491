/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reports/tls_look.h"

#include <jansson.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "procs/resolver/network.h"

enum {
	DNS_RATE = 1000,     /* questions a second */
	PROBE_RATE = 10,     /* connections */
	ARENA_MAX = 1 << 20, /* of one domain's questions */
};

static const struct gp_config no_config;

static int
open_lookup(struct tls_look *l, const struct reports_options *o, const struct gp_config *config)
{
	const struct gp_lookup_options options = {.command = "gatepost reports",
						  .dns = o->dns,
						  .resolver = o->resolver,
						  .config = config ? config : &no_config};
	int code = gp_lookup_open(&l->lookup, &options);
	if (code == GP_EXIT_OK)
		l->validated = !l->lookup.network || network_validates(l->lookup.network);
	return code;
}

/* What does not come is not known, and judged so. */
static void
ask_domain(struct tls_look *l, struct gp_slice domain)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_dns_question *list;
	size_t len;
	while (tls_questions(domain, l->lookup.answers, &arena, &list, &len) == 0 && len > 0 &&
	       gp_lookup_ask(&l->lookup, list, len))
		gp_arena_reset(&arena);
	gp_arena_free(&arena);
}

int
tls_look(struct tls_look *ret, const struct reports_options *o, const struct gp_config *config,
	 const struct gp_slice *domains, size_t len)
{
	*ret = (struct tls_look){.now_s = (int64_t)time(NULL)};
	struct audit_options *a = &ret->options;
	a->command = "gatepost reports";
	a->dns = o->dns;
	a->resolver = o->resolver;
	a->rate = DNS_RATE;
	a->probe_rate = PROBE_RATE;
	a->private = o->private;
	a->authorities = o->mail.authorities;
	a->quiet = o->quiet;
	a->helo = o->helo ? o->helo : a->hostname;
	if (gethostname(a->hostname, sizeof(a->hostname) - 1) < 0 || a->hostname[0] == '\0')
		snprintf(a->hostname, sizeof(a->hostname), "localhost");
	/* It reads a file for its seed the first time. */
	json_object_seed(0);
	int code = open_lookup(ret, o, config);
	if (code == GP_EXIT_OK)
		code = audit_hosts_look(&ret->hosts, a, config ? config : &no_config, domains, len);
	for (size_t i = 0; i < len && code == GP_EXIT_OK; i++)
		ask_domain(ret, domains[i]);
	return code;
}

void
tls_look_end(struct tls_look *l)
{
	audit_hosts_free(&l->hosts);
	gp_lookup_close(&l->lookup);
}

struct tls_verdict
tls_look_judge(const struct tls_look *l, struct gp_slice domain, struct gp_slice result,
	       struct gp_slice mx, struct gp_arena *arena)
{
	const struct tls_seen seen = {.domain = domain,
				      .answers = l->lookup.answers,
				      .validated = l->validated,
				      .hosts = l->hosts.seen,
				      .policy = audit_hosts_policy(&l->hosts, domain),
				      .now_s = l->now_s};
	return tls_judge(&seen, result, mx, arena);
}
