/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SASL exchange whose client says whatever the input is: the first octet chooses the mechanism
 * and the channel, the rest is responses, which 0xFE separates.
 */
#include "core/sasl/server.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MECHANISMS = 6, SEPARATOR = '\xfe' };

static const struct gp_scram_keys keys = {.iterations = 4096, .salt = {"salt", 4}};

/* The password is "pencil", the token "to.ken" is user's. */
static int
answer(struct gp_sasl *s, int event)
{
	struct gp_slice user = GP_SLICE("user");
	switch (event) {
	case GP_SASL_CHECK_PASSWORD:
		gp_assert(gp_password_valid(s->secret));
		return gp_sasl_verdict(s, gp_slice_eq(s->secret, GP_SLICE("pencil")) ? &s->user
										     : NULL);
	case GP_SASL_CHECK_TOKEN:
		return gp_sasl_verdict(s,
				       gp_slice_eq(s->secret, GP_SLICE("to.ken")) ? &user : NULL);
	case GP_SASL_FETCH_KEYS:
		return gp_sasl_use_keys(s, &keys);
	default:
		return event;
	}
}

/* What may be said of an exchange at any time. */
static void
check(const struct gp_sasl *s, int event, struct gp_arena *arena)
{
	struct gp_slice name;
	gp_assert(event >= GP_SASL_CHALLENGE && event <= GP_SASL_FAILED);
	gp_assert(event != GP_SASL_FAILED || s->reason);
	if (event != GP_SASL_DONE)
		return;
	gp_assert(gp_user_name_parse(s->user, arena, &name) == 0 && gp_slice_eq(name, s->user));
	/* Nobody knows the password of these keys. */
	gp_assert(s->setup.mechanism != GP_SASL_SCRAM_SHA_256 &&
		  s->setup.mechanism != GP_SASL_SCRAM_SHA_256_PLUS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice input = gp_slice((const char *)data, size);
	if (size < 1)
		return 0;
	struct gp_arena arena = GP_ARENA_INIT(GP_SASL_ARENA_MAX);
	struct gp_sasl s;
	struct gp_sasl_setup setup = {.mechanism = GP_SASL_PLAIN + (data[0] & 0x0f) % MECHANISMS,
				      .nonce = GP_SLICE("0123456789abcdefgh")};
	if (data[0] & 0x40)
		setup.tls_exporter = GP_SLICE("exporter");
	if (data[0] & 0x80)
		setup.tls_server_end_point = GP_SLICE("end point");
	input = gp_slice_drop(input, 1);
	struct gp_slice response = gp_slice_cut(&input, SEPARATOR);
	bool initial = !(data[0] & 0x20);
	int event = answer(&s, gp_sasl_begin(&s, &setup, initial ? &response : NULL, &arena));
	/* Each response has memory of its own, so that what is kept of it was copied. */
	while (event == GP_SASL_CHALLENGE && input.ptr) {
		struct gp_arena own = GP_ARENA_INIT(1 << 20);
		response = gp_arena_dup(&own, gp_slice_cut(&input, SEPARATOR));
		event = answer(&s, gp_sasl_step(&s, response));
		gp_arena_free(&own);
	}
	if (event > 0)
		check(&s, event, &arena);
	gp_assert(event > 0 || arena.failed);
	gp_arena_free(&arena);
	return 0;
}
