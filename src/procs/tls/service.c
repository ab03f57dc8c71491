/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sessions shake hands with: the certificates of the configuration, as far as signer has their
 * keys, and the conversation with signer.
 *
 * Configuration and keys come by two ways, in no order. So whoever has a certificate without its
 * key waits for a moment, with what was there before; after that it does with what it has.
 */
#include <errno.h>
#include <string.h>

#include "ipc/values.h"
#include "procs/tls/service.h"
#include "procs/tls/tickets.h"
#include "sys/log.h"
#include "sys/tls_server.h"

enum {
	SETTLE_MS = 2000,
	IDS_MAX = 128, /* as many as a `keys` message holds */
};

static struct {
	const struct tls_owner *owner;
	struct gp_role_env *env;
	struct gp_channel *channel;
	struct gp_tls_server *server; /* NULL: no TLS */
	size_t used;                  /* its certificates */
	bool settled;                 /* what can be had is there */
	struct event *settle;
	char ids[IDS_MAX * GP_TLS_KEY_ID]; /* of the keys that signer has */
	size_t ids_len;
	uint8_t secrets[2][GP_TLS_TICKET_SECRET];
	size_t secrets_len;
	struct tickets tickets;
} self;

/* --- certificates --- */

static bool
signer_has(const uint8_t id[GP_TLS_KEY_ID])
{
	for (size_t i = 0; i < self.ids_len; i++) {
		if (memcmp(self.ids + i * GP_TLS_KEY_ID, id, GP_TLS_KEY_ID) == 0)
			return true;
	}
	return false;
}

/* Those of the configuration that can be used; the others, if `tell`, are told of. */
static size_t
select_certificates(const struct gp_config *cfg, bool tell,
		    struct gp_slice ret[GP_TLS_CERTIFICATES_MAX])
{
	size_t len = 0;
	for (size_t i = 0; i < cfg->tls.certificates_len; i++) {
		const struct gp_certificate *c = &cfg->tls.certificates[i];
		uint8_t id[GP_TLS_KEY_ID];
		const char *why = NULL;
		if (gp_tls_certificate_key(c->pem, id) < 0)
			why = "cannot be read, or is for no RSA or EC key";
		else if (!signer_has(id))
			why = "none of the keys is for it";
		else
			ret[len++] = c->pem;
		if (why && tell)
			gp_error("certificate_unused", GP_FN("number", i + 1),
				 GP_FS("reason", why));
	}
	return len;
}

static void
share_secrets(void)
{
	if (self.server && self.secrets_len > 0)
		gp_tls_server_set_tickets(self.server, self.secrets[0],
					  self.secrets_len > 1 ? self.secrets[1] : NULL);
}

static void
use(const struct gp_slice *pems, size_t len)
{
	const char *why = NULL;
	struct gp_tls_server *fresh = len > 0 ? gp_tls_server_new(pems, len, &why) : NULL;
	if (why && !fresh) {
		gp_error("certificates_refused", GP_FS("reason", why));
		return;
	}
	gp_tls_server_free(self.server);
	self.server = fresh;
	self.used = len;
	share_secrets();
}

/* late: what is not there by now will not come. */
static void
rebuild(bool late)
{
	struct gp_slice pems[GP_TLS_CERTIFICATES_MAX];
	const struct gp_config *cfg = self.env->config;
	size_t wanted = cfg->tls.certificates_len;
	size_t len = select_certificates(cfg, late, pems);
	if (len < wanted && !late) {
		gp_timer_set(self.settle, SETTLE_MS);
		return;
	}
	event_del(self.settle);
	/* Half a renewal is no reason to have fewer than before: signer keeps the old keys. */
	if (len == wanted || len >= self.used)
		use(pems, len);
	self.settled = true;
	self.owner->settled();
}

static void
on_settle(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	rebuild(true);
}

int
tls_prepare(void)
{
	return gp_tls_prepare();
}

