/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost user add|passwd|list: the file of submission users. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/arg.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/users/user_file.h"
#include "cli/users/user_password.h"
#include "sys/password.h"

static const char usage[] =
	"usage: gatepost user add [-c FILE] [--scram] [--from LIST] [--hourly N] [--daily N]\n"
	"                         [--dashboard ROLE] NAME\n"
	"       gatepost user passwd [-c FILE] [--scram|--no-scram] NAME\n"
	"       gatepost user list [-c FILE] [--json]\n"
	"\n"
	"The password is asked for on a terminal, and else the first line of standard input.\n"
	"\n"
	"  -c FILE      the configuration, which names the file of users; default\n"
	"               " GP_CONFIG_DEFAULT "\n"
	"  --scram      also keep keys for SCRAM: a thief of the file guesses with them faster\n"
	"  --no-scram   keep no such keys any more\n"
	"  --from LIST  what it may send as: addresses, @DOMAIN or *, with commas between;\n"
	"               default its own name\n"
	"  --hourly N   recipients in an hour; default as the configuration has it\n"
	"  --daily N    recipients in a day; default as the configuration has it\n"
	"  --dashboard ROLE  what it may see there: read, or admin, who sees single messages too;\n"
	"               default nothing\n"
	"  --json       one object a line\n";

enum scram { AS_IT_WAS, KEEP_KEYS, KEEP_NONE };

struct user_options {
	const char *config, *from;
	uint64_t hourly, daily;
	uint8_t scram;     /* enum scram */
	uint8_t dashboard; /* enum gp_web_role */
	bool json;
	const char *verb, *name;
};

/* --- passwords --- */

static int
set_keys(struct gp_user *user, struct gp_slice password, struct gp_arena *arena)
{
	char *salt = gp_arena_alloc(arena, GP_SCRAM_SALT);
	if (!gp_password_is_prepared(password)) {
		fprintf(stderr, "gatepost user: keys for SCRAM can be made of ASCII only; choose "
				"another password, or --no-scram\n");
		return GP_EXIT_USAGE;
	}
	if (salt)
		gp_random(salt, GP_SCRAM_SALT);
	if (!salt || gp_scram_derive(password, gp_slice(salt, GP_SCRAM_SALT), GP_SCRAM_ITERATIONS,
				     &user->keys) < 0)
		return GP_EXIT_ERROR;
	return GP_EXIT_OK;
}

static int
set_password(struct gp_user *user, const struct user_options *o, struct gp_arena *arena)
{
	struct user_password password;
	char text[GP_PASSWORD_TEXT_SIZE];
	bool keys = o->scram == KEEP_KEYS || (o->scram == AS_IT_WAS && user->keys.iterations > 0);
	int rc = user_password_ask(&password);
	user->keys = (struct gp_scram_keys){};
	if (rc == GP_EXIT_OK && keys)
		rc = set_keys(user, user_password_slice(&password), arena);
	if (rc == GP_EXIT_OK && gp_password_hash(user_password_slice(&password), text) < 0)
		rc = GP_EXIT_ERROR;
	if (rc == GP_EXIT_OK)
		user->password = gp_arena_dup(arena, gp_slice_str(text));
	user_password_forget(&password);
	if (rc == GP_EXIT_ERROR || arena->failed)
		fprintf(stderr, "gatepost user: not enough memory to hash a password\n");
	return arena->failed ? GP_EXIT_ERROR : rc;
}

/* --- add, passwd --- */

/* Whose name it is, in canonical form. */
static int
read_name(const struct user_options *o, struct gp_arena *arena, struct gp_slice *ret)
{
	int r = gp_user_name_parse(gp_slice_str(o->name), arena, ret);
	if (r == 1)
		fprintf(stderr, "gatepost user: a name is 1 to 255 letters, digits, and "
				".@!$%%&'*+-/=?^_`{|}~, without spaces\n");
	return r == 1 ? GP_EXIT_USAGE : r < 0 ? GP_EXIT_ERROR : GP_EXIT_OK;
}

