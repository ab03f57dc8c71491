/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine's own files share: engine.c, turn.c, host.c, survey.c. */
#pragma once

#include "base/map.h"
#include "cli/asks.h"
#include "cli/scan/engine.h"
#include "sys/loop.h"

enum { SCAN_TOKEN_MAX = 12 };

struct engine {
	const struct scan_engine_options *o;
	struct scan_counts counts;
	struct gp_loop *loop;
	struct gp_asks dns;
	bool has_dns;
	struct https *https; /* for MTA-STS; NULL: not asked for */
	struct scan_talkers talkers;
	struct scan_rate *rate;
	struct event *tick, *pace, *interrupt, *terminate;
	struct gp_loop_hook turn_end;
	struct gp_list turns, hosts;
	struct gp_list
		kept; /* hosts that are over, the oldest first: results for who comes later */
	size_t kept_len;
	struct gp_map by_place;         /* hosts that a name led to, by address and port */
	char token[SCAN_TOKEN_MAX + 1]; /* of the run */
	uint64_t next_number;           /* of hosts */
	uint64_t next_turn;
	uint32_t open;     /* connections, or granted ones */
	size_t open_hosts; /* not yet over */
	size_t open_turns;
	int result;
	bool stop;
};

/* One turn of the walk. */
struct turn {
	struct gp_list link;
	struct engine *engine;
	uint64_t number;
	struct gp_target_turn what;
	struct gp_arena arena;
	struct gp_ask ask;
	struct gp_hosts_result hosts;
	struct sight *sights;             /* of a name: one for each address */
	struct scan_policy_fetch *policy; /* NULL: not asked for */
	size_t asked_dane;                /* sights whose TLSA records are known */
	size_t open;                      /* sights that were not told of */
};

/* A turn that waits for a host. */
struct sight {
	struct gp_list link;
	struct turn *turn;
	struct scan_view view;
	struct gp_dane_result dane;
};

struct host;
struct https;
struct scan_policy_fetch;

/* Who stands in line for a connection. */
struct applicant {
	struct scan_waiter waiter;
	/* Its turn has come, and it is counted in the budgets and in `open`. */
	void (*granted)(struct applicant *a);
};

/* Ends the run; result: negative, or enum scan_end. */
void
engine_finish(struct engine *e, int result);

/* --- turn.c --- */

/* Takes up a turn of the walk. */
void
turn_begin(struct engine *e, uint64_t number);
void
turn_free(struct turn *t);
/* Its view is complete but for the result: tells of it, and ends the turn with its last one. */
void
turn_tell(struct sight *s, const struct scan_result *result);

/* --- host.c --- */

/* Sends the sight to the host of that address and port, which is made where there is none. */
void
host_look(struct sight *s, const uint8_t *address, size_t address_len, bool by_name);
/* Frees all of them, told or not. */
void
host_free_all(struct engine *e);
