/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reports/options.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/day.h"
#include "cli/arg.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/reports/weekly.h"
#include "core/ingest/intake.h"
#include "core/smtp/address.h"
#include "reportdb/server.h"

enum {
	DAY_S = 24 * 3600,
	SUMMARY_DAYS = 30,
	SIZE_MAX_MIN = 1 << 10,
	CONFIG_ARENA_MAX = 64 << 20,
	LIST_ROWS = 50,
	NAMES_RATE = 20,
	NAMES_RATE_MAX = 10'000,
	KEEP_DAYS_MAX = 36'500,
};

enum {
	OPT_DATABASE = 256,
	OPT_JSON,
	OPT_MAX_SIZE,
	OPT_MAX_RECORDS,
	OPT_KEEP,
	OPT_UNAUTHENTICATED,
	OPT_DOMAIN,
	OPT_SINCE,
	OPT_UNTIL,
	OPT_KIND,
	OPT_FORMAT,
	OPT_MAX,
	OPT_NO_COLOUR,
	OPT_IMAP,
	OPT_PASSWORD_FILE,
	OPT_CA,
	OPT_MOVE,
	OPT_PROGRESS,
	OPT_NAMES,
	OPT_RATE,
	OPT_DNS,
	OPT_RESOLVER,
	OPT_LOOK,
	OPT_HELO,
	OPT_PRIVATE,
	OPT_ASN_DATABASE,
};

