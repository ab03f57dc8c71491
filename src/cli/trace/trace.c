/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost trace: what became of a message, from the journal of the running gateway. One walk over
 * it finds the messages that are meant, and what was told of them since; what is shown is bounded,
 * and the newest of it.
 */
#include "cli/trace/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/id.h"
#include "base/map.h"
#include "cli/arg.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "core/config/value.h"
#include "sys/clock.h"
#include "sys/log.h"

static const char usage[] =
	"usage: gatepost trace [ID] [options]\n\n"
	"What became of a message: when it came and from whom, and what each attempt to deliver\n"
	"it came to; also of those that were refused. All selectors given must hold; without any\n"
	"it is everything, the newest last.\n\n"
	"  ID                 a queue id\n"
	"  --sender A         the envelope's sender\n"
	"  --recipient A      one of the recipients\n"
	"  --message-id M     the field Message-ID\n"
	"  --user U           the login that it was submitted with\n"
	"  --since T          not older than T (5m, 4h, 2d)\n"
	"  --limit N          at most so many, the newest (100)\n"
	"  -c FILE            the configuration (" GP_CONFIG_DEFAULT ")\n"
	"  --json             one object a line\n\n"
	"Exit codes: 0 found; 1 nothing was found; 2 usage; 3 no gateway is running.\n";

enum {
	LIMIT = 100,
	LIMIT_MAX = 100'000,
	FOUND_ARENA_MAX = 1 << 30, /* all that is remembered of what is shown */
	SHOW_ARENA_MAX = 1 << 20,
};

struct tracing {
	uint64_t id;
	struct gp_slice sender, recipient, message_id, user;
	uint64_t since_ms; /* since 1970 */
	uint64_t limit;
	bool json;
	const char *config_file;
	struct gp_arena arena;
	struct gp_map by_id;
	struct gp_list messages, refusals; /* of struct traced, in the order of time */
	uint64_t lost;
	bool failed; /* memory ran out */
};

/* --- which are meant --- */

static bool
is_or_any(struct gp_slice wanted, struct gp_slice is)
{
	return wanted.len == 0 || gp_slice_eq_nocase(wanted, is);
}

static struct gp_slice
without_brackets(struct gp_slice s)
{
	bool bracketed = s.len >= 2 && s.ptr[0] == '<' && s.ptr[s.len - 1] == '>';
	return bracketed ? gp_slice_take(gp_slice_drop(s, 1), s.len - 2) : s;
}

/* All but the recipient. */
static bool
matches(const struct tracing *t, const struct gp_journal_entry *e)
{
	return (t->id == 0 || t->id == e->id) && e->time_ms >= t->since_ms &&
	       is_or_any(t->sender, e->sender) && is_or_any(t->user, e->user) &&
	       (t->message_id.len == 0 ||
		gp_slice_eq(t->message_id, without_brackets(e->message_id)));
}

static bool
names_recipient(const struct tracing *t, const struct gp_journal_entry *e)
{
	bool named = t->recipient.len == 0;
	for (size_t i = 0; !named && i < e->rcpts_len; i++)
		named = gp_slice_eq_nocase(t->recipient, e->rcpts[i]);
	return named;
}

/* --- finding --- */

static struct gp_slice
key_of(const uint64_t *id)
{
	return gp_slice((const char *)id, sizeof(*id));
}

static struct traced *
add(struct tracing *t, struct gp_list *list, const struct gp_journal_entry *e)
{
	struct traced *new = gp_arena_new(&t->arena, struct traced);
	if (!new)
		return NULL;
	*new = (struct traced){.came = gp_records_copy(e, &t->arena)};
	new->last = &new->events;
	gp_list_append(list, &new->link);
	return new;
}

static void
take_arrival(struct tracing *t, const struct gp_journal_entry *e)
{
	bool named = names_recipient(t, e);
	if (!matches(t, e) || (!named && e->rcpts_all == e->rcpts_len))
		return;
	struct traced *new = add(t, &t->messages, e);
	if (!new || !gp_map_set(&t->by_id, key_of(&new->came.id), new))
		t->failed = true;
	else
		new->chosen = named;
}

