/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/web/dashboard.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"
#include "core/config/value.h"
#include "core/sasl/crypto.h"
#include "core/users/users.h"
#include "ipc/role.h"
#include "ipc/values.h"
#include "procs/web/queries.h"
#include "procs/web/site.h"

enum { USER_OCTETS_MAX = 255 };

/* Who asks. */
struct who {
	struct gp_slice user;    /* empty: nobody */
	struct gp_slice session; /* the id; empty: a proxy says who it is */
	uint8_t role;            /* enum gp_web_role */
};

/* What is asked for. */
struct ask {
	struct dashboard *d;
	const struct dashboard_request *q;
	struct who who;
	struct gp_arena *arena;
	struct dashboard_wish *wish;
};

struct route {
	const char *method;
	struct gp_slice path;
	uint8_t role;    /* enum gp_web_role: who may, and all above */
	size_t body_max; /* of a POST */
	/* NULL: figures are asked for, of this kind. */
	enum dashboard_outcome (*answer)(const struct ask *a, struct reply *r);
	uint8_t figures; /* enum gp_figures_kind */
};

/* --- cookies --- */

/* Browsers take a name that begins so from nobody but this very host, by HTTPS. */
static const char *
cookie_name(bool secure)
{
	return secure ? "__Host-gatepost" : "gatepost";
}

static void
set_cookie(struct reply *r, bool secure, const char *id)
{
	snprintf(r->cookie, sizeof(r->cookie), "%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s",
		 cookie_name(secure), id, id[0] ? "" : "; Max-Age=0", secure ? "; Secure" : "");
}

/* --- who asks --- */

static bool
is_of_proxy(const struct dashboard *d, const struct dashboard_request *q)
{
	const struct gp_config *c = d->config;
	for (size_t i = 0; i < c->web.proxies_len; i++) {
		if (gp_network_contains(&c->web.proxies[i], q->client, q->client_len))
			return true;
	}
	return false;
}

bool
dashboard_is_secure(const struct dashboard *d, const struct dashboard_request *q)
{
	return q->tls || (is_of_proxy(d, q) &&
			  gp_slice_eq_nocase(q->fields[FIELD_SCHEME], GP_SLICE("https")));
}

static struct gp_slice
find_cookie(struct gp_slice cookies, const char *name)
{
	while (cookies.len > 0) {
		struct gp_slice value = gp_slice_trim(gp_slice_cut(&cookies, ';'));
		struct gp_slice its = gp_slice_cut(&value, '=');
		if (gp_slice_eq(its, gp_slice_str(name)))
			return value;
	}
	return gp_slice("", 0);
}

/* A proxy's word goes before a cookie: whoever comes through it is who it says. */
static struct who
find_who(const struct dashboard *d, const struct dashboard_request *q)
{
	struct who who = {};
	/* Blanks around it are no part of it (RFC 9110 section 5.5). */
	struct gp_slice user = gp_slice_trim(q->fields[FIELD_USER]);
	bool named = q->times[FIELD_USER] == 1 && user.len > 0 && user.len <= USER_OCTETS_MAX &&
		     gp_utf8_printable(user);
	if (named && is_of_proxy(d, q)) {
		who.user = user;
		who.role = d->config->web.proxied_role;
		return who;
	}
	who.session = find_cookie(q->fields[FIELD_COOKIE], cookie_name(dashboard_is_secure(d, q)));
	who.role = signin_find(d->signin, who.session, q->now_ms, &who.user);
	if (who.role == GP_WEB_NOBODY)
		who.session = gp_slice("", 0);
	return who;
}

/* Whoever has no session gets a token too, for signing in. Returns 0 or -ENOMEM. */
static int
token_of(const struct dashboard *d, const struct who *who, char ret[SIGNIN_ID_SIZE])
{
	/* No id has these letters, and no user's name a NUL. */
	char of[USER_OCTETS_MAX + 8];
	int len = snprintf(of, sizeof(of), "user %.*s", GP_SLICE_FMT(who->user));
	return signin_token(d->signin,
			    who->session.len > 0 ? who->session : gp_slice(of, (size_t)len), ret);
}

