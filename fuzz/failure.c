/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever mail: of each failure that may be in it, what is told keeps the promises of report.h. */
#include <errno.h>

#include "base/utf8.h"
#include "core/ingest/failure.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(struct gp_slice s)
{
	gp_assert(s.len <= GP_INGEST_TEXT_MAX && (s.len == 0 || gp_utf8_printable(s)));
}

static void
check_name(struct gp_slice s)
{
	check_text(s);
	gp_assert(s.len <= GP_INGEST_NAME_MAX);
	for (size_t i = 0; i < s.len; i++)
		gp_assert(s.ptr[i] == gp_ascii_lower(s.ptr[i]) && s.ptr[i] != ' ');
}

static int
check_head(void *context, const struct gp_ingest_head *h)
{
	(void)context;
	gp_assert(h->kind == GP_INGEST_FAILURE && h->begin >= 0 && h->begin == h->end);
	check_name(h->org);
	check_name(h->domain);
	check_text(h->email);
	check_text(h->id);
	gp_assert(h->domain.len > 0);
	return 0;
}

static int
check_failure(void *context, const struct gp_ingest_failure *f)
{
	(void)context;
	const struct gp_slice texts[] = {f->type,          f->delivery,    f->header_from,
					 f->envelope_from, f->envelope_to, f->subject,
					 f->message_id,    f->results,     f->spf_record};
	for (size_t i = 0; i < GP_ARRAY_LEN(texts); i++)
		check_text(texts[i]);
	check_name(f->domain);
	check_name(f->dkim_domain);
	check_name(f->dkim_selector);
	gp_assert(f->incidents >= 1 && f->header.len <= GP_INGEST_HEADER_MAX);
	for (struct gp_slice rest = f->header; rest.len > 0;)
		check_text(gp_slice_cut(&rest, '\n'));
	return 0;
}

static int
check_flaw(void *context, uint64_t record, bool lost, const char *why)
{
	(void)context;
	(void)lost;
	gp_assert(record == 0 && why[0] != '\0');
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(64 << 20);
	struct gp_ingest_mail mail;
	const struct gp_ingest_listener listener = {
		.head = check_head, .failure = check_failure, .flaw = check_flaw};
	gp_assert(gp_ingest_mail_read(gp_slice((const char *)data, size), &arena, &mail) == 0);
	for (size_t i = 0; i < mail.len; i++) {
		const struct gp_ingest_candidate *c = &mail.candidates[i];
		if (c->kind == GP_INGEST_FEEDBACK || c->kind == GP_INGEST_TEXT)
			gp_assert(gp_ingest_failure_read(c, mail.header, &listener, &arena) == 0);
	}
	gp_arena_free(&arena);
	return 0;
}
