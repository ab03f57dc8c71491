/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the dashboard as dialogues: what is asked, and what comes. */
#include "../unit.h"

#include "ipc/values.h"
#include "procs/web/dashboard.h"
#include "sys/password.h"

#define VERSION GP_SLICE("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")

static const struct gp_domain_config domains[] = {{.name = GP_SLICE("a.test")}};
static const struct gp_network proxies[] = {{{192, 0, 2}, 4, 24}};
static const struct gp_config config = {
	.hostname = GP_SLICE("mx.test"),
	.domains = domains,
	.domains_len = 1,
	.web = {.name = GP_SLICE("dash.test"),
		.proxies = proxies,
		.proxies_len = 1,
		.user_header = GP_SLICE("X-Who"),
		.proxied_role = GP_WEB_READ},
};

struct dialogue {
	struct dashboard d;
	char id[SIGNIN_ID_SIZE], cookie[64];
};

static void
begin(struct dialogue *c)
{
	static const struct gp_dashboard_user users[] = {
		{GP_SLICE("chief"), GP_WEB_ADMIN, VERSION}};
	assert_int_equal(gp_password_setup(), 0);
	*c = (struct dialogue){.d = {.config = &config, .signin = signin_new()}};
	signin_know(c->d.signin, users, 1);
	assert_int_equal(signin_open(c->d.signin, GP_SLICE("chief"), 0, c->id), 0);
	snprintf(c->cookie, sizeof(c->cookie), "other=1; gatepost=%s", c->id);
}

static void
end(struct dialogue *c)
{
	signin_free(c->d.signin);
}

/* A field for the request; names and values as they are sent. */
static void
put(struct dialogue *c, struct dashboard_request *q, const char *name, const char *value)
{
	enum dashboard_field field = dashboard_field_of(&c->d, gp_slice_str(name));
	if (field == FIELD_COUNT)
		return;
	q->fields[field] = gp_slice_str(value);
	q->times[field]++;
}

static struct dashboard_request
request(struct dialogue *c, const char *method, const char *target)
{
	struct dashboard_request q = {.method = gp_slice_str(method),
				      .target = gp_slice_str(target),
				      .client = {127, 0, 0, 1},
				      .client_len = 4};
	put(c, &q, "host", "localhost:8025");
	return q;
}

/* To the end, but for a password; r: the caller frees its body. */
static enum dashboard_outcome
ask(struct dialogue *c, const struct dashboard_request *q, struct reply *r)
{
	size_t body;
	struct gp_arena arena = GP_ARENA_INIT(64 * 1024);
	struct dashboard_wish wish;
	enum dashboard_outcome outcome = DASHBOARD_ANSWERED;
	wish.analysis = NULL;
	*r = (struct reply){.body = GP_BUF_INIT(DASHBOARD_ANSWER_MAX)};
	if (dashboard_head(&c->d, q, &body, r))
		outcome = dashboard_answer(&c->d, q, &arena, &wish, r);
	if (outcome == DASHBOARD_ASKS_PASSWORD) {
		assert_slice(wish.user, "chief");
		assert_slice(wish.password, "a b");
	}
	if (outcome == DASHBOARD_VERIFIES) {
		assert_slice(wish.user, "chief");
		assert_int_equal(wish.verify.address_len, 4);
		dashboard_verified(wish.analysis, NULL, "because", r);
	}
	analysis_free(wish.analysis);
	gp_arena_free(&arena);
	return outcome;
}

static void
assert_status(struct dialogue *c, const struct dashboard_request *q, int status)
{
	struct reply r;
	assert_int_equal(ask(c, q, &r), DASHBOARD_ANSWERED);
	if (r.status != status)
		fail_msg("%.*s %.*s: %d, not %d", GP_SLICE_FMT(q->method), GP_SLICE_FMT(q->target),
			 r.status, status);
	gp_buf_free(&r.body);
}

