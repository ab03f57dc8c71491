/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reports/words.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <time.h>

#include "base/utf8.h"
#include "core/ingest/report.h"

enum { DAY_S = 24 * 3600 };

#define WORD(list_, number_, otherwise_) \
	((number_) < GP_ARRAY_LEN(list_) && (list_)[number_] ? (list_)[number_] : (otherwise_))

const char *
reports_kind_word(uint8_t kind)
{
	static const char *const words[] = {[GP_INGEST_AGGREGATE] = "dmarc",
					    [GP_INGEST_TLS] = "tls",
					    [GP_INGEST_FAILURE] = "failure"};
	return WORD(words, kind, "unknown");
}

const char *
reports_disposition_word(uint8_t disposition)
{
	static const char *const words[] = {[GP_INGEST_DISPOSITION_NONE] = "none",
					    [GP_INGEST_DISPOSITION_PASS] = "pass",
					    [GP_INGEST_DISPOSITION_QUARANTINE] = "quarantine",
					    [GP_INGEST_DISPOSITION_REJECT] = "reject"};
	return WORD(words, disposition, "unknown");
}

const char *
reports_policy_word(uint8_t policy)
{
	static const char *const words[] = {[GP_INGEST_POLICY_NONE] = "none",
					    [GP_INGEST_POLICY_QUARANTINE] = "quarantine",
					    [GP_INGEST_POLICY_REJECT] = "reject"};
	return WORD(words, policy, "");
}

const char *
reports_reason_word(uint8_t reason)
{
	static const char *const words[] = {
		[GP_INGEST_REASON_FORWARDED] = "forwarded",
		[GP_INGEST_REASON_LOCAL_POLICY] = "local_policy",
		[GP_INGEST_REASON_MAILING_LIST] = "mailing_list",
		[GP_INGEST_REASON_POLICY_TEST_MODE] = "policy_test_mode",
		[GP_INGEST_REASON_SAMPLED_OUT] = "sampled_out",
		[GP_INGEST_REASON_TRUSTED_FORWARDER] = "trusted_forwarder"};
	return WORD(words, reason, "other");
}

const char *
reports_result_word(uint8_t result)
{
	static const char *const words[] = {[GP_INGEST_RESULT_NONE] = "none",
					    [GP_INGEST_RESULT_PASS] = "pass",
					    [GP_INGEST_RESULT_FAIL] = "fail",
					    [GP_INGEST_RESULT_SOFTFAIL] = "softfail",
					    [GP_INGEST_RESULT_NEUTRAL] = "neutral",
					    [GP_INGEST_RESULT_POLICY] = "policy",
					    [GP_INGEST_RESULT_TEMPERROR] = "temperror",
					    [GP_INGEST_RESULT_PERMERROR] = "permerror"};
	return WORD(words, result, "unknown");
}

struct reports_text
reports_time_text(int64_t time_s)
{
	struct reports_text text;
	time_t t = (time_t)time_s;
	struct tm tm;
	if (!gmtime_r(&t, &tm) || strftime(text.s, sizeof(text.s), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return (struct reports_text){"?"};
	return text;
}

struct reports_text
reports_day_text(int64_t day)
{
	struct reports_text text = reports_time_text(day * DAY_S);
	char *end = strchr(text.s, 'T');
	if (end)
		*end = '\0';
	return text;
}

struct reports_text
reports_address_text(const uint8_t address[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct reports_text text = {"?"};
	if (memcmp(address, mapped, sizeof(mapped)) == 0)
		inet_ntop(AF_INET, address + 12, text.s, sizeof(text.s));
	else
		inet_ntop(AF_INET6, address, text.s, sizeof(text.s));
	return text;
}

size_t
reports_columns(struct gp_slice text)
{
	size_t n = 0;
	for (; text.len > 0; n++)
		gp_utf8_take(&text);
	return n;
}

int
reports_width(int columns, struct gp_slice text)
{
	return columns + (int)(text.len - reports_columns(text));
}

void
reports_print_name(FILE *out, const char *name)
{
	struct gp_slice left = gp_slice_str(name);
	while (left.len > 0) {
		struct gp_slice before = left;
		gp_utf8_take(&left);
		struct gp_slice one = gp_slice_take(before, before.len - left.len);
		fprintf(out, "%.*s", GP_SLICE_FMT(gp_utf8_printable(one) ? one : GP_SLICE("?")));
	}
}

struct gp_slice
reports_cut_line(struct gp_slice *text, size_t columns)
{
	struct gp_slice line = *text;
	if (line.len > columns) {
		ptrdiff_t space = gp_slice_rfind(gp_slice_take(line, columns + 1), ' ');
		if (space <= 0)
			space = gp_slice_find(line, ' ');
		if (space > 0)
			line = gp_slice_take(line, (size_t)space);
	}
	*text = gp_slice_trim(gp_slice_drop(*text, line.len));
	return line;
}

void
reports_print_folded(int indent, struct gp_slice text)
{
	while (text.len > 0) {
		struct gp_slice line = reports_cut_line(&text, (size_t)(REPORTS_COLUMNS - indent));
		printf("%*s%.*s\n", indent, "", GP_SLICE_FMT(line));
	}
}