static int
set_from(struct gp_user *user, const struct user_options *o, struct gp_arena *arena)
{
	struct gp_slice list = o->from ? gp_slice_str(o->from) : user->name;
	const char *why = gp_user_parse_from(list, arena, &user->from, &user->from_len);
	if (why && !o->from && user->dashboard != GP_WEB_NOBODY)
		return GP_EXIT_OK;
	if (why && o->from)
		fprintf(stderr, "gatepost user: --from: one of them %s\n", why);
	else if (why)
		fprintf(stderr, "gatepost user: the name is no address: say by --from what it may "
				"send as\n");
	return why ? GP_EXIT_USAGE : GP_EXIT_OK;
}

static int
add(struct user_file *f, const struct user_options *o, struct gp_slice name)
{
	struct gp_user user = {.name = name,
			       .hourly = (uint32_t)o->hourly,
			       .daily = (uint32_t)o->daily,
			       .dashboard = o->dashboard};
	if (gp_users_find(&f->users, name)) {
		fprintf(stderr,
			"gatepost user: %.*s is there already; `gatepost user passwd` "
			"changes its password\n",
			GP_SLICE_FMT(name));
		return GP_EXIT_BAD;
	}
	int rc = set_from(&user, o, &f->arena);
	if (rc == GP_EXIT_OK)
		rc = set_password(&user, o, &f->arena);
	return rc == GP_EXIT_OK ? user_file_write(f, &user) : rc;
}

static int
change(struct user_file *f, const struct user_options *o, struct gp_slice name)
{
	const struct gp_user *old = gp_users_find(&f->users, name);
	if (!old) {
		fprintf(stderr, "gatepost user: there is no %.*s\n", GP_SLICE_FMT(name));
		return GP_EXIT_BAD;
	}
	struct gp_user user = *old;
	int rc = set_password(&user, o, &f->arena);
	return rc == GP_EXIT_OK ? user_file_write(f, &user) : rc;
}

/* --- list --- */

static int
print_json(const struct gp_user *user)
{
	json_t *from = json_array();
	for (size_t i = 0; i < user->from_len; i++)
		json_array_append_new(from, json_stringn(user->from[i].ptr, user->from[i].len));
	json_t *o = json_pack("{s:s%, s:b, s:b, s:o, s:o, s:o, s:s?, s:i}", "name", user->name.ptr,
			      user->name.len, "password", user->password.len > 0, "scram",
			      user->keys.iterations > 0, "from", from, "hourly",
			      user->hourly ? json_integer(user->hourly) : json_null(), "daily",
			      user->daily ? json_integer(user->daily) : json_null(), "dashboard",
			      gp_web_role_name(user->dashboard), "line", (int)user->line);
	int r = o ? json_dumpf(o, stdout, JSON_COMPACT) : -1;
	json_decref(o);
	putchar('\n');
	return r == 0 ? GP_EXIT_OK : GP_EXIT_ERROR;
}

static void
print_text(const struct gp_user *user)
{
	printf("%-32.*s %s%s", GP_SLICE_FMT(user->name),
	       user->password.len > 0 ? "password" : "no password",
	       user->keys.iterations > 0 ? ", scram" : "");
	for (size_t i = 0; i < user->from_len; i++)
		printf("%s%.*s", i == 0 ? "  from " : ",", GP_SLICE_FMT(user->from[i]));
	if (user->hourly > 0)
		printf("  hourly %u", user->hourly);
	if (user->daily > 0)
		printf("  daily %u", user->daily);
	if (user->dashboard != GP_WEB_NOBODY)
		printf("  dashboard %s", gp_web_role_name(user->dashboard));
	putchar('\n');
}

static int
list(const struct user_file *f, const struct user_options *o)
{
	int rc = f->complaints.len > 0 ? GP_EXIT_BAD : GP_EXIT_OK;
	for (size_t i = 0; i < f->users.len; i++) {
		if (!o->json)
			print_text(&f->users.items[i]);
		else if (print_json(&f->users.items[i]) != GP_EXIT_OK)
			rc = GP_EXIT_ERROR;
	}
	return fflush(stdout) == 0 ? rc : GP_EXIT_ERROR;
}

