/* SPDX-License-Identifier: Apache-2.0 */
/* Worlds of DNS for the tests of this folder, in which d.test's mail goes to mx.test. */
#pragma once

#include "../unit.h"

#include "core/tlspolicy/tlspolicy.h"

static const uint64_t test_seed[2] = {1, 2};

#define D32 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define EE "[3, 1, 1, \"" D32 "\"]"
#define PKIX "[1, 1, 1, \"" D32 "\"]"
#define MX "\"d.test\": {\"MX\": [[10, \"mx.test\"]], \"secure\": true}"
#define MX_UNPROVEN "\"d.test\": {\"MX\": [[10, \"mx.test\"]]}"
#define TWO_MX "\"d.test\": {\"MX\": [[10, \"mx.test\"], [20, \"b.test\"]], \"secure\": true}"
#define HOST(name) "\"" name "\": {\"A\": [\"192.0.2.1\"], \"secure\": true}"
#define HOST_UNPROVEN(name) "\"" name "\": {\"A\": [\"192.0.2.1\"]}"
#define TLSA(base, records) "\"_25._tcp." base "\": {\"TLSA\": [" records "], \"secure\": true}"
#define SERVFAIL(base) "\"_25._tcp." base "\": \"SERVFAIL\""

static inline struct gp_answers *
load_world(const char *dns, struct gp_arena *arena)
{
	struct gp_answers *set = NULL;
	struct gp_slice why;
	int rc = gp_answers_from_json(gp_slice_str(dns), arena, test_seed, &set, &why);
	if (rc != 0)
		fail_msg("%s: %.*s", dns, GP_SLICE_FMT(why));
	return set;
}

/* "MODE PATTERN" as a policy of a day. */
static inline const struct gp_mtasts_policy *
make_sts(const char *mode_and_mx, struct gp_arena *arena)
{
	struct gp_slice mx = gp_slice_str(mode_and_mx), mode = gp_slice_cut(&mx, ' '), why;
	struct gp_slice body =
		gp_arena_printf(arena, "version: STSv1\nmode: %.*s\nmx: %.*s\nmax_age: 86400\n",
				GP_SLICE_FMT(mode), GP_SLICE_FMT(mx));
	struct gp_mtasts_policy *p = gp_arena_new(arena, struct gp_mtasts_policy);
	assert_int_equal(gp_mtasts_policy_parse(body, arena, p, &why), 0);
	return p;
}
