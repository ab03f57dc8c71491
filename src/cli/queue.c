/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost queue: asks the running gateway about its queue, and acts on it. The question goes over
 * the control socket in the state folder as one message; the answer is a message for each entry,
 * then one that ends it.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/id.h"
#include "base/utf8.h"
#include "cli/arg.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/options.h"
#include "core/config/value.h"
#include "core/identity/visible.h"
#include "core/smtp/outcome.h"
#include "ipc/channel.h"
#include "ipc/values.h"
#include "sys/clock.h"

enum { ARENA_MAX = GP_CONFIG_ARENA_MAX };

static const char usage[] =
	"usage: gatepost queue VERB [selectors] [-c FILE] [--json]\n\n"
	"  list               one line a message (all of them without selectors)\n"
	"  show               the same with recipients and what was last heard of them\n"
	"  why                what keeps each recipient waiting\n"
	"  cat ID             the message itself\n"
	"  retry              try now, whatever the schedule says\n"
	"  hold, release      stop trying, and go on\n"
	"  bounce             give up now and tell the sender\n"
	"  drop               remove without telling anybody\n"
	"  stats              how much waits, by age\n\n"
	"Selectors; all given must hold:\n"
	"  ID                 a queue id\n"
	"  --sender A         the envelope's sender\n"
	"  --recipient A      one of the recipients\n"
	"  --domain D         the domain of one of the recipients\n"
	"  --older T          in the queue for longer than T (5m, 4h, 2d)\n"
	"  --all              everything\n\n"
	"  -c FILE            the configuration (" GP_CONFIG_DEFAULT ")\n"
	"  --json             one object a line\n\n"
	"Exit codes: 0 done, also where nothing was selected; 1 there is no message of that id;\n"
	"2 usage; 4 no gateway is running, or it could not do it.\n";

static const struct {
	const char *name;
	enum gp_queue_verb verb;
	bool acts;
} verbs[] = {
	{"list", GP_QUEUE_LIST, false},    {"show", GP_QUEUE_SHOW, false},
	{"why", GP_QUEUE_SHOW, false},     {"cat", GP_QUEUE_CAT, false},
	{"stats", GP_QUEUE_LIST, false},   {"retry", GP_QUEUE_RETRY, true},
	{"hold", GP_QUEUE_HOLD, true},     {"release", GP_QUEUE_RELEASE, true},
	{"bounce", GP_QUEUE_BOUNCE, true}, {"drop", GP_QUEUE_DROP, true},
};

static struct {
	const char *verb;
	bool json;
	struct gp_loop *loop;
	int exit_code;
	bool done;
	uint64_t shown;
	/* for stats */
	uint64_t messages, octets, held, deferred, oldest_ms;
} self;

/* --- showing --- */

/* "3d 4h", "5m 10s": the two largest units. */
static const char *
age_text(uint64_t ms, char text[32])
{
	uint64_t s = ms / 1000;
	if (s >= 86400)
		snprintf(text, 32, "%llud%lluh", (unsigned long long)(s / 86400),
			 (unsigned long long)(s % 86400 / 3600));
	else if (s >= 3600)
		snprintf(text, 32, "%lluh%llum", (unsigned long long)(s / 3600),
			 (unsigned long long)(s % 3600 / 60));
	else
		snprintf(text, 32, "%llum%llus", (unsigned long long)(s / 60),
			 (unsigned long long)(s % 60));
	return text;
}

/* What strangers wrote, for a terminal: what acts there, or hides, comes out as '?'. */
static void
print_clean(struct gp_slice s)
{
	while (s.len > 0) {
		const char *at = s.ptr;
		if (gp_visible_shows(gp_utf8_take(&s)))
			fwrite(at, 1, (size_t)(s.ptr - at), stdout);
		else
			putchar('?');
	}
}

static bool
is_pending(const struct gp_queue_rcpt *r)
{
	return r->state == 0 || r->state == GP_OUTCOME_DEFERRED;
}

static const char *
state_name(uint8_t state)
{
	static const char *const names[] = {"new", "delivered", "relayed", "deferred", "failed"};
	return state < GP_ARRAY_LEN(names) ? names[state] : "?";
}

static const char *
entry_state(const struct gp_msg_queue_entry *e)
{
	if (e->held)
		return "held";
	if (e->active)
		return "active";
	return e->attempts > 0 ? "deferred" : "new";
}

