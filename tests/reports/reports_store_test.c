/* SPDX-License-Identifier: Apache-2.0 */
/* The reports database: what was counted comes back, until when it is there, and what is due. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/dkim/signature.h"
#include "core/dmarc/record.h"
#include "core/spf/spf.h"
#include "procs/reports/store.h"

enum {
	DAY_S = 86400,
	SPREAD_S = 4 * 3600,
	PAUSE_S = 900,
	ARENA_MAX = 32 << 20,
};
#define TODAY UINT64_C(1800057600)
#define TOMORROW (TODAY + DAY_S)

static const struct store_period today = {TODAY, TODAY + DAY_S - 1};
static const char ours[4] = {127, 0, 0, 1};
static const char theirs[16] = {0x20, 0x01, 0x0d, (char)0xb8, [15] = 1};

static char folder[] = "/tmp/gp-reports-XXXXXX";
static int folder_fd = -1;
static struct store *store;
static struct gp_arena arena = {.max = ARENA_MAX};

static void
open_again(void)
{
	store = store_close(store);
	assert_int_equal(store_open(folder_fd, &store), 0);
}

/* Each test has a folder and a database of its own. */
static int
set_up(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(folder));
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(folder_fd >= 0);
	open_again();
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const files[] = {"reports.db", "reports.db-wal", "reports.db-journal"};
	(void)state;
	store = store_close(store);
	for (size_t i = 0; i < GP_ARRAY_LEN(files); i++)
		(void)unlinkat(folder_fd, files[i], 0);
	close(folder_fd);
	assert_int_equal(rmdir(folder), 0);
	gp_arena_free(&arena);
	return 0;
}

static struct gp_tls_count
count(uint8_t type, uint8_t result, const char *strings, const char *reason)
{
	return (struct gp_tls_count){
		.type = type,
		.result = result,
		.domain = GP_SLICE("mx.example.net"),
		.strings = gp_slice_str(strings),
		.mx = GP_SLICE("a\nb"),
		.reason = gp_slice_str(reason),
	};
}

static int
tell_in(const struct store_period *period, const char *domain, struct gp_tls_count c)
{
	struct gp_msg_tls_result m = {
		.domain = gp_slice_str(domain),
		.mx_host = GP_SLICE("mx.example.net"),
		.sending = gp_slice(ours, sizeof(ours)),
		.receiving = gp_slice(theirs, sizeof(theirs)),
		.counts = &c,
		.counts_len = 1,
	};
	return store_count_tls(store, period, &m);
}

static int
tell(const char *domain, struct gp_tls_count c)
{
	return tell_in(&today, domain, c);
}

static const struct gp_tls_count fine = {
	.type = GP_TLSRPT_NO_POLICY, .result = GP_TLSRPT_SUCCESS, .domain = {"example.net", 11}};

static uint64_t
first_pause_s(enum store_kind kind)
{
	return kind == STORE_TLS ? PAUSE_S : 2 * PAUSE_S;
}

/* The one report that is due at `now`. */
static struct store_report
take(uint64_t now_s)
{
	struct store_report r;
	assert_int_equal(store_take(store, now_s, first_pause_s, &arena, &r), 0);
	return r;
}

static void
assert_nothing_due(uint64_t now_s)
{
	struct store_report r;
	assert_int_equal(store_take(store, now_s, first_pause_s, &arena, &r), 1);
}

/* --- counts --- */