const char reports_usage[] =
	"usage: gatepost reports import [options] PATH...\n"
	"       gatepost reports import --imap imaps://USER@HOST/FOLDER [options]\n"
	"       gatepost reports names [--rate N] [--max N] [options]\n"
	"       gatepost reports summary [--domain NAME] [--since DAY] [options]\n"
	"       gatepost reports list [--domain NAME] [--since DAY] [options]\n"
	"       gatepost reports show NUMBER\n"
	"       gatepost reports tls [--domain NAME] [--since DAY] [--look] [options]\n"
	"       gatepost reports refused [-o FILE|FOLDER] [NUMBER|all]\n"
	"       gatepost reports copy [-q] [--json] DATABASE\n"
	"       gatepost reports export [--domain NAME] [--since DAY] [--format csv|json]\n"
	"       gatepost reports weekly [--mail-to ADDRESS --mail-from ADDRESS] [options]\n"
	"       gatepost reports watch [--mail-to ADDRESS --mail-from ADDRESS] [--webhook URL]\n"
	"\n"
	"What others report about mail in our domains' names: DMARC and TLS reports, and reports "
	"of\n"
	"single failures.\n"
	"\n"
	"  -c FILE                  the configuration, whose state has the database\n"
	"      --database FILE      the database itself, or a URL: postgresql://...\n"
	"      --json               one object, or one a line\n"
	"      --unauthenticated    reports whose sender nobody has authenticated: import as "
	"such,\n"
	"                           or tell of these instead\n"
	"  -q                       import: complain of errors alone\n"
	"\n"
	"import takes files, folders, Maildirs, mboxes, and - for standard input:\n"
	"      --max-size SIZE      of a file, and of a report that is packed in it; 20MB\n"
	"      --max-records N      of a report; 100000\n"
	"      --keep DAYS          forget what is older\n"
	"and from an IMAP server those mails of a folder that nobody has seen, which are then "
	"seen:\n"
	"      --imap URL           imaps://, or imap:// with STARTTLS\n"
	"      --password-file FILE its first line; else GATEPOST_IMAP_PASSWORD has it\n"
	"      --ca FILE            certificates to trust, in place of the system's\n"
	"      --move FOLDER        all mails, and there they go\n"
	"      --progress FILE      mails stay as they are; FILE knows how far it got\n"
	"      --max N              mails of one run; 10000\n"
	"      --names              then do what names does\n"
	"\n"
	"copy brings all that another database has into this one; DATABASE is a file, or a URL\n"
	"\n"
	"names looks up what the DNS calls the sources of most messages:\n"
	"      --rate N             questions a second; 20\n"
	"      --max N              sources; 1000\n"
	"      --dns FILE, --resolver ADDR[:PORT]   where is looked\n"
	"\n"
	"the others:\n"
	"      --domain NAME        whose policy it is; without it all\n"
	"      --since DAY, --until DAY   2026-01-31 in UTC, or 30d: so many days ago\n"
	"      --kind dmarc|tls|failure   list and export\n"
	"      --max N              sources of a summary, reports of a list\n"
	"      --format csv|json    export, and -o FILE\n"
	"      --asn-database FILE  whose networks sources are in; the configuration's\n"
	"      --no-colour\n"
	"\n"
	"tls tells which sessions failed, and whether they would fail now:\n"
	"      --look               at the MX hosts of --domain, or of the configuration's "
	"domains\n"
	"      --helo NAME, --private   as gatepost scan has them\n"
	"      --ca FILE            whom to believe about them\n"
	"\n"
	"weekly tells of the seven days that end with --until, or yesterday; prints, or mails:\n"
	"      --mail-to ADDRESS    may be given often; and --mail-from ADDRESS\n"
	"      --mail-server HOST[:PORT]   this machine\n"
	"      --mail-user NAME, --mail-password-file FILE\n"
	"      --ca FILE            whom to believe about the server\n"
	"\n"
	"watch tells what is new since it last did: sources, falls in alignment, failures of "
	"TLS,\n"
	"reports that stay away, policies. It is told as weekly is, or:\n"
	"      --webhook URL        by HTTPS, or GATEPOST_WEBHOOK\n"
	"      --webhook-secret-file FILE   or GATEPOST_WEBHOOK_SECRET\n"
	"      --state FILE         what was told; watch.json beside the database\n"
	"      --dry-run            print what would be told; 1 where that is something\n"
	"      --fall POINTS        of a hundred, in alignment; 10\n"
	"      --min-messages N     that alignment is measured by; 100\n"
	"      --min-source N       messages of a new source; 20\n"
	"      --min-sessions N     that fail; 10\n";

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"database", required_argument, NULL, OPT_DATABASE},
	{"json", no_argument, NULL, OPT_JSON},
	{"quiet", no_argument, NULL, 'q'},
	{"max-size", required_argument, NULL, OPT_MAX_SIZE},
	{"max-records", required_argument, NULL, OPT_MAX_RECORDS},
	{"keep", required_argument, NULL, OPT_KEEP},
	{"unauthenticated", no_argument, NULL, OPT_UNAUTHENTICATED},
	{"domain", required_argument, NULL, OPT_DOMAIN},
	{"since", required_argument, NULL, OPT_SINCE},
	{"until", required_argument, NULL, OPT_UNTIL},
	{"kind", required_argument, NULL, OPT_KIND},
	{"format", required_argument, NULL, OPT_FORMAT},
	{"max", required_argument, NULL, OPT_MAX},
	{"output", required_argument, NULL, 'o'},
	{"no-colour", no_argument, NULL, OPT_NO_COLOUR},
	{"imap", required_argument, NULL, OPT_IMAP},
	{"password-file", required_argument, NULL, OPT_PASSWORD_FILE},
	{"ca", required_argument, NULL, OPT_CA},
	{"move", required_argument, NULL, OPT_MOVE},
	{"progress", required_argument, NULL, OPT_PROGRESS},
	{"names", no_argument, NULL, OPT_NAMES},
	{"rate", required_argument, NULL, OPT_RATE},
	{"dns", required_argument, NULL, OPT_DNS},
	{"resolver", required_argument, NULL, OPT_RESOLVER},
	{"asn-database", required_argument, NULL, OPT_ASN_DATABASE},
	{"mail-to", required_argument, NULL, ALERT_MAIL_TO},
	{"mail-from", required_argument, NULL, ALERT_MAIL_FROM},
	{"mail-server", required_argument, NULL, ALERT_MAIL_SERVER},
	{"mail-user", required_argument, NULL, ALERT_MAIL_USER},
	{"mail-password-file", required_argument, NULL, ALERT_MAIL_PASSWORD_FILE},
	{"webhook", required_argument, NULL, ALERT_WEBHOOK},
	{"webhook-secret-file", required_argument, NULL, ALERT_WEBHOOK_SECRET_FILE},
	{"state", required_argument, NULL, WATCH_OPTION_STATE},
	{"dry-run", no_argument, NULL, WATCH_OPTION_DRY_RUN},
	{"min-messages", required_argument, NULL, WATCH_OPTION_MESSAGES},
	{"min-source", required_argument, NULL, WATCH_OPTION_SOURCE},
	{"min-sessions", required_argument, NULL, WATCH_OPTION_SESSIONS},
	{"fall", required_argument, NULL, WATCH_OPTION_FALL},
	{"look", no_argument, NULL, OPT_LOOK},
	{"helo", required_argument, NULL, OPT_HELO},
	{"private", no_argument, NULL, OPT_PRIVATE},
	{"help", no_argument, NULL, 'h'},
	{},
};

