/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/options.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/arg.h"
#include "cli/audit/patch.h"
#include "cli/command.h"
#include "cli/findings/findings.h"
#include "core/config/value.h"
#include "core/smtp/address.h"
#include "core/targets/blocklist.h"

enum {
	AT_ONCE = 100,
	RATE = 2000,
	KEEP_DAYS_MAX = 36'500,
	PROBE_RATE = 10,
	PROBE_RATE_MAX = 1'000'000,
	DAY_S = 24 * 3600,
};

enum {
	OPT_FILE = 256,
	OPT_ZONE_FILE,
	OPT_ORIGIN,
	OPT_AXFR,
	OPT_TSIG_KEY,
	OPT_DNS,
	OPT_RESOLVER,
	OPT_SELECTOR,
	OPT_SAMPLE,
	OPT_REPORTS,
	OPT_REPORTS_TO,
	OPT_STAGE,
	OPT_PROBE,
	OPT_NO_PROBE,
	OPT_PRIVATE,
	OPT_TLS_SURVEY,
	OPT_RCPT,
	OPT_PROBE_RATE,
	OPT_HELO,
	OPT_PROBE_CA,
	OPT_OPT_OUT,
	OPT_AT_ONCE,
	OPT_QUESTIONS,
	OPT_RATE,
	OPT_RESUME,
	OPT_PROGRESS,
	OPT_METRICS,
	OPT_SUMMARY,
	OPT_TIME,
	OPT_FORMAT,
	OPT_JSON,
	OPT_FAIL_ON,
	OPT_STORE,
	OPT_KEEP,
	OPT_NO_COLOUR,
	OPT_ZONE,
	OPT_BASELINE,
	OPT_NSUPDATE,
	OPT_OCTODNS,
	OPT_DNSBL,
	OPT_ADDRESS,
	OPT_EVIDENCE,
	OPT_PDF,
};

