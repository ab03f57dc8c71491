/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A header of anybody's in a failure report, and the same octets as all its texts: a mail in three
 * parts, whose lines are all of our making.
 */
#include "core/failrpt/redact.h"
#include "core/failrpt/report.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct gp_slice key = {"0123456789abcdef", 16};

/* Each line is short enough, and a field or the rest of one: never empty, never a boundary. */
static void
check_lines(struct gp_slice text)
{
	while (text.len > 0) {
		struct gp_slice line = gp_slice_cut(&text, '\n');
		gp_assert(line.len > 2 && line.len <= 999 && line.ptr[line.len - 1] == '\r');
		gp_assert(gp_ascii_is_alnum(line.ptr[0]) || line.ptr[0] == ' ' ||
			  line.ptr[0] == '\t');
		for (size_t i = 0; i + 1 < line.len; i++)
			gp_assert((line.ptr[i] >= ' ' && line.ptr[i] < 127) || line.ptr[i] == '\t');
	}
}

static size_t
count(struct gp_slice text, struct gp_slice what)
{
	size_t n = 0;
	for (; text.len >= what.len; text = gp_slice_drop(text, 1))
		n += gp_slice_starts(text, what);
	return n;
}

static void
write_mail(struct gp_slice text, struct gp_slice with)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 22);
	struct gp_buf feedback = GP_BUF_INIT(GP_FAILRPT_FEEDBACK_MAX);
	struct gp_buf header = GP_BUF_INIT(GP_FAILRPT_FIELDS_MAX), mail = GP_BUF_INIT(1 << 20);
	const struct gp_failrpt_incident i = {.cause = GP_FAILRPT_DMARC,
					      .delivery = GP_FAILRPT_DELIVERED,
					      .header_from = text,
					      .source = text,
					      .sender = text,
					      .dkim = GP_DKIM_FAIL,
					      .dkim_domain = text,
					      .dkim_selector = text,
					      .dkim_identity = text,
					      .spf_domain = text,
					      .spf_record = text};
	gp_failrpt_write_feedback(&i, with, GP_SLICE("mx.test"), &feedback);
	int r = gp_redact_header(&header, with, text, &arena);
	gp_assert(r == 0 && !feedback.failed);
	check_lines(gp_buf_slice(&feedback));
	check_lines(gp_buf_slice(&header));
	const struct gp_report report = {
		.contact = text, .unique = GP_SLICE("u1u1u1u1"), .submitter = text, .domain = text};
	const struct gp_failrpt_mail m = {.report = &report,
					  .to = text,
					  .texts = {.feedback = gp_buf_slice(&feedback),
						    .header = gp_buf_slice(&header),
						    .redacted = with.len > 0,
						    .incidents = 2}};
	bool written = gp_failrpt_write_mail(&m, &mail);
	gp_assert(written && count(gp_buf_slice(&mail), GP_SLICE("\n--=_u1u1u1u1\r\n")) == 3 &&
		  count(gp_buf_slice(&mail), GP_SLICE("\n--=_u1u1u1u1--\r\n")) == 1);
	gp_buf_free(&feedback);
	gp_buf_free(&header);
	gp_buf_free(&mail);
	gp_arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice text =
		gp_slice((const char *)data, GP_MIN(size, (size_t)GP_REDACT_HEADER_MAX));
	write_mail(text, key);
	write_mail(text, GP_SLICE(""));
	return 0;
}
