/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversation with auth. An exchange keeps its ticket from the first message to the last; the
 * session waits whenever auth has the word, and hears session_challenged() or session_judged().
 */
#include "base/map.h"
#include "core/users/users.h"
#include "procs/smtpd/smtpd.h"
#include "procs/tls/tickets.h"
#include "sys/log.h"

enum {
	LOGINS_MAX = 4096,       /* exchanges under way */
	RIGHTS_MAX = 100 * 1024, /* octets of what a user may send as */
	MECHANISMS_MAX = 128,
};

static struct {
	struct gp_channel *channel; /* NULL: there is no auth now */
	struct gp_map by_ticket;    /* struct login */
	uint64_t last_ticket;
	struct tickets counts; /* sessions that wait for a recipient to be counted */
	char mechanisms[MECHANISMS_MAX];
} self;

static struct gp_slice
key_of(const struct login *l)
{
	return gp_slice((const char *)&l->ticket, sizeof(l->ticket));
}

/* The exchange is over. */
static void
forget_ticket(struct login *l)
{
	gp_map_remove(&self.by_ticket, key_of(l));
	l->ticket = 0;
}

static struct login *
find(uint64_t ticket)
{
	return gp_map_get(&self.by_ticket, gp_slice((const char *)&ticket, sizeof(ticket)));
}

/* --- what is heard --- */

/* What the user may do from now on, copied. False: no memory. */
static bool
take_rights(struct login *l, const struct gp_msg_auth_result *r)
{
	struct gp_slice *from = gp_arena_array(&l->arena, r->from_len, sizeof(*from));
	for (size_t i = 0; from && i < r->from_len; i++)
		from[i] = gp_arena_dup(&l->arena, r->from[i].address);
	l->from = from;
	l->from_len = from ? r->from_len : 0;
	l->limited = r->hourly > 0 || r->daily > 0;
	return !l->arena.failed;
}

static void
take_result(struct login *l, const struct gp_msg_auth_result *r)
{
	static const struct gp_reply replies[] = {
		[GP_AUTH_BAD] = GP_REPLY_INIT(535, 5, 7, 8, "Wrong user name or password"),
		[GP_AUTH_MALFORMED] = GP_REPLY_INIT(501, 5, 5, 2, "That is no such exchange"),
		[GP_AUTH_TEMPORARY] = GP_REPLY_INIT(454, 4, 7, 0, "Could not check, try later"),
		[GP_AUTH_LOCKED] = GP_REPLY_INIT(454, 4, 7, 0, "Too many failures, try later"),
		[GP_AUTH_UNKNOWN] = GP_REPLY_INIT(504, 5, 5, 4, "No such mechanism"),
	};
	uint8_t result = r->result;
	forget_ticket(l);
	if (result == GP_AUTH_OK && r->user.len > 0 && take_rights(l, r)) {
		session_judged(l->session, NULL, r->user);
		return;
	}
	if (result <= GP_AUTH_OK || result >= GP_ARRAY_LEN(replies))
		result = GP_AUTH_TEMPORARY;
	session_judged(l->session, &replies[result], gp_slice(NULL, 0));
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	struct login *l;
	struct session *s;
	(void)ctx, (void)c;
	/* Who is gone, or has given up, is not waited for any more. */
	if (m->type == GP_MSG_AUTH_CHALLENGE && (l = find(m->auth_challenge.ticket)))
		session_challenged(l->session, m->auth_challenge.challenge);
	else if (m->type == GP_MSG_AUTH_RESULT && (l = find(m->auth_result.ticket)))
		take_result(l, &m->auth_result);
	else if (m->type == GP_MSG_QUOTA && (s = tickets_redeem(&self.counts, m->quota.ticket)))
		session_counted(s, (enum gp_quota_result)m->quota.result);
}

static void
fail_count(struct session *s)
{
	session_counted(s, GP_QUOTA_UNKNOWN);
}

/* All who were under way are told to come again; those whom their client keeps waiting hear it when
 * the client goes on. */
static void
fail_all(void)
{
	static const struct gp_msg_auth_result gone = {.result = GP_AUTH_TEMPORARY};
	for (size_t at = 0; self.by_ticket.len > 0; at = 0) {
		struct login *l = gp_map_next(&self.by_ticket, &at)->value;
		if (session_waits_for_auth(l->session))
			take_result(l, &gone);
		else
			forget_ticket(l);
	}
	tickets_fail(&self.counts, fail_count);
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	gp_log(gp_role_loss_level(), "auth_gone", GP_FS("reason", why));
	self.channel = NULL;
	gp_role_peer_lost(GP_ROLE_AUTH);
	fail_all();
}