const char audit_usage[] =
	"usage: gatepost audit [options] DOMAIN...\n"
	"       gatepost audit diff --store FILE [options] [DOMAIN...]\n"
	"       gatepost audit watch --store FILE [options] DOMAIN...\n"
	"\n"
	"What the DNS says about the mail of domains, what is wrong with it, and what to publish\n"
	"instead. - reads domains from standard input, one a line.\n"
	"\n"
	"      --file FILE          more domains\n"
	"      --zone-file FILE     the domains of a zone, as a master file of RFC 1035\n"
	"      --axfr ZONE@ADDR[:PORT]  those of a zone that this server transfers\n"
	"      --tsig-key FILE      the key of all --axfr behind it, as nsupdate -k reads it\n"
	"      --origin NAME        what relative names end in there, before its $ORIGIN\n"
	"  -c FILE                  the configuration, of which dns and state count\n"
	"      --dns FILE, --resolver ADDR[:PORT]   where is looked\n"
	"      --selector NAME      a DKIM selector that the domains have; may be given often\n"
	"      --sample FILE        a mail of theirs: the selectors that its signatures name\n"
	"      --reports FILE       the database of gatepost reports; with -c that of the state\n"
	"      --reports-to ADDRESS whom proposed records send reports to\n"
	"      --stage next|none|quarantine|reject\n"
	"                           the DMARC policy that is proposed where mail is sent; next, "
	"as\n"
	"                           it is unless told: one step up from what is in force\n"
	"      --dnsbl ZONE         are the domains' addresses in this block list? may be given "
	"often\n"
	"      --address ADDR       one more address of ours to look for there\n"
	"      --no-probe           the DNS alone; otherwise each MX host is looked at on port "
	"25,\n"
	"                           and MTA-STS policies are fetched. With --dns this is so "
	"unless\n"
	"      --probe              is said\n"
	"      --tls-survey         of hosts: all suites of TLS that they take, by up to 60\n"
	"                           connections each\n"
	"      --rcpt               of mailboxes for DMARC reports: ask their hosts by RCPT "
	"whether\n"
	"                           they are there; no message is sent\n"
	"      --probe-rate N       connections a second; 10 unless told, 0 for no limit\n"
	"      --probe-ca FILE      whom to believe about their certificates\n"
	"      --helo NAME, --opt-out FILE, --private   as gatepost scan has them\n"
	"      --at-once N          domains at once; 100\n"
	"      --questions N        questions to the DNS at once; 256\n"
	"      --rate N             questions a second; 2000, 0: no limit\n"
	"      --resume FILE        keep there what is done, and go on from there\n"
	"      --progress, -q       a line that tells how far it is, or none; on a terminal it is "
	"there\n"
	"      --metrics FILE       the same for Prometheus\n"
	"      --time EPOCH         the time, for the ids of proposed records\n"
	"\n"
	"      --zone               what would mend each, whole, as lines of a zone file\n"
	"      --nsupdate, --octodns   the same as commands of nsupdate, as YAML of octoDNS\n"
	"      --format text|json|csv|markdown|sarif|junit|html   (--json) and -o FILE\n"
	"      --summary[=only]     which faults are the same, and with whose domains\n"
	"      --baseline NAME|FILE what an authority or a receiver asks; exit 1 where it fails\n"
	"      --fail-on SEVERITY   exit 1 where something as grave was found\n"
	"      --pdf FILE           the findings as PDF, too; by chromium\n"
	"      --evidence DIR|FILE.zip   all of it, with the answers, for an auditor\n"
	"      --store FILE         keep what was found, for gatepost audit diff\n"
	"      --keep DAYS          and forget runs that are older\n"
	"      --no-colour\n"
	"\n"
	"watch tells what is news since it told the last time:\n"
	"      --mail-to ADDRESS --mail-from ADDRESS   by mail; --mail-to may be given often\n"
	"      --mail-server HOST[:PORT]               127.0.0.1\n"
	"      --mail-user NAME --mail-password-file FILE\n"
	"      --webhook URL                           by HTTPS, or GATEPOST_WEBHOOK\n"
	"      --webhook-secret-file FILE              or GATEPOST_WEBHOOK_SECRET\n"
	"      --ca FILE                               whom to believe, for both\n"
	"      --alert-on SEVERITY                     what is less grave is not told; low\n";

