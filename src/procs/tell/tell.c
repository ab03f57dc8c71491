/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/tell/tell.h"

#include "sys/log.h"

enum {
	BEHIND_MAX = 4 * 1024 * 1024, /* octets that may wait for reports */
};

static struct {
	struct gp_channel *channel; /* NULL: reports is not there */
	bool losing;                /* and the log said so */
} self;

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx, (void)c, (void)m;
	gp_unreachable("reports may say nothing");
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	gp_log(gp_role_loss_level(), "reports_lost", GP_FS("reason", why));
	self.channel = NULL;
	gp_role_peer_lost(GP_ROLE_REPORTS);
}

void
tell_connect(struct gp_role_env *env, int fd, gp_permit permit)
{
	static const struct gp_channel_owner owner = {on_message, on_close, NULL};
	gp_channel_free(self.channel);
	self.channel = gp_channel_new(env->loop, fd, permit, &owner);
	if (!self.channel)
		gp_error("reports_lost", GP_FS("reason", "out of memory"));
}

void
tell_reports(const struct gp_message *m)
{
	bool sent = self.channel && gp_channel_backlog(self.channel) < BEHIND_MAX &&
		    gp_channel_send(self.channel, m);
	if (!sent && !self.losing)
		gp_warning("results_lost",
			   GP_FS("reason", self.channel ? "reports is behind" : "reports is away"));
	self.losing = !sent;
}
