/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports of others that came by mail: the role ingest reads them and tells what they say
 * (core/ingest/wire.h), and here they are kept. Those of one turn of the loop become durable at its
 * end, and only then ingest hears what became of each. It is not believed more than its octets are:
 * what it tells is looked at again, and one that makes no sense loses its channel.
 */
#pragma once

#include "ipc/role.h"

struct gp_reportdb;

/* Before the sandbox, as received_forget() is then: all files of the database are open from then
 * on. One that cannot be opened is logged, and each report comes again later: the role has other
 * work. seed: as received_over_limit() has it. */
void
received_open(const char *path, const uint64_t seed[2]);

/* Whether reports cannot be kept until this process is another, as a server could not be reached,
 * or as the connection to it was lost. */
bool
received_away(void);
bool
received_lost(void);

/* A reporter who is over his limit is counted: of a day RECEIVED_OVER_MAX by name, as strangers
 * choose those, and all others together, whatever process counts. It is on disk at once where no
 * other was counted within a second, so that a flood does not sync for each; else, and while a
 * report is open, with received_sync(), or what comes before. 0, or -ENOMEM. */
enum { RECEIVED_OVER_MAX = 500 };
int
received_over_limit(const struct gp_msg_report_over_limit *m, const uint64_t seed[2]);
/* False: a report is open, so it is to be called again. None is for longer than some 30 s: then its
 * channel ends, as whoever tells it has fallen or hangs. */
bool
received_sync(void);

/* Forgets what is older than the configuration wants, once a day: some of it. Returns in how many
 * ms the next of it is due, half of the time at most being spent on it; 0: that was all of the
 * day. What fails is tried again, by a new process at once, by this one after five minutes, then
 * after twice as long each time, up to an hour. */
uint64_t
received_forget(const struct gp_config *cfg);

/* Takes fd over: the channel to ingest. What an earlier one has begun is given up. */
void
received_connect(struct gp_role_env *env, int fd);

/* The process ends: what is not told to its end is told again to the next one; all else is on disk
 * then. */
void
received_end(void);

/* The database, when no report is open and all that was told is on disk: whoever writes to it then
 * syncs before he returns to the loop. NULL: not now, or there is none. */
struct gp_reportdb *
received_idle(void);