static void
counts_come_back(void **state)
{
	struct gp_tlsrpt_report report = {};
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			tell("example.net", count(GP_TLSRPT_STS, GP_TLSRPT_SUCCESS, "x\n\ny", "")),
			0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			tell("example.net",
			     count(GP_TLSRPT_STS, GP_TLSRPT_VALIDATION_FAILURE, "x\n\ny", "why")),
			0);
	assert_int_equal(tell("example.net", count(GP_TLSRPT_TLSA, GP_TLSRPT_TLSA_INVALID, "", "")),
			 0);
	assert_int_equal(tell("example.org", fine), 0);
	open_again();
	assert_int_equal(store_end_periods(store, STORE_TLS, TOMORROW, 1), 0);
	for (int i = 0; i < 2; i++) {
		struct store_report due = take(TOMORROW);
		if (gp_slice_eq(due.domain, GP_SLICE("example.org")))
			continue;
		assert_slice(due.domain, "example.net");
		assert_int_equal(store_read_tls(store, &due, &arena, &report), 0);
	}
	assert_int_equal(report.counts_len, 2);
	const struct gp_tlsrpt_counts *sts = &report.counts[0], *tlsa = &report.counts[1];
	assert_int_equal(sts->policy, GP_TLSRPT_STS);
	assert_slice(sts->domain, "mx.example.net");
	assert_int_equal(sts->strings_len, 3);
	assert_slice(sts->strings[0], "x");
	assert_slice(sts->strings[1], "");
	assert_slice(sts->strings[2], "y");
	assert_int_equal(sts->mx_len, 2);
	assert_int_equal(sts->successes, 3);
	assert_int_equal(sts->failures, 2);
	assert_int_equal(sts->details_len, 1);
	assert_int_equal(sts->details[0].result, GP_TLSRPT_VALIDATION_FAILURE);
	assert_slice(sts->details[0].sending_ip, "127.0.0.1");
	assert_slice(sts->details[0].receiving_ip, "2001:db8::1");
	assert_slice(sts->details[0].mx_host, "mx.example.net");
	assert_slice(sts->details[0].reason, "why");
	assert_int_equal(sts->details[0].sessions, 2);
	assert_int_equal(tlsa->policy, GP_TLSRPT_TLSA);
	assert_int_equal(tlsa->strings_len, 0);
	assert_int_equal(tlsa->failures, 1);
}

