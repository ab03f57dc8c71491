/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/supervisor/reload.h"

#include <signal.h>
#include <string.h>

#include "procs/supervisor/tell.h"
#include "sys/log.h"

static bool
same_listens(const struct gp_config *a, const struct gp_config *b)
{
	bool same = a->listens_len == b->listens_len;
	for (size_t i = 0; same && i < a->listens_len; i++)
		same = a->listens[i].service == b->listens[i].service &&
		       a->listens[i].tls == b->listens[i].tls &&
		       gp_slice_eq(a->listens[i].address, b->listens[i].address);
	return same;
}

/* What a role was given stays as it was for its life: those that need something new end, when they
   have finished what is under way, and are started with it. */
static void
replace_roles(struct supervisor *s, enum role_needs needs)
{
	struct gp_message stop = {.type = GP_MSG_STOP};
	for (size_t i = 0; i < s->instances_len; i++) {
		struct instance *in = &s->instances[i];
		if (in->spec->needs & needs && in->control && !tell(in, stop, -1))
			kill(in->pid, SIGKILL);
	}
}

static void
tell_file_again(struct supervisor *s, const struct watched_file *w)
{
	for (size_t i = 0; i < s->instances_len; i++) {
		struct instance *in = &s->instances[i];
		if (in->control && !tell_file(in, w))
			kill(in->pid, SIGKILL);
	}
}

void
reload_files(struct supervisor *s)
{
	for (size_t i = 0; i < WATCHED_FILES; i++) {
		struct watched_file *w = &s->resources.watched[i];
		if (watched_file_renew(w, s->config.value))
			tell_file_again(s, w);
	}
}

/* Says the configuration again to those who have this need, 0: to all. Keys and secrets go first:
 * who gets a new certificate will ask for its key at once. */
static void
tell_again(struct supervisor *s, unsigned needs)
{
	s->keys_round++;
	for (size_t i = 0; i < s->instances_len; i++) {
		struct instance *in = &s->instances[i];
		if (in->control && !tell_private(s, in))
			kill(in->pid, SIGKILL);
	}
	for (size_t i = 0; i < s->instances_len; i++) {
		struct instance *in = &s->instances[i];
		if (in->control && (needs == 0 || in->spec->needs & needs) && !tell_config(s, in))
			kill(in->pid, SIGKILL);
	}
}

void
reload_certificates(struct supervisor *s)
{
	struct configuration fresh;
	/* Looked at before they are read: what changes in between is seen the next time. */
	uint64_t files = configuration_tls_files(s->config.value);
	if (files == s->tls_files)
		return;
	int r = configuration_renew_certificates(&s->config, &fresh);
	if (r < 0) {
		/* It may be half written; the next look is in a minute. */
		gp_warning("certificates_not_reloaded", GP_FS("reason", strerror(-r)));
		return;
	}
	struct configuration old = s->config;
	s->config = fresh;
	s->tls_files = files;
	tell_again(s, NEEDS_CERTIFICATES);
	configuration_free(&old);
	gp_info("certificates_reloaded", GP_FN("certificates", fresh.value->tls.certificates_len));
}

static void
renew_listens(struct supervisor *s)
{
	if (resources_relisten(&s->resources, s->config.value, s->workers) < 0)
		gp_error("reload_incomplete", GP_FS("reason", "not every address could be bound"));
	replace_roles(s, NEEDS_LISTENS);
}

static void
renew_web(struct supervisor *s)
{
	bool changed;
	if (resources_relisten_web(&s->resources, s->config.value, &changed) < 0)
		gp_error("reload_incomplete",
			 GP_FS("reason", "web.listen or web.policy_listen cannot be bound"));
	if (changed)
		replace_roles(s, NEEDS_WEB_SOCKETS);
}

static const struct identity *
owner_of_mail_roots(const struct supervisor *s)
{
	const struct instance *in = s->instances;
	while (!(in->spec->needs & NEEDS_MAIL_ROOTS))
		in++;
	return &in->identity;
}

static void
renew_mail_roots(struct supervisor *s)
{
	bool changed;
	if (resources_reroot(&s->resources, s->config.value, owner_of_mail_roots(s), &changed) < 0)
		gp_error("reload_incomplete",
			 GP_FS("reason", "a mail root is missing: its mail is deferred with 4.3.5 "
					 "until a reload finds the folder"));
	if (changed)
		replace_roles(s, NEEDS_MAIL_ROOTS);
}

void
reload(struct supervisor *s)
{
	struct configuration fresh;
	if (configuration_load(&fresh, s->config_path) < 0) {
		gp_error("reload_refused",
			 GP_FS("reason", "the configuration has mistakes; the old one stays"));
		return;
	}
	const struct gp_config *was = s->config.value, *now = fresh.value;
	if (!gp_slice_eq(was->state, now->state) || !gp_slice_eq(was->user, now->user) ||
	    was->workers != now->workers)
		gp_warning("restart_needed",
			   GP_FS("reason", "state, user and workers change with a restart only"));
	bool listens_changed = !same_listens(was, now) || s->resources.listens_missing;
	struct configuration old = s->config;
	s->config = fresh;
	s->tls_files = configuration_tls_files(now);
	gp_log_setup("supervisor", now->log.json, (enum gp_log_level)now->log.level);
	/* First, so that nobody is sent mail for a root that it does not have. */
	renew_mail_roots(s);
	tell_again(s, 0);
	if (listens_changed)
		renew_listens(s);
	renew_web(s);
	reload_files(s);
	configuration_free(&old);
	gp_info("reloaded", GP_FS("file", s->config_path));
}
