/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/web/passwords.h"

#include "ipc/values.h"
#include "sys/password.h"

static struct {
	struct gp_channel *channel; /* NULL: auth is not there */
	struct gp_list waiting;
	uint64_t last_ticket;
	void (*on_users)(const struct gp_dashboard_user *users, size_t len);
} self;

void
passwords_start(void (*on_users)(const struct gp_dashboard_user *users, size_t len))
{
	gp_list_init(&self.waiting);
	self.on_users = on_users;
}

static void
end(struct password_check *c, uint8_t result, struct gp_slice user)
{
	gp_list_remove(&c->link);
	c->ticket = 0;
	c->on_result(c, result, user);
}

static void
take_result(const struct gp_msg_auth_result *m)
{
	gp_list_each (it, &self.waiting) {
		struct password_check *c = gp_container_of(it, struct password_check, link);
		if (c->ticket == m->ticket) {
			end(c, m->result, m->user);
			return;
		}
	}
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx, (void)c;
	if (m->type == GP_MSG_AUTH_RESULT)
		take_result(&m->auth_result);
	else
		self.on_users(m->dashboard_users.users, m->dashboard_users.users_len);
}

static void
fail_all(void)
{
	while (!gp_list_empty(&self.waiting))
		end(gp_container_of(self.waiting.next, struct password_check, link),
		    GP_AUTH_TEMPORARY, gp_slice("", 0));
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c, (void)why;
	self.channel = NULL;
	fail_all();
	gp_role_peer_lost(GP_ROLE_AUTH);
}

void
passwords_connect(struct gp_role_env *env, int fd)
{
	const struct gp_channel_owner owner = {on_message, on_close, NULL};
	self.channel = gp_channel_free(self.channel);
	fail_all();
	self.channel = gp_channel_new(env->loop, fd, GP_PERMIT_AUTH_TO_WEB, &owner);
}

/* RFC 4616 section 2: as the user itself. */
static bool
put_plain(struct gp_buf *out, struct gp_slice user, struct gp_slice password)
{
	gp_buf_put_char(out, '\0');
	gp_buf_put(out, user);
	gp_buf_put_char(out, '\0');
	return gp_buf_put(out, password);
}

bool
passwords_check(struct password_check *c, struct gp_slice user, struct gp_slice password,
		struct gp_slice client)
{
	enum { PLAIN_MAX = 8192 };
	struct gp_buf plain = GP_BUF_INIT(PLAIN_MAX);
	/* In one piece from the start, so that no copy stays behind. */
	bool said = self.channel && gp_buf_reserve(&plain, user.len + password.len + 2) &&
		    put_plain(&plain, user, password);
	const struct gp_message m = {.type = GP_MSG_AUTH_BEGIN,
				     .fd = -1,
				     .auth_begin = {.ticket = self.last_ticket + 1,
						    .mechanism = GP_SLICE("PLAIN"),
						    .has_initial = true,
						    .initial = gp_buf_slice(&plain),
						    .address = client}};
	said = said && gp_channel_send(self.channel, &m);
	if (plain.ptr)
		gp_wipe(plain.ptr, plain.cap);
	gp_buf_free(&plain);
	if (!said)
		return false;
	c->ticket = ++self.last_ticket;
	gp_list_append(&self.waiting, &c->link);
	return true;
}

void
passwords_forget(struct password_check *c)
{
	const struct gp_message m = {
		.type = GP_MSG_AUTH_CANCEL, .fd = -1, .auth_cancel = {.ticket = c->ticket}};
	if (c->ticket == 0)
		return;
	gp_list_remove(&c->link);
	c->ticket = 0;
	if (self.channel)
		(void)gp_channel_send(self.channel, &m);
}
