/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost config check|show: what is wrong with gatepost.yaml, and what it amounts to. */
#include <jansson.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/arg.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "sys/small_file.h"

static const char usage[] =
	"usage: gatepost config check [-c FILE] [--json] [-q]\n"
	"       gatepost config show [-c FILE]\n"
	"       gatepost config show --documentation\n"
	"\n"
	"check  says every mistake with its place and how to mend it; exit code 2 when there is "
	"one\n"
	"show   prints the effective configuration: every key, with what its files hold\n"
	"\n"
	"  -c FILE          the configuration; default " GP_CONFIG_DEFAULT "\n"
	"  --json           the mistakes as one JSON object\n"
	"  -q               no word when there is nothing wrong\n"
	"  --documentation  all keys with their defaults, as Markdown\n";

struct config_options {
	const char *file; /* NULL: the default */
	bool json, quiet, documentation;
};

static json_t *
complaint_to_json(const struct gp_complaint *c)
{
	return json_pack("{s:s%, s:i, s:i, s:s%}", "file", c->place.file.ptr, c->place.file.len,
			 "line", (int)c->place.line, "column", (int)c->place.column, "text",
			 c->text.ptr, c->text.len);
}

static json_t *
complaints_to_json(const struct gp_complaints *complaints)
{
	json_t *list = json_array();
	for (size_t i = 0; i < complaints->len; i++)
		json_array_append_new(list, complaint_to_json(&complaints->items[i]));
	return list;
}

static int
print_json(const struct gp_complaints *complaints, const struct gp_complaints *warnings)
{
	json_t *root =
		json_pack("{s:b, s:o, s:o}", "ok", complaints->len == 0, "complaints",
			  complaints_to_json(complaints), "warnings", complaints_to_json(warnings));
	int rc = root ? json_dumpf(root, stdout, JSON_COMPACT) : -1;
	json_decref(root);
	putchar('\n');
	return rc == 0 ? GP_EXIT_OK : GP_EXIT_ERROR;
}

/* --- what is no mistake, and perhaps not meant --- */

enum { WARNINGS_MAX = 3 };

struct warnings {
	struct gp_arena *arena;
	struct gp_complaint items[WARNINGS_MAX];
	size_t len;
};

