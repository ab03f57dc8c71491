/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost dkim: keys, and signatures made and verified, by hand. Options and what the verbs share;
 * each verb has a file.
 */
#include "cli/dkim.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/arg.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "core/dkim/key.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	ARENA_MAX = 64 * 1024 * 1024,
	TIME_MAX_S = UINT32_MAX,
};

static const char usage[] =
	"usage: gatepost dkim VERB [options] [MESSAGE]\n\n"
	"  keygen             makes a private key, and prints the record to publish\n"
	"  sign               prints the message with a signature on top\n"
	"  verify             what each of its signatures proves; exit code 1 when none passes\n\n"
	"  MESSAGE            a file; - or nothing for standard input\n\n"
	"keygen, sign:\n"
	"  --domain D         whose signature it is\n"
	"  --selector S       which of the domain's keys\n"
	"  --algorithm A      rsa-sha256 or ed25519-sha256; sign: what the key is for\n"
	"  -o FILE            keygen: where the key goes, must not be there; sign: the message\n"
	"keygen:\n"
	"  --bits N           of an RSA key, 1024 to 4096 (2048)\n"
	"  --json             the record as one JSON object\n"
	"sign:\n"
	"  --key FILE         the private key in PEM, or 32 octets in base64 for Ed25519\n"
	"  --headers A:B:C    the fields to sign, in this order; each once more than it is there\n"
	"                     keeps others from adding one\n"
	"  --canon H/B        canonicalisation, simple or relaxed (relaxed/relaxed)\n"
	"  --expire S         seconds that the signature is good for (for ever)\n"
	"verify:\n"
	"  --json             one JSON object\n"
	"  -v, -q             the reasoning too; nothing at all\n"
	"  --dns FILE         answers from this file; nobody is asked\n"
	"  --resolver ADDR    the DNS server to ask\n"
	"sign, verify:\n"
	"  --time EPOCH       the time that it is\n";

static const struct {
	const char *name;
	int (*run)(struct dkim_run *run);
	bool reads; /* a message */
} verbs[] = {
	{"keygen", dkim_keygen, false},
	{"sign", dkim_sign, true},
	{"verify", dkim_verify, true},
};

int
dkim_fail(const char *what, int error)
{
	fprintf(stderr, "gatepost dkim: %s: %s\n", what, strerror(-error));
	return GP_EXIT_ERROR;
}

int
dkim_wrong(const char *what, const char *why)
{
	fprintf(stderr, "gatepost dkim: %s: %s\n", what, why);
	return GP_EXIT_USAGE;
}

/* --- options --- */

enum {
	KEY = 256,
	DOMAIN,
	SELECTOR,
	HEADERS,
	CANON,
	ALGORITHM,
	BITS,
	EXPIRE,
	JSON,
	DNS,
	RESOLVER,
	TIME,
};

static const struct option options[] = {
	{"key", required_argument, NULL, KEY},
	{"domain", required_argument, NULL, DOMAIN},
	{"selector", required_argument, NULL, SELECTOR},
	{"headers", required_argument, NULL, HEADERS},
	{"canon", required_argument, NULL, CANON},
	{"algorithm", required_argument, NULL, ALGORITHM},
	{"bits", required_argument, NULL, BITS},
	{"expire", required_argument, NULL, EXPIRE},
	{"output", required_argument, NULL, 'o'},
	{"json", no_argument, NULL, JSON},
	{"quiet", no_argument, NULL, 'q'},
	{"verbose", no_argument, NULL, 'v'},
	{"trace", no_argument, NULL, 'v'},
	{"dns", required_argument, NULL, DNS},
	{"resolver", required_argument, NULL, RESOLVER},
	{"time", required_argument, NULL, TIME},
	{"help", no_argument, NULL, 'h'},
	{},
};

/* Where an option's text goes; NULL: it is none that has one. */
static const char **
text_of(struct dkim_run *run, int c)
{
	switch (c) {
	case KEY:
		return &run->key;
	case DOMAIN:
		return &run->domain;
	case SELECTOR:
		return &run->selector;
	case HEADERS:
		return &run->headers;
	case CANON:
		return &run->canon;
	case ALGORITHM:
		return &run->algorithm;
	case DNS:
		return &run->dns;
	case RESOLVER:
		return &run->resolver;
	case 'o':
		return &run->output;
	default:
		return NULL;
	}
}

/* False: its value is wrong, which has been said, or there is no such option. */
static bool
take_option(struct dkim_run *run, int c, const char *value)
{
	struct gp_arg arg = {"gatepost dkim", NULL, value};
	switch (c) {
	case BITS:
		arg.option = "bits";
		return gp_arg_u64(&arg, GP_DKIM_RSA_BITS_MIN, GP_DKIM_RSA_BITS_MAX, &run->bits);
	case EXPIRE:
		arg.option = "expire";
		return gp_arg_u64(&arg, 1, TIME_MAX_S, &run->expire_s);
	case TIME:
		arg.option = "time";
		return gp_arg_u64(&arg, 0, TIME_MAX_S, &run->now_s);
	case JSON:
		run->json = true;
		return true;
	case 'q':
		run->quiet = true;
		return true;
	case 'v':
		run->verbose = true;
		return true;
	default:
		fputs(usage, stderr);
		return false;
	}
}

/* Returns 0, or an exit code + 1 when there is nothing left to do. */
static int
parse_options(int argc, char **argv, struct dkim_run *run)
{
	int c;
	while ((c = getopt_long(argc, argv, "o:qvh", options, NULL)) != -1) {
		const char **text = text_of(run, c);
		if (text) {
			*text = optarg;
		} else if (c == 'h') {
			fputs(usage, stdout);
			return GP_EXIT_OK + 1;
		} else if (!take_option(run, c, optarg)) {
			return GP_EXIT_USAGE + 1;
		}
	}
	return 0;
}

/* --- the command --- */

int
gp_cmd_dkim(int argc, char **argv)
{
	struct dkim_run run = {.arena = GP_ARENA_INIT(ARENA_MAX),
			       .now_s = gp_clock_wall_ms() / 1000,
			       .message = "-"};
	int code = parse_options(argc, argv, &run);
	if (code > 0)
		return code - 1;
	gp_log_setup("dkim", false, GP_LOG_WARNING);
	int operands = argc - optind;
	for (size_t i = 0; operands > 0 && i < GP_ARRAY_LEN(verbs); i++) {
		if (strcmp(argv[optind], verbs[i].name) != 0 || operands > 1 + verbs[i].reads)
			continue;
		if (operands > 1)
			run.message = argv[optind + 1];
		code = verbs[i].run(&run);
		gp_arena_free(&run.arena);
		gp_log_flush();
		return code;
	}
	fputs(usage, stderr);
	return GP_EXIT_USAGE;
}