static const char *const verbs[REPORTS_VERBS] = {
	[REPORTS_IMPORT] = "import",   [REPORTS_NAMES] = "names", [REPORTS_SUMMARY] = "summary",
	[REPORTS_LIST] = "list",       [REPORTS_SHOW] = "show",   [REPORTS_EXPORT] = "export",
	[REPORTS_WEEKLY] = "weekly",   [REPORTS_WATCH] = "watch", [REPORTS_TLS] = "tls",
	[REPORTS_REFUSED] = "refused", [REPORTS_COPY] = "copy",
};

/* --- values --- */

/* "25MB", "300kB", or octets. */
static bool
read_size(const struct gp_arg *arg, uint64_t *ret)
{
	static const struct {
		const char *unit;
		uint64_t times;
	} units[] = {{"GB", 1 << 30}, {"MB", 1 << 20}, {"kB", 1 << 10}, {"", 1}};
	struct gp_slice text = gp_slice_str(arg->value);
	for (size_t i = 0; i < GP_ARRAY_LEN(units); i++) {
		struct gp_slice unit = gp_slice_str(units[i].unit);
		uint64_t n;
		if (text.len < unit.len || !gp_slice_ends_nocase(text, unit))
			continue;
		if (!gp_slice_u64(gp_slice_take(text, text.len - unit.len), UINT64_C(1) << 20,
				  &n) &&
		    (unit.len > 0 || !gp_slice_u64(text, UINT64_C(1) << 40, &n)))
			break;
		*ret = n * units[i].times;
		if (*ret < SIZE_MAX_MIN)
			break;
		return true;
	}
	return gp_arg_wrong(arg, "is no size of 1kB or more, such as 500MB");
}

/* A day in UTC, or so many days ago. */
static bool
read_day(const struct gp_arg *arg, int64_t today, int64_t *ret)
{
	struct gp_slice text = gp_slice_str(arg->value);
	uint64_t days;
	if (gp_slice_ends_nocase(text, GP_SLICE("d")) &&
	    gp_slice_u64(gp_slice_take(text, text.len - 1), KEEP_DAYS_MAX, &days)) {
		*ret = today - (int64_t)days;
		return true;
	}
	if (!gp_day_parse(text, ret))
		return gp_arg_wrong(arg, "is neither a day, such as 2026-01-31, nor a number of "
					 "days, such as 30d");
	return true;
}

static bool
read_kind(const struct gp_arg *arg, uint8_t *ret)
{
	static const char *const kinds[] = {[GP_INGEST_AGGREGATE] = "dmarc",
					    [GP_INGEST_TLS] = "tls",
					    [GP_INGEST_FAILURE] = "failure"};
	for (size_t i = GP_INGEST_AGGREGATE; i < GP_ARRAY_LEN(kinds); i++) {
		if (strcmp(arg->value, kinds[i]) == 0) {
			*ret = (uint8_t)i;
			return true;
		}
	}
	return gp_arg_wrong(arg, "is none of dmarc, tls and failure");
}