/* --- the command --- */

static bool
read_limit(const char *option, const char *value, uint64_t *ret)
{
	const struct gp_arg arg = {"user", option, value};
	return gp_arg_u64(&arg, 1, GP_USER_LIMIT_MAX, ret);
}

static bool
read_role(const char *word, uint8_t *ret)
{
	*ret = gp_web_role_parse(gp_slice_str(word));
	if (*ret == GP_WEB_NOBODY)
		fprintf(stderr, "gatepost user: --dashboard takes read or admin\n");
	return *ret != GP_WEB_NOBODY;
}

/* Returns 0, or an exit code + 1 when there is nothing left to do. */
static int
parse_options(int argc, char **argv, struct user_options *ret)
{
	enum { SCRAM = 256, NO_SCRAM, FROM, HOURLY, DAILY, DASHBOARD, JSON };
	static const struct option options[] = {
		{"scram", no_argument, NULL, SCRAM},
		{"no-scram", no_argument, NULL, NO_SCRAM},
		{"from", required_argument, NULL, FROM},
		{"hourly", required_argument, NULL, HOURLY},
		{"daily", required_argument, NULL, DAILY},
		{"dashboard", required_argument, NULL, DASHBOARD},
		{"json", no_argument, NULL, JSON},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	bool good = true;
	int c;
	while (good && (c = gp_arg_next("user", argc, argv, "c:h", options)) != -1) {
		switch (c) {
		case 'c':
			ret->config = optarg;
			break;
		case SCRAM:
			ret->scram = KEEP_KEYS;
			break;
		case NO_SCRAM:
			ret->scram = KEEP_NONE;
			break;
		case FROM:
			ret->from = optarg;
			break;
		case HOURLY:
			good = read_limit("hourly", optarg, &ret->hourly);
			break;
		case DAILY:
			good = read_limit("daily", optarg, &ret->daily);
			break;
		case DASHBOARD:
			good = read_role(optarg, &ret->dashboard);
			break;
		case JSON:
			ret->json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return GP_EXIT_OK + 1;
		default:
			good = false;
		}
	}
	ret->verb = good && optind < argc ? argv[optind++] : NULL;
	ret->name = good && optind < argc ? argv[optind++] : NULL;
	if (good && optind != argc)
		ret->verb = NULL;
	return good ? 0 : GP_EXIT_USAGE + 1;
}

/* Whether the words and options go together. */
static bool
is_complete(const struct user_options *o)
{
	bool of_add = o->from || o->hourly > 0 || o->daily > 0 || o->dashboard > 0;
	if (!o->verb)
		return false;
	if (strcmp(o->verb, "add") == 0)
		return o->name && !o->json && o->scram != KEEP_NONE;
	if (strcmp(o->verb, "passwd") == 0)
		return o->name && !o->json && !of_add;
	return strcmp(o->verb, "list") == 0 && !o->name && !of_add && o->scram == AS_IT_WAS;
}

static int
run(struct user_file *f, const struct user_options *o)
{
	struct gp_slice name = {};
	gp_cli_print_complaints(&f->complaints);
	if (!o->name)
		return list(f, o);
	gp_assert(o->verb); /* only `list` goes without a name */
	int rc = read_name(o, &f->arena, &name);
	if (rc != GP_EXIT_OK)
		return rc;
	return strcmp(o->verb, "add") == 0 ? add(f, o, name) : change(f, o, name);
}

int
gp_cmd_user(int argc, char **argv)
{
	struct user_options o = {};
	struct user_file f;
	int rc = parse_options(argc, argv, &o);
	if (rc > 0)
		return rc - 1;
	if (!is_complete(&o)) {
		fputs(usage, stderr);
		return GP_EXIT_USAGE;
	}
	rc = user_file_open(&f, o.config);
	if (rc == GP_EXIT_OK)
		rc = run(&f, &o);
	user_file_close(&f);
	return rc;
}
