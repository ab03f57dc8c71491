/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dashboard, request by request: who may ask for what, and what the answer is. Nothing here
 * reads or writes a socket; passwords and figures are other processes'.
 *
 *     dashboard_head()   by the head alone: refused, or so many octets of body are to be read
 *     dashboard_answer() the whole request
 *         DASHBOARD_ANSWERED
 *         DASHBOARD_ASKS_PASSWORD: *ret_wish is to be checked, then dashboard_signed_in()
 *         DASHBOARD_ASKS_FIGURES: reports is to be asked *ret_wish, then dashboard_figures()
 *         DASHBOARD_ASKS_QUEUE: spool is, then flow_hear() makes the reply
 *         DASHBOARD_VERIFIES: *ret_wish's message is verified, then dashboard_verified()
 *
 * docs/api.md is what its JSON looks like.
 */
#pragma once

#include "core/config/config.h"
#include "procs/web/analysis.h"
#include "procs/web/flow.h"
#include "procs/web/form.h"
#include "procs/web/reply.h"
#include "procs/web/signin.h"

enum {
	DASHBOARD_BODY_MAX = 1024 * 1024,       /* of a request: a message's header, mostly */
	DASHBOARD_ANSWER_MAX = 4 * 1024 * 1024, /* of what is made for one */
};

/* The fields of a request that count, as each was sent last; empty: it was not. */
enum dashboard_field {
	FIELD_HOST,
	FIELD_COOKIE,
	FIELD_TOKEN,    /* Gatepost-Token */
	FIELD_LENGTH,   /* Content-Length */
	FIELD_TRANSFER, /* Transfer-Encoding */
	FIELD_ETAG,     /* If-None-Match */
	FIELD_SITE,     /* Sec-Fetch-Site, of the browser */
	FIELD_USER,     /* web.user_header, of a proxy */
	FIELD_SCHEME,   /* X-Forwarded-Proto, of a proxy */
	FIELD_COUNT,
};

struct dashboard_request {
	struct gp_slice method, target; /* as they were sent */
	struct gp_slice fields[FIELD_COUNT];
	unsigned times[FIELD_COUNT]; /* how often each was there */
	struct gp_slice body;
	uint8_t client[16]; /* 4 or 16 octets, IPv4-mapped as IPv4 */
	size_t client_len;
	bool tls;
	uint64_t now_ms; /* of a clock that never goes back */
	int64_t wall_s;  /* since 1970 */
};

enum { DASHBOARD_ROLES_MAX = 48 };

struct dashboard {
	const struct gp_config *config; /* the owner sets it anew at each reload */
	struct signin *signin;
	uint64_t started_ms;
	struct gp_role_state roles[DASHBOARD_ROLES_MAX]; /* as the supervisor told last */
	size_t roles_len;
};

/* The field of this name, FIELD_COUNT: it does not count. */
enum dashboard_field
dashboard_field_of(const struct dashboard *d, struct gp_slice name);

/* Whether the request goes on; then *ret_body octets are read first, which dashboard_answer gets.
   False: *r is the answer. */
bool
dashboard_head(const struct dashboard *d, const struct dashboard_request *q, size_t *ret_body,
	       struct reply *r);

enum dashboard_outcome {
	DASHBOARD_ANSWERED,
	DASHBOARD_ASKS_PASSWORD,
	DASHBOARD_ASKS_FIGURES,
	DASHBOARD_ASKS_QUEUE,
	DASHBOARD_VERIFIES,
};

/* What is asked of another process; the texts are the arena's, and a password is to be wiped. */
struct dashboard_wish {
	struct gp_slice user, password;
	struct gp_msg_figures_wanted figures; /* but for its ticket */
	struct gp_msg_queue_request queue;
	bool addresses;            /* whoever asks may see whose mail it is */
	struct analysis *analysis; /* the caller's, to be freed; NULL but for DASHBOARD_VERIFIES */
	struct gp_verify_query verify;
};

/* Of a request that went on. */
enum dashboard_outcome
dashboard_answer(struct dashboard *d, const struct dashboard_request *q, struct gp_arena *arena,
		 struct dashboard_wish *ret_wish, struct reply *r);

/* What a password came to. result: enum gp_auth_result; user: as auth has it, when it was good.
   secure: by dashboard_is_secure of the request. */
void
dashboard_signed_in(struct dashboard *d, uint8_t result, struct gp_slice user, bool secure,
		    uint64_t now_ms, struct reply *r);

/* What reports said. result: enum gp_figures_result. */
void
dashboard_figures(uint8_t result, struct gp_slice json, struct reply *r);

/* What the message came to. facts: NULL: it could not be verified, why_not says so. */
void
dashboard_verified(struct analysis *a, const struct gp_verify_facts *facts, const char *why_not,
		   struct reply *r);

/* Whether the browser speaks HTTPS, to us or to a trusted proxy. */
bool
dashboard_is_secure(const struct dashboard *d, const struct dashboard_request *q);