static bool
read_domain(const struct gp_arg *arg, struct reports_options *o)
{
	struct gp_slice text = gp_slice_str(arg->value);
	if (!gp_domain_valid(text) || text.len >= sizeof(o->domain_text))
		return gp_arg_wrong(arg, "is no domain");
	for (size_t i = 0; i < text.len; i++)
		o->domain_text[i] = gp_ascii_lower(text.ptr[i]);
	o->domain = gp_slice(o->domain_text, text.len);
	return true;
}

static bool
read_format(const struct gp_arg *arg, struct reports_options *o)
{
	o->format = arg->value;
	o->json = strcmp(arg->value, "json") == 0;
	return o->json || strcmp(arg->value, "csv") == 0 ||
	       gp_arg_wrong(arg, "is neither csv nor json");
}

static bool
read_imap(const struct gp_arg *arg, struct imap_url *ret)
{
	const char *wrong = imap_url_read(arg->value, ret);
	/* The URL is not shown: a password may be in it. */
	if (wrong)
		fprintf(stderr, "gatepost %s: --%s: it %s\n", arg->command, arg->option, wrong);
	return !wrong;
}

/* --- options --- */

/* Those of import from an IMAP server. */
static bool
read_imap_option(struct reports_options *o, int c, const struct gp_arg *arg)
{
	switch (c) {
	case OPT_IMAP:
		return read_imap(arg, &o->imap);
	case OPT_PASSWORD_FILE:
		o->password_file = optarg;
		return true;
	case OPT_CA:
		o->authorities = optarg;
		return true;
	case OPT_MOVE:
		o->move = optarg;
		return imap_folder_valid(optarg) ||
		       gp_arg_wrong(arg, "is no name of a folder in printable ASCII");
	case OPT_PROGRESS:
		o->progress = optarg;
		return true;
	default:
		return false;
	}
}

/* Those of who is told. */
static bool
read_alert_option(struct reports_options *o, int c, const struct gp_arg *arg)
{
	if (o->verb != REPORTS_WEEKLY && o->verb != REPORTS_WATCH)
		return gp_arg_wrong(arg, "is for gatepost reports weekly and watch");
	if (c < ALERT_MAIL_OPTIONS_END)
		return alert_mail_option(&o->mail, c, arg);
	if (o->verb != REPORTS_WATCH)
		return gp_arg_wrong(arg, "is for gatepost reports watch");
	return watch_option(&o->watch, c, arg);
}

static bool
read_option(struct reports_options *o, int c, int64_t today)
{
	const struct gp_arg arg = gp_arg_of("reports", long_options, c);
	switch (c) {
	case OPT_DATABASE:
		o->database = optarg;
		return true;
	case OPT_JSON:
		o->json = true;
		return true;
	case OPT_MAX_SIZE:
		return read_size(&arg, &o->size_max);
	case OPT_MAX_RECORDS:
		return gp_arg_u64(&arg, 1, UINT32_MAX, &o->records_max);
	case OPT_KEEP:
		return gp_arg_u64(&arg, 1, KEEP_DAYS_MAX, &o->keep_days);
	case OPT_UNAUTHENTICATED:
		o->unauthenticated = true;
		return true;
	case OPT_DOMAIN:
		return read_domain(&arg, o);
	case OPT_SINCE:
		return read_day(&arg, today, &o->from_day);
	case OPT_UNTIL:
		o->until = true;
		return read_day(&arg, today, &o->to_day);
	case OPT_KIND:
		return read_kind(&arg, &o->kind);
	case OPT_FORMAT:
		return read_format(&arg, o);
	case OPT_MAX:
		return gp_arg_u64(&arg, 1, GP_REPORTDB_LIST_MAX, &o->max);
	case OPT_NO_COLOUR:
		o->no_colour = true;
		return true;
	case OPT_NAMES:
		o->names = true;
		return true;
	case OPT_RATE:
		return gp_arg_u64(&arg, 1, NAMES_RATE_MAX, &o->rate);
	case OPT_LOOK:
		o->look = true;
		return true;
	case OPT_HELO:
		o->helo = optarg;
		return gp_domain_valid(gp_slice_str(optarg)) || gp_arg_wrong(&arg, "is no name");
	case OPT_PRIVATE:
		o->private = true;
		return true;
	case OPT_DNS:
		o->dns = optarg;
		return true;
	case OPT_RESOLVER:
		o->resolver = optarg;
		return true;
	case OPT_ASN_DATABASE:
		o->asn_database = optarg;
		return true;
	case 'c':
		o->config = optarg;
		return true;
	case 'o':
		o->output = optarg;
		return true;
	case 'q':
		o->quiet = true;
		return true;
	case 'h':
		o->help = true;
		return true;
	default:
		/* Of whom it is about, unless that is an IMAP server. */
		if (c == OPT_CA && o->verb >= REPORTS_WEEKLY)
			return alert_mail_option(&o->mail, ALERT_MAIL_CA, &arg);
		if (c >= ALERT_MAIL_TO)
			return read_alert_option(o, c, &arg);
		return read_imap_option(o, c, &arg);
	}
}

