/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `gatepost reports`, of all its subcommands. */
#pragma once

#include "base/slice.h"
#include "cli/alert/mail.h"
#include "cli/reports/imap_url.h"
#include "cli/watch/watch.h"

enum reports_verb {
	REPORTS_IMPORT = 0,
	REPORTS_NAMES,
	REPORTS_SUMMARY,
	REPORTS_LIST,
	REPORTS_SHOW,
	REPORTS_EXPORT,
	REPORTS_REFUSED,
	REPORTS_COPY,
	REPORTS_WEEKLY,
	REPORTS_WATCH,
	REPORTS_TLS,
	REPORTS_VERBS,
};

enum { REPORTS_NAMES_MAX = 1000 }; /* sources that one run looks up, unless told */

struct reports_options {
	enum reports_verb verb;
	const char *config, *database; /* NULL: not given */
	const char *output;
	bool json, quiet, no_colour, help;
	bool unauthenticated;
	/* import */
	uint64_t size_max, records_max, keep_days; /* 0: for ever */
	struct imap_url imap;                      /* its server is "": none */
	const char *authorities, *move, *progress, *password_file;
	bool names; /* look them up at its end */
	/* names */
	const char *dns, *resolver; /* NULL: the configuration's, or the system's */
	uint64_t rate;              /* questions a second */
	/* the others */
	const char *asn_database; /* NULL: the configuration's, where there is one */
	struct gp_slice domain;   /* lower case; empty: all */
	const char *format;       /* of export; NULL: csv */
	uint8_t kind;             /* enum gp_ingest_kind; 0: all */
	int64_t from_day, to_day;
	bool until;             /* to_day was given */
	uint64_t max;           /* of import: mails of a run */
	struct alert_mail mail; /* of weekly, of watch; its authorities: of tls too */
	struct watch_options watch;
	bool look, private; /* of tls */
	const char *helo;   /* NULL: this host's name */
	char domain_text[256];
	const char *const *operands;
	size_t operands_len;
};

extern const char reports_usage[];

/* argv[0]: the subcommand. An exit code; what is wrong is on standard error. */
[[nodiscard]] int
reports_options_read(struct reports_options *ret, int argc, char **argv, int64_t now_s);

struct gp_reportdb;

/* The configuration that is meant, in the arena; *ret is NULL where there is none: who names the
 * database itself has none, unless he names that as well. An exit code, as of all here. */
[[nodiscard]] int
reports_config(const struct reports_options *o, struct gp_arena *arena,
	       const struct gp_config **ret);
/* The path of the database that is meant, the arena's or the options'. make: its folder as well. */
[[nodiscard]] int
reports_path(const struct reports_options *o, const struct gp_config *config, bool make,
	     struct gp_arena *arena, const char **ret);
/* The database that is meant, in a mode of reportdb.h. An exit code; what is wrong is on standard
 * error. */
[[nodiscard]] int
reports_open(const struct reports_options *o, int mode, struct gp_reportdb **ret);
/* The same of one by its path. server: what it is called where it is a server's. */
[[nodiscard]] int
reports_open_path(const char *path, const char *server, int mode, struct gp_reportdb **ret);
/* Where mails are of which something was refused (reportdb/refused.h): beside a database that is a
 * file and named, else with the gateway of the configuration, which is *ret_config then, and else
 * NULL; also where a server has the reports. NULL: it is of no configuration. */
[[nodiscard]] int
reports_refused_path(const struct reports_options *o, struct gp_arena *arena,
		     const struct gp_config **ret_config, const char **ret);
/* The same of the database of that path; NULL: it is a server's, or there is no memory. */
const char *
reports_refused_beside(const char *path, struct gp_arena *arena);
/* Says what a result of the database's means; returns GP_EXIT_ERROR. */
int
reports_fail(const struct gp_reportdb *db, int error);