[[gnu::format(printf, 3, 4)]] static void
warn(struct warnings *w, const struct gp_place *at, const char *fmt, ...)
{
	char text[PATH_MAX + 256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	gp_assert(w->len < WARNINGS_MAX);
	w->items[w->len++] = (struct gp_complaint){
		.place = *at, .text = gp_arena_dup(w->arena, gp_slice_str(text))};
}

/* The first listener for people's mail programs. */
static const struct gp_listen *
find_submission(const struct gp_config *cfg)
{
	for (size_t i = 0; i < cfg->listens_len; i++) {
		if (cfg->listens[i].service == GP_SERVICE_SUBMISSION)
			return &cfg->listens[i];
	}
	return NULL;
}

/* A file that `gatepost user` may yet make, or whose name is spelled wrong; and submission for
 * nobody. */
static void
find_warnings(struct warnings *w, const struct gp_config *cfg)
{
	int r = cfg->users.file.len > 0 ? gp_file_look(cfg->users.file) : 0;
	if (r < 0)
		warn(w, &cfg->users.place,
		     "users: %.*s: %s; until `gatepost user add` makes it, there are none",
		     GP_SLICE_FMT(cfg->users.file), strerror(-r));
	const struct gp_listen *submission = find_submission(cfg);
	if (!submission)
		return;
	if (cfg->users.file.len + cfg->auth.dovecot.len + cfg->auth.oauth.jwks.len +
		    cfg->auth.oauth.introspection_url.len ==
	    0)
		warn(w, &submission->place,
		     "submission: nobody can log in; name a file of users, `users: {file: users}`");
	if (cfg->tls.certificates_len == 0)
		warn(w, &submission->place,
		     "submission: nobody can log in, as that is within TLS only; name a "
		     "certificate and its key below 'tls'");
}

/* For who reads the result as JSON; gp_cli_config() has said why. */
static int
print_unreadable(const struct config_options *o)
{
	const char *path = o->file ? o->file : GP_CONFIG_DEFAULT;
	struct gp_complaint c = {
		.place = {.file = gp_slice_str(path), .line = 1, .column = 1},
		.text = GP_SLICE("the file cannot be read"),
	};
	const struct gp_complaints one = {&c, 1}, none = {};
	return print_json(&one, &none);
}

static int
check(const struct config_options *o)
{
	struct gp_arena arena = GP_ARENA_INIT(GP_CONFIG_ARENA_MAX);
	struct warnings found = {.arena = &arena};
	struct gp_config cfg;
	struct gp_complaints complaints;
	int rc = gp_cli_config(o->file, &arena, &cfg, &complaints);
	bool read = rc == GP_EXIT_OK || complaints.len > 0;
	if (rc == GP_EXIT_OK)
		find_warnings(&found, &cfg);
	const struct gp_complaints warnings = {found.items, found.len};
	if (o->json && rc != GP_EXIT_ERROR &&
	    (read ? print_json(&complaints, &warnings) : print_unreadable(o)) != GP_EXIT_OK)
		rc = GP_EXIT_ERROR;
	else if (!o->json)
		gp_cli_print_complaints(complaints.len > 0 ? &complaints : &warnings);
	if (rc == GP_EXIT_OK && !o->json && !o->quiet)
		printf("%s: no mistakes\n", o->file ? o->file : GP_CONFIG_DEFAULT);
	gp_arena_free(&arena);
	return rc;
}

static int
print_buf(struct gp_buf *text)
{
	struct gp_slice s = gp_buf_slice(text);
	bool good =
		!text->failed && fwrite(s.ptr, 1, s.len, stdout) == s.len && fflush(stdout) == 0;
	if (!good)
		fprintf(stderr, "gatepost config: cannot write all of it\n");
	gp_buf_free(text);
	return good ? GP_EXIT_OK : GP_EXIT_ERROR;
}

static int
show(const struct config_options *o)
{
	struct gp_arena arena = GP_ARENA_INIT(GP_CONFIG_ARENA_MAX);
	struct gp_buf text = GP_BUF_INIT(GP_CONFIG_IMAGE_MAX);
	struct gp_config cfg;
	struct gp_complaints complaints;
	if (o->documentation) {
		gp_config_write_reference(&text);
		return print_buf(&text);
	}
	int rc = gp_cli_config(o->file, &arena, &cfg, &complaints);
	gp_cli_print_complaints(&complaints);
	if (rc == GP_EXIT_OK) {
		gp_config_print(&text, &cfg);
		rc = print_buf(&text);
	}
	gp_arena_free(&arena);
	return rc;
}

/* Returns 0, or an exit code + 1 when there is nothing left to do. */
static int
parse_options(int argc, char **argv, struct config_options *ret)
{
	enum { JSON = 256, DOCUMENTATION };
	static const struct option options[] = {
		{"json", no_argument, NULL, JSON},
		{"documentation", no_argument, NULL, DOCUMENTATION},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	int c;
	while ((c = gp_arg_next("config", argc, argv, "c:qh", options)) != -1) {
		switch (c) {
		case 'c':
			ret->file = optarg;
			break;
		case 'q':
			ret->quiet = true;
			break;
		case JSON:
			ret->json = true;
			break;
		case DOCUMENTATION:
			ret->documentation = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return GP_EXIT_OK + 1;
		default:
			return GP_EXIT_USAGE + 1;
		}
	}
	return 0;
}

int
gp_cmd_config(int argc, char **argv)
{
	struct config_options o = {};
	int rc = parse_options(argc, argv, &o);
	if (rc > 0)
		return rc - 1;
	if (argc - optind == 1 && strcmp(argv[optind], "check") == 0)
		return check(&o);
	if (argc - optind == 1 && strcmp(argv[optind], "show") == 0)
		return show(&o);
	if (optind < argc)
		fprintf(stderr, "gatepost config: '%s' is not what it takes\n\n",
			argv[argc - optind == 1 ? optind : optind + 1]);
	fputs(usage, stderr);
	return GP_EXIT_USAGE;
}