/* Whoever asks has the session's cookie, and its token where it is a POST. */
static struct dashboard_request
signed_request(struct dialogue *c, const char *method, const char *target,
	       char token[SIGNIN_ID_SIZE])
{
	struct dashboard_request q = request(c, method, target);
	assert_int_equal(signin_token(c->d.signin, gp_slice_str(c->id), token), 0);
	put(c, &q, "cookie", c->cookie);
	put(c, &q, "GATEPOST-TOKEN", token);
	return q;
}

#define OF_64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
#define OF_256 OF_64 OF_64 OF_64 OF_64
#define OF_1024 OF_256 OF_256 OF_256 OF_256

static void
paths_and_methods(void **state)
{
	static const struct {
		const char *method, *target;
		int nobody, chief;
	} cases[] = {
		{"GET", "/", 200, 200},
		{"HEAD", "/headers?x=y", 200, 200},
		{"POST", "/", 405, 405},
		{"GET", "/web/app.js", 200, 200},
		{"GET", "/web/pages/headers.js?", 200, 200},
		{"GET", "/web/pages", 404, 404},
		{"GET", "//", 404, 404},
		{"GET", "", 404, 404},
		{"GET", "/api/v1/session", 200, 200},
		{"POST", "/api/v1/session", 405, 405},
		{"GET", "/api/v1/health", 401, 200},
		{"get", "/api/v1/health", 405, 405},
		{"GET", "/api/v1/health/", 404, 404},
		{"GET", "/api/v1/sign-in", 405, 405},
		{"GET", "/queue", 200, 200},
		{"POST", "/api/v1/flow", 405, 405},
		{"GET", "/api/v1/queue?id=x", 401, 400},
		{"GET", "/api/v1/act", 405, 405},
		{"POST", "/api/v1/act", 401, 400},
		{"GET", "/api/v1/overview?from=yesterday", 401, 400},
		{"GET", "/api/v1/overview?from=2026-11-30&to=2026-11-29", 401, 400},
		{"GET", "/api/v1/overview?from=2016-11-01&to=2026-11-30", 401, 400},
		{"GET", "/api/v1/sources?domain=" OF_1024, 401, 400},
		{"POST", "/api/v1/headers", 401, 422},
		{"POST", "/api/v1/sign-out", 401, 200},
	};
	struct dialogue c;
	(void)state;
	begin(&c);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		char token[SIGNIN_ID_SIZE];
		struct dashboard_request q = request(&c, cases[i].method, cases[i].target);
		assert_status(&c, &q, cases[i].nobody);
		q = signed_request(&c, cases[i].method, cases[i].target, token);
		assert_status(&c, &q, cases[i].chief);
	}
	end(&c);
}

static void
hosts(void **state)
{
	static const struct {
		const char *host;
		int status;
	} cases[] = {
		{"localhost", 200},    {"MX.test:1", 200},     {"dash.test", 200},
		{"127.0.0.1:80", 200}, {"[2001:db8::1]", 200}, {"[::1]:8025", 200},
		{"evil.test", 421},    {"mx.test.evil", 421},  {"localhost.", 421},
		{"[evil.test]", 421},  {"[127.0.0.1]", 421},   {"", 400},
		{":80", 400},          {"::1", 400},           {"a.test", 421},
	};
	struct dialogue c;
	(void)state;
	begin(&c);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct dashboard_request q = request(&c, "GET", "/");
		q.fields[FIELD_HOST] = gp_slice_str(cases[i].host);
		assert_status(&c, &q, cases[i].status);
	}
	struct dashboard_request q = request(&c, "GET", "/");
	put(&c, &q, "Host", "localhost");
	assert_status(&c, &q, 400);
	end(&c);
}

