/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost-auth: finds out whether submission users are who they say. Start with auth.h. */
#include <errno.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include "core/sasl/crypto.h"
#include "ipc/values.h"
#include "procs/auth/auth.h"
#include "procs/sandboxes.h"
#include "sys/log.h"
#include "sys/password.h"

static struct auth *auth;

static struct gp_role auth_role; /* its sandbox is chosen by the configuration */

/* The files come before the role is prepared, and again when they change. */
static int first_users = -1, first_secret = -1;

static void
take_file(int fd, int *first, void (*read)(struct auth *a, int fd))
{
	if (auth) {
		read(auth, fd);
		return;
	}
	if (*first >= 0)
		close(*first);
	*first = dup(fd);
}

static void
read_first(int *first, void (*read)(struct auth *a, int fd))
{
	if (*first < 0)
		return;
	read(auth, *first);
	close(*first);
	*first = -1;
}

static void
on_users(struct gp_role_env *env, int fd)
{
	(void)env;
	take_file(fd, &first_users, auth_read_users);
}

static void
on_secret(struct gp_role_env *env, uint8_t kind, int fd)
{
	(void)env;
	if (kind == GP_SECRET_ISSUER)
		take_file(fd, &first_secret, auth_read_secret);
}

/* libcrypto sets itself up when it is first used, and would take itself down at the end, by calls
 * that the sandbox has not. */
static int
warm_up(void)
{
	struct gp_sha256 sum;
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return -EIO;
	int r = gp_sha256(GP_SLICE("x"), &sum);
	return r == 0 ? gp_hmac_sha256(GP_SLICE("x"), GP_SLICE("x"), &sum) : r;
}

static int
prepare(struct gp_role_env *env)
{
	int r = gp_password_setup();
	if (env->config->auth.dovecot.len > 0)
		auth_role.sandbox = &auth_dovecot_sandbox;
	if (r == 0)
		r = warm_up();
	auth = r == 0 ? auth_new(env->loop, env->config, env->seed) : NULL;
	if (!auth)
		return r < 0 ? r : -ENOMEM;
	read_first(&first_users, auth_read_users);
	read_first(&first_secret, auth_read_secret);
	return 0;
}

static int
start(struct gp_role_env *env)
{
	(void)env;
	return 0;
}

static void
on_peer(struct gp_role_env *env, enum gp_role_id role, unsigned index, int fd)
{
	(void)env, (void)index;
	if (role == GP_ROLE_SMTPD)
		auth_add_peer(auth, fd, GP_PERMIT_SMTPD_TO_AUTH);
	else if (role == GP_ROLE_WEB)
		auth_add_peer(auth, fd, GP_PERMIT_WEB_TO_AUTH);
	else
		auth_connect(auth, role, fd);
}

static void
on_reload(struct gp_role_env *env, const struct gp_config *old)
{
	if (gp_slice_eq(old->auth.dovecot, env->config->auth.dovecot)) {
		auth_reload(auth, env->config);
		return;
	}
	/* Whether there may be sockets was settled with the sandbox. */
	gp_info("auth_renewed", GP_FS("reason", "Dovecot's socket is another"));
	gp_loop_stop(env->loop);
}

static struct gp_role auth_role = {
	.id = GP_ROLE_AUTH,
	.sandbox = &auth_sandbox,
	.prepare = prepare,
	.start = start,
	.on_peer = on_peer,
	.on_users = on_users,
	.on_secret = on_secret,
	.on_reload = on_reload,
};

int
main(void)
{
	int code = gp_role_main(&auth_role);
	auth_free(auth);
	return code;
}