static void
what_was_not_synced_is_gone(void **state)
{
	struct store *crashed;
	(void)state;
	assert_int_equal(tell("example.net", fine), 0);
	assert_int_equal(store_sync(store), 0);
	assert_int_equal(tell("example.org", fine), 0);
	/* The end of a process, for SQLite: its locks are the process's, so a child looks. */
	pid_t child = fork();
	if (child == 0) {
		int r = store_open(folder_fd, &crashed);
		_exit(r == 0 ? 0 : r == -EBUSY ? 2 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 2);
	open_again();
	assert_int_equal(store_end_periods(store, STORE_TLS, TOMORROW, 1), 0);
	(void)take(TOMORROW);
	(void)take(TOMORROW);
	assert_nothing_due(TOMORROW);
}

static void
a_full_disk_takes_the_last_transaction_only(void **state)
{
	struct rlimit before, none;
	(void)state;
	assert_int_equal(tell("example.net", fine), 0);
	assert_int_equal(store_sync(store), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(tell("example.org", fine), 0);
	int r = store_sync(store);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(r < 0);
	assert_int_equal(tell("example.com", fine), 0);
	assert_int_equal(store_sync(store), 0);
	assert_int_equal(store_end_periods(store, STORE_TLS, TOMORROW, 1), 0);
	for (int i = 0; i < 2; i++)
		assert_false(gp_slice_eq(take(TOMORROW).domain, GP_SLICE("example.org")));
	assert_nothing_due(TOMORROW);
}

static void
many_policies_and_kinds_have_an_end(void **state)
{
	struct gp_tlsrpt_report report = {};
	char text[16];
	(void)state;
	for (int i = 0; i < STORE_FAILURES_MAX + 50; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_int_equal(
			tell("example.net",
			     count(GP_TLSRPT_STS, GP_TLSRPT_CERTIFICATE_EXPIRED, "x", text)),
			0);
	}
	/* One that is known counts as before. */
	assert_int_equal(
		tell("example.net", count(GP_TLSRPT_STS, GP_TLSRPT_CERTIFICATE_EXPIRED, "x", "0")),
		0);
	for (int i = 1; i < STORE_POLICIES_MAX + 1; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_int_equal(
			tell("example.net", count(GP_TLSRPT_STS, GP_TLSRPT_SUCCESS, text, "")),
			i == STORE_POLICIES_MAX);
	}
	assert_int_equal(store_end_periods(store, STORE_TLS, TOMORROW, 1), 0);
	struct store_report due = take(TOMORROW);
	assert_int_equal(store_read_tls(store, &due, &arena, &report), 0);
	assert_int_equal(report.counts_len, STORE_POLICIES_MAX);
	assert_int_equal(report.counts[0].failures, STORE_FAILURES_MAX + 51);
	assert_int_equal(report.counts[0].details_len, STORE_FAILURES_MAX + 1);
	uint64_t sum = 0;
	for (size_t i = 0; i < report.counts[0].details_len; i++) {
		const struct gp_tlsrpt_failure *f = &report.counts[0].details[i];
		sum += f->sessions;
		if (f->sessions > 2)
			assert_true(f->sessions == 50 && f->reason.len == 0 && f->mx_host.len == 0);
	}
	assert_int_equal(sum, STORE_FAILURES_MAX + 51);
}

/* --- what is due --- */

static void
a_report_is_due_within_the_spread(void **state)
{
	uint64_t earliest = UINT64_MAX, latest = 0;
	char domain[16];
	(void)state;
	for (int i = 0; i < 200; i++) {
		snprintf(domain, sizeof(domain), "d%d.example", i);
		assert_int_equal(tell(domain, fine), 0);
	}
	assert_int_equal(store_end_periods(store, STORE_TLS, TOMORROW - 1, SPREAD_S), 0);
	assert_int_equal(store_next_s(store), UINT64_MAX);
	assert_int_equal(store_end_periods(store, STORE_TLS, TOMORROW, SPREAD_S), 0);
	/* Once more changes nothing. */
	uint64_t first = store_next_s(store);
	assert_int_equal(store_end_periods(store, STORE_TLS, TOMORROW, SPREAD_S), 0);
	assert_int_equal(store_next_s(store), first);
	for (int i = 0; i < 200; i++) {
		uint64_t at = store_next_s(store);
		struct store_report due = take(at);
		earliest = GP_MIN(earliest, at);
		latest = GP_MAX(latest, at);
		assert_int_equal(store_settle(store, due.id, STORE_SENT), 0);
	}
	assert_true(earliest >= TOMORROW && earliest < TOMORROW + SPREAD_S / 4);
	assert_true(latest < TOMORROW + SPREAD_S && latest > TOMORROW + SPREAD_S / 4 * 3);
	assert_int_equal(store_next_s(store), UINT64_MAX);
}

static void
attempts_grow_apart_and_outlive_a_restart(void **state)
{
	uint64_t now = TOMORROW, pause = PAUSE_S;
	(void)state;
	assert_int_equal(tell("example.net", fine), 0);
	assert_int_equal(store_end_periods(store, STORE_TLS, now, 1), 0);
	struct store_report first = take(now);
	assert_int_equal(first.first_s, now);
	assert_int_equal(first.period.start_s, today.start_s);
	assert_int_equal(first.period.end_s, today.end_s);
	assert_int_equal(first.unique.len, STORE_UNIQUE_LEN);
	for (int i = 0; i < 5; i++) {
		open_again();
		assert_nothing_due(now + pause - 1);
		now += pause;
		pause *= 2;
		struct store_report again = take(now);
		assert_int_equal(again.id, first.id);
		assert_int_equal(again.first_s, first.first_s);
		assert_true(gp_slice_eq(again.unique, first.unique));
	}
	assert_int_equal(store_settle(store, first.id, STORE_FAILED), 0);
	open_again();
	assert_nothing_due(UINT64_C(1) << 40);
}

static void
places_are_remembered(void **state)
{
	(void)state;
	assert_int_equal(tell("example.net", fine), 0);
	assert_int_equal(store_end_periods(store, STORE_TLS, TOMORROW, 1), 0);
	uint64_t id = take(TOMORROW).id;
	struct gp_slice one = GP_SLICE("mailto:a@example.net"),
			two = GP_SLICE("https://example.net/");
	assert_int_equal(store_settle_place(store, id, 0, one, STORE_SENT, GP_SLICE("")), 0);
	assert_int_equal(store_settle_place(store, id, 0, two, STORE_FAILED, GP_SLICE("no")), 0);
	open_again();
	assert_int_equal(store_place(store, id, 0, one), STORE_SENT);
	assert_int_equal(store_place(store, id, 0, two), STORE_FAILED);
	assert_int_equal(store_place(store, id, 0, GP_SLICE("mailto:b@example.net")), STORE_OPEN);
	assert_int_equal(store_place(store, id + 1, 0, one), STORE_OPEN);
}

static void
what_is_old_is_forgotten(void **state)
{
	struct gp_tlsrpt_report report;
	(void)state;
	assert_int_equal(
		tell("example.net", count(GP_TLSRPT_STS, GP_TLSRPT_CERTIFICATE_EXPIRED, "", "")),
		0);
	assert_int_equal(store_end_periods(store, STORE_TLS, TOMORROW, 1), 0);
	struct store_report due = take(TOMORROW);
	assert_int_equal(store_settle_place(store, due.id, 0, GP_SLICE("mailto:a@example.net"),
					    STORE_SENT, GP_SLICE("")),
			 0);
	assert_int_equal(store_end_periods(store, STORE_TLS, TOMORROW + STORE_KEEP_S - 1, 1), 0);
	assert_int_equal(store_read_tls(store, &due, &arena, &report), 0);
	assert_int_equal(store_end_periods(store, STORE_TLS, TOMORROW + STORE_KEEP_S, 1), 0);
	assert_int_equal(store_read_tls(store, &due, &arena, &report), -EIO);
	assert_int_equal(store_place(store, due.id, 0, GP_SLICE("mailto:a@example.net")),
			 STORE_OPEN);
	assert_int_equal(store_next_s(store), UINT64_MAX);
}

/* --- DMARC --- */

static const struct gp_dmarcrpt_signature signatures[] = {
	{{"example.net", 11}, {"s1", 2}, GP_DKIM_PASS},
	{{"list.example", 12}, {"x", 1}, GP_DKIM_TEMPERROR},
};

static struct gp_msg_dmarc_result
message(const char *domain, const char *envelope)
{
	return (struct gp_msg_dmarc_result){
		.policy = {.domain = gp_slice_str(domain),
			   .p = GP_DMARC_P_REJECT,
			   .sp = GP_DMARC_P_QUARANTINE,
			   .np = GP_DMARC_P_NONE,
			   .aspf_strict = true,
			   .fo = GP_DMARC_FO_DKIM},
		.row = {.source = GP_SLICE("192.0.2.1"),
			.disposition = GP_DMARCRPT_QUARANTINE,
			.override = GP_DMARCRPT_LOCAL_POLICY,
			.dkim_aligned = true,
			.header_from = gp_slice_str(domain),
			.envelope_from = gp_slice_str(envelope),
			.spf_domain = GP_SLICE("helo.example"),
			.spf = GP_SPF_SOFTFAIL,
			.signatures = signatures,
			.signatures_len = 2},
	};
}

static int
tell_of(const char *domain, const char *envelope)
{
	const struct gp_msg_dmarc_result m = message(domain, envelope);
	return store_count_dmarc(store, &today, &m);
}

static void
messages_come_back(void **state)
{
	struct gp_dmarcrpt_report report = {};
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(tell_of("example.net", "a.example"), 0);
	/* The last policy is the one that is told. */
	struct gp_msg_dmarc_result later = message("example.net", "b.example");
	later.policy.testing = true;
	later.policy.flaw = GP_SLICE("rua=x");
	later.row.signatures_len = 0;
	later.row.source = GP_SLICE("192.0.2.2");
	later.row.override = GP_DMARCRPT_ARC;
	assert_int_equal(store_count_dmarc(store, &today, &later), 0);
	open_again();
	assert_int_equal(store_end_periods(store, STORE_DMARC, TOMORROW, 1), 0);
	struct store_report due = take(TOMORROW);
	assert_int_equal(due.kind, STORE_DMARC);
	assert_slice(due.domain, "example.net");
	assert_int_equal(store_read_dmarc(store, &due, 0, 10, &arena, &report), 0);
	const struct gp_dmarcrpt_policy *p = &report.policy;
	assert_true(p->p == GP_DMARC_P_REJECT && p->sp == GP_DMARC_P_QUARANTINE &&
		    p->np == GP_DMARC_P_NONE && !p->adkim_strict && p->aspf_strict && p->testing);
	assert_int_equal(p->fo, GP_DMARC_FO_DKIM);
	assert_slice(p->flaw, "rua=x");
	assert_int_equal(report.rows_len, 2);
	const struct gp_dmarcrpt_row *row = &report.rows[0];
	assert_int_equal(row->messages, 3);
	assert_slice(row->source, "192.0.2.1");
	assert_slice(row->header_from, "example.net");
	assert_slice(row->envelope_from, "a.example");
	assert_slice(row->spf_domain, "helo.example");
	assert_true(row->disposition == GP_DMARCRPT_QUARANTINE && row->dkim_aligned &&
		    row->override == GP_DMARCRPT_LOCAL_POLICY && !row->spf_aligned &&
		    row->spf == GP_SPF_SOFTFAIL);
	assert_int_equal(row->signatures_len, 2);
	assert_slice(row->signatures[1].domain, "list.example");
	assert_slice(row->signatures[1].selector, "x");
	assert_int_equal(row->signatures[1].result, GP_DKIM_TEMPERROR);
	assert_slice(report.rows[1].envelope_from, "b.example");
	assert_int_equal(report.rows[1].signatures_len, 0);
	assert_int_equal(report.rows[1].override, GP_DMARCRPT_ARC);
}

static void
rows_come_in_pieces_and_in_one_order(void **state)
{
	struct gp_dmarcrpt_report whole = {}, piece = {};
	char text[16];
	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(text, sizeof(text), "e%d.example", (i * 7) % 10);
		assert_int_equal(tell_of("example.net", text), 0);
	}
	assert_int_equal(store_end_periods(store, STORE_DMARC, TOMORROW, 1), 0);
	struct store_report due = take(TOMORROW);
	assert_int_equal(store_read_dmarc(store, &due, 0, 100, &arena, &whole), 0);
	assert_int_equal(whole.rows_len, 10);
	for (size_t at = 0; at < 10; at += piece.rows_len) {
		assert_int_equal(store_read_dmarc(store, &due, at, 3, &arena, &piece), 0);
		assert_int_equal(piece.rows_len, at == 9 ? 1 : 3);
		for (size_t i = 0; i < piece.rows_len; i++)
			assert_true(gp_slice_eq(piece.rows[i].envelope_from,
						whole.rows[at + i].envelope_from));
	}
	assert_int_equal(store_read_dmarc(store, &due, 10, 3, &arena, &piece), 1);
}

static void
many_kinds_of_message_have_an_end(void **state)
{
	struct gp_dmarcrpt_report report = {};
	char text[16];
	(void)state;
	for (int i = 0; i < STORE_ROWS_MAX + 7; i++) {
		snprintf(text, sizeof(text), "e%d.example", i);
		assert_int_equal(tell_of("example.net", text), i >= STORE_ROWS_MAX);
	}
	/* One that is known counts as before; another domain is not its neighbour's victim. */
	assert_int_equal(tell_of("example.net", "e0.example"), 0);
	assert_int_equal(tell_of("example.org", "e0.example"), 0);
	assert_int_equal(store_end_periods(store, STORE_DMARC, TOMORROW, 1), 0);
	for (int i = 0; i < 2; i++) {
		struct store_report due = take(TOMORROW);
		bool full = gp_slice_eq(due.domain, GP_SLICE("example.net"));
		assert_int_equal(store_read_dmarc(store, &due, 0, 2, &arena, &report), 0);
		assert_int_equal(report.left_out, full ? 7 : 0);
		assert_int_equal(report.rows_len, full ? 2 : 1);
		assert_int_equal(report.rows[0].messages, full ? 2 : 1);
	}
}

static void
many_domains_have_an_end(void **state)
{
	char text[24];
	(void)state;
	for (int i = 0; i < STORE_DOMAINS_MAX + 3; i++) {
		snprintf(text, sizeof(text), "d%d.example", i);
		assert_int_equal(tell_of(text, "a.example"), i >= STORE_DOMAINS_MAX);
	}
	assert_int_equal(tell_of("d0.example", "b.example"), 0);
	const struct store_period next = {TOMORROW, TOMORROW + DAY_S - 1};
	const struct gp_msg_dmarc_result m = message("late.example", "a.example");
	assert_int_equal(store_count_dmarc(store, &next, &m), 0);
}

/* So many rows that they are not counted one by one here. */
static void
set_rows_of_today(int rows)
{
	char path[64], sql[64];
	sqlite3 *db = NULL;
	store = store_close(store);
	snprintf(path, sizeof(path), "%s/reports.db", folder);
	snprintf(sql, sizeof(sql), "UPDATE dmarc_period SET kinds = %d", rows);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_changes(db), 1);
	sqlite3_close(db);
	open_again();
}

