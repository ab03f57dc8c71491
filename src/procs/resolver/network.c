/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/resolver/network.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/dns/record.h"
#include "procs/resolver/unbound_library.h"
#include "sys/address.h"
#include "sys/log.h"

#define RESOLV_CONF "/etc/resolv.conf"
/* Where Debian's package dns-root-data has it. */
#define ROOT_KEY "/usr/share/dns/root.key"

enum {
	CLASS_IN = 1,
	SECURITY_BOGUS = 1, /* the values of ub_event_callback_type's `sec` */
	SECURITY_SECURE = 2,
	PORT_DNS = 53,
	OPTION_MAX = 32,
	SILENT_SERVER_S = 60, /* how long a server's bad record is remembered */
};

struct network {
	struct ub_ctx *ctx;
	bool validates;
};

static int
complain(const char *what, int code)
{
	gp_error("resolver_setup_failed", GP_FS("setting", what),
		 GP_FS("reason", ub.strerror(code)));
	return -EINVAL;
}

static int
set_option(struct ub_ctx *ctx, const char *name, const char *value)
{
	int code = ub.ctx_set_option(ctx, name, value);
	return code == 0 ? 0 : complain(name, code);
}

static int
set_number(struct ub_ctx *ctx, const char *name, unsigned value)
{
	char text[OPTION_MAX];
	snprintf(text, sizeof(text), "%u", value);
	return set_option(ctx, name, text);
}

/* "192.0.2.1:53" to "192.0.2.1@53", which is how the library writes it. */
static int
forward_to(struct ub_ctx *ctx, struct gp_slice server)
{
	struct gp_sockaddr a;
	char text[sizeof(struct gp_sockaddr_text) + OPTION_MAX];
	if (gp_sockaddr_parse(server, PORT_DNS, &a) < 0 || a.ss.ss_family == AF_UNIX)
		return complain("dns.server", UB_SYNTAX);
	uint16_t port = a.ss.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&a.ss)->sin6_port
						   : ((const struct sockaddr_in *)&a.ss)->sin_port;
	snprintf(text, sizeof(text), "%s@%u", gp_sockaddr_text(&a, false).s, ntohs(port));
	int code = ub.ctx_set_fwd(ctx, text);
	return code == 0 ? 0 : complain("dns.server", code);
}

static int
choose_servers(struct ub_ctx *ctx, struct gp_slice server)
{
	if (server.len > 0)
		return forward_to(ctx, server);
	if (ub.ctx_resolvconf(ctx, RESOLV_CONF) != 0)
		gp_warning("resolver_recursive", GP_FS("reason", "no servers in " RESOLV_CONF));
	return 0;
}

/*
 * Names that the library answers by itself: RFC 6761 wants that of a resolver of its own, and what
 * we forward to has its own opinion. `localhost` and `invalid` stay with the library.
 */
static int
unblock_names(struct ub_ctx *ctx)
{
	int r = set_option(ctx, "unblock-lan-zones:", "yes");
	return r == 0 ? set_option(ctx, "local-zone:", "test. transparent") : r;
}

/*
 * The library leaves a server that was silent alone for 15 minutes. Mail waits meanwhile, so it is
 * tried again soon, by one question at a time.
 */
static int
return_soon(struct ub_ctx *ctx)
{
	int r = set_option(ctx, "infra-keep-probing:", "yes");
	return r == 0 ? set_number(ctx, "infra-host-ttl:", SILENT_SERVER_S) : r;
}

/* The file; empty: there is none. */
static struct gp_slice
choose_anchor(struct gp_slice configured)
{
	if (gp_slice_eq(configured, GP_SLICE("none")))
		return GP_SLICE("");
	if (configured.len > 0)
		return configured;
	if (access(ROOT_KEY, R_OK) == 0)
		return GP_SLICE(ROOT_KEY);
	/* Who did not ask to be without must hear of it. */
	gp_warning("no_trust_anchor", GP_FS("file", ROOT_KEY), GP_FS("reason", strerror(errno)));
	return GP_SLICE("");
}

