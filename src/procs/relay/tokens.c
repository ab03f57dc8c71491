/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The access token for the smarthost: had from its endpoint by fetch, one request for all who wait,
 * and kept until it ends. It is in no log, and goes when it is refused.
 */
#include <errno.h>
#include <string.h>

#include "core/config/value.h"
#include "core/oauth/grant.h"
#include "ipc/values.h"
#include "procs/relay/relay.h"
#include "sys/log.h"

enum {
	REQUEST_MAX = 32 * 1024,
	ANSWER_ARENA_MAX = 16 * 1024,
	FETCH_MS = 30'000,
};

static struct {
	char text[GP_OAUTH_GRANTED_MAX];
	size_t len;
	uint64_t until_ms;
	uint64_t ticket; /* of the request under way; 0: none */
	bool stale;      /* that was asked before the configuration changed */
	struct way *waiting;
} self;

static uint64_t
now_ms(void)
{
	return gp_loop_now_ms(relay.env->loop);
}

bool
tokens_are_had(void)
{
	return relay.env->config->smarthost.token_url.len > 0;
}

struct gp_slice
tokens_now(void)
{
	bool good = tokens_are_had() && now_ms() < self.until_ms;
	return gp_slice(self.text, good ? self.len : 0);
}

void
tokens_forget(void)
{
	explicit_bzero(self.text, sizeof(self.text));
	self.len = 0;
	self.until_ms = 0;
	self.stale = self.ticket > 0;
}

/* --- the request --- */

static int
ask(const struct gp_fetch_address *addresses, size_t len)
{
	const struct gp_config *cfg = relay.env->config;
	struct gp_oauth_client client = {.id = cfg->smarthost.client_id,
					 .secret = login_client_secret(),
					 .scope = cfg->smarthost.token_scope};
	struct gp_buf body = GP_BUF_INIT(REQUEST_MAX);
	gp_oauth_write_request(&body, &client);
	struct gp_msg_fetch order = {
		.kind = GP_FETCH_POST,
		.time_max_ms = FETCH_MS,
		.addresses = addresses,
		.addresses_len = len,
		.media_type = GP_SLICE(GP_OAUTH_MEDIA_TYPE),
		.body = gp_buf_slice(&body),
	};
	int r = -EINVAL;
	if (gp_https_url_parse(cfg->smarthost.token_url, &order.host, &order.path))
		r = body.failed ? -ENOMEM : policies_fetch(&order, &self.ticket);
	if (body.ptr)
		explicit_bzero(body.ptr, body.cap);
	gp_buf_free(&body);
	return r;
}

int
tokens_ask(struct way *w, const struct gp_fetch_address *addresses, size_t len)
{
	int r = self.ticket > 0 ? 0 : ask(addresses, len);
	if (r < 0) {
		self.ticket = 0;
		return r;
	}
	w->token.next = self.waiting;
	self.waiting = w;
	return 0;
}

/* --- the answer --- */

/* NULL: there is a token now; else why there is none. */
static const char *
take(struct gp_slice answer)
{
	static char why[128];
	struct gp_arena arena = {.max = ANSWER_ARENA_MAX};
	struct gp_oauth_token token;
	const char *wrong = "cannot be kept: out of memory";
	int r = gp_oauth_read_answer(answer, relay.env->seed[0], &arena, &token, &wrong);
	if (r == 0 && token.lifetime_s == 0)
		wrong = "has a token that has ended", r = 1;
	if (r == 0) {
		memcpy(self.text, token.text.ptr, token.text.len);
		self.len = token.text.len;
		/* A tenth is for the way, and for clocks. */
		self.until_ms = now_ms() + UINT64_C(900) * token.lifetime_s;
		explicit_bzero((char *)token.text.ptr, token.text.len);
	}
	gp_arena_free(&arena);
	snprintf(why, sizeof(why), "the answer %s", wrong);
	return r == 0 ? NULL : why;
}

/* Empty: there is a token now; else why there is none. */
static struct gp_slice
learn(const struct gp_msg_fetched *m, char *text, size_t size)
{
	if (!m)
		return GP_SLICE("fetch is gone");
	if (m->result == GP_FETCH_OK)
		return gp_slice_str(take(m->body));
	if (m->result != GP_FETCH_HTTP_STATUS)
		return m->reason;
	snprintf(text, size, "status %u", m->status);
	return gp_slice_str(text);
}

void
tokens_fetched(const struct gp_msg_fetched *m)
{
	char text[32];
	if (self.ticket == 0 || (m && m->ticket != self.ticket))
		return;
	struct gp_slice why = self.stale ? GP_SLICE("") : learn(m, text, sizeof(text));
	self.ticket = 0;
	self.stale = false;
	if (why.len > 0)
		gp_warning("no_token", GP_F("url", relay.env->config->smarthost.token_url),
			   GP_F("reason", why));
	struct way *w = self.waiting;
	self.waiting = NULL;
	while (w) {
		struct way *next = w->token.next;
		way_token_known(w, why);
		w = next;
	}
}