static json_t *
json_text(struct gp_slice s)
{
	json_t *text = json_stringn(s.ptr ? s.ptr : "", s.len);
	return text ? text : json_string("");
}

static void
print_json(const struct gp_msg_queue_entry *e)
{
	json_t *rcpts = json_array();
	for (size_t i = 0; i < e->rcpts_len; i++) {
		const struct gp_queue_rcpt *r = &e->rcpts[i];
		json_array_append_new(rcpts,
				      json_pack("{s:o, s:s, s:i, s:I, s:o, s:o, s:b}", "address",
						json_text(r->address), "state",
						state_name(r->state), "attempts", (int)r->attempts,
						"next", (json_int_t)(r->next_ms / 1000), "reason",
						json_text(r->text), "remote", json_text(r->remote),
						"forwarded", (int)r->forwarded));
	}
	json_t *entry = json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "id",
				  gp_id_text(e->id).s, "state", entry_state(e), "arrival",
				  (json_int_t)(e->arrival_ms / 1000), "size", (json_int_t)e->size,
				  "next", (json_int_t)(e->next_ms / 1000), "sender",
				  json_text(e->sender), "forwarder", json_text(e->forwarder),
				  "client", json_text(e->client_addr), "recipients", rcpts);
	json_dumpf(entry, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(entry);
}

static void
print_line(const struct gp_msg_queue_entry *e)
{
	char age[32];
	if (self.shown == 0)
		printf("%-11s  %-8s  %8s  %7s  %s\n", "ID", "STATE", "SIZE", "AGE",
		       "SENDER -> RECIPIENTS");
	uint64_t now = gp_clock_wall_ms();
	printf("%s  %-8s  %8llu  %7s  <", gp_id_text(e->id).s, entry_state(e),
	       (unsigned long long)e->size,
	       age_text(now > e->arrival_ms ? now - e->arrival_ms : 0, age));
	print_clean(e->sender);
	printf("> ->");
	size_t shown = 0;
	for (size_t i = 0; i < e->rcpts_len && shown < 3; i++) {
		if (!is_pending(&e->rcpts[i]))
			continue;
		printf(shown++ ? ", " : " ");
		print_clean(e->rcpts[i].address);
	}
	if (e->pending > shown)
		printf(" and %llu more", (unsigned long long)(e->pending - shown));
	putchar('\n');
}

static void
print_rcpt(const struct gp_msg_queue_entry *e, const struct gp_queue_rcpt *r)
{
	char in[32];
	uint64_t now = gp_clock_wall_ms();
	printf("    ");
	print_clean(r->address);
	if (r->forwarded) {
		printf(", from <");
		print_clean(e->forwarder);
		printf(">");
	}
	printf(": %s", state_name(r->state));
	if (r->attempts > 0)
		printf(", %u attempt%s", r->attempts, r->attempts == 1 ? "" : "s");
	if (is_pending(r) && r->next_ms > now)
		printf(", next in %s", age_text(r->next_ms - now, in));
	putchar('\n');
	if (r->text.len == 0)
		return;
	printf("        ");
	if (r->remote.len > 0) {
		print_clean(r->remote);
		printf(": ");
	}
	print_clean(r->text);
	putchar('\n');
}

static void
print_entry(const struct gp_msg_queue_entry *e)
{
	bool why = strcmp(self.verb, "why") == 0;
	if (self.json) {
		print_json(e);
		return;
	}
	if (strcmp(self.verb, "list") == 0) {
		print_line(e);
		return;
	}
	char age[32];
	uint64_t now = gp_clock_wall_ms();
	printf("%s  %s, %llu octets, %s old, from <", gp_id_text(e->id).s, entry_state(e),
	       (unsigned long long)e->size,
	       age_text(now > e->arrival_ms ? now - e->arrival_ms : 0, age));
	print_clean(e->sender);
	printf("> by ");
	print_clean(e->client_addr);
	putchar('\n');
	for (size_t i = 0; i < e->rcpts_len; i++) {
		if (!why || is_pending(&e->rcpts[i]))
			print_rcpt(e, &e->rcpts[i]);
	}
}

