/* SPDX-License-Identifier: Apache-2.0 */
/* The options of gatepost audit. */
#pragma once

#include <limits.h>

#include "cli/audit/listed.h"
#include "cli/audit/watch.h"
#include "core/posture/posture.h"

enum {
	AUDIT_FILES_MAX = 64,
	AUDIT_AT_ONCE_MAX = 1000,
	AUDIT_QUESTIONS_MAX = 4096,
	AUDIT_RATE_MAX = 1'000'000,
	AUDIT_BASELINES_MAX = 32,
	AUDIT_ADDRESSES_MAX = 1000, /* of --address */
};

enum audit_summary_mode {
	AUDIT_SUMMARY_NONE,
	AUDIT_SUMMARY_TOO,   /* behind the domains */
	AUDIT_SUMMARY_ALONE, /* instead of them */
};

extern const char audit_usage[];

struct audit_options {
	const char *command;         /* "gatepost audit": that complains of hosts; static */
	const char *const *operands; /* "-": standard input */
	size_t operands_len;
	const char *files[AUDIT_FILES_MAX]; /* "-": standard input */
	size_t files_len;
	const char *zones[AUDIT_FILES_MAX]; /* master files */
	size_t zones_len;
	const char *transfers[AUDIT_FILES_MAX]; /* zones to ask servers for: "ZONE@ADDRESS:PORT" */
	const char *transfer_keys[AUDIT_FILES_MAX]; /* file of the TSIG key of each; NULL: none */
	size_t transfers_len;
	const char *transfer_key;   /* the last one that was told */
	const char *origin;         /* of relative names in them; NULL: none */
	const char *config;         /* file of -c; NULL: none */
	const char *dns, *resolver; /* or NULL */
	/* Of --selector; none: those that many domains have. */
	struct gp_slice selectors[GP_POSTURE_SELECTORS_MAX];
	size_t selectors_len;
	const char *samples[AUDIT_FILES_MAX]; /* mails, for their selectors */
	size_t samples_len;
	const char *baselines[AUDIT_BASELINES_MAX]; /* names of shipped ones, and files */
	size_t baselines_len;
	struct gp_slice
		lists[AUDIT_LISTS_MAX]; /* block lists that own addresses are looked for in */
	size_t lists_len;
	/* Own ones that no domain's records tell of. */
	struct gp_posture_address addresses[AUDIT_ADDRESSES_MAX];
	size_t addresses_len;
	const char *reports;    /* database of what others reported; NULL: that of the state */
	const char *reports_to; /* NULL: in the domain */
	uint8_t policy;         /* enum gp_dmarc_policy of --stage; absent: the next step */
	uint64_t time_s;        /* since 1970 */
	uint64_t at_once;       /* domains */
	uint64_t questions;     /* at once; 0: as many as is usual */
	uint64_t rate;          /* questions a second; 0: no limit */
	const char *resume;     /* file of what is done; NULL: none */
	bool progress, quiet;   /* a line of it in any case, and never */
	const char *metrics;    /* file that is replaced; NULL: none */
	uint8_t format;         /* enum findings_format */
	uint8_t summary;        /* enum audit_summary_mode */
	int fail_on;            /* a severity, or FINDINGS_FAIL_NEVER */
	const char *output;     /* NULL: standard output */
	const char *store;      /* NULL: nothing is kept */
	const char *pdf;        /* NULL: none */
	const char *evidence;   /* a folder or an archive; NULL: none */
	uint64_t keep_s;        /* how long earlier runs are; UINT64_MAX: for ever */
	bool hosts;             /* look at them: what follows is for that */
	bool hosts_said;        /* one way or the other */
	bool private, tls_survey;
	bool rcpt;               /* places of reports are asked for, by RCPT */
	double probe_rate;       /* connections a second; 0: no limit */
	const char *helo;        /* our name in EHLO */
	const char *authorities; /* path, of who is believed; NULL: the system's */
	const char *optouts[AUDIT_FILES_MAX];
	size_t optouts_len;
	char hostname[HOST_NAME_MAX + 1];
	bool zone;          /* print what would mend them, and no findings */
	uint8_t patch_form; /* enum audit_patch_form, of that */
	bool no_colour, help;
	struct audit_watch_options watch;
};

/* watch: those of gatepost audit watch. Returns an exit code, after saying to standard error what
   is wrong. */
[[nodiscard]] int
audit_options_read(struct audit_options *ret, bool watch, int argc, char **argv);
