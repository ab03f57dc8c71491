/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of what arrived, of any content; and a message, of any content, in any pieces: what is
 * found in it is the same, and is read from the list that it makes.
 */
#include <string.h>

#include "cli/scan/canary.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_list(struct gp_slice text)
{
	struct gp_arena arena = GP_ARENA_INIT(16 << 20);
	struct gp_probe_arrival *arrivals = NULL;
	ssize_t n = gp_canary_list_parse(text, &arena, &arrivals);
	for (ssize_t i = 0; i < n; i++)
		gp_assert(arrivals[i].token.len > 0 &&
			  arrivals[i].token.len <= GP_CANARY_TOKEN_MAX);
	gp_arena_free(&arena);
}

static void
check_written(const struct gp_canaries *found)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_buf list = GP_BUF_INIT(1 << 16);
	struct gp_probe_arrival *arrivals = NULL;
	gp_canaries_write(&list, found, 7);
	ssize_t n = gp_canary_list_parse(gp_buf_slice(&list), &arena, &arrivals);
	gp_assert(n == found->len);
	for (ssize_t i = 0; i < n; i++) {
		gp_assert(arrivals[i].message == 7);
		gp_assert(gp_slice_eq(arrivals[i].token, gp_slice_str(found->tokens[i])));
	}
	gp_buf_free(&list);
	gp_arena_free(&arena);
}

static void
check_message(struct gp_slice text, size_t step)
{
	struct gp_canaries whole = {}, pieces = {};
	gp_canaries_feed(&whole, text);
	for (struct gp_slice rest = text; rest.len > 0; rest = gp_slice_drop(rest, step))
		gp_canaries_feed(&pieces, gp_slice_take(rest, step));
	gp_assert(whole.len == pieces.len && whole.len <= GP_CANARY_TOKENS_MAX);
	gp_assert(memcmp(whole.tokens, pieces.tokens, sizeof(whole.tokens)) == 0);
	check_written(&whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice text = gp_slice((const char *)data, size);
	check_list(text);
	check_message(text, 1);
	check_message(text, 7);
	return 0;
}
