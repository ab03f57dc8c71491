/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation with spool. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "ipc/values.h"
#include "procs/smtpd/session.h"
#include "procs/tls/tickets.h"
#include "sys/log.h"

enum {
	IDS_LOW = 256,
	BEHIND_MAX = 1024 * 1024, /* octets that may wait for spool when something is told */
	CONNECTIONS_MS = 1000,
};

static struct {
	struct gp_channel *channel;
	uint64_t next_id;
	uint32_t ids_len;
	uint64_t later_id; /* the block after this one */
	uint32_t later_len;
	bool ids_asked;
	bool full;
	bool began;    /* ids were given once */
	uint32_t told; /* of connections */
	struct event *tell_again;
	struct tickets tickets;
} self;

static void
ask_for_ids(void)
{
	struct gp_message m = {.type = GP_MSG_IDS_WANTED, .fd = -1};
	if (!self.ids_asked && self.channel && gp_channel_send(self.channel, &m))
		self.ids_asked = true;
}

uint64_t
store_id(void)
{
	if (self.ids_len == 0) {
		self.next_id = self.later_id;
		self.ids_len = self.later_len;
		self.later_len = 0;
	}
	if (self.ids_len + self.later_len < IDS_LOW)
		ask_for_ids();
	if (self.ids_len == 0)
		return 0;
	self.ids_len--;
	return self.next_id++;
}

bool
store_began(void)
{
	return self.began;
}

bool
store_ready(struct gp_reply *ret_why)
{
	if (self.full)
		*ret_why = GP_REPLY(452, 4, 3, 1, "Insufficient system storage, try again later");
	else
		*ret_why = GP_REPLY(451, 4, 3, 0, "Queue is not available, try again later");
	return self.channel && !self.full;
}

void
store_forget(struct session *s)
{
	tickets_forget(&self.tickets, s);
}

bool
store_stage(struct session *s)
{
	uint64_t ticket = self.channel ? tickets_take(&self.tickets, s) : TICKET_NONE;
	if (ticket == TICKET_NONE)
		return false;
	struct gp_message m = {
		.type = GP_MSG_STAGE_WANTED, .fd = -1, .stage_wanted = {.ticket = ticket}};
	if (gp_channel_send(self.channel, &m))
		return true;
	(void)tickets_redeem(&self.tickets, ticket);
	return false;
}

bool
store_commit(struct session *s, const struct gp_envelope *envelope,
	     const struct gp_arrival *arrival, struct gp_slice head)
{
	const struct body *body = &s->body;
	uint64_t ticket = self.channel ? tickets_take(&self.tickets, s) : TICKET_NONE;
	if (ticket == TICKET_NONE)
		return false;
	struct gp_message m = {
		.type = GP_MSG_COMMIT,
		.fd = -1,
		.commit = {.ticket = ticket,
			   .id = s->id,
			   .envelope = *envelope,
			   .arrival = *arrival,
			   .head = head,
			   .body = gp_buf_slice(&body->memory),
			   .staged_at = body->staged_at,
			   .staged_size = body->staged - body->staged_at},
	};
	if (body->stage >= 0)
		m.fd = fcntl(body->stage, F_DUPFD_CLOEXEC, 0);
	if ((body->stage < 0 || m.fd >= 0) && gp_channel_send(self.channel, &m))
		return true;
	(void)tickets_redeem(&self.tickets, ticket);
	return false;
}

bool
store_tell(const struct gp_message *m)
{
	return self.channel && gp_channel_backlog(self.channel) < BEHIND_MAX &&
	       gp_channel_send(self.channel, m);
}

static void
on_tell_again(evutil_socket_t fd, short what, void *arg)
{
	const struct gp_message m = {.type = GP_MSG_CONNECTIONS,
				     .fd = -1,
				     .connections = {.open = (uint32_t)smtpd.sessions_len}};
	(void)fd, (void)what, (void)arg;
	if (m.connections.open != self.told && store_tell(&m))
		self.told = m.connections.open;
}

void
store_tell_connections(void)
{
	if (!self.tell_again)
		self.tell_again = evtimer_new(gp_loop_base(smtpd.env->loop), on_tell_again, NULL);
	if (self.tell_again && !evtimer_pending(self.tell_again, NULL))
		gp_timer_set(self.tell_again, CONNECTIONS_MS);
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	struct session *s;
	(void)ctx, (void)c;
	switch (m->type) {
	case GP_MSG_IDS:
		self.ids_asked = false;
		/* None now: the next message asks again. */
		self.later_id = m->ids.first;
		self.later_len = m->ids.count;
		self.began = true;
		smtpd_open_when_ready();
		break;
	case GP_MSG_SPACE:
		self.full = m->space.full;
		break;
	case GP_MSG_STAGE:
		s = tickets_redeem(&self.tickets, m->stage.ticket);
		if (s)
			session_staged(s, m->fd);
		else
			body_keep_stage(m->fd);
		m->fd = -1;
		break;
	case GP_MSG_COMMITTED:
		s = tickets_redeem(&self.tickets, m->committed.ticket);
		if (s)
			session_committed(s, (enum gp_commit_result)m->committed.result);
		break;
	default:
		gp_unreachable("permit table and handler differ");
	}
}

/* Nobody will say whether these are on disk: 451, and the client tries again. */
static void
fail(struct session *s)
{
	session_committed(s, GP_COMMIT_FAILED);
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	gp_log(gp_role_loss_level(), "spool_gone", GP_FS("reason", why));
	self.channel = NULL;
	gp_role_peer_lost(GP_ROLE_SPOOL);
	self.ids_asked = false;
	tickets_fail(&self.tickets, fail);
}

void
store_connect(struct gp_role_env *env, int fd)
{
	struct gp_channel_owner owner = {.on_message = on_message, .on_close = on_close};
	/* The end of the old one may still lie unread behind this news. */
	self.channel = gp_channel_free(self.channel);
	self.full = false;
	self.told = 0;
	store_tell_connections();
	/* Ids are good for the connection that gave them. */
	self.ids_len = self.later_len = 0;
	self.ids_asked = false;
	tickets_fail(&self.tickets, fail);
	self.channel = gp_channel_new(env->loop, fd, GP_PERMIT_SPOOL_TO_SMTPD, &owner);
	ask_for_ids();
}