static int
usage_error(const char *why)
{
	fprintf(stderr, "gatepost reports: %s\n", why);
	return GP_EXIT_USAGE;
}

/* A week is the seven days that end with --until. */
static int
check_week(struct reports_options *o)
{
	const char *wrong = alert_mail_wrong(&o->mail);
	if (wrong)
		return usage_error(wrong);
	if (o->json)
		return usage_error("weekly is for people; summary has --json");
	if (o->from_day != 0)
		return usage_error("weekly has seven days, the last of which is that of --until");
	o->from_day = o->to_day - (WEEKLY_DAYS - 1);
	return GP_EXIT_OK;
}

/* As of the day of --until, or today. */
static int
check_watch(struct reports_options *o)
{
	const char *wrong = alert_mail_wrong(&o->mail);
	if (!wrong)
		wrong = alert_webhook_wrong(&o->watch.webhook);
	if (!wrong && o->from_day != 0)
		wrong = "watch compares the last days with those before; it has no --since";
	if (!wrong && o->unauthenticated)
		wrong = "what nobody answers for is no ground for an alert";
	if (!wrong && o->database && gp_reportdb_is_server(o->database) && !o->watch.state)
		wrong = "beside a server's database there is no file: --state names one";
	return wrong ? usage_error(wrong) : GP_EXIT_OK;
}

/* Whom to look at is said by us, and not by a report. */
static int
check_tls(const struct reports_options *o)
{
	if (o->look && o->database && !o->config && o->domain.len == 0)
		return usage_error("--look wants a --domain of ours, or a configuration");
	return GP_EXIT_OK;
}

/* Of what is meant by -c or --database there is more than one. */
static int
check_copy(const struct reports_options *o)
{
	if (o->operands_len != 1)
		return usage_error("name the database that is copied: a file, or postgresql://...");
	if (o->database && strcmp(o->database, o->operands[0]) == 0)
		return usage_error("a database is copied into another one");
	return GP_EXIT_OK;
}

static int
check_refused(const struct reports_options *o)
{
	if (o->operands_len > 1)
		return usage_error("name one mail by its number, or all of them by all");
	if (o->operands_len == 1 && strcmp(o->operands[0], "all") == 0 && !o->output)
		return usage_error("name the folder that all of them go to by -o");
	return GP_EXIT_OK;
}

