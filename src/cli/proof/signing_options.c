/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/proof/signing_options.h"

#include <stdio.h>
#include <string.h>

#include "cli/arg.h"
#include "cli/command.h"
#include "sys/clock.h"

/* Each option's number; those of the command alone are the last. */
enum { KEY = 256, DOMAIN, SELECTOR, JSON, DNS, RESOLVER, TIME, OWN };

static const struct option common[] = {
	{"key", required_argument, NULL, KEY},
	{"domain", required_argument, NULL, DOMAIN},
	{"selector", required_argument, NULL, SELECTOR},
	{"output", required_argument, NULL, 'o'},
	{"json", no_argument, NULL, JSON},
	{"quiet", no_argument, NULL, 'q'},
	{"verbose", no_argument, NULL, 'v'},
	{"trace", no_argument, NULL, 'v'},
	{"dns", required_argument, NULL, DNS},
	{"resolver", required_argument, NULL, RESOLVER},
	{"time", required_argument, NULL, TIME},
	{"help", no_argument, NULL, 'h'},
};

enum { OPTIONS_MAX = GP_ARRAY_LEN(common) + GP_SIGNING_OWN_MAX + 1 };

/* As getopt_long wants them: the last is empty. */
static void
list_options(const struct gp_signing_syntax *syntax, struct option ret[static OPTIONS_MAX])
{
	gp_assert(syntax->own_len <= GP_SIGNING_OWN_MAX);
	memset(ret, 0, OPTIONS_MAX * sizeof(*ret));
	memcpy(ret, common, sizeof(common));
	for (size_t i = 0; i < syntax->own_len; i++)
		ret[GP_ARRAY_LEN(common) + i] =
			(struct option){syntax->own[i].name, required_argument, NULL, OWN + (int)i};
}

/* Where an option's text goes; NULL: it is none that has one. */
static const char **
text_of(const struct gp_signing_syntax *syntax, struct gp_signing *s, int c)
{
	switch (c) {
	case KEY:
		return &s->key;
	case DOMAIN:
		return &s->domain;
	case SELECTOR:
		return &s->selector;
	case DNS:
		return &s->dns;
	case RESOLVER:
		return &s->resolver;
	case 'o':
		return &s->output;
	default:
		return c >= OWN ? syntax->own[c - OWN].text : NULL;
	}
}

static bool
take_number(const struct gp_signing_syntax *syntax, const struct gp_signing_option *o)
{
	struct gp_arg arg = {syntax->name, o->name, optarg};
	return gp_arg_u64(&arg, o->min, o->max, o->number);
}

/* False: its value is wrong, which has been said, or there is no such option. */
static bool
take_option(const struct gp_signing_syntax *syntax, struct gp_signing *s, int c)
{
	const struct gp_signing_option time = {
		.name = "time", .number = &s->now_s, .max = GP_SIGNING_TIME_MAX_S};
	switch (c) {
	case TIME:
		return take_number(syntax, &time);
	case JSON:
		s->json = true;
		return true;
	case 'q':
		s->quiet = true;
		return true;
	case 'v':
		s->verbose = true;
		return true;
	default:
		if (c >= OWN)
			return take_number(syntax, &syntax->own[c - OWN]);
		return false;
	}
}

/* Verb and message. False: they are none. */
static bool
take_operands(const struct gp_signing_syntax *syntax, int len, char **operands,
	      struct gp_signing *s, size_t *ret_verb)
{
	for (size_t i = 0; len > 0 && i < syntax->verbs_len; i++) {
		const struct gp_signing_verb *verb = &syntax->verbs[i];
		if (strcmp(operands[0], verb->name) != 0 || len > 1 + verb->reads)
			continue;
		s->message = len > 1 ? operands[1] : "-";
		*ret_verb = i;
		return true;
	}
	return false;
}

int
gp_signing_options_read(const struct gp_signing_syntax *syntax, int argc, char **argv,
			struct gp_signing *s, size_t *ret_verb)
{
	struct option options[OPTIONS_MAX];
	int c;
	list_options(syntax, options);
	s->now_s = gp_clock_wall_ms() / 1000;
	while ((c = gp_arg_next(syntax->name, argc, argv, "o:qvh", options)) != -1) {
		const char **text = text_of(syntax, s, c);
		if (text) {
			*text = optarg;
		} else if (c == 'h') {
			fputs(syntax->usage, stdout);
			return GP_EXIT_OK + 1;
		} else if (!take_option(syntax, s, c)) {
			return GP_EXIT_USAGE + 1;
		}
	}
	if (take_operands(syntax, argc - optind, argv + optind, s, ret_verb)) {
		bool moves = s->output && syntax->verbs[*ret_verb].answers;
		bool good = !moves || gp_arg_output(syntax->name, s->output, argv + optind);
		return good ? 0 : GP_EXIT_USAGE + 1;
	}
	fputs(syntax->usage, stderr);
	return GP_EXIT_USAGE + 1;
}