static void
count_entry(const struct gp_msg_queue_entry *e)
{
	uint64_t now = gp_clock_wall_ms();
	self.messages++;
	self.octets += e->size;
	self.held += e->held;
	self.deferred += e->attempts > 0;
	self.oldest_ms = GP_MAX(self.oldest_ms, now > e->arrival_ms ? now - e->arrival_ms : 0);
}

static void
print_stats(void)
{
	char age[32];
	if (self.json)
		printf("{\"messages\":%llu,\"octets\":%llu,\"deferred\":%llu,\"held\":%llu,"
		       "\"oldest_s\":%llu}\n",
		       (unsigned long long)self.messages, (unsigned long long)self.octets,
		       (unsigned long long)self.deferred, (unsigned long long)self.held,
		       (unsigned long long)(self.oldest_ms / 1000));
	else
		printf("%llu message%s, %llu octets; %llu deferred, %llu held; the oldest %s\n",
		       (unsigned long long)self.messages, self.messages == 1 ? "" : "s",
		       (unsigned long long)self.octets, (unsigned long long)self.deferred,
		       (unsigned long long)self.held, age_text(self.oldest_ms, age));
}

static void
print_count(const struct gp_msg_queue_done *d)
{
	if (self.json) {
		printf("{\"count\":%llu,\"under_way\":%llu}\n", (unsigned long long)d->count,
		       (unsigned long long)d->under_way);
		return;
	}
	printf("%s: %llu message%s\n", self.verb, (unsigned long long)d->count,
	       d->count == 1 ? "" : "s");
	if (d->under_way > 0)
		printf("a delivery was under way for %llu of them, and may arrive all the same\n",
		       (unsigned long long)d->under_way);
}

/* --- the conversation --- */

static void
on_done(const struct gp_msg_queue_done *d)
{
	bool acts = false;
	self.done = true;
	for (size_t i = 0; i < GP_ARRAY_LEN(verbs); i++)
		acts = acts || (verbs[i].acts && strcmp(verbs[i].name, self.verb) == 0);
	if (d->result != GP_QUEUE_OK) {
		fprintf(stderr, "gatepost queue: %.*s\n", GP_SLICE_FMT(d->text));
		self.exit_code = d->result == GP_QUEUE_NOT_FOUND ? GP_EXIT_BAD : GP_EXIT_ERROR;
	} else if (strcmp(self.verb, "stats") == 0) {
		print_stats();
	} else if (acts) {
		print_count(d);
	} else if (self.shown == 0 && !self.json && strcmp(self.verb, "cat") != 0) {
		printf("no message\n");
	}
	gp_loop_stop(self.loop);
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx, (void)c;
	if (m->type == GP_MSG_QUEUE_DONE) {
		on_done(&m->queue_done);
		return;
	}
	if (m->type == GP_MSG_QUEUE_DATA) {
		fwrite(m->queue_data.data.ptr, 1, m->queue_data.data.len, stdout);
		return;
	}
	if (strcmp(self.verb, "stats") == 0)
		count_entry(&m->queue_entry);
	else
		print_entry(&m->queue_entry);
	self.shown++;
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	if (!self.done) {
		fprintf(stderr, "gatepost queue: the gateway ended the conversation: %s\n", why);
		self.exit_code = GP_EXIT_ERROR;
	}
	gp_loop_stop(self.loop);
}

static int
connect_to(const struct gp_config *cfg)
{
	struct gp_control control;
	int error = gp_control_connect(cfg, &control);
	if (error < 0)
		fprintf(stderr, "gatepost queue: %s: %s; is the gateway running?\n", control.path,
			strerror(-error));
	return control.fd;
}

static int
ask(int fd, const struct gp_msg_queue_request *request)
{
	struct gp_channel_owner owner = {.on_message = on_message, .on_close = on_close};
	struct gp_message m = {.type = GP_MSG_QUEUE_REQUEST, .fd = -1, .queue_request = *request};
	self.loop = gp_loop_new();
	struct gp_channel *c =
		self.loop ? gp_channel_new(self.loop, fd, GP_PERMIT_SPOOL_TO_COMMAND, &owner)
			  : NULL;
	if (!c || !gp_channel_send(c, &m) || gp_loop_run(self.loop) < 0) {
		fprintf(stderr, "gatepost queue: out of memory\n");
		return GP_EXIT_ERROR;
	}
	/* The process ends here; the channel goes with it. */
	return self.exit_code;
}

