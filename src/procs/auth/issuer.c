/* SPDX-License-Identifier: Apache-2.0 */
/*
 *     issuer_ask --> AAAA --> A --(resolver has said where it is)--> POST --> on_answer
 */
#include "procs/auth/issuer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "core/config/value.h"
#include "core/oauth/introspection.h"
#include "core/sasl/crypto.h"
#include "ipc/values.h"
#include "procs/ask/ask.h"
#include "sys/clock.h"
#include "sys/log.h"
#include "sys/password.h"
#include "sys/small_file.h"

enum {
	SECRET_MAX = 4096,
	BODY_MAX = 64 * 1024,
	ARENA_MAX = 4 << 20, /* of one answer */
	ADDRESSES_MAX = 32,  /* as a `fetch` may carry */
};

enum step { STEP_AAAA = 1, STEP_A, STEP_POST };

struct question {
	struct gp_list link;
	uint32_t id;
	struct issuer *issuer;
	struct asker asker;
	uint8_t step;    /* enum step: what is waited for */
	uint64_t ticket; /* of STEP_POST */
	struct gp_sha256 token;
	struct gp_buf body; /* has the token, and our secret */
	uint8_t octets[ADDRESSES_MAX][GP_DNS_ADDRESS_MAX];
	struct gp_fetch_address addresses[ADDRESSES_MAX];
	size_t addresses_len;
};

/* A token that is good, by its digest. */
struct known {
	struct gp_list link; /* in the order of asking */
	struct gp_sha256 token;
	uint64_t until_ms;
	size_t user_len;
	char user[];
};

struct issuer {
	struct gp_loop *loop;
	const struct gp_config *config;
	struct issuer_owner owner;
	uint64_t seed[2];
	struct gp_channel *fetch; /* NULL: not there */
	struct gp_list questions;
	size_t questions_len;
	uint64_t tickets;
	struct gp_arena arena; /* of the answer that is being read */
	struct gp_map by_token;
	struct gp_list known;
	char secret[SECRET_MAX];
	size_t secret_len;
};

bool
issuer_is_had(const struct issuer *i)
{
	return i->config->auth.oauth.introspection_url.len > 0;
}

/* --- what is known --- */

static void
forget(struct issuer *i, struct known *k)
{
	gp_map_remove(&i->by_token, gp_sha256_slice(&k->token));
	gp_list_remove(&k->link);
	free(k);
}

static void
forget_all(struct issuer *i)
{
	gp_list_each (it, &i->known)
		forget(i, gp_container_of(it, struct known, link));
}

struct gp_slice
issuer_known(struct issuer *i, struct gp_slice token)
{
	struct gp_sha256 digest;
	if (gp_sha256(token, &digest) < 0)
		return gp_slice(NULL, 0);
	struct known *k = gp_map_get(&i->by_token, gp_sha256_slice(&digest));
	if (k && gp_loop_now_ms(i->loop) < k->until_ms)
		return gp_slice(k->user, k->user_len);
	if (k)
		forget(i, k);
	return gp_slice(NULL, 0);
}

/* Without memory it is asked about again. */
static void
remember(struct issuer *i, const struct gp_sha256 *token, const struct gp_oauth_word *word)
{
	uint64_t now_s = gp_clock_wall_ms() / 1000;
	uint64_t left_s = word->expires_s - GP_MIN(word->expires_s, now_s);
	struct known *k = gp_map_get(&i->by_token, gp_sha256_slice(token));
	if (k)
		forget(i, k);
	if (i->by_token.len == ISSUER_KNOWN_MAX)
		forget(i, gp_container_of(i->known.next, struct known, link));
	k = malloc(sizeof(*k) + word->user.len);
	if (!k)
		return;
	k->token = *token;
	k->until_ms =
		gp_loop_now_ms(i->loop) + GP_MIN(left_s, (uint64_t)ISSUER_KNOWN_MS / 1000) * 1000;
	k->user_len = word->user.len;
	memcpy(k->user, word->user.ptr, word->user.len);
	gp_list_append(&i->known, &k->link);
	if (!gp_map_set(&i->by_token, gp_sha256_slice(&k->token), k)) {
		gp_list_remove(&k->link);
		free(k);
	}
}

/* --- asking --- */

static void
free_question(struct issuer *i, struct question *q)
{
	if (q->body.ptr)
		gp_wipe(q->body.ptr, q->body.cap);
	gp_buf_free(&q->body);
	ask_forget(&q->asker);
	gp_list_remove(&q->link);
	i->questions_len--;
	free(q);
}

