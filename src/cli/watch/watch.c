/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/watch/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/reports/networks.h"
#include "cli/reports/reports.h"
#include "cli/watch/ask.h"
#include "cli/watch/news.h"
#include "cli/watch/state.h"
#include "cli/watch/words.h"
#include "reportdb/server.h"
#include "sys/clock.h"
#include "sys/password.h"

enum {
	ARENA_MAX = 1 << 30,
	CONFIG_ARENA_MAX = 64 << 20,
	NEWS_MAX = 512 << 20,
	EXPLAINED_MAX = 100, /* each is a walk over two weeks of reports */
};

struct watch {
	const struct reports_options *o;
	struct gp_reportdb *db;
	struct watch_question question;
	const struct gp_config *config; /* NULL: there is none */
	struct watch_state state;
	struct asn_file networks;
	struct watch_readings readings;
	struct gp_arena names, arena; /* arena: of one channel's news */
	bool failed;                  /* a channel was not told */
	bool news;                    /* there is some */
};

enum channel_kind { TO_OUTPUT, TO_MAIL, TO_WEBHOOK };

struct channel {
	enum channel_kind kind;
	struct gp_slice name; /* in the state */
	const char *address;  /* of mail */
};

static bool
no_memory(void)
{
	fputs("gatepost reports: no memory\n", stderr);
	return false;
}

/* --- the channels --- */

static bool
print(struct gp_slice text)
{
	return fwrite(text.ptr, 1, text.len, stdout) == text.len && fflush(stdout) == 0;
}

/* channel: whom it would be for; empty: who reads it. */
static bool
tell_output(const struct watch *w, const struct watch_news *news, struct gp_slice channel)
{
	struct gp_buf text = GP_BUF_INIT(WATCH_TEXT_MAX);
	if (w->o->json) {
		text.failed |= watch_words_json(news, w->o->to_day, channel, &text) < 0;
		gp_buf_put_char(&text, '\n');
	} else {
		if (channel.len > 0)
			gp_buf_printf(&text, "%.*s would be told:\n", GP_SLICE_FMT(channel));
		watch_words_text(news, w->o->to_day, &text);
	}
	bool good = text.failed ? no_memory() : print(gp_buf_slice(&text));
	gp_buf_free(&text);
	return good;
}

static bool
tell_mail(struct watch *w, const struct channel *ch, const struct watch_news *news)
{
	struct gp_buf subject = GP_BUF_INIT(WATCH_TEXT_MAX), text = GP_BUF_INIT(WATCH_TEXT_MAX);
	watch_words_subject(news, &subject);
	watch_words_text(news, w->o->to_day, &text);
	struct gp_slice key = gp_arena_printf(&w->arena, "%.*s\n%.*s", GP_SLICE_FMT(ch->name),
					      GP_SLICE_FMT(gp_buf_slice(&text)));
	bool good = key.ptr && !subject.failed && !text.failed;
	good = good ? alert_mail_send(&w->o->mail,
				      &(struct alert_mail_text){
					      .to = gp_slice_str(ch->address),
					      .subject = gp_buf_slice(&subject),
					      .text = gp_buf_slice(&text),
					      .key = key,
					      .now_s = gp_clock_wall_ms() / 1000,
				      })
		    : no_memory();
	gp_buf_free(&subject);
	gp_buf_free(&text);
	return good;
}

static bool
tell_webhook(struct watch *w, const struct watch_news *news)
{
	struct gp_buf body = GP_BUF_INIT(WATCH_TEXT_MAX);
	struct alert_webhook hook = w->o->watch.webhook;
	hook.authorities = w->o->mail.authorities;
	hook.dns = w->o->dns;
	hook.resolver = w->o->resolver;
	hook.config = w->config;
	bool good = watch_words_json(news, w->o->to_day, GP_SLICE(""), &body) == 0 || no_memory();
	good = good && alert_webhook_send(&hook, gp_buf_slice(&body), gp_clock_wall_ms() / 1000);
	gp_buf_free(&body);
	return good;
}

static bool
tell(struct watch *w, const struct channel *ch, const struct watch_news *news)
{
	if (w->o->watch.dry_run)
		return tell_output(w, news, ch->kind == TO_OUTPUT ? GP_SLICE("") : ch->name);
	switch (ch->kind) {
	case TO_MAIL:
		return tell_mail(w, ch, news);
	case TO_WEBHOOK:
		return tell_webhook(w, news);
	default:
		return tell_output(w, news, GP_SLICE(""));
	}
}

/* --- what is news to a channel --- */

static bool
find_news(struct watch *w, const struct channel *ch, struct watch_news *ret)
{
	struct watch_known *known;
	struct watch_given given = {.readings = w->readings.items,
				    .readings_len = w->readings.len,
				    .today = w->o->to_day,
				    .limits = w->o->watch.limits};
	gp_random(given.seed, sizeof(given.seed));
	int r = watch_state_known(&w->state, ch->name, &w->arena, &known, &given.known_len);
	given.known = known;
	if (r == 0)
		r = watch_news_find(&given, &w->arena, ret);
	if (r == -EPROTO)
		fprintf(stderr, "gatepost reports: %s: what %.*s was told cannot be read\n",
			w->state.path, GP_SLICE_FMT(ch->name));
	return r == -ENOMEM ? no_memory() : r == 0;
}