/* A POST without the token of this session, or from another site, does nothing. */
static void
requests_of_others(void **state)
{
	static const struct {
		const char *name, *value;
		int status;
	} cases[] = {
		{NULL, NULL, 200},
		{"Gatepost-Token", "x", 403}, /* a second one */
		{"Sec-Fetch-Site", "same-origin", 200},
		{"Sec-Fetch-Site", "none", 200},
		{"Sec-Fetch-Site", "same-site", 403},
		{"Sec-Fetch-Site", "cross-site", 403},
		{"Transfer-Encoding", "chunked", 400},
		{"Content-Length", "0", 200},
		{"Content-Length", "1", 413},
		{"Content-Length", "-1", 400},
		{"Content-Length", "1,1", 400},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		char token[SIGNIN_ID_SIZE];
		struct dialogue c;
		begin(&c);
		struct dashboard_request q = signed_request(&c, "POST", "/api/v1/sign-out", token);
		if (cases[i].name)
			put(&c, &q, cases[i].name, cases[i].value);
		assert_status(&c, &q, cases[i].status);
		assert_int_equal(signin_count(c.d.signin), cases[i].status == 200 ? 0 : 1);
		end(&c);
	}
}

static void
no_token_no_change(void **state)
{
	char token[SIGNIN_ID_SIZE], wrong[SIGNIN_ID_SIZE];
	struct dialogue c;
	(void)state;
	begin(&c);
	struct dashboard_request q = signed_request(&c, "POST", "/api/v1/sign-out", token);
	/* One of nobody's, and one of a user of a proxy by the same name. */
	const struct gp_slice others[] = {GP_SLICE("user "), GP_SLICE("user chief")};
	for (size_t i = 0; i < GP_ARRAY_LEN(others); i++) {
		assert_int_equal(signin_token(c.d.signin, others[i], wrong), 0);
		q.fields[FIELD_TOKEN] = gp_slice_str(wrong);
		assert_status(&c, &q, 403);
	}
	q.fields[FIELD_TOKEN] = gp_slice("", 0);
	assert_status(&c, &q, 403);
	q.times[FIELD_TOKEN] = 0;
	assert_status(&c, &q, 403);
	end(&c);
}

static void
signing_in(void **state)
{
	static const struct {
		const char *body;
		int status; /* 0: the password is to be checked */
	} cases[] = {
		{"user=chief&password=a+b", 0},
		{"password=a%20b&x=1&user=chief", 0},
		{"user=chief", 400},
		{"user=&password=x", 400},
		{"", 400},
		{"user=chief&password=%", 400},
		{"user=a&user=b&password=c", 400},
	};
	char token[SIGNIN_ID_SIZE];
	struct dialogue c;
	(void)state;
	begin(&c);
	assert_int_equal(signin_token(c.d.signin, GP_SLICE("user "), token), 0);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct dashboard_request q = request(&c, "POST", "/api/v1/sign-in");
		struct reply r;
		put(&c, &q, "Gatepost-Token", token);
		q.body = gp_slice_str(cases[i].body);
		enum dashboard_outcome outcome = ask(&c, &q, &r);
		assert_int_equal(outcome, cases[i].status == 0 ? DASHBOARD_ASKS_PASSWORD
							       : DASHBOARD_ANSWERED);
		assert_int_equal(r.status, cases[i].status);
		gp_buf_free(&r.body);
	}
	end(&c);
}

static void
what_a_password_comes_to(void **state)
{
	static const struct {
		uint8_t result;
		const char *user;
		int status;
	} cases[] = {
		{GP_AUTH_OK, "chief", 200}, {GP_AUTH_OK, "alice@a.test", 403},
		{GP_AUTH_BAD, "", 403},     {GP_AUTH_MALFORMED, "", 403},
		{GP_AUTH_LOCKED, "", 429},  {GP_AUTH_TEMPORARY, "", 503},
		{GP_AUTH_UNKNOWN, "", 503},
	};
	struct dialogue c;
	(void)state;
	begin(&c);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		bool secure = i % 2 == 0;
		struct reply r = {.body = GP_BUF_INIT(4096)};
		dashboard_signed_in(&c.d, cases[i].result, gp_slice_str(cases[i].user), secure, 0,
				    &r);
		assert_int_equal(r.status, cases[i].status);
		assert_int_equal(r.cookie[0] != 0, cases[i].status == 200);
		if (r.cookie[0])
			assert_non_null(strstr(r.cookie, "__Host-gatepost="));
		gp_buf_free(&r.body);
	}
	end(&c);
}

