/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/web/figures.h"

#include "ipc/values.h"
#include "sys/log.h"

static struct {
	struct gp_channel *channel; /* NULL: reports is not there */
	struct gp_list waiting;
	uint64_t last_ticket;
} self;

void
figures_start(void)
{
	gp_list_init(&self.waiting);
}

static void
end(struct figures_request *r, uint8_t result, struct gp_slice json)
{
	gp_list_remove(&r->link);
	r->ticket = 0;
	r->on_result(r, result, json);
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx, (void)c;
	gp_list_each (it, &self.waiting) {
		struct figures_request *r = gp_container_of(it, struct figures_request, link);
		if (r->ticket == m->figures.ticket) {
			end(r, m->figures.result, m->figures.json);
			return;
		}
	}
}

static void
fail_all(void)
{
	while (!gp_list_empty(&self.waiting))
		end(gp_container_of(self.waiting.next, struct figures_request, link),
		    GP_FIGURES_FAILED, gp_slice("", 0));
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c, (void)why;
	self.channel = NULL;
	fail_all();
	gp_role_peer_lost(GP_ROLE_REPORTS);
}

void
figures_connect(struct gp_role_env *env, int fd)
{
	const struct gp_channel_owner owner = {on_message, on_close, NULL};
	self.channel = gp_channel_free(self.channel);
	fail_all();
	self.channel = gp_channel_new(env->loop, fd, GP_PERMIT_REPORTS_TO_WEB, &owner);
}

bool
figures_ask(struct figures_request *r, const struct gp_msg_figures_wanted *question)
{
	struct gp_message m = {
		.type = GP_MSG_FIGURES_WANTED, .fd = -1, .figures_wanted = *question};
	m.figures_wanted.ticket = self.last_ticket + 1;
	if (!self.channel || !gp_channel_send(self.channel, &m))
		return false;
	r->ticket = ++self.last_ticket;
	gp_list_append(&self.waiting, &r->link);
	return true;
}

void
figures_tell_over_limit(struct gp_slice reporter, uint64_t octets)
{
	struct gp_message m = {.type = GP_MSG_REPORT_OVER_LIMIT, .fd = -1};
	m.report_over_limit.reporter = reporter;
	m.report_over_limit.octets = octets;
	if (self.channel && !gp_channel_send(self.channel, &m))
		gp_warning("results_lost", GP_FS("reason", "reports is behind"));
}

void
figures_forget(struct figures_request *r)
{
	if (r->ticket == 0)
		return;
	gp_list_remove(&r->link);
	r->ticket = 0;
}
