/* SPDX-License-Identifier: Apache-2.0 */
/* What gatepost.yaml says of reports: of those that we make, and of those of others. */
#pragma once

#include "base/slice.h"

struct gp_config_reports {
	struct gp_slice from;         /* empty: tlsrpt or dmarcrpt @hostname */
	struct gp_slice organization; /* empty: hostname */
	uint64_t tls_interval;        /* ms: how much time a report is about */
	uint64_t dmarc_interval;
	uint64_t dmarc_size; /* octets, compressed */
	uint8_t dmarc;       /* DMARC reports: 1 are made, 0 are not */
	uint8_t failure;     /* those of single messages: the same */
	bool failure_redact;
	uint64_t failure_window;
	uint64_t keep_received;
	/* A URL of PostgreSQL's, without a password; empty: STATE/reports/received.db */
	struct gp_slice received_database;
	uint64_t refused_size;     /* octets of mails whose reports were refused */
	uint32_t failure_per_hour; /* of a domain */
	uint32_t failure_per_day;  /* of all */
	uint32_t names_per_day;    /* sources whose names are looked up */
	uint32_t received_per_day; /* of a reporter: mails, and posts */
	uint64_t received_size_per_day;
	struct gp_slice asn_database; /* path; empty: none */
};
