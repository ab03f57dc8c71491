/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost scan: what its parts share.
 *
 *     scan.c  options.c  targets.c      the command, its options, its targets
 *     engine.c                          walks over the targets:
 *       turn.c                          makes addresses of one,
 *       host.c  rate.c  talk.c          probes one address, when it may, over sockets
 *       survey.c                        and surveys its TLS, by dial.c too
 *     report.c  findings.c              what came of it,
 *       text.c  json.c                  and how it is told
 *     progress.c  resume.c              how far it is, for people and for the next run
 *     log.c  seal.c  replay.c           what was said, signed, and the results out of it
 *     arrivals.c                        what came back of what was sent
 *     sandbox.c                         what it may do, once a server can speak
 *
 * The conversation itself is core/probe's, software core/software's, targets core/targets'.
 */
#pragma once

#include "cli/scan/talk.h"
#include "core/dane/dane.h"
#include "core/hello/survey.h"
#include "core/mtasts/policy.h"
#include "core/targets/blocklist.h"
#include "core/targets/hosts.h"

enum scan_chains { SCAN_CHAIN_RSA, SCAN_CHAIN_ECDSA, SCAN_CHAINS };

/* What a survey of its TLS came to. */
struct scan_surveyed {
	struct gp_survey_facts facts; /* without its chains, which are in: */
	struct scan_certificates {
		struct gp_tls_shown shown; /* its links alone; none: it was not seen */
		struct gp_tls_certificate certificate;
	} chains[SCAN_CHAINS];
	uint64_t octets; /* of the server's */
};

/* What one address and port came to, whoever pointed there. */
struct scan_result {
	struct gp_arena arena; /* of the texts */
	uint8_t address[16];
	uint8_t address_len;
	uint16_t port;
	struct gp_slice sni; /* whom TLS was asked for; empty: nobody */
	bool brief; /* for another result of this address has all but what TLS shows to that name */
	struct gp_probe *probe; /* has the record; NULL: it was not asked, `left_out` says why */
	int connect_error;      /* negative errno of no connection; 0: time ran out, or a log's */
	const char *left_out;   /* static */
	struct gp_reverse reverse; /* the name of the address; not asked: UNKNOWN */
	/* A domain that should have its mail here: the one whose MX led here, else the organisation
	   of the host's name. Empty: not known, or its MX records are not. Has it? */
	struct gp_slice domain;
	bool is_mx;
	struct gp_listings listings; /* of the address, in the block lists that were named */
	struct scan_tls tls;
	const struct scan_surveyed *survey; /* NULL: not asked for, or nothing to be surveyed */
	uint64_t time_ms;                   /* when the probe began, since 1970 */
	uint64_t number;                    /* of the host, in the log */
};

/* The MTA-STS policy of a domain (RFC 8461). */
struct scan_policy {
	uint8_t record;         /* enum gp_mtasts_record */
	uint8_t result;         /* enum gp_fetch_result; 0: nobody was asked */
	struct gp_slice text;   /* the policy's body; empty: none came */
	struct gp_slice reason; /* why there is no policy beside a record, any octets */
	const struct gp_mtasts_policy *policy; /* NULL: none */
};

/* A result as one target sees it. */
struct scan_view {
	const struct scan_result *result; /* NULL: the target has no address, `why` */
	const char *why;                  /* static */
	bool temporary;                   /* and perhaps it has one later */
	struct gp_slice target;           /* as it was named: an address, or a name */
	uint16_t port;
	const struct gp_host_address *host; /* how the name led here; NULL: it was an address */
	bool mx;                            /* it is one of the MX hosts of the target */
	const struct gp_dane_result *dane;  /* NULL: not asked */
	int dane_outcome;                   /* enum gp_dane_outcome */
	const struct scan_policy *policy;   /* of the domain; NULL: not asked */
	bool again;                         /* the result was told of before, for another target */
};

/* Frees it and all in it. Accepts NULL, returns NULL. */
struct scan_result *
scan_result_free(struct scan_result *r);
