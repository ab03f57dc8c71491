/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/ingest/mail.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/id.h"
#include "core/authres/authres.h"
#include "core/ingest/intake.h"
#include "sys/clock.h"

enum {
	ARENA_SLACK = 1 << 20,
	/* An octet of mail makes some four of parts and their decoding. */
	ARENA_FACTOR = 4,
	/* Of this process's time; a report of 20 MB takes half of it. */
	CPU_MS_MAX = 2000,
	FROM_MAX = 253,
};

/* What a listener returns to end a reading. */
enum { TOO_SLOW = 2 };

struct reading {
	struct gp_reportdb *db;
	struct gp_reportdb_origin origin;
	struct gp_ingest_listener keeps;
	struct gp_ingest_listener hears;
	struct ingest_result *result;
	uint64_t began_ms; /* of CPU time */
	bool open;         /* a document is */
	int done;          /* not 0: its outcome is known, or the database failed */
};

/* --- time --- */

static uint64_t
cpu_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* r: what the database said, whose 1 means that the rest of this document is of no interest: it is
 * passed over, since others may follow. */
static int
go_on(struct reading *r, int said)
{
	r->done = r->done != 0 ? r->done : said;
	if (r->done < 0)
		return r->done;
	return cpu_ms() - r->began_ms > CPU_MS_MAX ? TOO_SLOW : 0;
}

/* --- what is heard --- */

static int
on_head(void *context, const struct gp_ingest_head *head)
{
	struct reading *r = context;
	return go_on(r, r->done ? 0 : r->keeps.head(r->keeps.context, head));
}

static int
on_row(void *context, const struct gp_ingest_row *row)
{
	struct reading *r = context;
	return go_on(r, r->done ? 0 : r->keeps.row(r->keeps.context, row));
}

static int
on_tls_policy(void *context, const struct gp_ingest_tls_policy *policy)
{
	struct reading *r = context;
	return go_on(r, r->done ? 0 : r->keeps.tls_policy(r->keeps.context, policy));
}

static int
on_tls_failure(void *context, const struct gp_ingest_tls_failure *failure)
{
	struct reading *r = context;
	return go_on(r, r->done ? 0 : r->keeps.tls_failure(r->keeps.context, failure));
}

static int
on_failure(void *context, const struct gp_ingest_failure *failure)
{
	struct reading *r = context;
	return go_on(r, r->done ? 0 : r->keeps.failure(r->keeps.context, failure));
}

static int
on_flaw(void *context, uint64_t record, bool lost, const char *why)
{
	struct reading *r = context;
	return go_on(r, r->done ? 0 : r->keeps.flaw(r->keeps.context, record, lost, why));
}

/* --- documents --- */

static void
count(struct ingest_result *result, const struct gp_reportdb_result *one)
{
	switch (one->outcome) {
	case GP_REPORTDB_KEPT:
		result->kept++;
		break;
	case GP_REPORTDB_DUPLICATE:
	case GP_REPORTDB_OLD:
		result->duplicates++;
		break;
	case GP_REPORTDB_REFUSED:
		result->refused++;
		snprintf(result->reason, sizeof(result->reason), "%s", one->reason);
		break;
	}
}

static int
begin(struct reading *r)
{
	r->done = 0;
	r->open = true;
	int rc = gp_reportdb_begin(r->db, &r->origin);
	r->keeps = gp_reportdb_listener(r->db);
	return rc;
}

static int
end(struct reading *r, const char *refused)
{
	struct gp_reportdb_result one;
	r->open = false;
	if (r->done < 0)
		return r->done;
	int rc = gp_reportdb_end(r->db, refused, &one);
	if (rc == 0)
		count(r->result, &one);
	return rc;
}

static int
on_begin(void *context)
{
	return begin(context);
}

static int
on_end(void *context)
{
	return end(context, NULL);
}

/* A mail without a report, or one that was given up, is in quarantine as a document of its own. */
static int
refuse(struct reading *r, const char *why)
{
	int rc = r->open ? 0 : begin(r);
	return rc < 0 ? rc : end(r, why);
}

/* --- who sent it --- */

