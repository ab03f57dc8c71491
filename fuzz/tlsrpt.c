/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same octets as a TXT record, and as every text of a report: JSON that reads back, and a mail
 * of 7-bit lines whose header fields are ours.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "core/tlsrpt/record.h"
#include "core/tlsrpt/report.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_record(struct gp_slice text)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_dns_record r = {.type = GP_DNS_TXT, .data = text};
	struct gp_dns_answer a = {.status = GP_DNS_OK, .records = &r, .records_len = 1};
	struct gp_tlsrpt_places p;
	int rc = gp_tlsrpt_record_read(&a, &arena, &p);
	gp_assert((rc == GP_TLSRPT_RECORD_OK) == (p.len > 0));
	for (size_t i = 0; i < p.len; i++) {
		bool mail = p.rua[i].address.len > 0;
		gp_assert(mail != (p.rua[i].host.len > 0));
		gp_assert(mail || (p.rua[i].port > 0 && p.rua[i].path.ptr[0] == '/'));
	}
	gp_arena_free(&arena);
}

static void
check_json(const struct gp_tlsrpt_report *r)
{
	struct gp_buf b = GP_BUF_INIT(1 << 16);
	bool written = gp_tlsrpt_write_json(r, &b);
	gp_assert(written);
	json_t *root = json_loadb(b.ptr + b.head, b.len, JSON_REJECT_DUPLICATES, NULL);
	gp_assert(root && json_object_size(root) >= 3);
	json_decref(root);
	gp_buf_free(&b);
}

static void
check_mail(const struct gp_tlsrpt_report *r, struct gp_slice text)
{
	struct gp_report_mail m = {.form = &gp_tlsrpt_form,
				   .report = &r->head,
				   .from = text,
				   .to = text,
				   .gzip = text};
	struct gp_buf b = GP_BUF_INIT(1 << 24);
	bool written = gp_report_write_mail(&m, &b);
	gp_assert(written && !gp_slice_has_8bit(gp_buf_slice(&b)));
	struct gp_slice rest = gp_buf_slice(&b);
	size_t blank = 0;
	while (rest.len > 0) {
		struct gp_slice line = gp_slice_cut(&rest, '\n');
		gp_assert(line.len > 0 && line.len <= 999 && line.ptr[line.len - 1] == '\r');
		gp_assert(gp_slice_find(gp_slice_take(line, line.len - 1), '\r') < 0);
		blank += line.len == 1;
	}
	gp_assert(blank == 5);
	gp_buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice text = gp_slice((const char *)data, size);
	struct gp_tlsrpt_failure f = {GP_TLSRPT_VALIDATION_FAILURE, text, text, text, text, 1};
	struct gp_tlsrpt_counts c = {GP_TLSRPT_STS, text, &text, 1, &text, 1, 1, 1, &f, 1};
	struct gp_tlsrpt_report r = {.head = {.organization = text,
					      .contact = text,
					      .unique = GP_SLICE("u1"),
					      .submitter = text,
					      .domain = text},
				     .counts = &c,
				     .counts_len = 1};
	check_record(text);
	check_json(&r);
	check_mail(&r, text);
	return 0;
}