static const struct option long_options[] = {
	{"file", required_argument, NULL, OPT_FILE},
	{"zone-file", required_argument, NULL, OPT_ZONE_FILE},
	{"origin", required_argument, NULL, OPT_ORIGIN},
	{"axfr", required_argument, NULL, OPT_AXFR},
	{"tsig-key", required_argument, NULL, OPT_TSIG_KEY},
	{"config", required_argument, NULL, 'c'},
	{"dns", required_argument, NULL, OPT_DNS},
	{"resolver", required_argument, NULL, OPT_RESOLVER},
	{"selector", required_argument, NULL, OPT_SELECTOR},
	{"sample", required_argument, NULL, OPT_SAMPLE},
	{"reports", required_argument, NULL, OPT_REPORTS},
	{"reports-to", required_argument, NULL, OPT_REPORTS_TO},
	{"stage", required_argument, NULL, OPT_STAGE},
	{"probe", no_argument, NULL, OPT_PROBE},
	{"no-probe", no_argument, NULL, OPT_NO_PROBE},
	{"private", no_argument, NULL, OPT_PRIVATE},
	{"tls-survey", no_argument, NULL, OPT_TLS_SURVEY},
	{"rcpt", no_argument, NULL, OPT_RCPT},
	{"probe-rate", required_argument, NULL, OPT_PROBE_RATE},
	{"helo", required_argument, NULL, OPT_HELO},
	{"probe-ca", required_argument, NULL, OPT_PROBE_CA},
	{"opt-out", required_argument, NULL, OPT_OPT_OUT},
	{"at-once", required_argument, NULL, OPT_AT_ONCE},
	{"questions", required_argument, NULL, OPT_QUESTIONS},
	{"rate", required_argument, NULL, OPT_RATE},
	{"resume", required_argument, NULL, OPT_RESUME},
	{"progress", no_argument, NULL, OPT_PROGRESS},
	{"quiet", no_argument, NULL, 'q'},
	{"metrics", required_argument, NULL, OPT_METRICS},
	{"summary", optional_argument, NULL, OPT_SUMMARY},
	{"time", required_argument, NULL, OPT_TIME},
	{"format", required_argument, NULL, OPT_FORMAT},
	{"json", no_argument, NULL, OPT_JSON},
	{"output", required_argument, NULL, 'o'},
	{"fail-on", required_argument, NULL, OPT_FAIL_ON},
	{"baseline", required_argument, NULL, OPT_BASELINE},
	{"evidence", required_argument, NULL, OPT_EVIDENCE},
	{"pdf", required_argument, NULL, OPT_PDF},
	{"store", required_argument, NULL, OPT_STORE},
	{"keep", required_argument, NULL, OPT_KEEP},
	{"zone", no_argument, NULL, OPT_ZONE},
	{"dnsbl", required_argument, NULL, OPT_DNSBL},
	{"address", required_argument, NULL, OPT_ADDRESS},
	{"nsupdate", no_argument, NULL, OPT_NSUPDATE},
	{"octodns", no_argument, NULL, OPT_OCTODNS},
	{"no-colour", no_argument, NULL, OPT_NO_COLOUR},
	{"mail-to", required_argument, NULL, ALERT_MAIL_TO},
	{"mail-from", required_argument, NULL, ALERT_MAIL_FROM},
	{"mail-server", required_argument, NULL, ALERT_MAIL_SERVER},
	{"mail-user", required_argument, NULL, ALERT_MAIL_USER},
	{"mail-password-file", required_argument, NULL, ALERT_MAIL_PASSWORD_FILE},
	{"webhook", required_argument, NULL, ALERT_WEBHOOK},
	{"webhook-secret-file", required_argument, NULL, ALERT_WEBHOOK_SECRET_FILE},
	{"ca", required_argument, NULL, ALERT_MAIL_CA},
	{"alert-on", required_argument, NULL, AUDIT_WATCH_ALERT_ON},
	{"help", no_argument, NULL, 'h'},
	{},
};

static bool
read_format(const struct gp_arg *arg, struct audit_options *o)
{
	int format = findings_format_of(arg->value);
	o->format = (uint8_t)GP_MAX(format, 0);
	return format >= 0 ||
	       gp_arg_wrong(arg, "is none of text, json, csv, markdown, sarif, junit and html");
}

static bool
read_severity(const struct gp_arg *arg, int *ret)
{
	*ret = findings_fail_on_of(arg->value);
	return *ret >= 0 ||
	       gp_arg_wrong(arg, "is none of info, low, medium, high, critical and never");
}

static bool
add_file(const struct gp_arg *arg, const char *list[AUDIT_FILES_MAX], size_t *len)
{
	if (*len == AUDIT_FILES_MAX)
		return gp_arg_wrong(arg, "is one file too many");
	list[(*len)++] = arg->value;
	return true;
}

static bool
add_transfer(const struct gp_arg *arg, struct audit_options *o)
{
	if (!add_file(arg, o->transfers, &o->transfers_len))
		return false;
	o->transfer_keys[o->transfers_len - 1] = o->transfer_key;
	return true;
}

static bool
add_baseline(const struct gp_arg *arg, struct audit_options *o)
{
	if (o->baselines_len == AUDIT_BASELINES_MAX)
		return gp_arg_wrong(arg, "is one baseline too many");
	o->baselines[o->baselines_len++] = arg->value;
	return true;
}

/* RFC 6376 section 3.1: a selector may have dots. */
static bool
add_selector(const struct gp_arg *arg, struct audit_options *o)
{
	struct gp_slice text = gp_slice_str(arg->value);
	if (o->selectors_len == GP_POSTURE_SELECTORS_MAX)
		return gp_arg_wrong(arg, "is one selector too many");
	if (!gp_domain_valid(text))
		return gp_arg_wrong(arg, "is no selector");
	o->selectors[o->selectors_len++] = text;
	return true;
}