static bool
has_token(const struct dashboard *d, const struct dashboard_request *q, const struct who *who)
{
	char token[SIGNIN_ID_SIZE];
	return q->times[FIELD_TOKEN] == 1 && token_of(d, who, token) == 0 &&
	       gp_equal_secretly(gp_slice_str(token), q->fields[FIELD_TOKEN]);
}

/* --- files --- */

static struct gp_slice
path_of(const struct dashboard_request *q)
{
	struct gp_slice rest = q->target;
	return gp_slice_cut(&rest, '?');
}

static const struct site_file *
find_file(struct gp_slice path)
{
	/* All of them are one file, in which a script shows the page of the path. */
	static const char *const pages[] = {
		"/",        "/domains", "/sources", "/policy", "/reporters", "/tls",    "/failures",
		"/headers", "/health",  "/queue",   "/audits", "/scans",     "/sign-in"};
	const struct gp_slice prefix = GP_SLICE("/web/");
	struct gp_slice name =
		gp_slice_starts(path, prefix) ? gp_slice_drop(path, prefix.len) : gp_slice("", 0);
	for (size_t i = 0; i < GP_ARRAY_LEN(pages); i++) {
		if (gp_slice_eq(path, gp_slice_str(pages[i])))
			name = GP_SLICE("index.html");
	}
	for (size_t i = 0; i < site_files_len; i++) {
		if (gp_slice_eq(name, site_files[i].name))
			return &site_files[i];
	}
	return NULL;
}

static void
answer_file(const struct site_file *file, const struct dashboard_request *q, struct reply *r)
{
	r->etag = file->etag;
	r->type = file->type;
	r->status = 304;
	if (gp_slice_eq(q->fields[FIELD_ETAG], gp_slice_str(file->etag)))
		return;
	r->status = 200;
	r->fixed = file->content;
}

/* --- the session --- */

/* What the page has to know before all else, also of nobody. */
static enum dashboard_outcome
answer_session(const struct ask *a, struct reply *r)
{
	char token[SIGNIN_ID_SIZE];
	if (token_of(a->d, &a->who, token) < 0) {
		r->body.failed = true;
		return DASHBOARD_ANSWERED;
	}
	struct gp_json j = reply_json(r);
	gp_json_open(&j, NULL, '{');
	if (a->who.user.len > 0)
		gp_json_text(&j, "user", a->who.user);
	else
		gp_json_null(&j, "user");
	gp_json_str(&j, "role", gp_web_role_name(a->who.role));
	gp_json_str(&j, "token", token);
	gp_json_bool(&j, "can_sign_out", a->who.session.len > 0);
	gp_json_bool(&j, "has_users_file", a->d->config->users.file.len > 0);
	gp_json_bool(&j, "has_users", signin_possible(a->d->signin));
	gp_json_text(&j, "hostname", a->d->config->hostname);
	gp_json_close(&j, '}');
	return DASHBOARD_ANSWERED;
}

static enum dashboard_outcome
answer_sign_in(const struct ask *a, struct reply *r)
{
	struct form form;
	int rc = form_parse(a->q->body, a->arena, &form);
	a->wish->user = form_value(&form, "user");
	a->wish->password = form_value(&form, "password");
	if (rc < 0) {
		r->body.failed = true;
		return DASHBOARD_ANSWERED;
	}
	if (rc > 0 || a->wish->user.len == 0 || a->wish->password.len == 0) {
		reply_refuse(r, 400, "A user and a password are needed.");
		return DASHBOARD_ANSWERED;
	}
	return DASHBOARD_ASKS_PASSWORD;
}

void
dashboard_signed_in(struct dashboard *d, uint8_t result, struct gp_slice user, bool secure,
		    uint64_t now_ms, struct reply *r)
{
	char id[SIGNIN_ID_SIZE];
	switch (result) {
	case GP_AUTH_OK:
		if (signin_open(d->signin, user, now_ms, id) != 0) {
			reply_refuse(r, 403, "This user may not see the dashboard.");
			return;
		}
		set_cookie(r, secure, id);
		r->status = 200;
		r->type = "application/json";
		gp_buf_put_str(&r->body, "{}");
		return;
	case GP_AUTH_BAD:
	case GP_AUTH_MALFORMED:
		reply_refuse(r, 403, "That is no user with this password.");
		return;
	case GP_AUTH_LOCKED:
		reply_refuse(r, 429, "Too many have failed. Come again in some minutes.");
		return;
	default:
		reply_refuse(r, 503, "The password could not be checked. Try again.");
	}
}

