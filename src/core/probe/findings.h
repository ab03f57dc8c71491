/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a record comes to: for each thing that was looked for whether it is there, is not, or could
 * not be measured, and why; how grave it is where it is there; and what to do about it, with the
 * line for the server's configuration where its software was recognised.
 *
 * Severity hangs on the port: who sends a password to a submission port in clear has lost it, while
 * to port 25 nobody should send any. And mail between servers goes in clear where there is no TLS
 * (RFC 7435), so that none at all is worse there than a poor one.
 */
#pragma once

#include "core/finding/finding.h"
#include "core/probe/record.h"

enum gp_probe_rdns {
	GP_PROBE_RDNS_UNKNOWN,   /* not asked, or no answer */
	GP_PROBE_RDNS_CONFIRMED, /* address to name to address */
	GP_PROBE_RDNS_NONE,
	GP_PROBE_RDNS_ASTRAY, /* the name does not lead back */
};

/* What the engine knows beside the record. */
struct gp_probe_facts {
	uint16_t port;
	uint8_t rdns;              /* enum gp_probe_rdns */
	struct gp_slice rdns_name; /* any octets */
	const char *software;      /* as core/software names it; NULL: not recognised */
	bool private_target;       /* then a private address of ours is nothing strange */
	struct gp_slice domain;    /* whose MX records were looked up; empty: none */
	bool is_mx;                /* one of them leads here */
};

/* Adds them to the list. Returns 0 or -ENOMEM. */
[[nodiscard]] int
gp_probe_findings(const struct gp_probe_record *record, const struct gp_probe_facts *facts,
		  struct gp_findings *findings);

/* What to do about a kind of finding, for this software (NULL: not known): lines for people; NULL:
   nothing to be said. */
const char *
gp_probe_fix(const char *kind_id, const char *software);
