/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <time.h>

#include "base/id.h"
#include "core/authres/authres.h"
#include "core/identity/visible.h"
#include "core/ingest/intake.h"
#include "procs/ingest/ingest.h"

enum {
	ARENA_SLACK = 1 << 20,
	/* An octet of mail makes some four of parts and their decoding. */
	ARENA_FACTOR = 4,
	/* Of this process's time; a report of 20 MB takes half of it. */
	CPU_MS_MAX = 2000,
	FROM_MAX = 253,
};

/* What a listener returns to end a reading. */
enum { TOO_SLOW = 1, OTHER_KIND };

struct reading {
	struct teller *teller;
	struct gp_ingest_listener tells, hears;
	struct gp_slice file;
	bool authenticated;
	struct gp_slice posted_for; /* the domain; empty: it came by mail, and may be of any kind */
	bool names_it;              /* the report that domain; by DANE a policy has its server's */
	uint64_t began_ms;          /* of CPU time */
	bool open;                  /* a document is */
	uint64_t first;
	size_t documents;
};

/* --- time --- */

static uint64_t
cpu_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1'000'000;
}

static int
go_on(const struct reading *r, int said)
{
	if (said != 0)
		return said;
	return cpu_ms() - r->began_ms > CPU_MS_MAX ? TOO_SLOW : 0;
}

/* --- what is heard --- */

static int
on_head(void *context, const struct gp_ingest_head *head)
{
	struct reading *r = context;
	if (r->posted_for.len > 0 && head->kind != GP_INGEST_TLS)
		return OTHER_KIND;
	r->names_it |= gp_slice_eq(head->domain, r->posted_for);
	return go_on(r, r->tells.head(r->tells.context, head));
}

static int
on_row(void *context, const struct gp_ingest_row *row)
{
	struct reading *r = context;
	return go_on(r, r->tells.row(r->tells.context, row));
}

static int
on_tls_policy(void *context, const struct gp_ingest_tls_policy *policy)
{
	struct reading *r = context;
	r->names_it |= gp_slice_eq(policy->domain, r->posted_for);
	return go_on(r, r->tells.tls_policy(r->tells.context, policy));
}

static int
on_tls_failure(void *context, const struct gp_ingest_tls_failure *failure)
{
	struct reading *r = context;
	return go_on(r, r->tells.tls_failure(r->tells.context, failure));
}

static int
on_failure(void *context, const struct gp_ingest_failure *failure)
{
	struct reading *r = context;
	return go_on(r, r->tells.failure(r->tells.context, failure));
}

static int
on_flaw(void *context, uint64_t record, bool lost, const char *why)
{
	struct reading *r = context;
	return go_on(r, r->tells.flaw(r->tells.context, record, lost, why));
}

/* --- documents --- */

static int
on_begin(void *context)
{
	struct reading *r = context;
	uint64_t ticket;
	int rc = teller_begin(r->teller, r->file, r->authenticated, &ticket);
	r->open = rc == 0;
	r->first = r->documents == 0 ? ticket : r->first;
	r->documents += rc == 0;
	return rc;
}

static int
on_end(void *context)
{
	struct reading *r = context;
	bool other = r->posted_for.len > 0 && !r->names_it;
	r->open = false;
	return teller_end(r->teller,
			  other ? "it is not about the domain that it was posted for" : NULL);
}

/* A mail without a report, or the report that was given up. */
static int
refuse(struct reading *r, const char *why)
{
	int rc = r->open ? 0 : on_begin(r);
	return rc == 0 ? teller_end(r->teller, why) : rc;
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
find_origin(struct reading *r, const struct ingest_mail *mail, struct gp_arena *arena)
{
	struct gp_slice from = GP_SLICE("");
	int rc = find_sender(mail->octets, mail->hostname, arena, &r->authenticated, &from);
	struct gp_slice shown = gp_visible(gp_slice_take(from, FROM_MAX), arena);
	r->file = gp_arena_printf(arena, "mail %s%s%.*s", gp_id_text(mail->id).s,
				  from.len > 0 ? " of " : "", GP_SLICE_FMT(shown));
	return rc == 0 && !r->file.ptr ? -ENOMEM : rc;
}

/* --- the octets --- */

static int
read_octets(struct reading *r, struct gp_slice octets, uint64_t seed, struct gp_arena *arena)
{
	r->tells = teller_listener(r->teller);
	r->hears = (struct gp_ingest_listener){.context = r,
					       .head = on_head,
					       .row = on_row,
					       .tls_policy = on_tls_policy,
					       .tls_failure = on_tls_failure,
					       .failure = on_failure,
					       .flaw = on_flaw};
	struct gp_intake intake = {.caps = GP_INTAKE_CAPS_STRANGERS,
				   .seed = seed,
				   .listener = &r->hears,
				   .begin = on_begin,
				   .end = on_end};
	struct gp_intake_result got = {};
	int rc = gp_intake_read(&intake, octets, arena, &got);
	gp_aggregate_free(intake.aggregate);
	if (rc == TOO_SLOW)
		return refuse(r, "reading it takes too long");
	if (rc == OTHER_KIND)
		return refuse(r, "it is no TLS report");
	if (rc == -ENOMEM && arena->failed)
		return refuse(r, "reading it takes too much memory");
	if (rc == 0 && got.reports == 0)
		return refuse(r, got.why ? got.why : "there is no report in it");
	return rc;
}

static void
tell(const struct reading *r, struct ingest_told *ret)
{
	ret->first = r->first;
	ret->len = r->documents;
	ret->authenticated = r->authenticated;
	snprintf(ret->place, sizeof(ret->place), "%.*s", GP_SLICE_FMT(r->file));
}

int
ingest_read(struct teller *t, const struct ingest_mail *mail, struct ingest_told *ret)
{
	struct gp_arena arena =
		GP_ARENA_INIT(mail->octets.len * ARENA_FACTOR + GP_INTAKE_ARENA_MAX + ARENA_SLACK);
	struct reading r = {.teller = t, .began_ms = cpu_ms()};
	int rc = find_origin(&r, mail, &arena);
	if (rc == 0)
		rc = read_octets(&r, mail->octets, mail->seed, &arena);
	tell(&r, ret);
	gp_arena_free(&arena);
	return rc;
}

int
ingest_read_post(struct teller *t, const struct ingest_post *post, struct ingest_told *ret)
{
	struct gp_arena arena = GP_ARENA_INIT(GP_INTAKE_ARENA_MAX + ARENA_SLACK);
	struct reading r = {.teller = t, .posted_for = post->domain, .began_ms = cpu_ms()};
	struct gp_slice client = gp_visible(post->client, &arena);
	r.file = gp_arena_printf(&arena, "post of %.*s", GP_SLICE_FMT(client));
	enum gp_form form = gp_form_of(post->octets);
	int rc = r.file.ptr ? 0 : -ENOMEM;
	/* No mail, with whatever may be in one. */
	if (rc == 0 && form != GP_FORM_GZIP && form != GP_FORM_JSON)
		rc = refuse(&r, "it is neither gzip nor JSON");
	else if (rc == 0)
		rc = read_octets(&r, post->octets, post->seed, &arena);
	tell(&r, ret);
	gp_arena_free(&arena);
	return rc;
}