static void
proxies_say_who_it_is(void **state)
{
	struct dialogue c;
	(void)state;
	begin(&c);
	for (int proxied = 0; proxied < 2; proxied++) {
		struct dashboard_request q = request(&c, "GET", "/api/v1/health");
		if (proxied)
			memcpy(q.client, (uint8_t[]){192, 0, 2, 7}, 4);
		assert_status(&c, &q, 401);
		put(&c, &q, "x-who", "carol");
		assert_status(&c, &q, proxied ? 200 : 401);
		put(&c, &q, "X-Forwarded-Proto", "HTTPS");
		assert_int_equal(dashboard_is_secure(&c.d, &q), proxied);
		q.fields[FIELD_USER] = GP_SLICE("a\nb");
		assert_status(&c, &q, 401);
		q.fields[FIELD_USER] = GP_SLICE(" \t");
		assert_status(&c, &q, 401);
		q.fields[FIELD_USER] = GP_SLICE(" carol \t");
		assert_status(&c, &q, proxied ? 200 : 401);
		put(&c, &q, "X-Who", "carol");
		assert_status(&c, &q, 401); /* two of them */
	}
	end(&c);
}

static void
a_cookie_is_whole(void **state)
{
	struct dialogue c;
	char cookie[128];
	const char *const forms[] = {"gatepost=%s", "a; gatepost=%s;b=c", " gatepost=%s "};
	const char *const others[] = {"Gatepost=%s", "xgatepost=%s", "gatepost=%sx",
				      "gatepost=\"%s\"", "__Host-gatepost=%s"};
	(void)state;
	begin(&c);
	struct dashboard_request q = request(&c, "GET", "/api/v1/health");
	for (size_t i = 0; i < GP_ARRAY_LEN(forms) + GP_ARRAY_LEN(others); i++) {
		bool good = i < GP_ARRAY_LEN(forms);
		const char *form = good ? forms[i] : others[i - GP_ARRAY_LEN(forms)];
		const char *at = strchr(form, '%');
		snprintf(cookie, sizeof(cookie), "%.*s%s%s", (int)(at - form), form, c.id, at + 2);
		q.fields[FIELD_COOKIE] = gp_slice_str(cookie);
		assert_status(&c, &q, good ? 200 : 401);
	}
	end(&c);
}

static void
what_is_kept_is_asked_again(void **state)
{
	struct dialogue c;
	struct reply r;
	(void)state;
	begin(&c);
	struct dashboard_request q = request(&c, "GET", "/web/style.css");
	assert_int_equal(ask(&c, &q, &r), DASHBOARD_ANSWERED);
	assert_int_equal(r.status, 200);
	assert_true(r.fixed.len > 0);
	put(&c, &q, "If-None-Match", r.etag);
	assert_status(&c, &q, 304);
	q.fields[FIELD_ETAG] = GP_SLICE("\"x\"");
	assert_status(&c, &q, 200);
	end(&c);
}

static void
a_message_is_analysed(void **state)
{
	static const char message[] =
		"Received: from h.test ([192.0.2.1]) by mx.test; Mon, 30 Nov 2026 10:00:00 +0000\n"
		"From: \"<b>\\\"\" <x@a.test>\nSubject: a\xff\x1b[2Jb\n\nbody\n";
	char token[SIGNIN_ID_SIZE];
	struct dialogue c;
	struct reply r;
	(void)state;
	begin(&c);
	struct dashboard_request q = signed_request(&c, "POST", "/api/v1/headers", token);
	q.body = gp_slice_str(message);
	q.wall_s = 1796032800;
	assert_int_equal(ask(&c, &q, &r), DASHBOARD_ANSWERED);
	assert_int_equal(r.status, 200);
	assert_true(gp_buf_put_char(&r.body, '\0'));
	const char *text = gp_buf_slice(&r.body).ptr;
	assert_non_null(strstr(text, "\"boundary\":0"));
	assert_non_null(strstr(text, "\"address\":\"192.0.2.1\""));
	assert_non_null(strstr(text, "<b>\\\\\\\""));
	assert_null(strchr(text, '\x1b'));
	gp_buf_free(&r.body);
	end(&c);
}