static enum dashboard_outcome
answer_sign_out(const struct ask *a, struct reply *r)
{
	signin_close(a->d->signin, a->who.session);
	set_cookie(r, dashboard_is_secure(a->d, a->q), "");
	r->status = 200;
	r->type = "application/json";
	gp_buf_put_str(&r->body, "{}");
	return DASHBOARD_ANSWERED;
}

/* --- the rest of the API --- */

void
dashboard_verified(struct analysis *a, const struct gp_verify_facts *facts, const char *why_not,
		   struct reply *r)
{
	r->status = 200;
	r->type = "application/json";
	analysis_write(a, facts, why_not, &r->body);
}

/* Whether the message is to be verified, too. NULL, or what is wrong with the query. */
static const char *
read_headers_query(const struct ask *a, bool *ret_verify)
{
	struct form form;
	struct gp_slice query = a->q->target;
	(void)gp_slice_cut(&query, '?');
	if (form_parse(query, a->arena, &form) != 0)
		return "The query cannot be read.";
	struct gp_slice verify = form_value(&form, "verify");
	*ret_verify = verify.len > 0;
	return verify.len == 0 || gp_slice_eq(verify, GP_SLICE("1"))
		       ? NULL
		       : "verify= is 1, or is left out.";
}

static enum dashboard_outcome
answer_headers(const struct ask *a, struct reply *r)
{
	bool verify = false;
	const char *why = read_headers_query(a, &verify);
	if (why) {
		reply_refuse(r, 400, why);
		return DASHBOARD_ANSWERED;
	}
	struct analysis *found = analysis_new(a->q->body, a->d->config, a->q->wall_s, &why);
	if (!found) {
		reply_refuse(r, why ? 422 : 503, why ? why : "There is no memory for it.");
		return DASHBOARD_ANSWERED;
	}
	if (verify)
		why = analysis_to_verify(found, &a->wish->verify);
	if (verify && !why) {
		a->wish->analysis = found;
		a->wish->user = a->who.user;
		return DASHBOARD_VERIFIES;
	}
	dashboard_verified(found, NULL, why, r);
	analysis_free(found);
	return DASHBOARD_ANSWERED;
}

static void
put_roles(struct gp_json *j, const struct dashboard *d)
{
	gp_json_open(j, "roles", '[');
	for (size_t i = 0; i < d->roles_len; i++) {
		const struct gp_role_state *s = &d->roles[i];
		gp_json_open(j, NULL, '{');
		gp_json_str(j, "role", gp_role_name((enum gp_role_id)s->role));
		gp_json_number(j, "worker", s->index);
		gp_json_str(j, "state", s->silent ? "silent" : s->ready ? "ready" : "starting");
		gp_json_number(j, "since", (int64_t)(s->since_ms / 1000));
		gp_json_number(j, "starts", s->starts);
		gp_json_close(j, '}');
	}
	gp_json_close(j, ']');
}

static enum dashboard_outcome
answer_health(const struct ask *a, struct reply *r)
{
	struct gp_json j = reply_json(r);
	gp_json_open(&j, NULL, '{');
	gp_json_text(&j, "hostname", a->d->config->hostname);
	gp_json_number(&j, "up_s", (int64_t)(a->q->now_ms - a->d->started_ms) / 1000);
	gp_json_number(&j, "sessions", (int64_t)signin_count(a->d->signin));
	put_roles(&j, a->d);
	gp_json_close(&j, '}');
	return DASHBOARD_ANSWERED;
}

/* --- the queue --- */

static enum dashboard_outcome
answer_flow(const struct ask *a, struct reply *r)
{
	(void)r;
	a->wish->queue.verb = GP_QUEUE_FLOW;
	a->wish->addresses = a->who.role == GP_WEB_ADMIN;
	return DASHBOARD_ASKS_QUEUE;
}

