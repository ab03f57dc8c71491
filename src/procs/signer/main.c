/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost-signer: holds every private key and signs with them: for those who shake hands, and for
 * those who send mail of our domains. It gives no key out, and signs nothing but what request.h and
 * dkim.h say. Start with keys.h.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>
#include <unistd.h>

#include "ipc/channel.h"
#include "ipc/role.h"
#include "ipc/values.h"
#include "procs/sandboxes.h"
#include "procs/signer/dkim.h"
#include "procs/signer/keys.h"
#include "sys/log.h"
#include "sys/small_file.h"
#include "sys/tls_server.h"

enum {
	PEERS_MAX = 64,
	/* With the one before it a secret opens tickets for as long as they live. */
	SECRET_MS = GP_TLS_TICKET_LIFETIME_S * 1000,
	/* What a mail's signature counts in a turn of a channel, which ends at 16 MiB: so there are
	   some 4 ms of them in it, and no other peer waits long for a flood. */
	DKIM_CHARGE = 1024 * 1024,
};

struct peer {
	struct gp_channel *channel; /* NULL: a free place */
	enum gp_role_id role;
	unsigned index;
};

static struct {
	struct gp_loop *loop;
	struct keys keys;
	struct dkim_keys dkim;
	struct peer peers[PEERS_MAX];
	/* What tickets are sealed with: the same for all who ask, since a client comes back to any
	   worker. */
	uint8_t secrets[2][GP_TLS_TICKET_SECRET];
	size_t secrets_len;
	struct event *secret_timer;
} self;

/* --- what all peers are told --- */

static void
lose(struct peer *p)
{
	p->channel = gp_channel_free(p->channel);
}

static void
tell_keys(struct peer *p)
{
	char ids[KEYS_MAX * GP_TLS_KEY_ID];
	for (size_t i = 0; i < self.keys.len; i++)
		memcpy(ids + i * GP_TLS_KEY_ID, self.keys.items[i].id, GP_TLS_KEY_ID);
	struct gp_slice secrets[2] = {};
	for (size_t i = 0; i < self.secrets_len; i++)
		secrets[i] = gp_slice((char *)self.secrets[i], sizeof(self.secrets[i]));
	struct gp_message m = {
		.type = GP_MSG_KEYS,
		.fd = -1,
		.keys = {.ids = gp_slice(ids, self.keys.len * GP_TLS_KEY_ID),
			 .tickets = secrets[0],
			 .tickets_before = secrets[1]},
	};
	if (!gp_channel_send(p->channel, &m))
		lose(p);
}

static bool
shakes_hands(const struct peer *p)
{
	return p->role == GP_ROLE_SMTPD || p->role == GP_ROLE_WEB;
}

static bool
signs_mail(const struct peer *p)
{
	return p->role == GP_ROLE_SMTPD || p->role == GP_ROLE_REPORTS || p->role == GP_ROLE_SPOOL;
}

static void
tell_signers(struct peer *p)
{
	static struct gp_dkim_signer signers[DKIM_KEYS_MAX];
	struct gp_message m = {
		.type = GP_MSG_DKIM_SIGNERS, .fd = -1, .dkim_signers = {.signers = signers}};
	for (size_t i = 0; i < self.dkim.len; i++) {
		const struct dkim_key *key = &self.dkim.items[i];
		if (key->active)
			signers[m.dkim_signers.signers_len++] = (struct gp_dkim_signer){
				.domain = gp_slice_str(key->domain),
				.selector = gp_slice_str(key->selector),
				.algorithm = key->algorithm,
			};
	}
	if (!gp_channel_send(p->channel, &m))
		lose(p);
}

static void
tell_all(void)
{
	for (size_t i = 0; i < PEERS_MAX; i++) {
		if (self.peers[i].channel && shakes_hands(&self.peers[i]))
			tell_keys(&self.peers[i]);
	}
}

static void
tell_all_signers(void)
{
	for (size_t i = 0; i < PEERS_MAX; i++) {
		if (self.peers[i].channel && signs_mail(&self.peers[i]))
			tell_signers(&self.peers[i]);
	}
}

static bool
renew_secret(void)
{
	memcpy(self.secrets[1], self.secrets[0], sizeof(self.secrets[1]));
	self.secrets_len = GP_MIN(self.secrets_len + 1, (size_t)2);
	return RAND_bytes(self.secrets[0], sizeof(self.secrets[0])) == 1;
}