static void
answer(struct issuer *i, struct question *q, enum issuer_answer answer, struct gp_slice user)
{
	uint32_t id = q->id;
	free_question(i, q);
	i->owner.on_answer(i->owner.ctx, id, answer, user);
}

static void
fail(struct issuer *i, struct question *q, struct gp_slice why)
{
	gp_warning("issuer_not_asked", GP_F("url", i->config->auth.oauth.introspection_url),
		   GP_F("reason", why));
	answer(i, q, ISSUER_TROUBLE, gp_slice(NULL, 0));
}

static void
fail_all(struct issuer *i, enum step from, enum step to, const char *why)
{
	gp_list_each (it, &i->questions) {
		struct question *q = gp_container_of(it, struct question, link);
		if (q->step >= from && q->step <= to)
			fail(i, q, gp_slice_str(why));
	}
}

static struct gp_slice
host_of(const struct issuer *i, struct gp_slice *ret_path)
{
	struct gp_slice host = {};
	(void)gp_https_url_parse(i->config->auth.oauth.introspection_url, &host, ret_path);
	return host;
}

static bool
ask_address(struct issuer *i, struct question *q, enum step step)
{
	struct gp_slice path;
	const struct gp_dns_question dns = {.name = host_of(i, &path),
					    .type = step == STEP_AAAA ? GP_DNS_AAAA : GP_DNS_A};
	q->step = (uint8_t)step;
	return ask_resolver(&q->asker, &dns);
}

static void
post(struct issuer *i, struct question *q)
{
	struct gp_message m = {.type = GP_MSG_FETCH,
			       .fd = -1,
			       .fetch = {.ticket = ++i->tickets,
					 .kind = GP_FETCH_POST,
					 .time_max_ms = ISSUER_MS,
					 .addresses = q->addresses,
					 .addresses_len = q->addresses_len,
					 .media_type = GP_SLICE(GP_OAUTH_MEDIA_TYPE),
					 .body = gp_buf_slice(&q->body)}};
	m.fetch.host = host_of(i, &m.fetch.path);
	q->step = STEP_POST;
	q->ticket = m.fetch.ticket;
	if (q->addresses_len == 0)
		fail(i, q, GP_SLICE("the host has no address"));
	else if (!i->fetch || !gp_channel_send(i->fetch, &m))
		fail(i, q, GP_SLICE("fetch is not there"));
}

static void
on_address(struct asker *a, const struct gp_dns_answer *told)
{
	struct question *q = gp_container_of(a, struct question, asker);
	for (size_t n = 0; n < told->records_len && q->addresses_len < ADDRESSES_MAX; n++) {
		uint8_t *octets = q->octets[q->addresses_len];
		size_t len = q->step == STEP_A ? 4 : GP_DNS_ADDRESS_MAX;
		memcpy(octets, told->records[n].address, len);
		q->addresses[q->addresses_len++].octets = gp_slice((const char *)octets, len);
	}
	if (q->step == STEP_A)
		post(q->issuer, q);
	else if (!ask_address(q->issuer, q, STEP_A))
		fail(q->issuer, q, GP_SLICE("resolver is not there"));
}

bool
issuer_ask(struct issuer *i, uint32_t id, struct gp_slice token)
{
	struct question *q = i->questions_len < ISSUER_QUESTIONS_MAX ? calloc(1, sizeof(*q)) : NULL;
	if (!q)
		return false;
	const struct gp_oauth_client client = {.id = i->config->auth.oauth.client_id,
					       .secret = gp_slice(i->secret, i->secret_len)};
	q->id = id;
	q->issuer = i;
	ask_init(&q->asker, on_address);
	q->body = GP_BUF_INIT(BODY_MAX);
	gp_list_append(&i->questions, &q->link);
	i->questions_len++;
	gp_oauth_write_question(&q->body, &client, token);
	bool asked =
		!q->body.failed && gp_sha256(token, &q->token) == 0 && ask_address(i, q, STEP_AAAA);
	if (!asked)
		free_question(i, q);
	return asked;
}

/* --- answers --- */

static void
take_word(struct issuer *i, struct question *q, struct gp_slice json)
{
	const struct gp_oauth_demand demand = {.issuer = i->config->auth.oauth.issuer,
					       .audience = i->config->auth.oauth.audience,
					       .user_claim = i->config->auth.oauth.user_claim,
					       .now_s = gp_clock_wall_ms() / 1000};
	struct gp_oauth_word word;
	const char *why = "out of memory";
	int r = gp_oauth_read_word(json, &demand, i->seed[0], &i->arena, &word, &why);
	if (r == 0) {
		remember(i, &q->token, &word);
		answer(i, q, ISSUER_YES, word.user);
	} else if (r == GP_OAUTH_REFUSED) {
		gp_info("token_refused", GP_FS("reason", why));
		answer(i, q, ISSUER_NO, gp_slice(NULL, 0));
	} else {
		fail(i, q, gp_slice_str(why));
	}
}