static void
many_rows_of_all_domains_have_an_end(void **state)
{
	(void)state;
	assert_int_equal(tell_of("example.net", "a.example"), 0);
	set_rows_of_today(STORE_PERIOD_ROWS_MAX - 1);
	assert_int_equal(tell_of("example.net", "b.example"), 0);
	assert_int_equal(tell_of("example.net", "c.example"), 1);
	assert_int_equal(tell_of("example.org", "a.example"), 1);
	assert_int_equal(tell_of("example.net", "a.example"), 0);
}

static void
messages_are_forgotten_sooner(void **state)
{
	struct gp_dmarcrpt_report report;
	uint64_t last_s = today.end_s + STORE_KEEP_DMARC_S;
	(void)state;
	assert_int_equal(tell("example.net", fine), 0);
	assert_int_equal(tell_of("example.net", "a.example"), 0);
	assert_int_equal(store_end_periods(store, STORE_DMARC, TOMORROW, 1), 0);
	struct store_report due = take(TOMORROW);
	assert_int_equal(store_end_periods(store, STORE_DMARC, last_s, 1), 0);
	assert_int_equal(store_read_dmarc(store, &due, 0, 1, &arena, &report), 0);
	assert_int_equal(store_end_periods(store, STORE_DMARC, last_s + 1, 1), 0);
	assert_int_equal(store_read_dmarc(store, &due, 0, 1, &arena, &report), -EIO);
	assert_nothing_due(last_s + DAY_S);
	assert_int_equal(store_end_periods(store, STORE_TLS, last_s + 1, 1), 0);
	assert_int_equal(take(last_s + DAY_S).kind, STORE_TLS);
}

