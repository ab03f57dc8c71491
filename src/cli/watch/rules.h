/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When something that the received reports say is worth telling, and when it is over: pure
 * functions of readings. A reading is one thing as it is now beside its own past; who was told of
 * it knows it as it was then.
 *
 * Reports come late, so "now" is the three days that ended two days ago, and the past the 28 days
 * before those. What is measured against little mail is chance: each rule has a least volume.
 *
 *   SILENCE    no report came for 3 days, and for more than twice as long as the longest pause of
 *              the four weeks in which reports came last. Over when one comes.
 *   REPORTER   one who sends a tenth of a domain's reported mail or more is silent for so long that
 *              5 reports of his were to be expected by the rate of his past. Over likewise.
 *   ALIGNMENT  of a domain's mail, or of that of one of its sources of which half or more aligned,
 *              so many points less aligns than before. It is no chance: not within three standard
 *              deviations of so many messages, and half as much again as it fell in the worst three
 *              days of the past. Over when half of the fall is made up for: what it was is
 *              remembered, so bad weeks never become the past it is measured by.
 *   TLS        sessions fail at a server with a result that had no failure before, or with three
 *              times its share of all sessions. Over when it fails for less than half of what makes
 *              it worth telling, or for less than one and a half times its former share.
 *   POLICY     reporters find another policy published than before, two reports or more, in the
 *              last two weeks. Told once.
 *   SOURCE     an address sends in a domain's name for the first time in the last two weeks, the
 *              domain being known for a week by then: so many messages, and a thousandth of all
 *              of the domain. Not one that looks like a forwarder, of which new ones come every
 *              day. Told once.
 */
#pragma once

#include "base/slice.h"

enum watch_kind {
	WATCH_SILENCE = 1,
	WATCH_ALIGNMENT,
	WATCH_TLS,
	WATCH_POLICY,
	WATCH_REPORTER,
	WATCH_SOURCE,
	WATCH_KINDS,
};

enum watch_days {
	WATCH_LATE_DAYS = 2, /* until a day's reports are in */
	WATCH_NOW_DAYS = 3,
	WATCH_PAST_DAYS = 28,
	WATCH_FRESH_DAYS = 14,   /* what came in these is new */
	WATCH_SETTLED_DAYS = 7,  /* and a domain that is no older has no past */
	WATCH_SILENT_DAYS = 3,   /* at least */
	WATCH_HISTORY_DAYS = 60, /* that are looked through for the last report */
	WATCH_FORGOTTEN_DAYS = 90,
};

struct watch_limits {
	uint64_t messages; /* least, now and in the past: of ALIGNMENT */
	uint64_t source;   /* of SOURCE */
	uint64_t sessions; /* that fail: of TLS */
	uint64_t points;   /* of a hundred: of ALIGNMENT */
};

struct watch_share {
	uint64_t part, whole;
};

struct watch_reading {
	uint8_t kind; /* enum watch_kind */
	/* Which: the domain, empty: of all together; and within it an address, a server and a
	   result, a reporter, a policy; empty: the domain's own. */
	struct gp_slice domain, object;
	/*
	 * ALIGNMENT: messages that align, of all. TLS: failed sessions of that result, of all.
	 * SILENCE: now.part: days of silence; past.part: the longest pause, past.whole: days with
	 * reports. REPORTER: now.part: days of silence; past.part: reports in past.whole days.
	 * POLICY: now.part: reports. SOURCE: messages that align, of all.
	 */
	struct watch_share now, past;
	struct watch_share worst; /* ALIGNMENT: of three days of the past; whole 0: not known */
	int64_t day; /* SILENCE, REPORTER: the last with reports; POLICY, SOURCE: the first */
	uint8_t address[16]; /* of a source */
	/* What people are told beside it: a source's name and class, the policy before; and why its
	   mail does not align, where it is known. */
	struct gp_slice more, why;
};

/* What somebody was told of. */
struct watch_known {
	uint8_t kind;
	struct gp_slice domain, object;
	int64_t told_day;
	int64_t day;             /* of the reading then */
	struct watch_share past; /* that it was measured against */
	struct watch_share now;  /* that it had come to */
};

/* "silence", "alignment", "tls", "policy", "reporter", "source" */
const char *
watch_kind_name(uint8_t kind);
/* 0: none is called so. */
uint8_t
watch_kind_of(struct gp_slice name);

/* Is it worth telling, to one who does not know it? */
bool
watch_fires(const struct watch_reading *r, const struct watch_limits *limits);
/* Is it still so, for one who was told? The reading is of what he knows. */
bool
watch_holds(const struct watch_reading *r, const struct watch_known *known,
	    const struct watch_limits *limits);

/*
 * The silence after the last of `days`, which had reports, in order: now, past and day of the
 * reading. False: there is no day at all.
 */
bool
watch_pause(const int64_t *days, size_t len, int64_t until_day, struct watch_reading *ret);

struct watch_day {
	int64_t day;
	struct watch_share share;
};

/* Of three successive days of these, which are in order, those of the least share, if they have so
   many messages; whole 0: none have. */
struct watch_share
watch_worst(const struct watch_day *days, size_t len, uint64_t messages);

/* A policy as far as reporters tell it. */
struct watch_policy {
	uint8_t p, sp, np; /* enum gp_ingest_policy */
	bool adkim_strict, aspf_strict, testing;
	int pct; /* -1: not told */
	int64_t first_day, last_day;
	uint64_t reports;
};

/* Are they the same, as far as both are told? Those who report by RFC 7489 tell nothing of np, and
   those who do by RFC 9990 nothing of pct; sp is p where it is absent. */
bool
watch_policy_same(const struct watch_policy *a, const struct watch_policy *b);
/* Of a domain's policies, the one before list[i], where list[i] is news by first being seen on
   fresh_day or later, unlike all that were seen before it; -1: it is none. */
ptrdiff_t
watch_policy_before(const struct watch_policy *list, size_t len, size_t i, int64_t fresh_day);