static enum dashboard_outcome
answer_queue(const struct ask *a, struct reply *r)
{
	struct gp_slice query = a->q->target;
	(void)gp_slice_cut(&query, '?');
	const char *why = flow_read_query(query, a->arena, &a->wish->queue);
	a->wish->addresses = true;
	if (why)
		reply_refuse(r, 400, why);
	return why ? DASHBOARD_ANSWERED : DASHBOARD_ASKS_QUEUE;
}

static enum dashboard_outcome
answer_action(const struct ask *a, struct reply *r)
{
	const char *why = flow_read_action(a->q->body, a->arena, &a->wish->queue);
	a->wish->user = a->who.user;
	if (why)
		reply_refuse(r, 400, why);
	return why ? DASHBOARD_ANSWERED : DASHBOARD_ASKS_QUEUE;
}

/* --- figures --- */

/* Reports of others always are. */
static bool
is_configured(const struct gp_config *cfg, uint8_t kind)
{
	if (kind == GP_FIGURES_SCANS)
		return cfg->web.scan_results.len > 0;
	return (kind != GP_FIGURES_AUDITS && kind != GP_FIGURES_AUDIT) ||
	       cfg->web.audit_database.len > 0;
}

static enum dashboard_outcome
ask_figures(const struct ask *a, uint8_t kind, struct reply *r)
{
	enum { DAY_S = 24 * 60 * 60 };
	struct gp_slice query = a->q->target;
	(void)gp_slice_cut(&query, '?');
	const char *why =
		query_read(query, kind, a->q->wall_s / DAY_S, a->arena, &a->wish->figures);
	if (why) {
		reply_refuse(r, 400, why);
		return DASHBOARD_ANSWERED;
	}
	if (is_configured(a->d->config, kind))
		return DASHBOARD_ASKS_FIGURES;
	struct gp_json j = reply_json(r);
	gp_json_open(&j, NULL, '{');
	gp_json_bool(&j, "configured", false);
	gp_json_close(&j, '}');
	return DASHBOARD_ANSWERED;
}

void
dashboard_figures(uint8_t result, struct gp_slice json, struct reply *r)
{
	if (result == GP_FIGURES_MALFORMED) {
		reply_refuse(r, 400, "There are no such figures.");
		return;
	}
	if (result != GP_FIGURES_OK) {
		reply_refuse(
			r, 503,
			"The figures cannot be read now. The log of the role reports says why.");
		return;
	}
	r->status = 200;
	r->type = "application/json";
	gp_buf_put(&r->body, json);
}

/* --- routes --- */

static const struct route routes[] = {
	{"GET", {"/api/v1/session", 15}, GP_WEB_NOBODY, 0, answer_session},
	{"POST", {"/api/v1/sign-in", 15}, GP_WEB_NOBODY, 4096, answer_sign_in},
	{"POST", {"/api/v1/sign-out", 16}, GP_WEB_READ, 0, answer_sign_out},
	{"POST", {"/api/v1/headers", 15}, GP_WEB_READ, DASHBOARD_BODY_MAX, answer_headers},
	{"GET", {"/api/v1/health", 14}, GP_WEB_READ, 0, answer_health},
	{"GET", {"/api/v1/flow", 12}, GP_WEB_READ, 0, answer_flow},
	{"GET", {"/api/v1/queue", 13}, GP_WEB_ADMIN, 0, answer_queue},
	{"POST", {"/api/v1/act", 11}, GP_WEB_ADMIN, 4096, answer_action},
	{"GET", {"/api/v1/overview", 16}, GP_WEB_READ, .figures = GP_FIGURES_OVERVIEW},
	{"GET", {"/api/v1/domains", 15}, GP_WEB_READ, .figures = GP_FIGURES_DOMAINS},
	{"GET", {"/api/v1/sources", 15}, GP_WEB_READ, .figures = GP_FIGURES_SOURCES},
	{"GET", {"/api/v1/source", 14}, GP_WEB_READ, .figures = GP_FIGURES_SOURCE},
	{"GET", {"/api/v1/policy", 14}, GP_WEB_READ, .figures = GP_FIGURES_POLICY},
	{"GET", {"/api/v1/signers", 15}, GP_WEB_READ, .figures = GP_FIGURES_SIGNERS},
	{"GET", {"/api/v1/reporters", 17}, GP_WEB_READ, .figures = GP_FIGURES_REPORTERS},
	{"GET", {"/api/v1/tls", 11}, GP_WEB_READ, .figures = GP_FIGURES_TLS},
	{"GET", {"/api/v1/failures", 16}, GP_WEB_ADMIN, .figures = GP_FIGURES_FAILURES},
	{"GET", {"/api/v1/store", 13}, GP_WEB_READ, .figures = GP_FIGURES_STORE},
	{"GET", {"/api/v1/audits", 14}, GP_WEB_READ, .figures = GP_FIGURES_AUDITS},
	{"GET", {"/api/v1/audit", 13}, GP_WEB_READ, .figures = GP_FIGURES_AUDIT},
	{"GET", {"/api/v1/scans", 13}, GP_WEB_READ, .figures = GP_FIGURES_SCANS},
};