static bool
add_list(const struct gp_arg *arg, struct audit_options *o)
{
	struct gp_slice zone = gp_slice_str(arg->value);
	if (o->lists_len == AUDIT_LISTS_MAX)
		return gp_arg_wrong(arg, "is one block list too many");
	if (!gp_blocklist_is_zone(zone))
		return gp_arg_wrong(arg, "is no name of a block list");
	o->lists[o->lists_len++] = zone;
	return true;
}

static bool
add_address(const struct gp_arg *arg, struct audit_options *o)
{
	if (o->addresses_len == AUDIT_ADDRESSES_MAX)
		return gp_arg_wrong(arg, "is one address too many");
	struct gp_posture_address *a = &o->addresses[o->addresses_len++];
	a->len = (uint8_t)gp_ip_parse(gp_slice_str(arg->value), a->octets);
	return a->len > 0 || gp_arg_wrong(arg, "is no address");
}

static bool
read_address(const struct gp_arg *arg, struct audit_options *o)
{
	struct gp_slice text = gp_slice_str(arg->value);
	ptrdiff_t at = gp_slice_rfind(text, '@');
	o->reports_to = arg->value;
	bool good = at > 0 && gp_domain_valid(gp_slice_drop(text, (size_t)at + 1));
	/* What has a meaning of its own in a URI or in the record would have to be escaped. */
	for (size_t i = 0; good && i < (size_t)at; i++)
		good = gp_ascii_is_alnum(text.ptr[i]) || strchr("-_.+=~", text.ptr[i]);
	return good || gp_arg_wrong(arg, "is no plain address");
}

static bool
read_stage(const struct gp_arg *arg, struct audit_options *o)
{
	o->policy = GP_DMARC_P_ABSENT;
	if (strcmp(arg->value, "next") == 0)
		return true;
	for (unsigned p = GP_DMARC_P_NONE; p <= GP_DMARC_P_REJECT; p++) {
		if (strcmp(arg->value, gp_dmarc_policy_name((uint8_t)p)) == 0)
			o->policy = (uint8_t)p;
	}
	return o->policy != GP_DMARC_P_ABSENT ||
	       gp_arg_wrong(arg, "is none of next, none, quarantine and reject");
}

static bool
read_summary(const struct gp_arg *arg, struct audit_options *o)
{
	o->summary = arg->value ? AUDIT_SUMMARY_ALONE : AUDIT_SUMMARY_TOO;
	return !arg->value || strcmp(arg->value, "only") == 0 ||
	       gp_arg_wrong(arg, "is nothing but only");
}

static bool
read_keep(const struct gp_arg *arg, struct audit_options *o)
{
	uint64_t days;
	if (!gp_arg_u64(arg, 1, KEEP_DAYS_MAX, &days))
		return false;
	o->keep_s = days * DAY_S;
	return true;
}

/* 1: it is none of those that are about hosts; 0: it was read; -1: it is wrong. */
static int
read_host_option(struct audit_options *o, int c, const struct gp_arg *arg)
{
	switch (c) {
	case OPT_PROBE:
	case OPT_NO_PROBE:
		o->hosts = c == OPT_PROBE;
		o->hosts_said = true;
		return 0;
	case OPT_PRIVATE:
		o->private = true;
		return 0;
	case OPT_RCPT:
		o->rcpt = true;
		return 0;
	case OPT_TLS_SURVEY:
		o->tls_survey = true;
		return 0;
	case OPT_PROBE_RATE:
		return gp_arg_number(arg, 0, PROBE_RATE_MAX, &o->probe_rate) ? 0 : -1;
	case OPT_HELO:
		o->helo = optarg;
		return gp_domain_valid(gp_slice_str(optarg)) || gp_arg_wrong(arg, "is no name")
			       ? 0
			       : -1;
	case OPT_PROBE_CA:
		o->authorities = optarg;
		return 0;
	case OPT_OPT_OUT:
		return add_file(arg, o->optouts, &o->optouts_len) ? 0 : -1;
	default:
		return 1;
	}
}