/* --- the command line --- */

/* An address or a domain. An empty one, of a script's variable that was not set, would select all;
 * so it is none. */
static bool
take_text(const char *option, struct gp_slice *ret)
{
	const struct gp_arg arg = {"queue", option, optarg};
	struct gp_slice text = gp_slice_str(optarg);
	if (text.len >= 2 && text.ptr[0] == '<' && text.ptr[text.len - 1] == '>')
		text = gp_slice_take(gp_slice_drop(text, 1), text.len - 2);
	*ret = text;
	return text.len > 0 || gp_arg_wrong(&arg, "is empty, and selects nothing");
}

static bool
parse_option(int option, struct gp_msg_queue_request *r, const char **config)
{
	const struct gp_arg older = {"queue", "older", optarg};
	switch (option) {
	case 's':
		return take_text("sender", &r->sender);
	case 'r':
		return take_text("recipient", &r->recipient);
	case 'd':
		return take_text("domain", &r->domain);
	case 'a':
		r->all = true;
		return true;
	case 'j':
		self.json = true;
		return true;
	case 'c':
		*config = optarg;
		return true;
	case 'o':
		return gp_time_parse(gp_slice_str(optarg), &r->older_ms) ||
		       gp_arg_wrong(&older, "is no time such as 5m, 4h or 2d");
	default:
		return false;
	}
}

/* The verb, and perhaps an id. */
static bool
parse_operands(int argc, char **argv, struct gp_msg_queue_request *r)
{
	if (argc == 0) {
		fprintf(stderr, "gatepost queue: a verb is missing\n\n%s", usage);
		return false;
	}
	self.verb = argv[0];
	if (argc > 2) {
		fprintf(stderr, "gatepost queue: one id at a time\n");
		return false;
	}
	if (argc == 1)
		return true;
	if (gp_id_asked(gp_slice_str(argv[1]), &r->id))
		return true;
	fprintf(stderr, "gatepost queue: '%s' is no queue id\n", argv[1]);
	return false;
}

/* Fills in the verb, and what no selector means for it. */
static bool
check_verb(struct gp_msg_queue_request *r)
{
	bool selects = r->id || r->sender.len || r->recipient.len || r->domain.len || r->older_ms ||
		       r->all;
	for (size_t i = 0; i < GP_ARRAY_LEN(verbs); i++) {
		if (strcmp(verbs[i].name, self.verb) != 0)
			continue;
		r->verb = (uint8_t)verbs[i].verb;
		if (verbs[i].verb == GP_QUEUE_CAT && !r->id) {
			fprintf(stderr, "gatepost queue: cat needs a queue id\n");
			return false;
		}
		if (verbs[i].acts && !selects) {
			fprintf(stderr,
				"gatepost queue: %s needs a selector; --all for everything\n",
				self.verb);
			return false;
		}
		r->all = r->all || !selects;
		return true;
	}
	fprintf(stderr, "gatepost queue: there is no verb '%s'\n\n%s", self.verb, usage);
	return false;
}

int
gp_cmd_queue(int argc, char **argv)
{
	static const struct option options[] = {
		{"sender", required_argument, NULL, 's'},
		{"recipient", required_argument, NULL, 'r'},
		{"domain", required_argument, NULL, 'd'},
		{"older", required_argument, NULL, 'o'},
		{"all", no_argument, NULL, 'a'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	struct gp_msg_queue_request request = {};
	const char *path = NULL;
	for (int c; (c = gp_arg_next("queue", argc, argv, "c:h", options)) != -1;) {
		if (c == 'h') {
			fputs(usage, stdout);
			return GP_EXIT_OK;
		}
		if (!parse_option(c, &request, &path))
			return GP_EXIT_USAGE;
	}
	if (!parse_operands(argc - optind, argv + optind, &request) || !check_verb(&request))
		return GP_EXIT_USAGE;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_complaints complaints = {};
	struct gp_config cfg;
	int code = gp_cli_config(path, &arena, &cfg, &complaints);
	gp_cli_print_complaints(&complaints);
	int fd = code == GP_EXIT_OK ? connect_to(&cfg) : -1;
	if (code == GP_EXIT_OK)
		code = fd >= 0 ? ask(fd, &request) : GP_EXIT_ERROR;
	gp_arena_free(&arena);
	return code;
}
