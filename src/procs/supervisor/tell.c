/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/supervisor/tell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>

#include "ipc/values.h"
#include "sys/log.h"

bool
tell(struct instance *in, struct gp_message m, int fd)
{
	m.fd = -1;
	if (fd >= 0) {
		m.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (m.fd < 0)
			return false;
	}
	return gp_channel_send(in->control, &m);
}

bool
tell_config(const struct supervisor *s, struct instance *in)
{
	struct gp_message m = {
		.type = GP_MSG_CONFIG,
		.config = {.worker = (uint16_t)in->index, .workers = (uint16_t)s->workers}};
	uint64_t seed[2];
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return false;
	m.config.seed0 = seed[0];
	m.config.seed1 = seed[1];
	return tell(in, m, s->config.image_fd);
}

static bool
tell_listen(struct instance *in, const struct gp_role_listen *l)
{
	struct gp_message m = {.type = GP_MSG_LISTEN,
			       .listen = {.service = l->service,
					  .tls = l->tls,
					  .address = gp_slice_str(l->address)}};
	return tell(in, m, l->fd);
}

static bool
tell_directory(struct instance *in, const struct gp_role_dir *d)
{
	struct gp_message m = {.type = GP_MSG_DIRECTORY,
			       .directory = {.path = gp_slice_str(d->path)}};
	return tell(in, m, d->fd);
}

/* Opened anew each time, and never read here. A key that is not there leaves its certificate
 * without use, and the rest as it is. */
static bool
tell_keys(const struct supervisor *s, struct instance *in)
{
	const struct gp_config *cfg = s->config.value;
	bool ok = true;
	for (size_t i = 0; ok && i < cfg->tls.keys_len; i++) {
		struct gp_slice path = cfg->tls.keys[i];
		struct gp_message m = {.type = GP_MSG_KEY,
				       .fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NONBLOCK),
				       .key = {.round = s->keys_round, .path = path}};
		if (m.fd < 0)
			gp_error("cannot_open_key", GP_F("path", path),
				 GP_FS("reason", strerror(errno)));
		else
			ok = gp_channel_send(in->control, &m);
	}
	return ok;
}

/* Without them nobody would know which mail must be signed. */
static bool
tell_dkim_keys(const struct supervisor *s, struct instance *in)
{
	struct gp_dkim_file files[DKIM_FILES_MAX];
	struct gp_message m = {.type = GP_MSG_DKIM_KEYS, .dkim_keys = {.files = files}};
	m.fd = dkim_gather(s->config.value, files, &m.dkim_keys.files_len);
	if (m.fd >= 0)
		return gp_channel_send(in->control, &m);
	gp_error("cannot_copy_keys", GP_FS("reason", strerror(-m.fd)));
	return false;
}

static bool
tell_secret(struct instance *in, enum gp_secret_kind kind, struct gp_slice path)
{
	if (path.len == 0)
		return true;
	struct gp_message m = {.type = GP_MSG_SECRET,
			       .fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NONBLOCK),
			       .secret = {.kind = (uint8_t)kind}};
	if (m.fd >= 0)
		return gp_channel_send(in->control, &m);
	gp_error("cannot_open_secret", GP_F("path", path), GP_FS("reason", strerror(errno)));
	return true;
}

/* Like keys: never read here. */
static bool
tell_secrets(const struct supervisor *s, struct instance *in)
{
	const struct gp_config *cfg = s->config.value;
	if (in->spec->needs & NEEDS_ISSUER_SECRET)
		return tell_secret(in, GP_SECRET_ISSUER, cfg->auth.oauth.client_secret_file);
	if (in->spec->needs & NEEDS_SRS_SECRET)
		return tell_secret(in, GP_SECRET_SRS, cfg->srs.secret_file) &&
		       tell_secret(in, GP_SECRET_SRS_BEFORE, cfg->srs.previous_file);
	return tell_secret(in, GP_SECRET_PASSWORD, cfg->smarthost.password_file) &&
	       tell_secret(in, GP_SECRET_TOKEN, cfg->smarthost.token_file) &&
	       tell_secret(in, GP_SECRET_CLIENT, cfg->smarthost.client_secret_file);
}