/* What is told of an id that did not come since the journal begins, if it is asked for by id. */
static struct traced *
add_unknown(struct tracing *t, const struct gp_journal_entry *e)
{
	const struct gp_journal_entry came = {.id = e->id, .time_ms = e->time_ms};
	struct traced *new = t->id != 0 && t->id == e->id ? add(t, &t->messages, &came) : NULL;
	if (new &&gp_map_set(&t->by_id, key_of(&new->came.id), new))
		new->chosen = true;
	return new;
}

static void
take_outcome(struct tracing *t, const struct gp_journal_entry *e)
{
	struct traced *of = gp_map_get(&t->by_id, key_of(&e->id));
	if (!of)
		of = add_unknown(t, e);
	struct trace_event *event = of ? gp_arena_new(&t->arena, struct trace_event) : NULL;
	if (!event)
		return;
	*event = (struct trace_event){.e = gp_records_copy(e, &t->arena)};
	*of->last = event;
	of->last = &event->next;
	of->chosen = of->chosen || gp_slice_eq_nocase(t->recipient, e->rcpt);
}

static bool
on_mail(void *ctx, const struct gp_journal_entry *e)
{
	struct tracing *t = ctx;
	if (e->kind == GP_JOURNAL_ARRIVED)
		take_arrival(t, e);
	else if (e->kind == GP_JOURNAL_OUTCOME)
		take_outcome(t, e);
	else if (e->kind == GP_JOURNAL_LOST)
		t->lost += e->count;
	t->failed = t->failed || t->arena.failed;
	return !t->failed;
}

static bool
on_refusal(void *ctx, const struct gp_journal_entry *e)
{
	struct tracing *t = ctx;
	if (e->kind == GP_JOURNAL_REFUSED && matches(t, e) && is_or_any(t->recipient, e->rcpt))
		(void)add(t, &t->refusals, e);
	t->failed = t->failed || t->arena.failed;
	return !t->failed;
}

/* --- showing --- */

static int
by_time(const void *a, const void *b)
{
	const struct traced *x = *(const struct traced *const *)a;
	const struct traced *y = *(const struct traced *const *)b;
	return (x->came.time_ms > y->came.time_ms) - (x->came.time_ms < y->came.time_ms);
}

static size_t
collect(struct gp_list *list, const struct traced **to)
{
	size_t len = 0;
	gp_list_each (it, list) {
		const struct traced *one = gp_container_of(it, struct traced, link);
		if (one->came.kind != GP_JOURNAL_REFUSED && !one->chosen)
			continue;
		if (to)
			to[len] = one;
		len++;
	}
	return len;
}

static int
show_one(const struct tracing *t, const struct traced *one)
{
	struct gp_arena arena = GP_ARENA_INIT(SHOW_ARENA_MAX);
	bool good = true;
	if (t->json)
		good = trace_print_json(one);
	else
		trace_print_text(one, &arena);
	gp_arena_free(&arena);
	return good ? 0 : -EIO;
}

static int
show(struct tracing *t)
{
	size_t len = collect(&t->messages, NULL) + collect(&t->refusals, NULL);
	const struct traced **all = gp_arena_array(&t->arena, len, sizeof(*all));
	int rc = 0;
	if (!all)
		return -ENOMEM;
	size_t messages = collect(&t->messages, all);
	collect(&t->refusals, all + messages);
	qsort(all, len, sizeof(*all), by_time);
	for (size_t i = len > t->limit ? len - t->limit : 0; rc == 0 && i < len; i++)
		rc = show_one(t, all[i]);
	if (fflush(stdout) != 0)
		rc = -errno;
	if (len == 0)
		fprintf(stderr, "gatepost trace: nothing is known of it\n");
	if (t->lost > 0)
		fprintf(stderr, "gatepost trace: %llu entries of the journal were lost\n",
			(unsigned long long)t->lost);
	return rc < 0 ? rc : len == 0;
}

static int
walk(struct tracing *t, struct gp_records *records)
{
	uint64_t seed[2];
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return -EIO;
	t->by_id = gp_map(SIZE_MAX / 4, seed);
	int rc = gp_records_walk(records, GP_JOURNAL_FILE_MAIL, on_mail, t);
	if (rc == 0)
		rc = gp_records_walk(records, GP_JOURNAL_FILE_REFUSED, on_refusal, t);
	if (rc == 0)
		rc = t->failed ? -ENOMEM : show(t);
	gp_map_free(&t->by_id);
	return rc;
}