static bool
says_pass(const struct gp_authres *a, struct gp_slice *ret_from)
{
	for (size_t i = 0; i < a->results_len; i++) {
		const struct gp_authres_result *r = &a->results[i];
		if (!gp_slice_eq_nocase(r->method, GP_SLICE("dmarc")))
			continue;
		for (size_t k = 0; k < r->properties_len; k++) {
			if (gp_slice_eq_nocase(r->properties[k].name, GP_SLICE("from")))
				*ret_from = r->properties[k].value;
		}
		return gp_slice_eq_nocase(r->result, GP_SLICE("pass"));
	}
	return false;
}

/* By the field of ours, which stands above the trace of whoever sent it: below that one anybody may
 * have written anything. Returns 0 or -ENOMEM. */
static int
find_sender(struct gp_slice mail, struct gp_slice hostname, struct gp_arena *arena,
	    bool *ret_passed, struct gp_slice *ret_from)
{
	static const struct gp_slice name = {"Authentication-Results", 22};
	static const struct gp_slice trace = {"Received", 8};
	struct gp_header h;
	const char *why;
	int rc = gp_header_split(mail, arena, &h);
	*ret_passed = false;
	if (rc < 0)
		return rc;
	size_t top = gp_header_find(&h, trace, 0);
	size_t below = gp_header_find(&h, trace, top < h.fields_len ? top + 1 : top);
	for (size_t i = 0; (i = gp_header_find(&h, name, i)) < below; i++) {
		struct gp_authres a;
		rc = gp_authres_parse(gp_header_value(&h, i), arena, &a, &why);
		if (rc < 0)
			return rc;
		if (rc == 0 && gp_slice_eq_nocase(a.id, hostname)) {
			*ret_passed = says_pass(&a, ret_from);
			return 0;
		}
	}
	return 0;
}

static int
find_origin(struct reading *r, struct gp_slice hostname, uint64_t id, struct gp_slice mail,
	    struct gp_arena *arena)
{
	struct gp_slice from = GP_SLICE("");
	int rc = find_sender(mail, hostname, arena, &r->origin.authenticated, &from);
	r->origin.file = gp_arena_printf(arena, "mail %s%s%.*s", gp_id_text(id).s,
					 from.len > 0 ? " of " : "",
					 (int)GP_MIN(from.len, (size_t)FROM_MAX), from.ptr);
	r->origin.received_s = (int64_t)(gp_clock_wall_us() / 1000000);
	return rc == 0 && !r->origin.file.ptr ? -ENOMEM : rc;
}

/* --- the mail --- */

static int
read_mail(struct reading *r, struct gp_slice mail, uint64_t seed, struct gp_arena *arena)
{
	r->hears = (struct gp_ingest_listener){.context = r,
					       .head = on_head,
					       .row = on_row,
					       .tls_policy = on_tls_policy,
					       .tls_failure = on_tls_failure,
					       .failure = on_failure,
					       .flaw = on_flaw};
	const struct gp_intake intake = {.caps = GP_INTAKE_CAPS_STRANGERS,
					 .seed = seed,
					 .listener = &r->hears,
					 .begin = on_begin,
					 .end = on_end};
	struct gp_intake_result got = {};
	r->began_ms = cpu_ms();
	int rc = gp_intake_read(&intake, mail, arena, &got);
	if (rc == TOO_SLOW)
		return refuse(r, "reading it takes too long");
	/* Hostile mail takes its own memory, not the machine's. */
	if (rc == -ENOMEM && arena->failed && r->done == 0)
		return refuse(r, "reading it takes too much memory");
	if (rc == 0 && got.reports == 0)
		return refuse(r, got.why ? got.why : "there is no report in it");
	return rc;
}

int
ingest_mail(struct gp_reportdb *db, const struct ingest_from *from, struct gp_slice mail,
	    struct ingest_result *ret)
{
	struct gp_arena arena =
		GP_ARENA_INIT(mail.len * ARENA_FACTOR + GP_INTAKE_ARENA_MAX + ARENA_SLACK);
	struct reading r = {.db = db, .result = ret};
	*ret = (struct ingest_result){};
	int rc = find_origin(&r, from->hostname, from->id, mail, &arena);
	if (rc == 0)
		rc = read_mail(&r, mail, from->seed, &arena);
	gp_arena_free(&arena);
	return rc;
}