int
tls_start(struct gp_role_env *env, const struct tls_owner *owner)
{
	static_assert((int)GP_CONFIG_CERTIFICATES_MAX <= (int)GP_TLS_CERTIFICATES_MAX,
		      "all can be used");
	self.env = env;
	self.owner = owner;
	self.settle = evtimer_new(gp_loop_base(env->loop), on_settle, NULL);
	if (!self.settle)
		return -ENOMEM;
	rebuild(false);
	return 0;
}

void
tls_configure(void)
{
	rebuild(false);
}

bool
tls_settled(void)
{
	return self.settled;
}

bool
tls_possible(void)
{
	return self.server != NULL;
}

struct gp_tls *
tls_accept(int fd, const struct gp_role_listen *listen)
{
	char listener[sizeof(listen->address) + 8];
	int n = snprintf(listener, sizeof(listener), "%u %s", listen->service, listen->address);
	return self.server ? gp_tls_accept(self.server, fd, gp_slice(listener, (size_t)n)) : NULL;
}

/* --- signer --- */

bool
tls_sign(struct session *s, const struct gp_tls_request *r)
{
	uint64_t ticket = self.channel ? tickets_take(&self.tickets, s) : TICKET_NONE;
	if (ticket == TICKET_NONE)
		return false;
	struct gp_message m = {
		.type = GP_MSG_SIGN,
		.fd = -1,
		.sign = {.ticket = ticket,
			 .key = gp_slice((const char *)r->key_id, sizeof(r->key_id)),
			 .scheme = r->scheme,
			 .input = gp_slice((const char *)r->input, r->input_len)},
	};
	if (gp_channel_send(self.channel, &m))
		return true;
	(void)tickets_redeem(&self.tickets, ticket);
	return false;
}

bool
tls_tell_signer(const struct gp_message *m)
{
	return self.channel && gp_channel_send(self.channel, m);
}

void
tls_forget(struct session *s)
{
	tickets_forget(&self.tickets, s);
}

static void
refuse(struct session *s)
{
	self.owner->signed_for(s, gp_slice(NULL, 0));
}

/* False: no such message. */
static bool
take_keys(const struct gp_message *m)
{
	struct gp_slice secrets[] = {m->keys.tickets, m->keys.tickets_before};
	if (m->keys.ids.len % GP_TLS_KEY_ID != 0 || m->keys.ids.len > sizeof(self.ids))
		return false;
	memcpy(self.ids, m->keys.ids.ptr, m->keys.ids.len);
	self.ids_len = m->keys.ids.len / GP_TLS_KEY_ID;
	self.secrets_len = 0;
	for (size_t i = 0; i < GP_ARRAY_LEN(secrets) && secrets[i].len > 0; i++) {
		if (secrets[i].len != GP_TLS_TICKET_SECRET)
			return false;
		memcpy(self.secrets[i], secrets[i].ptr, GP_TLS_TICKET_SECRET);
		self.secrets_len++;
	}
	share_secrets();
	rebuild(false);
	return true;
}

/* What was asked is answered by nobody. */
static void
give_up(void)
{
	tickets_fail(&self.tickets, refuse);
	if (self.owner->lost)
		self.owner->lost();
}

static void
lose_signer(const char *why)
{
	gp_log(gp_role_loss_level(), "signer_gone", GP_FS("reason", why));
	self.channel = NULL;
	gp_role_peer_lost(GP_ROLE_SIGNER);
	give_up();
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx;
	if (m->type == GP_MSG_SIGNATURE) {
		struct session *s = tickets_redeem(&self.tickets, m->signature.ticket);
		bool done = m->signature.result == GP_SIGN_DONE;
		if (s)
			self.owner->signed_for(s,
					       done ? m->signature.signature : gp_slice(NULL, 0));
	} else if (m->type != GP_MSG_KEYS) {
		self.owner->heard(m);
	} else if (!take_keys(m)) {
		gp_channel_free(c);
		lose_signer("malformed keys");
	}
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	lose_signer(why);
}

void
tls_connect(struct gp_role_env *env, int fd)
{
	struct gp_channel_owner owner = {.on_message = on_message, .on_close = on_close};
	/* The end of the old one may still lie unread behind this news. */
	self.channel = gp_channel_free(self.channel);
	give_up();
	self.channel = gp_channel_new(env->loop, fd, self.owner->permit, &owner);
}