static int
run(struct tracing *t)
{
	struct gp_arena arena = GP_ARENA_INIT(GP_CONFIG_ARENA_MAX);
	struct gp_complaints complaints = {};
	struct gp_config cfg;
	struct gp_records *records = NULL;
	struct gp_slice why;
	int code = gp_cli_config(t->config_file, &arena, &cfg, &complaints);
	gp_cli_print_complaints(&complaints);
	if (code == GP_EXIT_OK && gp_records_open(&cfg, &arena, &records, &why) < 0) {
		fprintf(stderr, "gatepost trace: %.*s\n", GP_SLICE_FMT(why));
		code = GP_EXIT_UNKNOWN;
	}
	if (code == GP_EXIT_OK) {
		int rc = walk(t, records);
		code = rc < 0 ? GP_EXIT_ERROR : rc > 0 ? GP_EXIT_BAD : GP_EXIT_OK;
		if (rc < 0)
			fprintf(stderr, "gatepost trace: %s\n", strerror(-rc));
	}
	gp_records_close(records);
	gp_arena_free(&arena);
	return code;
}

/* --- the command line --- */

/* An empty one, of a script's variable that was not set, would select all; so it is none. */
static bool
take_text(const char *option, struct gp_slice *ret)
{
	const struct gp_arg arg = {"trace", option, optarg};
	*ret = without_brackets(gp_slice_str(optarg));
	return ret->len > 0 || gp_arg_wrong(&arg, "is empty, and selects nothing");
}

static bool
take_option(struct tracing *t, int option)
{
	struct gp_arg since = {"trace", "since", optarg}, limit = {"trace", "limit", optarg};
	uint64_t ms, now = gp_clock_wall_ms();
	switch (option) {
	case 's':
		return take_text("sender", &t->sender);
	case 'r':
		return take_text("recipient", &t->recipient);
	case 'm':
		return take_text("message-id", &t->message_id);
	case 'u':
		return take_text("user", &t->user);
	case 'j':
		t->json = true;
		return true;
	case 'c':
		t->config_file = optarg;
		return true;
	case 'n':
		return gp_arg_u64(&limit, 1, LIMIT_MAX, &t->limit);
	case 't':
		if (!gp_time_parse(gp_slice_str(optarg), &ms))
			return gp_arg_wrong(&since, "is no time such as 5m, 4h or 2d");
		t->since_ms = now > ms ? now - ms : 0;
		return true;
	default:
		return false;
	}
}

int
gp_cmd_trace(int argc, char **argv)
{
	static const struct option options[] = {
		{"sender", required_argument, NULL, 's'},
		{"recipient", required_argument, NULL, 'r'},
		{"message-id", required_argument, NULL, 'm'},
		{"user", required_argument, NULL, 'u'},
		{"since", required_argument, NULL, 't'},
		{"limit", required_argument, NULL, 'n'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	struct tracing t = {.limit = LIMIT, .arena = GP_ARENA_INIT(FOUND_ARENA_MAX)};
	gp_list_init(&t.messages);
	gp_list_init(&t.refusals);
	for (int c; (c = gp_arg_next("trace", argc, argv, "c:h", options)) != -1;) {
		if (c == 'h') {
			fputs(usage, stdout);
			return GP_EXIT_OK;
		}
		if (!take_option(&t, c))
			return GP_EXIT_USAGE;
	}
	if (optind < argc && !gp_id_asked(gp_slice_str(argv[optind]), &t.id)) {
		fprintf(stderr, "gatepost trace: '%s' is no queue id\n", argv[optind]);
		return GP_EXIT_USAGE;
	}
	if (optind + 1 < argc) {
		fprintf(stderr, "gatepost trace: one id at a time\n");
		return GP_EXIT_USAGE;
	}
	gp_log_setup("trace", false, GP_LOG_WARNING);
	int code = run(&t);
	gp_log_flush();
	gp_arena_free(&t.arena);
	return code;
}