static void
on_secret_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	/* A secret that cannot be had is no secret: without any there is no resumption. */
	if (!renew_secret())
		self.secrets_len = 0;
	tell_all();
	gp_timer_set(self.secret_timer, SECRET_MS);
}

/* --- requests --- */

/* None of ours asks for that. */
static void
refuse(struct peer *p)
{
	gp_error("bad_request", GP_FS("peer", gp_role_name(p->role)), GP_FN("worker", p->index));
	lose(p);
}

static void
sign(struct peer *p, const struct gp_message *request)
{
	uint8_t signature[GP_TLS_SIGNATURE_MAX];
	int n = keys_sign(&self.keys, request->sign.key, request->sign.scheme, request->sign.input,
			  signature);
	if (n == -EPERM) {
		refuse(p);
		return;
	}
	struct gp_message m = {
		.type = GP_MSG_SIGNATURE,
		.fd = -1,
		.signature = {.ticket = request->sign.ticket,
			      .result = n > 0          ? GP_SIGN_DONE
					: n == -ENOENT ? GP_SIGN_NO_KEY
						       : GP_SIGN_FAILED,
			      .signature = gp_slice((char *)signature, n > 0 ? (size_t)n : 0)},
	};
	if (!gp_channel_send(p->channel, &m))
		lose(p);
}

static void
sign_mail(struct peer *p, const struct gp_message *request)
{
	uint8_t signature[DKIM_SIGNATURE_MAX];
	int n = dkim_sign(&self.dkim, &self.keys, &request->dkim_sign, signature);
	gp_channel_charge(DKIM_CHARGE);
	if (n == -EPERM) {
		refuse(p);
		return;
	}
	struct gp_message m = {
		.type = GP_MSG_DKIM_SIGNATURE,
		.fd = -1,
		.dkim_signature = {.ticket = request->dkim_sign.ticket,
				   .result = n > 0          ? GP_SIGN_DONE
					     : n == -ENOENT ? GP_SIGN_NO_KEY
							    : GP_SIGN_FAILED,
				   .signature = gp_slice((char *)signature, n > 0 ? (size_t)n : 0)},
	};
	if (!gp_channel_send(p->channel, &m))
		lose(p);
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)c;
	if (m->type == GP_MSG_DKIM_SIGN)
		sign_mail(ctx, m);
	else
		sign(ctx, m);
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	struct peer *p = ctx;
	(void)c;
	gp_debug("peer_gone", GP_FS("peer", gp_role_name(p->role)), GP_FN("worker", p->index),
		 GP_FS("reason", why));
	p->channel = NULL;
}

/* The place of this peer, which a new channel takes over, or a free one; NULL: there is none. */
static struct peer *
place_of(enum gp_role_id role, unsigned index)
{
	struct peer *free_one = NULL;
	for (size_t i = 0; i < PEERS_MAX; i++) {
		struct peer *p = &self.peers[i];
		if (p->channel && p->role == role && p->index == index)
			return p;
		if (!p->channel && !free_one)
			free_one = p;
	}
	return free_one;
}

static void
on_peer(struct gp_role_env *env, enum gp_role_id role, unsigned index, int fd)
{
	static const gp_permit permits[GP_ROLE_COUNT] = {
		[GP_ROLE_SMTPD] = GP_PERMIT_SMTPD_TO_SIGNER,
		[GP_ROLE_WEB] = GP_PERMIT_WEB_TO_SIGNER,
		[GP_ROLE_REPORTS] = GP_PERMIT_REPORTS_TO_SIGNER,
		[GP_ROLE_SPOOL] = GP_PERMIT_SPOOL_TO_SIGNER,
	};
	struct peer *p = place_of(role, index);
	if (!p) {
		gp_error("too_many_peers", GP_FS("peer", gp_role_name(role)));
		close(fd);
		return;
	}
	gp_channel_free(p->channel);
	*p = (struct peer){.role = role, .index = index};
	struct gp_channel_owner owner = {on_message, on_close, p};
	p->channel = gp_channel_new(env->loop, fd, permits[role], &owner);
	if (!p->channel)
		gp_error("no_channel", GP_FS("peer", gp_role_name(role)));
	if (p->channel && shakes_hands(p))
		tell_keys(p);
	if (p->channel && signs_mail(p))
		tell_signers(p);
}