/* Two kinds on one day are two reports, each with its own pauses and places. */
static void
kinds_do_not_meet(void **state)
{
	struct gp_slice uri = GP_SLICE("mailto:a@example.net");
	(void)state;
	assert_int_equal(tell("example.net", fine), 0);
	assert_int_equal(tell_of("example.net", "a.example"), 0);
	assert_int_equal(store_end_periods(store, STORE_TLS, TOMORROW, 1), 0);
	assert_int_equal(store_end_periods(store, STORE_DMARC, TOMORROW, 1), 0);
	struct store_report one = take(TOMORROW), two = take(TOMORROW);
	assert_true(one.kind != two.kind && one.id != two.id);
	assert_false(gp_slice_eq(one.unique, two.unique));
	assert_int_equal(take(TOMORROW + PAUSE_S).kind, STORE_TLS);
	assert_int_equal(take(TOMORROW + 2 * PAUSE_S).kind, STORE_DMARC);
	assert_int_equal(store_settle_place(store, one.id, 0, uri, STORE_SENT, GP_SLICE("")), 0);
	assert_int_equal(store_place(store, one.id, 0, uri), STORE_SENT);
	assert_int_equal(store_place(store, one.id, 1000, uri), STORE_OPEN);
	assert_int_equal(store_place(store, two.id, 0, uri), STORE_OPEN);
}

