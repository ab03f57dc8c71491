/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks over the turns of a list of targets: names become addresses, each address and port is
 * probed once, as many at once as are allowed, and each target is told of it when it is over.
 */
#pragma once

#include "cli/scan/rate.h"
#include "cli/scan/scan.h"
#include "core/targets/optout.h"
#include "core/targets/progress.h"

struct scan_counts {
	uint64_t turns, turns_done; /* of the walk; those before this run, too */
	uint64_t told;              /* of targets, addresses and ports */
	uint64_t hosts;             /* addresses and ports that were probed: */
	uint64_t answered;          /* with a greeting that welcomes, */
	uint64_t refused;           /* with another one, or nonsense, */
	uint64_t silent;            /* or not at all */
	uint64_t left_out;          /* not probed: special, or by their own wish */
	uint64_t unresolved;        /* names without an address */
	uint64_t connections, octets;
};

struct scan_engine_options {
	const char *command;            /* "gatepost scan": for complaints; static */
	const struct gp_config *config; /* of which `dns` counts; NULL: none */
	const struct gp_targets_walk *walk;
	struct gp_progress *progress; /* where to begin; kept up to date */
	const struct gp_optout *optout;
	bool mx;      /* names are domains: their MX hosts are meant */
	bool mx_only; /* and without MX records nobody is */
	bool private; /* special addresses too */
	bool no_dns;  /* for addresses; names are looked up all the same */
	const char *dns, *resolver;
	double dns_per_s;                              /* questions a second; 0: no limit */
	struct gp_slice blocklists[GP_BLOCKLISTS_MAX]; /* to be asked about each address */
	size_t blocklists_len;
	struct scan_limits limits;
	uint32_t connections;          /* at once */
	bool keep_budgets;             /* for special addresses too */
	struct gp_probe_options probe; /* the same for all, but for what is theirs */
	bool mta_sts;                  /* of domains: their policies */
	const char *authorities;       /* path, of who is believed about them; NULL: the system's */
	bool tls_survey;               /* of hosts that came to TLS, */
	uint32_t survey_connections;   /* by at most so many; 0: as is usual */
	bool tls_versions;             /* without it: a brief one, of those that shook hands */
	/* An address that several names lead to is asked again, briefly, in those that its first
	   certificate does not prove: it may have others for them (RFC 6066 section 3). Of one
	   address at most SCAN_NAMES_MAX are. */
	bool each_name;
	const char *canary_list; /* path, of what arrived; NULL: nobody will tell */
	uint64_t canary_wait_ms; /* for arrivals, once something was sent */
	int mode;                /* enum gp_probe_mode; -1: as the port has it */
	struct gp_tls_client *tls;
	struct scan_log *log;
	/* Once all that it needs is open, and before anything comes from outside. 0, or -errno
	   after saying what is wrong, which ends the run. */
	int (*confine)(void *context);
	/* Each result, in the order in which they end. 0, or -errno, which ends the run. */
	int (*tell)(void *context, const struct scan_view *view);
	/* Once a second, and at the end. 0, or -errno, which ends the run. */
	int (*tick)(void *context, const struct scan_counts *counts, bool last);
	void *context;
};

enum { SCAN_NAMES_MAX = 8 };

enum scan_end {
	SCAN_END_DONE = 0,
	SCAN_END_STOPPED = 1, /* by SIGINT or SIGTERM */
	SCAN_END_USAGE = 2,   /* it could not begin, which has been said */
};

/* enum gp_probe_mode of a connection to this port; mode: of all ports, -1: as they have it. */
uint8_t
scan_mode_of(int mode, uint16_t port);

/* Until all turns are done, or it is stopped. Returns enum scan_end or -errno. */
[[nodiscard]] int
scan_engine_run(const struct scan_engine_options *options, struct scan_counts *ret);