bool
tell_private(const struct supervisor *s, struct instance *in)
{
	unsigned needs = in->spec->needs;
	bool ok = !(needs & NEEDS_KEYS) || (tell_keys(s, in) && tell_dkim_keys(s, in));
	return ok && (!(needs & NEEDS_ANY_SECRET) || tell_secrets(s, in));
}

bool
tell_file(struct instance *in, const struct watched_file *w)
{
	struct gp_message m = {.type = w->message};
	return !(in->spec->needs & w->need) || w->fd < 0 || tell(in, m, w->fd);
}

static bool
tell_roles(const struct supervisor *s, struct instance *to)
{
	struct gp_role_state states[INSTANCES_MAX];
	struct gp_message m = {.type = GP_MSG_ROLES, .roles = {.states = states}};
	for (size_t i = 0; i < s->instances_len; i++) {
		const struct instance *in = &s->instances[i];
		states[m.roles.states_len++] = (struct gp_role_state){
			.role = (uint8_t)in->spec->id,
			.index = (uint16_t)in->index,
			.ready = in->ready,
			.silent = in->silent > 1,
			.starts = in->starts,
			.since_ms = in->started_wall_ms,
		};
	}
	return tell(to, m, -1);
}

void
tell_of_roles(struct supervisor *s)
{
	for (size_t i = 0; !s->stopping && i < s->instances_len; i++) {
		struct instance *in = &s->instances[i];
		if (in->spec->needs & NEEDS_ROLES && in->control && !tell_roles(s, in))
			kill(in->pid, SIGKILL);
	}
}

bool
tell_resources(const struct supervisor *s, struct instance *in)
{
	const struct resources *r = &s->resources;
	unsigned needs = in->spec->needs;
	bool ok = true;
	for (size_t i = 0; ok && needs & NEEDS_LISTENS && i < r->listens_len; i++) {
		if (r->listen_workers[i] == in->index)
			ok = tell_listen(in, &r->listens[i]);
	}
	if (ok && needs & NEEDS_WEB_SOCKETS && r->dashboard.fd >= 0)
		ok = tell_listen(in, &r->dashboard);
	if (ok && needs & NEEDS_WEB_SOCKETS && r->web_policies.fd >= 0)
		ok = tell_listen(in, &r->web_policies);
	if (ok && needs & NEEDS_SPOOL_DIR)
		ok = tell_directory(in, &r->spool);
	if (ok && needs & NEEDS_POLICY_DIR)
		ok = tell_directory(in, &r->policies);
	if (ok && needs & NEEDS_REPORTS_DIR)
		ok = tell_directory(in, &r->reports);
	for (size_t i = 0; ok && needs & NEEDS_MAIL_ROOTS && i < r->mail_roots_len; i++)
		ok = tell_directory(in, &r->mail_roots[i]);
	for (size_t i = 0; ok && i < WATCHED_FILES; i++)
		ok = tell_file(in, &r->watched[i]);
	ok = ok && tell_private(s, in);
	if (ok && needs & NEEDS_ROLES)
		ok = tell_roles(s, in);
	if (ok && needs & NEEDS_CONTROL_SOCKET)
		ok = tell_listen(in,
				 &(struct gp_role_listen){.fd = r->control, .address = "control"});
	return ok;
}

static void
connect_instances(struct instance *a, struct instance *b)
{
	int fds[2];
	if (gp_channel_pair(fds) < 0) {
		gp_error("cannot_connect_roles", GP_FS("reason", strerror(errno)));
		return;
	}
	struct gp_message to_a = {
		.type = GP_MSG_PEER,
		.fd = fds[0],
		.peer = {.role = (uint8_t)b->spec->id, .index = (uint16_t)b->index}};
	struct gp_message to_b = {
		.type = GP_MSG_PEER,
		.fd = fds[1],
		.peer = {.role = (uint8_t)a->spec->id, .index = (uint16_t)a->index}};
	bool told_a = gp_channel_send(a->control, &to_a),
	     told_b = gp_channel_send(b->control, &to_b);
	if (!told_a || !told_b)
		gp_error("cannot_connect_roles", GP_FS("role", gp_role_name(a->spec->id)));
}

void
tell_peers(struct supervisor *s, struct instance *in)
{
	for (size_t i = 0; i < s->instances_len; i++) {
		struct instance *other = &s->instances[i];
		if (other != in && other->control && in->spec->peers & 1u << other->spec->id)
			connect_instances(in, other);
	}
}