static int
set_validation(struct ub_ctx *ctx, struct gp_slice configured, bool *ret_validates)
{
	struct gp_slice trust_anchor = choose_anchor(configured);
	char path[4096];
	*ret_validates = trust_anchor.len > 0;
	if (trust_anchor.len == 0)
		return set_option(ctx, "module-config:", "iterator");
	snprintf(path, sizeof(path), "%.*s", GP_SLICE_FMT(trust_anchor));
	int code = ub.ctx_add_ta_file(ctx, path);
	if (code != 0)
		return complain("dns.trust_anchor", code);
	return set_option(ctx, "module-config:", "validator iterator");
}

static int
set_up(struct ub_ctx *ctx, const struct gp_config *config, unsigned sockets, bool *ret_validates)
{
	/* It writes local times into its reasons; a zone that was looked for once is not again. */
	setenv("TZ", "UTC0", 1);
	tzset();
	/* Its own lines would carry outside bytes past our log. */
	ub.ctx_debugout(ctx, NULL);
	int r = set_option(ctx, "do-not-query-localhost:", "no");
	if (r == 0)
		r = set_number(ctx, "outgoing-range:", sockets);
	if (r == 0)
		r = set_number(ctx, "outgoing-num-tcp:", NETWORK_TCP_MAX);
	if (r == 0)
		r = return_soon(ctx);
	if (r == 0)
		r = unblock_names(ctx);
	if (r == 0)
		r = set_validation(ctx, config->dns.trust_anchor, ret_validates);
	return r == 0 ? choose_servers(ctx, config->dns.server) : r;
}

static void
ignore_answer(void *data, int rcode, void *packet, int len, int security, char *why, int limited)
{
	(void)data, (void)rcode, (void)packet, (void)len, (void)security, (void)why, (void)limited;
}

/* The first question makes the library build and read everything; this one stays in the house. */
static int
warm_up(struct ub_ctx *ctx)
{
	int code =
		ub.resolve_event(ctx, "localhost", GP_DNS_A, CLASS_IN, NULL, ignore_answer, NULL);
	return code == 0 ? 0 : complain("start", code);
}

static int
load_unbound(void)
{
	int r = gp_library_load(&unbound_library);
	if (r < 0)
		gp_error("library_not_loaded", GP_FS("reason", unbound_library.why));
	return r;
}

int
network_new(struct event_base *base, const struct gp_config *config, unsigned sockets,
	    struct network **ret)
{
	*ret = NULL;
	int r = load_unbound();
	if (r < 0)
		return r;
	struct network *n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->ctx = ub.ctx_create_event(base);
	r = n->ctx ? set_up(n->ctx, config, sockets, &n->validates) : -ENOMEM;
	if (r == 0)
		r = warm_up(n->ctx);
	if (r < 0)
		n = network_free(n);
	*ret = n;
	return r;
}

bool
network_validates(const struct network *n)
{
	return n->validates;
}

struct network *
network_free(struct network *n)
{
	if (n && n->ctx)
		ub.ctx_delete(n->ctx);
	free(n);
	return NULL;
}

static void
on_answer(void *data, int rcode, void *packet, int len, int security, char *why, int limited)
{
	struct network_query *q = data;
	struct network_result result = {.secure = security == SECURITY_SECURE};
	(void)limited;
	result.bogus = security == SECURITY_BOGUS;
	if (result.bogus)
		result.trouble = why ? why : "bogus";
	else if (rcode != 0 || !packet || len <= 0)
		result.trouble = "no server gave a usable answer";
	else
		result.packet = gp_slice(packet, (size_t)len);
	q->done(q, &result);
}

int
network_ask(struct network *n, const char *name, uint16_t type, struct network_query *q)
{
	int code = ub.resolve_event(n->ctx, name, type, CLASS_IN, q, on_answer, &q->id);
	return code == 0 ? 0 : code == UB_NOMEM ? -ENOMEM : -EIO;
}

void
network_cancel(struct network *n, struct network_query *q)
{
	ub.cancel(n->ctx, q->id);
}