/* The first of them: a flood is told of, but not explained. */
static bool
explain(struct watch *w, const struct watch_news *news)
{
	int r = 0;
	for (size_t i = 0; i < GP_MIN(news->came_len, (size_t)EXPLAINED_MAX) && r == 0; i++) {
		size_t at = (size_t)(news->came[i] - w->readings.items);
		r = watch_ask_why(w->db, &w->question, &w->readings.items[at], &w->names);
	}
	return r == 0 || reports_fail(w->db, r) == GP_EXIT_OK;
}

static void
serve(struct watch *w, const struct channel *ch)
{
	struct watch_news news;
	gp_arena_reset(&w->arena);
	bool good = find_news(w, ch, &news) && explain(w, &news), dry_run = w->o->watch.dry_run;
	size_t len = good ? news.came_len + news.over_len : 0;
	good = good && (len == 0 || tell(w, ch, &news));
	good = good &&
	       (dry_run || watch_state_tell(&w->state, ch->name, news.known, news.known_len));
	if (good && len > 0 && ch->kind != TO_OUTPUT && !dry_run && !w->o->quiet)
		printf("%.*s: told of %zu\n", GP_SLICE_FMT(ch->name), len);
	w->failed |= !good;
	w->news |= len > 0;
}

static void
serve_all(struct watch *w)
{
	const struct alert_mail *mail = &w->o->mail;
	const struct alert_webhook *hook = &w->o->watch.webhook;
	for (size_t i = 0; i < mail->to_len; i++) {
		struct gp_slice name = gp_arena_printf(&w->names, "mail:%s", mail->to[i]);
		if (name.ptr)
			serve(w, &(struct channel){TO_MAIL, name, mail->to[i]});
	}
	if (hook->url) {
		struct gp_slice name = alert_webhook_name(hook, &w->names);
		w->failed |= name.len == 0;
		if (name.len > 0)
			serve(w, &(struct channel){TO_WEBHOOK, name, NULL});
	}
	if (mail->to_len == 0 && !hook->url)
		serve(w, &(struct channel){TO_OUTPUT, GP_SLICE("output"), NULL});
	w->failed |= w->names.failed;
}

/* --- the look --- */

static int
look(struct watch *w)
{
	int r = watch_ask(w->db, &w->question, &w->names, &w->readings);
	if (r < 0)
		return reports_fail(w->db, r);
	serve_all(w);
	return w->failed                        ? GP_EXIT_ERROR
	       : w->o->watch.dry_run && w->news ? GP_EXIT_BAD
						: GP_EXIT_OK;
}

/* Where it is unless it is said, in the arena: STATE/reports/watch.json, or beside the database.
 * NULL: it cannot be told, which it has complained of. */
static const char *
state_path(const struct watch *w, struct gp_arena *arena)
{
	if (!w->o->database)
		return gp_arena_printf(arena, "%.*s/reports/watch.json",
				       GP_SLICE_FMT(w->config->state))
			.ptr;
	if (gp_reportdb_is_server(w->o->database)) {
		fprintf(stderr, "gatepost reports: a server's database has no folder: --state "
				"names the file\n");
		return NULL;
	}
	struct gp_slice path = gp_slice_str(w->o->database);
	struct gp_slice folder = gp_slice_take(path, (size_t)(gp_slice_rfind(path, '/') + 1));
	return gp_arena_printf(arena, "%.*swatch.json", GP_SLICE_FMT(folder)).ptr;
}

int
reports_watch(const struct reports_options *o, struct gp_reportdb *db)
{
	struct watch w = {
		.o = o,
		.db = db,
		.question = {.domain = o->domain, .today = o->to_day, .limits = o->watch.limits},
		.state.folder = -1,
		.names = GP_ARENA_INIT(ARENA_MAX),
		.arena = GP_ARENA_INIT(NEWS_MAX)};
	struct gp_arena arena = GP_ARENA_INIT(CONFIG_ARENA_MAX);
	const char *state = o->watch.state;
	int code = reports_config(o, &arena, &w.config);
	if (code == GP_EXIT_OK)
		code = networks_open(o, &w.networks);
	w.question.networks = asn_file_db(&w.networks);
	if (code == GP_EXIT_OK && !state)
		state = state_path(&w, &arena);
	if (code == GP_EXIT_OK && !(state && watch_state_open(&w.state, state)))
		code = GP_EXIT_ERROR;
	if (code == GP_EXIT_OK)
		code = look(&w);
	watch_state_close(&w.state);
	asn_file_free(&w.networks);
	gp_arena_free(&w.names);
	gp_arena_free(&w.arena);
	gp_arena_free(&arena);
	return code;
}
