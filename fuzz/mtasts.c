/* SPDX-License-Identifier: Apache-2.0 */
/* A policy's body, which is read and, written again in its plain form, read to the same; and the
 * same text as a TXT record. */
#include <string.h>

#include "base/buf.h"
#include "core/mtasts/policy.h"
#include "core/mtasts/record.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_record(struct gp_slice text)
{
	struct gp_dns_record r = {.type = GP_DNS_TXT, .data = text};
	struct gp_dns_answer a = {.status = GP_DNS_OK, .records = &r, .records_len = 1};
	struct gp_slice id;
	enum gp_mtasts_record got = gp_mtasts_record_read(&a, &id);
	gp_assert((got == GP_MTASTS_RECORD_OK) == (id.len > 0));
	gp_assert(id.len <= GP_MTASTS_ID_MAX);
}

static void
check_again(const struct gp_mtasts_policy *p, struct gp_arena *arena)
{
	struct gp_buf plain = GP_BUF_INIT(4 * GP_MTASTS_BODY_MAX);
	struct gp_mtasts_policy again;
	struct gp_slice why;
	gp_buf_printf(&plain, "version: STSv1\nmode: %s\nmax_age: %u\n",
		      gp_mtasts_mode_name(p->mode), p->max_age_s);
	for (size_t i = 0; i < p->mx_len; i++)
		gp_buf_printf(&plain, "mx: %.*s\n", GP_SLICE_FMT(p->mx[i]));
	int rc = gp_mtasts_policy_parse(gp_buf_slice(&plain), arena, &again, &why);
	gp_assert(rc == 0 && again.mode == p->mode && again.max_age_s == p->max_age_s);
	gp_assert(again.mx_len == p->mx_len);
	for (size_t i = 0; i < p->mx_len; i++) {
		gp_assert(gp_slice_eq(again.mx[i], p->mx[i]));
		gp_assert(gp_mtasts_policy_names(p, p->mx[i]));
	}
	gp_buf_free(&plain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 22);
	struct gp_slice text = gp_slice((const char *)data, size), why;
	struct gp_mtasts_policy p;
	check_record(text);
	if (gp_mtasts_policy_parse(text, &arena, &p, &why) == 0)
		check_again(&p, &arena);
	gp_arena_free(&arena);
	return 0;
}