void
auth_connect(struct gp_role_env *env, int fd)
{
	static const struct gp_channel_owner owner = {.on_message = on_message,
						      .on_close = on_close};
	/* The end of the old one may still lie unread behind this news. */
	self.channel = gp_channel_free(self.channel);
	fail_all();
	self.channel = gp_channel_new(env->loop, fd, GP_PERMIT_AUTH_TO_SMTPD, &owner);
	if (!self.channel)
		gp_error("no_channel", GP_FS("peer", "auth"));
}

/* --- what is said --- */

void
auth_configure(const struct gp_config *cfg, const uint64_t seed[2])
{
	bool tokens = cfg->auth.oauth.jwks.len > 0 || cfg->auth.oauth.introspection_url.len > 0;
	bool users = cfg->users.file.len > 0, passwords = users || cfg->auth.dovecot.len > 0;
	snprintf(self.mechanisms, sizeof(self.mechanisms), "%s%s%s", passwords ? "PLAIN LOGIN" : "",
		 users ? " SCRAM-SHA-256-PLUS SCRAM-SHA-256" : "",
		 tokens ? " OAUTHBEARER XOAUTH2" : "");
	if (self.by_ticket.max == 0)
		self.by_ticket = gp_map(LOGINS_MAX, seed);
}

void
auth_offer(struct gp_smtp_server_setup *setup, const struct gp_role_listen *listen, bool relay)
{
	if (listen->service != GP_SERVICE_SUBMISSION)
		return;
	setup->auth_mechanisms = gp_slice_trim(gp_slice_str(self.mechanisms));
	setup->require_auth = !relay;
}

static bool
say(struct gp_message *m)
{
	m->fd = -1;
	return self.channel && gp_channel_send(self.channel, m);
}

bool
auth_begin(struct login *l, struct session *s, const struct auth_attempt *attempt)
{
	const struct gp_client *client = attempt->client;
	struct gp_tls_bindings bindings;
	gp_tls_bindings(attempt->tls, &bindings);
	struct gp_message m = {
		.type = GP_MSG_AUTH_BEGIN,
		.auth_begin = {
			.ticket = ++self.last_ticket,
			.mechanism = attempt->mechanism,
			.has_initial = attempt->response.ptr != NULL,
			.initial = attempt->response,
			.address = gp_slice((const char *)client->address, client->address_len),
			.tls_exporter =
				gp_slice((const char *)bindings.exporter, bindings.exporter_len),
			.tls_server_end_point = gp_slice((const char *)bindings.end_point,
							 bindings.end_point_len)}};
	login_forget(l);
	*l = (struct login){
		.session = s, .ticket = self.last_ticket, .arena = GP_ARENA_INIT(RIGHTS_MAX)};
	if (!gp_map_set(&self.by_ticket, key_of(l), l)) {
		l->ticket = 0;
		return false;
	}
	bool said = say(&m);
	if (!said)
		forget_ticket(l);
	return said;
}

bool
auth_step(struct login *l, struct gp_slice response)
{
	struct gp_message m = {.type = GP_MSG_AUTH_STEP,
			       .auth_step = {.ticket = l->ticket, .response = response}};
	return l->ticket != 0 && say(&m);
}

void
login_forget(struct login *l)
{
	struct gp_message m = {.type = GP_MSG_AUTH_CANCEL, .auth_cancel = {.ticket = l->ticket}};
	if (l->ticket != 0) {
		(void)say(&m);
		forget_ticket(l);
	}
	gp_arena_free(&l->arena);
}

bool
auth_count(struct session *s, struct gp_slice user)
{
	uint64_t ticket = self.channel ? tickets_take(&self.counts, s) : TICKET_NONE;
	struct gp_message m = {.type = GP_MSG_QUOTA_WANTED,
			       .quota_wanted = {.ticket = ticket, .user = user, .recipients = 1}};
	if (ticket == TICKET_NONE)
		return false;
	if (say(&m))
		return true;
	(void)tickets_redeem(&self.counts, ticket);
	return false;
}

void
auth_forget_count(struct session *s)
{
	tickets_forget(&self.counts, s);
}

bool
login_may_send_as(const struct login *l, struct gp_slice address)
{
	return gp_user_may_send_as(l->from, l->from_len, address);
}
