/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a connection may begin: so many a second of all, and so many at once to an address, to a
 * network (an IPv4 /24, an IPv6 /48) and to an operator; and later and later where a server has
 * said that it is too much. Without I/O or clock: times are the caller's, in monotonic
 * milliseconds.
 *
 * Who wants a connection stands in line here, and comes out when it is counted:
 *
 *     scan_rate_add(rate, &waiter, false);
 *     while ((w = scan_rate_next(rate, now)) != NULL)
 *             connect, and when that connection is over: scan_rate_done(rate, w, backed_off, now);
 *     call again at scan_rate_due(rate, now)
 */
#pragma once

#include "base/list.h"
#include "base/slice.h"

enum {
	SCAN_BACK_OFF_MS = 1000, /* after the first "too much", twice as long after each next, */
	SCAN_BACK_OFF_MAX_MS = 60'000, /* at most */
	SCAN_OPERATOR_MAX = 63,        /* octets of an operator's name that count */
};

struct scan_limits {
	double per_s; /* connections a second, of all; 0: no limit */
	/* At once; 0: no limit. */
	uint32_t per_address, per_network, per_operator;
};

enum scan_budget_kind {
	SCAN_BUDGET_ADDRESS,
	SCAN_BUDGET_NETWORK,
	SCAN_BUDGET_OPERATOR,
	SCAN_BUDGETS
};

struct scan_budget;
struct scan_rate;

/* Embedded in its owner. */
struct scan_waiter {
	struct gp_list link;                       /* in a line, while it waits */
	struct scan_budget *budgets[SCAN_BUDGETS]; /* NULL: none of that kind */
	bool counted;
};

/* seed: random. NULL: no memory. */
struct scan_rate *
scan_rate_new(const struct scan_limits *limits, const uint64_t seed[2]);
/* Nobody waits or is counted any more. Accepts NULL, returns NULL. */
struct scan_rate *
scan_rate_free(struct scan_rate *r);

/* Whose connection it is to be. exempt: only the global rate counts, as in networks of one's own.
   operator: empty: not known. Returns 0 or -ENOMEM. */
[[nodiscard]] int
scan_waiter_init(struct scan_rate *r, struct scan_waiter *w, const uint8_t *address,
		 size_t address_len, struct gp_slice operator, bool exempt);
/* Leaves its line, if it is in one, and its budgets. It must not be counted. */
void
scan_waiter_end(struct scan_rate *r, struct scan_waiter *w, uint64_t now_ms);

/* Stands in line; urgent: at its front, for who has begun already. */
void
scan_rate_add(struct scan_rate *r, struct scan_waiter *w, bool urgent);

/* Who may connect now, and is counted from now on; NULL: nobody. */
struct scan_waiter *
scan_rate_next(struct scan_rate *r, uint64_t now_ms);

/* Its connection is over. backed_off: the server said 421, or greeted with another 4yz. */
void
scan_rate_done(struct scan_rate *r, struct scan_waiter *w, bool backed_off, uint64_t now_ms);

/* When somebody may go; UINT64_MAX: not before somebody is done. */
uint64_t
scan_rate_due(const struct scan_rate *r);

/* Whether somebody stands in the common line: who waits for a budget does not. */
bool
scan_rate_has_ready(const struct scan_rate *r);
