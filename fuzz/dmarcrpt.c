/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same octets as every text of a DMARC report: XML in which all elements are ours, and without
 * a character that XML cannot have.
 */
#include "base/utf8.h"
#include "core/dkim/signature.h"
#include "core/dmarc/record.h"
#include "core/dmarcrpt/report.h"
#include "core/spf/spf.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
count(struct gp_slice s, char c)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += s.ptr[i] == c;
	return n;
}

/* With the texts in it as many brackets as without, and no control character but our line ends. */
static void
check_xml(struct gp_slice text, size_t brackets)
{
	gp_assert(count(text, '<') == brackets && count(text, '>') == brackets);
	for (size_t i = 0; i < text.len; i++)
		gp_assert((unsigned char)text.ptr[i] >= ' ' || text.ptr[i] == '\n');
	for (struct gp_slice rest = text; rest.len > 0;) {
		uint32_t c = gp_utf8_take(&rest);
		gp_assert(c < GP_UTF8_INVALID && c != 0xfffe && c != 0xffff);
	}
}

static size_t
write_with(struct gp_slice text, size_t brackets)
{
	const struct gp_dmarcrpt_signature signature = {text, text, GP_DKIM_PASS};
	const struct gp_dmarcrpt_row row = {.source = text,
					    .disposition = GP_DMARCRPT_NONE,
					    .header_from = text,
					    .envelope_from = text,
					    .spf_domain = text,
					    .signatures = &signature,
					    .signatures_len = 1};
	const struct gp_dmarcrpt_report r = {.head = {.organization = text,
						      .contact = text,
						      .unique = GP_SLICE("u1"),
						      .submitter = text,
						      .domain = text},
					     .policy = {.domain = text,
							.p = GP_DMARC_P_NONE,
							.sp = GP_DMARC_P_NONE,
							.np = GP_DMARC_P_NONE,
							.flaw = text},
					     .rows = &row,
					     .rows_len = 1};
	struct gp_buf b = GP_BUF_INIT(1 << 18);
	bool written = gp_dmarcrpt_write_xml(&r, &b);
	gp_assert(written);
	size_t found = count(gp_buf_slice(&b), '<');
	if (brackets > 0)
		check_xml(gp_buf_slice(&b), brackets);
	gp_buf_free(&b);
	return found;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* What is empty may be left out. */
	if (size > 0)
		write_with(gp_slice((const char *)data, size), write_with(GP_SLICE("x"), 0));
	return 0;
}