/* Where the option's text goes as it stands; NULL: it is to be read. */
static const char **
text_of(struct audit_options *o, int c)
{
	switch (c) {
	case OPT_ORIGIN:
		return &o->origin;
	case OPT_TSIG_KEY:
		return &o->transfer_key;
	case OPT_DNS:
		return &o->dns;
	case OPT_RESOLVER:
		return &o->resolver;
	case OPT_REPORTS:
		return &o->reports;
	case OPT_RESUME:
		return &o->resume;
	case OPT_METRICS:
		return &o->metrics;
	case OPT_PDF:
		return &o->pdf;
	case OPT_EVIDENCE:
		return &o->evidence;
	case OPT_STORE:
		return &o->store;
	case 'c':
		return &o->config;
	case 'o':
		return &o->output;
	default:
		return NULL;
	}
}

static bool
read_text(int c, const struct gp_arg *arg, const char **ret)
{
	bool archive = c == OPT_EVIDENCE &&
		       gp_slice_ends_nocase(gp_slice_str(arg->value), GP_SLICE(".zip"));
	bool replaced = c == OPT_RESUME || c == OPT_METRICS || c == OPT_PDF || archive;
	return replaced ? gp_arg_replaced(arg, ret) : gp_arg_text(arg, ret);
}

static bool
read_option(struct audit_options *o, int c)
{
	const struct gp_arg arg = gp_arg_of("audit", long_options, c);
	const char **text = text_of(o, c);
	if (text)
		return read_text(c, &arg, text);
	int about_hosts = read_host_option(o, c, &arg);
	if (about_hosts <= 0)
		return about_hosts == 0;
	switch (c) {
	case OPT_FILE:
		return add_file(&arg, o->files, &o->files_len);
	case OPT_ZONE_FILE:
		return add_file(&arg, o->zones, &o->zones_len);
	case OPT_AXFR:
		return add_transfer(&arg, o);
	case OPT_SELECTOR:
		return add_selector(&arg, o);
	case OPT_SAMPLE:
		return add_file(&arg, o->samples, &o->samples_len);
	case OPT_DNSBL:
		return add_list(&arg, o);
	case OPT_ADDRESS:
		return add_address(&arg, o);
	case OPT_REPORTS_TO:
		return read_address(&arg, o);
	case OPT_STAGE:
		return read_stage(&arg, o);
	case OPT_AT_ONCE:
		return gp_arg_u64(&arg, 1, AUDIT_AT_ONCE_MAX, &o->at_once);
	case OPT_QUESTIONS:
		return gp_arg_u64(&arg, 1, AUDIT_QUESTIONS_MAX, &o->questions);
	case OPT_RATE:
		return gp_arg_u64(&arg, 0, AUDIT_RATE_MAX, &o->rate);
	case OPT_PROGRESS:
		o->progress = true;
		return true;
	case 'q':
		o->quiet = true;
		return true;
	case OPT_SUMMARY:
		return read_summary(&arg, o);
	case OPT_TIME:
		return gp_arg_u64(&arg, 0, INT64_MAX, &o->time_s);
	case OPT_FORMAT:
		return read_format(&arg, o);
	case OPT_JSON:
		o->format = FINDINGS_JSON;
		return true;
	case OPT_FAIL_ON:
		return read_severity(&arg, &o->fail_on);
	case OPT_BASELINE:
		return add_baseline(&arg, o);
	case OPT_KEEP:
		return read_keep(&arg, o);
	case OPT_ZONE:
	case OPT_NSUPDATE:
	case OPT_OCTODNS:
		o->zone = true;
		o->patch_form = c == OPT_ZONE       ? AUDIT_PATCH_ZONE
				: c == OPT_NSUPDATE ? AUDIT_PATCH_NSUPDATE
						    : AUDIT_PATCH_OCTODNS;
		return true;
	case OPT_NO_COLOUR:
		o->no_colour = true;
		return true;
	case 'h':
		o->help = true;
		return true;
	default: /* '?': gp_arg_next() has said what is wrong */
		return c >= ALERT_MAIL_TO && audit_watch_option(&o->watch, c, &arg);
	}
}

