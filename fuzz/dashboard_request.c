/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody who is signed in may ask of the dashboard: a method, a target, a host and a body,
 * each behind a line's end. Whatever it is, the answer has a status, and one of the API is JSON. */
#include <jansson.h>
#include <stdio.h>

#include "procs/web/dashboard.h"
#include "sys/password.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct gp_domain_config domains[] = {{.name = GP_SLICE("a.test")}};
static const struct gp_config cfg = {.hostname = GP_SLICE("mx.test"),
				     .domains = domains,
				     .domains_len = 1,
				     .web = {.user_header = GP_SLICE("X-Who")}};
static struct dashboard dashboard = {.config = &cfg};

static void
sign_in(char cookie[64], char token[SIGNIN_ID_SIZE])
{
	const struct gp_dashboard_user user = {GP_SLICE("chief"), GP_WEB_ADMIN,
					       GP_SLICE("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")};
	char id[SIGNIN_ID_SIZE];
	if (!dashboard.signin) {
		gp_assert(gp_password_setup() == 0);
		dashboard.signin = signin_new();
		gp_assert(dashboard.signin);
		signin_know(dashboard.signin, &user, 1);
	}
	gp_assert(signin_open(dashboard.signin, user.name, 0, id) == 0);
	gp_assert(signin_token(dashboard.signin, gp_slice_str(id), token) == 0);
	snprintf(cookie, 64, "gatepost=%s", id);
}

static void
check(const struct reply *r)
{
	struct gp_slice body = gp_buf_slice(&r->body);
	gp_assert(r->status >= 200 && r->status < 600 && r->type);
	if (!gp_slice_eq(gp_slice_str(r->type), GP_SLICE("application/json")))
		return;
	json_t *value = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);
	gp_assert(value && json_is_object(value));
	json_decref(value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice rest = gp_slice((const char *)data, size);
	struct gp_arena arena = GP_ARENA_INIT(64 * 1024);
	struct reply r = {.body = GP_BUF_INIT(DASHBOARD_ANSWER_MAX)};
	struct dashboard_wish wish;
	char cookie[64], token[SIGNIN_ID_SIZE];
	size_t body;
	sign_in(cookie, token);
	struct dashboard_request q = {.client_len = 4, .wall_s = 1796032800};
	q.method = gp_slice_cut(&rest, '\n');
	q.target = gp_slice_cut(&rest, '\n');
	q.fields[FIELD_HOST] = gp_slice_cut(&rest, '\n');
	q.fields[FIELD_COOKIE] = gp_slice_str(cookie);
	q.fields[FIELD_TOKEN] = gp_slice_str(token);
	q.times[FIELD_HOST] = q.times[FIELD_TOKEN] = 1;
	q.body = rest;
	wish.analysis = NULL;
	enum dashboard_outcome outcome =
		dashboard_head(&dashboard, &q, &body, &r)
			? dashboard_answer(&dashboard, &q, &arena, &wish, &r)
			: DASHBOARD_ANSWERED;
	if (outcome == DASHBOARD_VERIFIES)
		dashboard_verified(wish.analysis, NULL, "because", &r);
	if (outcome == DASHBOARD_ANSWERED || outcome == DASHBOARD_VERIFIES)
		check(&r);
	analysis_free(wish.analysis);
	gp_buf_free(&r.body);
	gp_arena_free(&arena);
	return 0;
}
