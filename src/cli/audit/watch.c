/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/audit/alert.h"
#include "cli/audit/options.h"
#include "cli/audit/store.h"
#include "cli/command.h"
#include "sys/clock.h"

enum {
	NAMES_MAX = 1 << 30,  /* octets */
	LOOKS_MAX = 16 << 20, /* octets of what is known of a domain, and of the look */
};

struct watch {
	const struct audit_watch_options *o;
	const struct audit_options *audit;
	const struct gp_config *config;
	struct audit_store *store;
	struct gp_arena names, arena;
	uint64_t run;
	struct gp_slice *domains; /* that the run looked at */
	size_t domains_len;
	bool failed; /* a channel was not told */
};

enum channel_kind { TO_OUTPUT, TO_MAIL, TO_WEBHOOK };

struct channel {
	enum channel_kind kind;
	struct gp_slice name; /* in the store */
	const char *address;  /* of mail */
};

/* --- what is news to a channel --- */

/* 1: it was looked at; 0: it was not, in this run; -1 after saying why. */
static int
find_news(struct watch *w, const struct channel *ch, struct gp_slice domain, bool *ret_first,
	  uint64_t *ret_time_s, struct audit_news *ret)
{
	struct audit_look now, before;
	gp_arena_reset(&w->arena);
	int r = audit_store_look(w->store, domain, w->run, &w->arena, &now);
	if (r != 1)
		return r;
	r = audit_store_told(w->store, ch->name, domain, &w->arena, &before);
	if (r < 0)
		return r;
	*ret_first = r == 0;
	*ret_time_s = now.time_s;
	r = audit_news_find(*ret_first ? NULL : &before, &now, w->o->alert_on, &w->arena, ret);
	if (r < 0)
		fprintf(stderr, "gatepost audit: %s\n", strerror(-r));
	return r < 0 ? -1 : 1;
}

static bool
gather(struct watch *w, const struct channel *ch, struct audit_alert *a)
{
	for (size_t i = 0; i < w->domains_len; i++) {
		struct audit_news news;
		bool first;
		int r = find_news(w, ch, w->domains[i], &first, &a->time_s, &news);
		if (r == 1 && audit_alert_add(a, w->domains[i], first, &news) < 0) {
			fputs("gatepost audit: no memory\n", stderr);
			r = -1;
		}
		if (r < 0)
			return false;
	}
	return true;
}

/* Of the same run and the same store as what was told, so it comes to the same. */
static bool
write_down(struct watch *w, const struct channel *ch)
{
	bool good = audit_store_tell_begin(w->store);
	for (size_t i = 0; i < w->domains_len && good; i++) {
		struct audit_news news;
		bool first;
		uint64_t time_s;
		int r = find_news(w, ch, w->domains[i], &first, &time_s, &news);
		good = r == 0 ||
		       (r == 1 && audit_store_tell(w->store, ch->name, w->domains[i], &news.known));
	}
	return good && audit_store_tell_end(w->store);
}

/* --- the channels --- */

static bool
tell_output(const struct audit_alert *a)
{
	struct gp_buf text = GP_BUF_INIT(2 * AUDIT_ALERT_TEXT_MAX);
	audit_alert_text(a, &text);
	struct gp_slice s = gp_buf_slice(&text);
	bool good = !text.failed && fwrite(s.ptr, 1, s.len, stdout) == s.len && fflush(stdout) == 0;
	if (!good)
		fprintf(stderr, "gatepost audit: %s\n", strerror(errno));
	gp_buf_free(&text);
	return good;
}

static bool
tell_mail(struct watch *w, const struct channel *ch, const struct audit_alert *a)
{
	struct gp_buf subject = GP_BUF_INIT(AUDIT_ALERT_TEXT_MAX);
	struct gp_buf text = GP_BUF_INIT(2 * AUDIT_ALERT_TEXT_MAX);
	audit_alert_subject(a, &subject);
	audit_alert_text(a, &text);
	struct gp_slice key = gp_arena_printf(&w->names, "%.*s\n%.*s", GP_SLICE_FMT(ch->name),
					      GP_SLICE_FMT(gp_buf_slice(&text)));
	bool good = key.ptr && !subject.failed && !text.failed &&
		    alert_mail_send(&w->o->mail, &(struct alert_mail_text){
							 .to = gp_slice_str(ch->address),
							 .subject = gp_buf_slice(&subject),
							 .text = gp_buf_slice(&text),
							 .key = key,
							 .now_s = gp_clock_wall_ms() / 1000,
						 });
	gp_buf_free(&subject);
	gp_buf_free(&text);
	return good;
}

static bool
tell_webhook(struct watch *w, const struct audit_alert *a)
{
	struct gp_buf body = GP_BUF_INIT(2 * AUDIT_ALERT_TEXT_MAX);
	struct alert_webhook hook = w->o->webhook;
	hook.authorities = w->o->mail.authorities;
	hook.dns = w->audit->dns;
	hook.resolver = w->audit->resolver;
	hook.config = w->config;
	bool good = audit_alert_json(a, &body) == 0;
	if (!good)
		fputs("gatepost audit: no memory\n", stderr);
	good = good && alert_webhook_send(&hook, gp_buf_slice(&body), gp_clock_wall_ms() / 1000);
	gp_buf_free(&body);
	return good;
}

static bool
tell(struct watch *w, const struct channel *ch, const struct audit_alert *a)
{
	switch (ch->kind) {
	case TO_MAIL:
		return tell_mail(w, ch, a);
	case TO_WEBHOOK:
		return tell_webhook(w, a);
	default:
		return tell_output(a);
	}
}

static void
serve(struct watch *w, const struct channel *ch)
{
	struct audit_alert a = audit_alert(w->run, 0, w->domains_len);
	bool good = gather(w, ch, &a) && (a.items == 0 || tell(w, ch, &a)) && write_down(w, ch);
	if (good && a.items > 0 && ch->kind != TO_OUTPUT)
		printf("%.*s: told of %zu\n", GP_SLICE_FMT(ch->name), a.items + a.left_out);
	w->failed |= !good;
	audit_alert_free(&a);
}

static void
serve_all(struct watch *w)
{
	for (size_t i = 0; i < w->o->mail.to_len; i++) {
		struct gp_slice name = gp_arena_printf(&w->names, "mail:%s", w->o->mail.to[i]);
		if (name.ptr)
			serve(w, &(struct channel){TO_MAIL, name, w->o->mail.to[i]});
	}
	if (w->o->webhook.url) {
		struct gp_slice name = alert_webhook_name(&w->o->webhook, &w->names);
		w->failed |= name.len == 0;
		if (name.len > 0)
			serve(w, &(struct channel){TO_WEBHOOK, name, NULL});
	}
	if (w->o->mail.to_len == 0 && !w->o->webhook.url)
		serve(w, &(struct channel){TO_OUTPUT, GP_SLICE("output"), NULL});
	w->failed |= w->names.failed;
}

int
audit_watch(const struct audit_options *o, const struct gp_config *config)
{
	struct watch w = {.o = &o->watch,
			  .audit = o,
			  .config = config,
			  .names = GP_ARENA_INIT(NAMES_MAX),
			  .arena = GP_ARENA_INIT(LOOKS_MAX)};
	w.store = audit_store_open(o->store, false);
	if (w.store && audit_store_newest(w.store, &w.names, &w.run, &w.domains, &w.domains_len))
		serve_all(&w);
	else
		w.failed = true;
	audit_store_close(w.store);
	gp_arena_free(&w.names);
	gp_arena_free(&w.arena);
	return w.failed ? GP_EXIT_ERROR : GP_EXIT_OK;
}
