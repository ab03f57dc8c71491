/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many reports of others are taken from one reporter in a day, and how much of them: whoever
 * floods us with distinct ones fills the database, and drives out what is in quarantine.
 *
 * A reporter is the organizational domain that passed DMARC, with all names below it, as anybody
 * has as many of these as he likes; and where none did, the network (/24, /48) that it came from.
 * Whoever has many domains has few networks, so that of a reporter counts too, with four times as
 * much room: many have their reports sent by others.
 */
#pragma once

#include "procs/limits/rate.h"

struct reporter {
	struct gp_slice domain; /* organizational, in lower case, that passed; empty: none */
	uint8_t address[16];    /* 4 or 16 octets */
	size_t address_len;
};

/* The domain, or the network: "192.0.2.0/24". */
struct reporter_name {
	char s[256];
};
struct reporter_name
reporter_name(const struct reporter *r);

struct reporter_limits {
	uint64_t reports, octets; /* in a day */
};

/* Whether one more of so many octets is taken; then it counts. The table is for reporters alone. */
[[nodiscard]] bool
reporter_may(struct rate *r, const struct reporter *from, const struct reporter_limits *limits,
	     uint64_t octets, uint64_t now_ms);
