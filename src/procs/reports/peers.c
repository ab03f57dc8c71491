/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "procs/ask/ask.h"
#include "procs/figures/serve.h"
#include "procs/reports/names.h"
#include "procs/reports/received.h"
#include "procs/reports/reports.h"
#include "sys/log.h"

enum {
	WORKERS_MAX = 64,
	/* A job asks one at a time. */
	QUESTIONS_MAX = REPORTS_JOBS_MAX + NAMES_QUESTIONS_MAX,
};

static struct {
	/* Those who tell of results. */
	struct gp_channel *relays[WORKERS_MAX];
	struct gp_channel *smtpds[WORKERS_MAX];
	struct gp_channel *others[GP_ROLE_COUNT]; /* NULL: not there */
} self;

/* --- those who tell --- */

static const char *
name_of(struct gp_channel **place)
{
	bool relay = place >= self.relays && place < self.relays + WORKERS_MAX;
	return gp_role_name(relay ? GP_ROLE_RELAY : GP_ROLE_SMTPD);
}

static void
on_result(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	struct gp_channel **place = ctx;
	if (reports_count(m))
		return;
	gp_error("result_refused", GP_FS("peer", name_of(place)),
		 GP_FS("reason", "a result that makes no sense"));
	*place = gp_channel_free(c);
	reports_check_stop();
}

static void
on_teller_gone(void *ctx, struct gp_channel *c, const char *why)
{
	struct gp_channel **place = ctx;
	(void)c;
	gp_debug("peer_gone", GP_FS("peer", name_of(place)), GP_FS("reason", why));
	*place = NULL;
	reports_check_stop();
}

static void
connect_teller(struct gp_role_env *env, enum gp_role_id role, unsigned index, int fd)
{
	bool relay = role == GP_ROLE_RELAY;
	struct gp_channel_owner owner = {on_result, on_teller_gone, NULL};
	if (index >= WORKERS_MAX) {
		close(fd);
		return;
	}
	struct gp_channel **place = relay ? &self.relays[index] : &self.smtpds[index];
	owner.ctx = place;
	gp_channel_free(*place);
	*place = gp_channel_new(env->loop, fd,
				relay ? GP_PERMIT_RELAY_TO_REPORTS : GP_PERMIT_SMTPD_TO_REPORTS,
				&owner);
}

/* --- those who answer --- */

static void
on_answer(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx, (void)c;
	if (m->type != GP_MSG_DKIM_SIGNERS)
		jobs_answer(m);
	else if (!signers_take(&reports.signers, &m->dkim_signers))
		gp_error("out_of_memory", GP_FS("for", "dkim_signers"));
}

static enum gp_role_id
role_at(struct gp_channel **place)
{
	return (enum gp_role_id)(place - self.others);
}

static void
on_gone(void *ctx, struct gp_channel *c, const char *why)
{
	struct gp_channel **place = ctx;
	enum gp_role_id role = role_at(place);
	(void)c;
	gp_log(gp_role_loss_level(), "peer_lost", GP_FS("peer", gp_role_name(role)),
	       GP_FS("reason", why));
	*place = NULL;
	gp_role_peer_lost(role);
	jobs_peer_lost(role);
	reports_check_stop();
}

static void
connect_resolver(struct gp_role_env *env, int fd)
{
	const struct ask_setup setup = {env->loop, env->seed, GP_PERMIT_RESOLVER_TO_REPORTS,
					QUESTIONS_MAX};
	ask_connect(&setup, fd);
}

void
peers_connect(struct gp_role_env *env, enum gp_role_id role, unsigned index, int fd)
{
	static const gp_permit permits[GP_ROLE_COUNT] = {
		[GP_ROLE_FETCH] = GP_PERMIT_FETCH_TO_REPORTS,
		[GP_ROLE_SPOOL] = GP_PERMIT_SPOOL_TO_REPORTS,
		[GP_ROLE_SIGNER] = GP_PERMIT_SIGNER_TO_REPORTS,
	};
	static const struct figures_serve_owner web_owner = {reports_count, reports_check_stop};
	if (role == GP_ROLE_RELAY || role == GP_ROLE_SMTPD) {
		connect_teller(env, role, index, fd);
		return;
	}
	if (role == GP_ROLE_INGEST) {
		received_connect(env, fd);
		return;
	}
	if (role == GP_ROLE_WEB) {
		figures_serve(env, fd, GP_PERMIT_WEB_TO_REPORTS, &web_owner);
		return;
	}
	if (role == GP_ROLE_RESOLVER) {
		connect_resolver(env, fd);
		return;
	}
	struct gp_channel **place = &self.others[role];
	struct gp_channel_owner owner = {on_answer, on_gone, place};
	gp_assert(permits[role] != 0);
	if (*place) {
		/* The end of the old one may still lie unread behind this news. */
		*place = gp_channel_free(*place);
		jobs_peer_lost(role);
	}
	*place = gp_channel_new(env->loop, fd, permits[role], &owner);
	if (!*place)
		gp_error("peer_lost", GP_FS("peer", gp_role_name(role)),
			 GP_FS("reason", "out of memory"));
}

bool
peers_has(enum gp_role_id role)
{
	return self.others[role] != NULL;
}

bool
peers_tell(void)
{
	bool there = false;
	for (size_t i = 0; i < WORKERS_MAX; i++)
		there |= self.relays[i] || self.smtpds[i];
	return there;
}

bool
peers_say(enum gp_role_id role, const struct gp_message *m)
{
	return self.others[role] && gp_channel_send(self.others[role], m);
}