enum dashboard_field
dashboard_field_of(const struct dashboard *d, struct gp_slice name)
{
	static const char *const names[FIELD_COUNT] = {
		[FIELD_HOST] = "Host",
		[FIELD_COOKIE] = "Cookie",
		[FIELD_TOKEN] = "Gatepost-Token",
		[FIELD_LENGTH] = "Content-Length",
		[FIELD_TRANSFER] = "Transfer-Encoding",
		[FIELD_ETAG] = "If-None-Match",
		[FIELD_SITE] = "Sec-Fetch-Site",
		[FIELD_SCHEME] = "X-Forwarded-Proto",
	};
	if (gp_slice_eq_nocase(name, d->config->web.user_header))
		return FIELD_USER;
	size_t i = 0;
	while (i < FIELD_COUNT && (!names[i] || !gp_slice_eq_nocase(name, gp_slice_str(names[i]))))
		i++;
	return (enum dashboard_field)i;
}

/* RFC 9110 section 7.2: a host and, perhaps, a port; an IPv6 address in brackets. */
static bool
cut_host(struct gp_slice text, struct gp_slice *ret)
{
	ptrdiff_t bracket = gp_slice_rfind(text, ']'), colon = gp_slice_rfind(text, ':');
	*ret = colon > bracket ? gp_slice_take(text, (size_t)colon) : text;
	return ret->len > 0 && (bracket >= 0 || gp_slice_find(*ret, ':') < 0);
}

/* Another name is one that somebody else's DNS has led here, so that his page could read ours. */
static bool
is_our_name(const struct gp_config *c, struct gp_slice host)
{
	uint8_t octets[16];
	bool brackets = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
	if (brackets)
		return gp_ip_parse(gp_slice_take(gp_slice_drop(host, 1), host.len - 2), octets) ==
		       16;
	return gp_ip_parse(host, octets) == 4 || gp_slice_eq_nocase(host, GP_SLICE("localhost")) ||
	       gp_slice_eq_nocase(host, c->hostname) ||
	       (c->web.name.len > 0 && gp_slice_eq_nocase(host, c->web.name));
}

static bool
is_safe_method(const struct dashboard_request *q)
{
	return gp_slice_eq(q->method, GP_SLICE("GET")) || gp_slice_eq(q->method, GP_SLICE("HEAD"));
}

static bool
has_method(const struct route *route, const struct dashboard_request *q)
{
	return route->method[0] == 'G' ? is_safe_method(q)
				       : gp_slice_eq(q->method, gp_slice_str(route->method));
}

/* NULL: none of this path, or none with this method, and then *allow is which it would be. */
static const struct route *
find_route(const struct dashboard_request *q, const char **allow)
{
	struct gp_slice path = path_of(q);
	*allow = NULL;
	for (size_t i = 0; i < GP_ARRAY_LEN(routes); i++) {
		if (!gp_slice_eq(path, routes[i].path))
			continue;
		if (has_method(&routes[i], q))
			return &routes[i];
		*allow = routes[i].method[0] == 'G' ? "GET, HEAD" : "POST";
	}
	return NULL;
}