static int
check(struct reports_options *o)
{
	if (o->help)
		return GP_EXIT_OK;
	bool imap = *o->imap.server;
	if (o->verb == REPORTS_IMPORT && o->operands_len == 0 && !imap)
		return usage_error("name the files or folders to import, - for standard input, or "
				   "a folder by --imap");
	if (!imap && (o->password_file || o->authorities || o->move || o->progress))
		return usage_error("--password-file, --ca, --move and --progress go with --imap");
	if (imap && o->verb != REPORTS_IMPORT)
		return usage_error("--imap is an option of import");
	if (o->move && o->progress)
		return usage_error("mails that are moved are not left as they are: --move or "
				   "--progress");
	if (o->verb == REPORTS_SHOW && o->operands_len != 1)
		return usage_error("name the number of one report, of `gatepost reports list`");
	bool names = o->verb == REPORTS_IMPORT || o->verb == REPORTS_SHOW ||
		     o->verb == REPORTS_REFUSED || o->verb == REPORTS_COPY;
	if (!names && o->operands_len > 0)
		return usage_error("this subcommand takes options alone; see -h");
	if ((o->look || o->helo || o->private) && o->verb != REPORTS_TLS)
		return usage_error("--look, --helo and --private are options of tls");
	if (o->dns && o->resolver)
		return usage_error("--dns and --resolver exclude each other");
	if (o->from_day > o->to_day)
		return usage_error("--since is after --until");
	return o->verb == REPORTS_WEEKLY    ? check_week(o)
	       : o->verb == REPORTS_WATCH   ? check_watch(o)
	       : o->verb == REPORTS_TLS     ? check_tls(o)
	       : o->verb == REPORTS_REFUSED ? check_refused(o)
	       : o->verb == REPORTS_COPY    ? check_copy(o)
					    : GP_EXIT_OK;
}

int
reports_options_read(struct reports_options *ret, int argc, char **argv, int64_t now_s)
{
	int64_t today = now_s / DAY_S;
	int c;
	*ret = (struct reports_options){
		.size_max = GP_ARCHIVE_STRANGERS_OCTETS,
		.records_max = GP_INTAKE_STRANGERS_RECORDS,
		.to_day = today + GP_REPORTDB_FUTURE_S / DAY_S,
		.max = LIST_ROWS,
		.rate = NAMES_RATE,
		.mail = alert_mail("gatepost reports"),
		.watch = watch_options(),
	};
	while (ret->verb < REPORTS_VERBS && strcmp(argv[0], verbs[ret->verb]) != 0)
		ret->verb++;
	ret->help = strcmp(argv[0], "-h") == 0 || strcmp(argv[0], "--help") == 0;
	if (ret->verb == REPORTS_VERBS)
		return ret->help
			       ? GP_EXIT_OK
			       : usage_error("the subcommands are import, names, summary, list, "
					     "show, export, refused, copy, tls, weekly and watch");
	if (ret->verb <= REPORTS_SUMMARY || ret->verb == REPORTS_TLS)
		ret->from_day = -1; /* not given yet */
	if (ret->verb == REPORTS_IMPORT)
		ret->max = GP_REPORTDB_LIST_MAX;
	if (ret->verb == REPORTS_NAMES)
		ret->max = REPORTS_NAMES_MAX;
	if (ret->verb == REPORTS_WEEKLY)
		ret->to_day = today - 1;
	if (ret->verb == REPORTS_WATCH)
		ret->to_day = today;
	while ((c = gp_arg_next("reports", argc, argv, "c:o:qh", long_options)) != -1) {
		if (!read_option(ret, c, today))
			return GP_EXIT_USAGE;
	}
	if (ret->from_day < 0)
		ret->from_day = GP_MIN(ret->to_day, today) - SUMMARY_DAYS;
	ret->operands = (const char *const *)argv + optind;
	ret->operands_len = (size_t)(argc - optind);
	return check(ret);
}

/* --- the database --- */

int
reports_fail(const struct gp_reportdb *db, int error)
{
	fprintf(stderr, "gatepost reports: the database: %s\n", gp_reportdb_why(db, error));
	return GP_EXIT_ERROR;
}