/* --- files that are not ours --- */

static void
write_file(const char *text)
{
	int fd = openat(folder_fd, "reports.db", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void
another_file_is_left_alone(void **state)
{
	char back[32] = "";
	(void)state;
	store = store_close(store);
	write_file("not a database, but 100 octets or more, so that SQLite looks at what they say: "
		   "nothing that it knows");
	assert_int_equal(store_open(folder_fd, &store), -EIO);
	assert_null(store);
	int fd = openat(folder_fd, "reports.db", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, back, 14), 14);
	close(fd);
	assert_string_equal(back, "not a database");
}

/* The tables as the first version made them, with a report that is half sent. */
static const char first_version[] =
	"CREATE TABLE tls_policy (id INTEGER PRIMARY KEY, start_s INTEGER NOT NULL,"
	" end_s INTEGER NOT NULL, domain TEXT NOT NULL, type TEXT NOT NULL,"
	" policy_domain TEXT NOT NULL, strings TEXT NOT NULL, mx TEXT NOT NULL,"
	" successes INTEGER NOT NULL, failures INTEGER NOT NULL);"
	"CREATE TABLE tls_failure (policy INTEGER NOT NULL REFERENCES tls_policy ON DELETE CASCADE,"
	" result TEXT NOT NULL, sending_ip TEXT NOT NULL, mx_host TEXT NOT NULL,"
	" receiving_ip TEXT NOT NULL, reason TEXT NOT NULL, sessions INTEGER NOT NULL,"
	" PRIMARY KEY (policy, result, sending_ip, mx_host, receiving_ip, reason)) WITHOUT ROWID;"
	"CREATE TABLE tls_report (id INTEGER PRIMARY KEY, start_s INTEGER NOT NULL,"
	" end_s INTEGER NOT NULL, domain TEXT NOT NULL, unique_id TEXT NOT NULL,"
	" state TEXT NOT NULL DEFAULT 'open', due_s INTEGER NOT NULL, first_s INTEGER,"
	" tries INTEGER NOT NULL DEFAULT 0, UNIQUE (start_s, domain, end_s));"
	"CREATE INDEX tls_report_open ON tls_report (due_s) WHERE state = 'open';"
	"CREATE TABLE tls_place (report INTEGER NOT NULL REFERENCES tls_report ON DELETE CASCADE,"
	" uri TEXT NOT NULL, state TEXT NOT NULL, said TEXT NOT NULL,"
	" PRIMARY KEY (report, uri)) WITHOUT ROWID;"
	"INSERT INTO tls_policy VALUES (1, 1800057600, 1800143999, 'example.net', "
	"'no-policy-found',"
	" 'example.net', '', '', 7, 0);"
	"INSERT INTO tls_report VALUES (5, 1800057600, 1800143999, 'example.net', 'abc', 'open',"
	" 1800144900, 1800144000, 1);"
	"INSERT INTO tls_place VALUES (5, 'mailto:a@example.net', 'sent', '');"
	"PRAGMA user_version = 1;";

static void
what_an_older_version_wrote_goes_on(void **state)
{
	struct gp_tlsrpt_report report = {};
	char path[64];
	sqlite3 *db;
	(void)state;
	store = store_close(store);
	assert_int_equal(unlinkat(folder_fd, "reports.db", 0), 0);
	snprintf(path, sizeof(path), "%s/reports.db", folder);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, first_version, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	open_again();
	assert_int_equal(store_end_periods(store, STORE_TLS, TOMORROW, 1), 0);
	assert_nothing_due(TOMORROW + PAUSE_S - 1);
	struct store_report due = take(TOMORROW + PAUSE_S);
	assert_int_equal(due.id, 5);
	assert_int_equal(due.kind, STORE_TLS);
	assert_slice(due.unique, "abc");
	assert_int_equal(due.first_s, TOMORROW);
	assert_int_equal(store_place(store, 5, 0, GP_SLICE("mailto:a@example.net")), STORE_SENT);
	assert_int_equal(store_read_tls(store, &due, &arena, &report), 0);
	assert_int_equal(report.counts[0].successes, 7);
}

static void
a_later_version_is_left_alone(void **state)
{
	char path[64];
	sqlite3 *db;
	(void)state;
	store = store_close(store);
	snprintf(path, sizeof(path), "%s/reports.db", folder);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(store_open(folder_fd, &store), -EPROTO);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(counts_come_back),
		TEST(what_was_not_synced_is_gone),
		TEST(a_full_disk_takes_the_last_transaction_only),
		TEST(many_policies_and_kinds_have_an_end),
		TEST(a_report_is_due_within_the_spread),
		TEST(attempts_grow_apart_and_outlive_a_restart),
		TEST(places_are_remembered),
		TEST(what_is_old_is_forgotten),
		TEST(messages_come_back),
		TEST(rows_come_in_pieces_and_in_one_order),
		TEST(many_kinds_of_message_have_an_end),
		TEST(many_domains_have_an_end),
		TEST(many_rows_of_all_domains_have_an_end),
		TEST(messages_are_forgotten_sooner),
		TEST(kinds_do_not_meet),
		TEST(what_an_older_version_wrote_goes_on),
		TEST(another_file_is_left_alone),
		TEST(a_later_version_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