/* The length of the body, 0 for none. False: it is not said once, in digits (RFC 9112 section 6.3);
   a body in chunks is taken from nobody, so that no two readers disagree where it ends. */
static bool
read_length(const struct dashboard_request *q, uint64_t *ret)
{
	*ret = 0;
	if (q->times[FIELD_TRANSFER] > 0 || q->times[FIELD_LENGTH] > 1)
		return false;
	return q->times[FIELD_LENGTH] == 0 ||
	       gp_slice_u64(q->fields[FIELD_LENGTH], UINT64_MAX, ret);
}

/* What is refused before the path counts. */
static bool
is_well_formed(const struct dashboard *d, const struct dashboard_request *q, uint64_t *ret_length,
	       struct reply *r)
{
	struct gp_slice host;
	if (q->times[FIELD_HOST] != 1 || !cut_host(q->fields[FIELD_HOST], &host) ||
	    !read_length(q, ret_length)) {
		reply_refuse(r, 400, "This is no request that has one meaning.");
		return false;
	}
	if (!is_our_name(d->config, host)) {
		reply_refuse(r, 421,
			     "The dashboard is not known by this name. The key web.name of "
			     "gatepost.yaml can say that it is.");
		return false;
	}
	return true;
}

/* Browsers say from where a request was made; no other site, nor another port of this host, has a
 * reason to make one of these. */
static bool
is_from_elsewhere(const struct dashboard_request *q)
{
	struct gp_slice site = q->fields[FIELD_SITE];
	return site.len > 0 && !gp_slice_eq(site, GP_SLICE("same-origin")) &&
	       !gp_slice_eq(site, GP_SLICE("none"));
}

static bool
may(const struct dashboard *d, const struct dashboard_request *q, const struct route *route,
    struct reply *r)
{
	struct who who = find_who(d, q);
	if (is_from_elsewhere(q))
		reply_refuse(r, 403, "Another site has made this request.");
	else if (who.role < route->role)
		reply_refuse(r, who.role == GP_WEB_NOBODY ? 401 : 403,
			     who.role == GP_WEB_NOBODY ? "Sign in first."
						       : "This needs the role admin.");
	else if (!is_safe_method(q) && !has_token(d, q, &who))
		reply_refuse(r, 403, "The page is too old. Load it again.");
	else
		return true;
	return false;
}

bool
dashboard_head(const struct dashboard *d, const struct dashboard_request *q, size_t *ret_body,
	       struct reply *r)
{
	const char *allow;
	uint64_t length;
	*ret_body = 0;
	if (!is_well_formed(d, q, &length, r))
		return false;
	const struct route *route = find_route(q, &allow);
	const struct site_file *file = route || allow ? NULL : find_file(path_of(q));
	if (!route && (allow || (file && !is_safe_method(q)))) {
		reply_refuse(r, 405, "Not this method.");
		r->allow = allow ? allow : "GET, HEAD";
		return false;
	}
	if (!route && !file) {
		reply_refuse(r, 404, "There is no such page.");
		return false;
	}
	if (length > (route ? route->body_max : 0)) {
		reply_refuse(r, 413, "This is too much.");
		return false;
	}
	*ret_body = (size_t)length;
	return !route || may(d, q, route, r);
}

enum dashboard_outcome
dashboard_answer(struct dashboard *d, const struct dashboard_request *q, struct gp_arena *arena,
		 struct dashboard_wish *ret_wish, struct reply *r)
{
	const char *allow;
	const struct route *route = find_route(q, &allow);
	*ret_wish = (struct dashboard_wish){};
	if (!route) {
		const struct site_file *file = find_file(path_of(q));
		gp_assert(file); /* else its head was refused */
		answer_file(file, q, r);
		return DASHBOARD_ANSWERED;
	}
	const struct ask ask = {
		.d = d, .q = q, .who = find_who(d, q), .arena = arena, .wish = ret_wish};
	return route->answer ? route->answer(&ask, r) : ask_figures(&ask, route->figures, r);
}