static void
take_fetched(struct issuer *i, struct question *q, const struct gp_msg_fetched *m)
{
	struct gp_slice why = m->reason;
	if (m->result == GP_FETCH_OK) {
		take_word(i, q, m->body);
		return;
	}
	if (m->result == GP_FETCH_HTTP_STATUS)
		why = gp_arena_printf(&i->arena, "status %u", m->status);
	fail(i, q, why);
}

/* Who waits for it. NULL: nobody. */
static struct question *
find(struct issuer *i, uint64_t ticket)
{
	gp_list_each (it, &i->questions) {
		struct question *q = gp_container_of(it, struct question, link);
		if (q->step == STEP_POST && q->ticket == ticket)
			return q;
	}
	return NULL;
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	struct issuer *i = ctx;
	struct question *q = find(i, m->fetched.ticket);
	(void)c;
	gp_arena_reset(&i->arena);
	if (q)
		take_fetched(i, q, &m->fetched);
}

/* --- those who are asked --- */

static void
lose_fetch(struct issuer *i, const char *why)
{
	gp_log(gp_role_loss_level(), "peer_lost", GP_FS("peer", "fetch"), GP_FS("reason", why));
	i->fetch = NULL;
	fail_all(i, STEP_POST, STEP_POST, "fetch is gone");
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)c;
	gp_role_peer_lost(GP_ROLE_FETCH);
	lose_fetch(ctx, why);
}

static void
connect_fetch(struct issuer *i, int fd)
{
	const struct gp_channel_owner owner = {on_message, on_close, i};
	if (i->fetch) {
		/* The end of the old one may still lie unread behind this news. */
		gp_channel_free(i->fetch);
		lose_fetch(i, "replaced");
	}
	i->fetch = gp_channel_new(i->loop, fd, GP_PERMIT_FETCH_TO_AUTH, &owner);
	if (!i->fetch)
		gp_error("peer_lost", GP_FS("peer", "fetch"), GP_FS("reason", "out of memory"));
}

void
issuer_connect(struct issuer *i, enum gp_role_id role, int fd)
{
	const struct ask_setup setup = {i->loop, i->seed, GP_PERMIT_RESOLVER_TO_AUTH,
					ISSUER_QUESTIONS_MAX};
	gp_assert(role == GP_ROLE_RESOLVER || role == GP_ROLE_FETCH);
	if (role == GP_ROLE_FETCH)
		connect_fetch(i, fd);
	else
		ask_connect(&setup, fd);
}

/* --- the whole --- */

static void
forget_secret(struct issuer *i)
{
	gp_wipe(i->secret, sizeof(i->secret));
	i->secret_len = 0;
}

void
issuer_read_secret(struct issuer *i, int fd)
{
	forget_secret(i);
	int r = gp_file_line(fd, i->secret, sizeof(i->secret), &i->secret_len);
	if (r == 0)
		return;
	forget_secret(i);
	gp_error("secret_refused", GP_FS("of", "client_secret_file"),
		 GP_FS("reason", gp_file_line_trouble(r)));
}

struct issuer *
issuer_new(struct gp_loop *loop, const struct gp_config *config, const uint64_t seed[2],
	   const struct issuer_owner *owner)
{
	struct issuer *i = calloc(1, sizeof(*i));
	if (!i)
		return NULL;
	i->loop = loop;
	i->config = config;
	i->owner = *owner;
	memcpy(i->seed, seed, sizeof(i->seed));
	i->arena = GP_ARENA_INIT(ARENA_MAX);
	i->by_token = gp_map(ISSUER_KNOWN_MAX, seed);
	gp_list_init(&i->questions);
	gp_list_init(&i->known);
	return i;
}

struct issuer *
issuer_free(struct issuer *i)
{
	if (!i)
		return NULL;
	gp_list_each (it, &i->questions)
		free_question(i, gp_container_of(it, struct question, link));
	forget_all(i);
	gp_map_free(&i->by_token);
	gp_channel_free(i->fetch);
	ask_disconnect();
	forget_secret(i);
	gp_arena_free(&i->arena);
	free(i);
	return NULL;
}

void
issuer_reload(struct issuer *i, const struct gp_config *config)
{
	fail_all(i, STEP_AAAA, STEP_POST, "the configuration changed");
	i->config = config;
	forget_all(i);
	if (config->auth.oauth.client_secret_file.len == 0)
		forget_secret(i);
}
