/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration; behind a line of five equals signs, the content of every file that it names.
 * What loads must print to a text that loads without files, prints the same, and makes a policy.
 */
#include <errno.h>

#include "core/policy/policy.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
read_file(void *context, struct gp_slice path, struct gp_arena *arena, struct gp_slice *ret_content)
{
	const struct gp_slice *content = context;
	gp_assert(path.ptr[path.len] == '\0');
	*ret_content = gp_arena_dup(arena, *content);
	return ret_content->ptr ? 0 : -ENOMEM;
}

static struct gp_slice
cut_files(struct gp_slice *text)
{
	const struct gp_slice mark = GP_SLICE("\n=====\n");
	for (size_t i = 0; i + mark.len <= text->len; i++) {
		struct gp_slice rest = gp_slice_drop(*text, i);
		if (gp_slice_starts(rest, mark)) {
			*text = gp_slice_take(*text, i);
			return gp_slice_drop(rest, mark.len);
		}
	}
	return gp_slice("", 0);
}

static void
check_canonical(struct gp_slice text)
{
	static const uint64_t seed[2] = {1, 2};
	struct gp_arena arena = GP_ARENA_INIT(GP_CONFIG_ARENA_MAX);
	struct gp_buf again = GP_BUF_INIT(GP_CONFIG_IMAGE_MAX);
	struct gp_config cfg;
	struct gp_complaints complaints;
	int rc = gp_config_parse(text, GP_SLICE("image"), NULL, &arena, &cfg, &complaints);
	gp_assert(rc == 0);
	gp_config_print(&again, &cfg);
	gp_assert(gp_slice_eq(gp_buf_slice(&again), text));
	struct gp_policy *policy = gp_policy_new(&cfg, seed);
	gp_assert(policy);
	gp_policy_free(policy);
	gp_buf_free(&again);
	gp_arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice yaml = gp_slice((const char *)data, size), files = cut_files(&yaml);
	struct gp_config_reader reader = {.read = read_file, .context = &files};
	struct gp_arena arena = GP_ARENA_INIT(GP_CONFIG_ARENA_MAX);
	struct gp_config cfg;
	struct gp_complaints complaints;
	int rc = gp_config_parse(yaml, GP_SLICE("/etc/g/g.yaml"), &reader, &arena, &cfg,
				 &complaints);
	gp_assert((rc == 1) == (complaints.len > 0));
	if (rc == 0) {
		struct gp_buf text = GP_BUF_INIT(GP_CONFIG_IMAGE_MAX);
		gp_config_print(&text, &cfg);
		gp_assert(!text.failed);
		check_canonical(gp_buf_slice(&text));
		gp_buf_free(&text);
	}
	gp_arena_free(&arena);
	return 0;
}