/* The configuration's, in the arena. */
static int
configured_path(const struct gp_config *config, bool make, struct gp_arena *arena, const char **ret)
{
	struct gp_slice folder =
		gp_arena_printf(arena, "%.*s/reports", GP_SLICE_FMT(config->state));
	*ret = gp_cli_received(config, arena);
	if (arena->failed)
		return GP_EXIT_ERROR;
	/* Open to its owner alone, as the gateway makes it. */
	if (make && !gp_reportdb_is_server(*ret) && mkdir(folder.ptr, 0700) < 0 &&
	    errno != EEXIST) {
		fprintf(stderr, "gatepost reports: %s: %s\n", folder.ptr, strerror(errno));
		return GP_EXIT_ERROR;
	}
	return GP_EXIT_OK;
}

int
reports_config(const struct reports_options *o, struct gp_arena *arena,
	       const struct gp_config **ret)
{
	struct gp_complaints complaints;
	*ret = NULL;
	if (o->database && !o->config)
		return GP_EXIT_OK;
	struct gp_config *config = gp_arena_new(arena, struct gp_config);
	int code = config ? gp_cli_config(o->config, arena, config, &complaints) : GP_EXIT_ERROR;
	if (config && code != GP_EXIT_OK)
		gp_cli_print_complaints(&complaints);
	if (code == GP_EXIT_USAGE && !o->config)
		fprintf(stderr, "gatepost reports: --database names a database without one\n");
	*ret = config;
	return code;
}

int
reports_path(const struct reports_options *o, const struct gp_config *config, bool make,
	     struct gp_arena *arena, const char **ret)
{
	*ret = o->database;
	return o->database ? GP_EXIT_OK : configured_path(config, make, arena, ret);
}

int
reports_open_path(const char *path, const char *server, int mode, struct gp_reportdb **ret)
{
	/* Addresses of people's mail are in it. */
	mode_t mask = umask(077);
	int r = gp_reportdb_open(path, mode, ret);
	umask(mask);
	if (r == 0)
		return GP_EXIT_OK;
	/* A URL may have a password in it. */
	fprintf(stderr, "gatepost reports: %s: %s%s\n", gp_reportdb_is_server(path) ? server : path,
		gp_reportdb_why(*ret, r),
		r == -ENOENT && mode < GP_REPORTDB_MAKE
			? "; a gateway makes it, or `gatepost reports import`"
			: "");
	*ret = gp_reportdb_close(*ret);
	return GP_EXIT_ERROR;
}

int
reports_open(const struct reports_options *o, int mode, struct gp_reportdb **ret)
{
	struct gp_arena arena = GP_ARENA_INIT(CONFIG_ARENA_MAX);
	const struct gp_config *config = NULL;
	const char *path = o->database;
	*ret = NULL;
	int code = path ? GP_EXIT_OK : reports_config(o, &arena, &config);
	if (code == GP_EXIT_OK)
		code = reports_path(o, config, mode >= GP_REPORTDB_MAKE, &arena, &path);
	if (code == GP_EXIT_OK)
		code = reports_open_path(path, "the database", mode, ret);
	gp_arena_free(&arena);
	return code;
}

const char *
reports_refused_beside(const char *path, struct gp_arena *arena)
{
	struct gp_slice all = gp_slice_str(path);
	size_t folder = (size_t)(gp_slice_rfind(all, '/') + 1);
	return gp_reportdb_is_server(path)
		       ? NULL
		       : gp_arena_printf(arena, "%.*srefused.db",
					 GP_SLICE_FMT(gp_slice_take(all, folder)))
				 .ptr;
}

int
reports_refused_path(const struct reports_options *o, struct gp_arena *arena,
		     const struct gp_config **ret_config, const char **ret)
{
	*ret_config = NULL;
	*ret = o->database ? reports_refused_beside(o->database, arena) : NULL;
	int code = *ret ? GP_EXIT_OK : reports_config(o, arena, ret_config);
	if (code == GP_EXIT_OK && *ret_config)
		*ret = gp_arena_printf(arena, "%.*s/reports/refused.db",
				       GP_SLICE_FMT((*ret_config)->state))
			       .ptr;
	return code == GP_EXIT_OK && arena->failed ? GP_EXIT_ERROR : code;
}
