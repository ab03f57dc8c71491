/* SPDX-License-Identifier: Apache-2.0 */
/* Asks a policy as smtpd does: a path in brackets in, a reply and routes out, written as one line.
 */
#pragma once

#include "../config/config_test.h"

#include "core/policy/policy.h"

struct asked {
	struct parsed parsed;
	struct gp_policy *policy;
};

static inline void
ask_setup(struct asked *a, const char *yaml)
{
	static const uint64_t seed[2] = {3, 4};
	parse_good(&a->parsed, yaml, NULL);
	a->policy = gp_policy_new(&a->parsed.cfg, seed);
	assert_non_null(a->policy);
}

static inline void
ask_teardown(struct asked *a)
{
	a->policy = gp_policy_free(a->policy);
	parsed_free(&a->parsed);
}

static const struct gp_client stranger = {{198, 51, 100, 7}, 4, false};
static const struct gp_client own_host = {{10, 0, 0, 1}, 4, true};

static inline void
write_reply(struct gp_buf *out, const struct gp_reply *r)
{
	gp_buf_printf(out, "%u %u.%u.%u", r->code, r->enhanced_class, r->enhanced_subject,
		      r->enhanced_detail);
}

/* "250 2.1.5 TARGET, TARGET", or the refusal's codes, or "no path". */
static inline void
write_admission(struct gp_buf *out, const struct asked *a, const struct gp_client *c,
		struct gp_slice path)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 22);
	struct gp_address rcpt;
	struct gp_admission admission;
	const char *why;
	if (gp_address_parse_path(&path, &arena, &rcpt, &why) != 0 || path.len > 0) {
		gp_buf_put_str(out, "no path");
	} else {
		assert_int_equal(gp_policy_rcpt(a->policy, c, &rcpt, &arena, &admission), 0);
		write_reply(out, &admission.reply);
		assert_int_equal(admission.reply.code == 250, admission.targets_len > 0);
		for (size_t i = 0; i < admission.targets_len; i++)
			gp_buf_printf(out, "%s%.*s", i > 0 ? ", " : " ",
				      GP_SLICE_FMT(admission.targets[i].address));
	}
	gp_arena_free(&arena);
}

/* "DESTINATION|HOST:PORT|MAILBOX", or the codes of what cannot be routed. */
static inline void
write_route(struct gp_buf *out, const struct asked *a, struct gp_slice address)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 22);
	struct gp_route route;
	struct gp_reply reply;
	int rc = gp_policy_route(a->policy, address, &arena, &route, &reply);
	assert_true(rc == 0 || rc == 1);
	if (rc == 1)
		write_reply(out, &reply);
	else
		gp_buf_printf(out, "%.*s|%.*s:%u|%.*s", GP_SLICE_FMT(route.destination),
			      GP_SLICE_FMT(route.host), route.port, GP_SLICE_FMT(route.mailbox));
	gp_arena_free(&arena);
}