/* --- keys --- */

/* A piece of the file, in memory that is locked where the keys' is. Returns 0 or -errno. */
static int
read_piece(int fd, off_t from, size_t size, char **ret, size_t *ret_len)
{
	size_t at = 0;
	char *text = OPENSSL_secure_malloc(size);
	if (!text)
		return -ENOMEM;
	for (ssize_t n = 1; n > 0 && at<size; at += n> 0 ? (size_t)n : 0)
		n = pread(fd, text + at, size - at, from + (off_t)at);
	*ret = text;
	*ret_len = at;
	return 0;
}

static int
read_file(int fd, char **ret, size_t *ret_len)
{
	struct stat st;
	int r = gp_file_stat(fd, &st);
	if (r < 0)
		return r;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > KEY_PEM_MAX)
		return -EFBIG;
	return read_piece(fd, 0, (size_t)st.st_size, ret, ret_len);
}

static void
on_key(struct gp_role_env *env, struct gp_slice name, uint32_t round, int fd)
{
	char *text = NULL;
	size_t len = 0;
	uint8_t id[GP_TLS_KEY_ID];
	(void)env;
	int r = keys_prepare();
	if (r == 0)
		r = read_file(fd, &text, &len);
	if (r == 0)
		r = keys_add(&self.keys, gp_slice(text, len), round, id);
	OPENSSL_secure_clear_free(text, len);
	if (r < 0)
		gp_error("key_refused", GP_F("path", name),
			 GP_FS("reason",
			       r == -EINVAL ? "holds no private key without a password"
			       : r == -EOPNOTSUPP
				       ? "is not RSA of 2048 to 8192 bits, nor P-256 or P-384"
				       : strerror(-r)));
	else
		tell_all();
}

static void
add_dkim_file(struct dkim_keys *fresh, const struct gp_dkim_file *file, int fd, off_t from)
{
	char *text = NULL;
	size_t len = 0;
	/* What cannot be read counts all the same: as a domain whose mail cannot be signed. A file
	   of size 0 was refused by the supervisor, which has told why. */
	int unread = file->size > 0 ? read_piece(fd, from, file->size, &text, &len) : 0;
	int r = dkim_add(fresh, &self.dkim, file->domain, gp_slice(text, len));
	r = unread < 0 ? unread : r;
	OPENSSL_secure_clear_free(text, len);
	if (r < 0)
		gp_error(
			"dkim_keys_refused", GP_F("domain", file->domain),
			GP_FS("reason", r == -EINVAL ? "not every key can be read" : strerror(-r)));
}

static void
on_dkim_keys(struct gp_role_env *env, const struct gp_msg_dkim_keys *m, int fd)
{
	struct dkim_keys fresh = {};
	struct stat st = {};
	off_t from = 0;
	(void)env;
	int r = keys_prepare();
	if (r == 0)
		r = gp_file_stat(fd, &st);
	if (r < 0 || !S_ISREG(st.st_mode)) {
		gp_error("dkim_keys_refused", GP_FS("reason", "nothing that can be read"));
		return;
	}
	for (size_t i = 0; i < m->files_len; i++) {
		add_dkim_file(&fresh, &m->files[i], fd, from);
		from += (off_t)m->files[i].size;
	}
	dkim_free(&self.dkim);
	self.dkim = fresh;
	if (m->files_len > 0)
		gp_info("dkim_keys", GP_FN("domains", m->files_len), GP_FN("keys", self.dkim.len));
	tell_all_signers();
}

/* --- the role --- */

static int
prepare(struct gp_role_env *env)
{
	(void)env;
	return keys_prepare();
}

static int
start(struct gp_role_env *env)
{
	self.loop = env->loop;
	self.secret_timer = evtimer_new(gp_loop_base(env->loop), on_secret_timer, NULL);
	if (!self.secret_timer)
		return -ENOMEM;
	on_secret_timer(-1, 0, NULL);
	return 0;
}

static const struct gp_role role = {
	.id = GP_ROLE_SIGNER,
	.sandbox = &signer_sandbox,
	.prepare = prepare,
	.start = start,
	.on_peer = on_peer,
	.on_key = on_key,
	.on_dkim_keys = on_dkim_keys,
};

int
main(void)
{
	return gp_role_main(&role);
}
