/* SPDX-License-Identifier: Apache-2.0 */
/* A file of answers, and the way to "d.test" in the world that it describes. */
#include <errno.h>

#include "core/mx/mx.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t seed[2] = {1, 2};
	static const struct gp_slice us[] = {{"relay.test", 10}};
	static const struct gp_mx_endpoint endpoint = {{192, 0, 2, 99}, 4, 32, 25};
	static const struct gp_mx_self self = {us, 1, &endpoint, 1};
	struct gp_arena arena = GP_ARENA_INIT(1 << 22);
	struct gp_answers *set = NULL;
	struct gp_slice why;
	struct gp_mx_query query = {.domain = GP_SLICE("d.test"), .self = &self, .seed = size};
	struct gp_mx_result result;
	if (gp_answers_from_json(gp_slice((const char *)data, size), &arena, seed, &set, &why) ==
	    0) {
		int rc = gp_mx_eval(&query, set, &arena, &result);
		gp_assert(rc == GP_MX_DONE || rc == GP_MX_FAILED || rc == -ENOMEM);
		gp_assert(rc != GP_MX_DONE || result.targets_len > 0);
		gp_assert(result.targets_len <= GP_MX_ADDRESSES_MAX);
	}
	gp_answers_free(set);
	gp_arena_free(&arena);
	return 0;
}
