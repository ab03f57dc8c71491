/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports out of whatever has arrived: a mail, or the file that was attached to one. The octets say
 * what it is (form.h). This is the one entry; the readers are behind it:
 *
 *     mail      mail.h       candidates, each of which is read
 *     gzip, zip archive.h    one document, in pieces, under caps
 *     XML       aggregate.h
 *     JSON      tls.h
 *     failures  failure.h    in mails alone
 *
 * There may be several reports in a mail. Each begins and ends by itself; what is told between is
 * about that one. Whether it is kept, its flaws say: one by which it is lost (report.h) may come
 * last, as when an archive's checksum is wrong, so nothing may be kept for good before its end.
 *
 * How long a reading may take is for the caller to see to: it is handed one mail's octets, of which
 * no more than the caps is made.
 */
#pragma once

#include "core/ingest/aggregate.h"
#include "core/ingest/archive.h"
#include "core/ingest/form.h"
#include "core/ingest/report.h"

struct gp_intake_caps {
	struct gp_archive_caps archive;
	uint64_t records_max; /* of an aggregate report; one with more is refused */
};

enum {
	GP_INTAKE_STRANGERS_RECORDS = 100000,
	GP_INTAKE_ARENA_MAX = 8 << 20,
};

/* For what strangers send. */
#define GP_INTAKE_CAPS_STRANGERS                                                      \
	((struct gp_intake_caps){                                                     \
		.archive = {GP_ARCHIVE_STRANGERS_OCTETS, GP_ARCHIVE_STRANGERS_RATIO}, \
		.records_max = GP_INTAKE_STRANGERS_RECORDS,                           \
	})

/* Its functions that return not 0 end the reading, with that value. */
struct gp_intake {
	struct gp_intake_caps caps;
	uint64_t seed; /* random, for tables of names */
	const struct gp_ingest_listener *listener;
	/* Around all that the listener hears of a report; their context is the listener's. */
	int (*begin)(void *context);
	int (*end)(void *context);
	/* What reads XML, kept for the next report; NULL: not needed yet. The caller frees it. */
	struct gp_aggregate *aggregate;
};

struct gp_intake_result {
	size_t reports;  /* that began, lost ones too */
	const char *why; /* there is none: why; else what else was odd, or NULL. A sentence without
			    its full stop, static. */
};

/* octets: all of it. The arena takes some three times as much of a mail at most, and
 * GP_INTAKE_ARENA_MAX beside. Returns 0, what a function of the caller's returned, or -ENOMEM. */
[[nodiscard]] int
gp_intake_read(struct gp_intake *intake, struct gp_slice octets, struct gp_arena *arena,
	       struct gp_intake_result *ret);