/* Other forms are documents with an end, and a run of the store is whole. */
static bool
can_resume(const struct audit_options *o)
{
	bool lines = o->zone || o->format == FINDINGS_TEXT || o->format == FINDINGS_JSON;
	return lines && !o->store && !o->evidence && !o->pdf && o->lists_len == 0;
}

/* Of a part of the domains it would be none. */
static bool
can_sum_up(const struct audit_options *o)
{
	bool form = o->format == FINDINGS_TEXT || o->format == FINDINGS_JSON ||
		    o->format == FINDINGS_HTML;
	return form && !o->zone && !o->resume;
}

static const char *
what_is_wrong(struct audit_options *o)
{
	if (o->watch.on && (!o->store || o->zone))
		return "watch wants the --store that it compares with, and no --zone";
	if (o->zone && o->baselines_len > 0)
		return "records to publish are held against no --baseline";
	/* What is looked at in the end there is not what is published. */
	if (o->zone && o->store)
		return "--store keeps findings, and --zone has none";
	if (o->zone && (o->evidence || o->pdf))
		return "--evidence and --pdf are of findings, and --zone has none";
	if (o->zone && o->lists_len > 0)
		return "no record takes an address off a block list: --dnsbl is not for --zone";
	if (o->addresses_len > 0 && o->lists_len == 0)
		return "an --address is for a block list: --dnsbl";
	const char *last = o->transfers_len > 0 ? o->transfer_keys[o->transfers_len - 1] : NULL;
	if (o->transfer_key != last)
		return "a --tsig-key stands before the --axfr that it is for";
	if (o->operands_len + o->files_len + o->zones_len + o->transfers_len + o->addresses_len ==
	    0)
		return "name a domain, a --file of domains, a --zone-file or a zone for --axfr";
	if (o->resume && !can_resume(o))
		return "--resume goes with text, json, --zone and --nsupdate, and without --store, "
		       "--dnsbl, --pdf and --evidence";
	if (o->hosts && !gp_domain_valid(gp_slice_str(o->helo)))
		return "this host's name is none for EHLO; give one by --helo";
	if (o->summary != AUDIT_SUMMARY_NONE && !can_sum_up(o))
		return "--summary goes with text, json and html, and without --zone and --resume";
	return o->watch.on ? audit_watch_wrong(&o->watch) : NULL;
}

int
audit_options_read(struct audit_options *ret, bool watch, int argc, char **argv)
{
	int c;
	*ret = (struct audit_options){.command = "gatepost audit",
				      .time_s = (uint64_t)time(NULL),
				      .at_once = AT_ONCE,
				      .rate = RATE,
				      .fail_on = FINDINGS_FAIL_NEVER,
				      .keep_s = UINT64_MAX,
				      .probe_rate = PROBE_RATE,
				      .helo = ret->hostname,
				      .watch.on = watch};
	audit_watch_defaults(&ret->watch);
	if (gethostname(ret->hostname, sizeof(ret->hostname) - 1) < 0)
		ret->hostname[0] = '\0';
	while ((c = gp_arg_next(watch ? "audit watch" : "audit", argc, argv, "c:o:hq",
				long_options)) != -1) {
		if (!read_option(ret, c))
			return GP_EXIT_USAGE;
	}
	ret->operands = (const char *const *)argv + optind;
	ret->operands_len = (size_t)(argc - optind);
	/* A file's world is one of names; its addresses may be anybody's. */
	if (!ret->hosts_said)
		ret->hosts = !ret->dns;
	const char *wrong = ret->help ? NULL : what_is_wrong(ret);
	if (wrong)
		fprintf(stderr, "gatepost audit: %s\n", wrong);
	return wrong ? GP_EXIT_USAGE : GP_EXIT_OK;
}