/* A message is verified where that is wanted, and where there is more than a header. */
static void
a_message_is_verified(void **state)
{
	static const char header[] =
		"Return-Path: <x@a.test>\n"
		"Received: from h.test ([192.0.2.1]) by mx.test; Mon, 30 Nov 2026 10:00:00 +0000\n"
		"From: x@a.test\n";
	static const struct {
		const char *query, *body;
		enum dashboard_outcome outcome;
		int status;
		const char *says;
	} cases[] = {
		{"", "\nbody\n", DASHBOARD_ANSWERED, 200, "\"done\":false,\"why_not\":null"},
		{"?verify=1", "\nbody\n", DASHBOARD_VERIFIES, 200, "\"why_not\":\"because\""},
		{"?verify=1", "", DASHBOARD_ANSWERED, 200, "a header alone"},
		{"?verify=1", "\n", DASHBOARD_ANSWERED, 200, "a header alone"},
		{"?verify=2", "\nbody\n", DASHBOARD_ANSWERED, 400, "verify="},
		{"?%", "\nbody\n", DASHBOARD_ANSWERED, 400, "query"},
	};
	struct dialogue c;
	(void)state;
	begin(&c);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		char token[SIGNIN_ID_SIZE], target[64], message[512];
		struct reply r;
		snprintf(target, sizeof(target), "/api/v1/headers%s", cases[i].query);
		snprintf(message, sizeof(message), "%s%s", header, cases[i].body);
		struct dashboard_request q = signed_request(&c, "POST", target, token);
		q.body = gp_slice_str(message);
		q.wall_s = 1796032800;
		assert_int_equal(ask(&c, &q, &r), cases[i].outcome);
		assert_int_equal(r.status, cases[i].status);
		assert_true(gp_buf_put_char(&r.body, '\0'));
		assert_non_null(strstr(gp_buf_slice(&r.body).ptr, cases[i].says));
		gp_buf_free(&r.body);
	}
	end(&c);
}

/* Whoever only reads is asked for figures of the queue, and for no message of it. */
static void
roles_and_the_queue(void **state)
{
	static const struct {
		const char *target;
		int reader; /* 0: spool is to be asked */
	} cases[] = {{"/api/v1/flow", 0}, {"/api/v1/queue", 403}};
	struct dialogue c;
	struct reply r;
	(void)state;
	begin(&c);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		char token[SIGNIN_ID_SIZE];
		struct dashboard_request q = request(&c, "GET", cases[i].target);
		memcpy(q.client, (uint8_t[]){192, 0, 2, 7}, 4);
		put(&c, &q, "x-who", "carol");
		assert_int_equal(ask(&c, &q, &r),
				 cases[i].reader ? DASHBOARD_ANSWERED : DASHBOARD_ASKS_QUEUE);
		assert_int_equal(r.status, cases[i].reader);
		gp_buf_free(&r.body);
		q = signed_request(&c, "GET", cases[i].target, token);
		assert_int_equal(ask(&c, &q, &r), DASHBOARD_ASKS_QUEUE);
		gp_buf_free(&r.body);
	}
	end(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_and_methods),
		cmocka_unit_test(hosts),
		cmocka_unit_test(requests_of_others),
		cmocka_unit_test(no_token_no_change),
		cmocka_unit_test(signing_in),
		cmocka_unit_test(what_a_password_comes_to),
		cmocka_unit_test(proxies_say_who_it_is),
		cmocka_unit_test(a_cookie_is_whole),
		cmocka_unit_test(what_is_kept_is_asked_again),
		cmocka_unit_test(a_message_is_analysed),
		cmocka_unit_test(a_message_is_verified),
		cmocka_unit_test(roles_and_the_queue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
