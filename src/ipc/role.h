/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all roles have in common: a role is started by the supervisor with its control channel as
 * descriptor 3, is told its configuration, sockets, directories and peers, drops what it does not
 * need, says ready, and works until it is told to stop or the supervisor is gone.
 *
 *     int main(int argc, char **argv) { return gp_role_main(&role); }
 */
#pragma once

#include "core/config/config.h"
#include "ipc/channel.h"
#include "sys/log.h"
#include "sys/sandbox.h"

enum gp_role_id {
	GP_ROLE_SUPERVISOR = 1,
	GP_ROLE_SMTPD,
	GP_ROLE_RESOLVER,
	GP_ROLE_SPOOL,
	GP_ROLE_RELAY,
	GP_ROLE_MAILDIR,
	GP_ROLE_FETCH,
	GP_ROLE_SIGNER,
	GP_ROLE_AUTH,
	GP_ROLE_REPORTS,
	GP_ROLE_INGEST,
	GP_ROLE_WEB,
	GP_ROLE_COMMAND, /* a gatepost command on the control socket */
	GP_ROLE_COUNT,
};

enum {
	GP_ROLE_CONTROL_FD = 3,
	GP_ROLE_LISTENS_MAX = 64,
	GP_ROLE_DIRS_MAX = 64,
};

struct gp_role_listen {
	int fd;
	uint8_t service; /* enum gp_service; 0: the control socket */
	uint8_t tls;     /* enum gp_listen_tls */
	char address[128];
};

struct gp_role_dir {
	int fd;
	char path[4096];
};

/* What the role was told. One a process. */
struct gp_role_env {
	struct gp_loop *loop;
	const struct gp_config *config;
	unsigned worker, workers;
	uint64_t seed[2]; /* random, for keyed hashes and jitter */
	struct gp_role_listen listens[GP_ROLE_LISTENS_MAX];
	size_t listens_len;
	struct gp_role_dir dirs[GP_ROLE_DIRS_MAX];
	size_t dirs_len;
};

struct gp_role {
	enum gp_role_id id;
	const struct gp_sandbox *sandbox; /* static; see src/procs/sandboxes.h */

	/* Before the sandbox, as the final user, with the configuration known. Returns 0 or -errno.
	 * May be NULL. */
	int (*prepare)(struct gp_role_env *env);
	/* In the sandbox: start working. Returns 0 or -errno. */
	int (*start)(struct gp_role_env *env);
	/* A channel to a peer, after start, and again when that peer was started anew: the role
	   makes its gp_channel from fd. */
	void (*on_peer)(struct gp_role_env *env, enum gp_role_id role, unsigned index, int fd);
	/* The file of submission users, before start and after. The descriptor is closed after the
	   call. NULL: the role must not be given any. */
	void (*on_users)(struct gp_role_env *env, int fd);
	/* The database of autonomous systems: the same. */
	void (*on_asn_database)(struct gp_role_env *env, int fd);
	/* The history of audits: the same. */
	void (*on_audit_database)(struct gp_role_env *env, int fd);
	/* The results of a scan: the same. */
	void (*on_scan_results)(struct gp_role_env *env, int fd);
	/* A private key, before start and after; path is its name for the log. The descriptor is
	   closed after the call. NULL: the role must not be given any. */
	void (*on_key)(struct gp_role_env *env, struct gp_slice path, uint32_t round, int fd);
	/* All files of DKIM keys, one behind the other in the descriptor, before start and after.
	   The descriptor is closed after the call. NULL: the role must not be given any. */
	void (*on_dkim_keys)(struct gp_role_env *env, const struct gp_msg_dkim_keys *keys, int fd);
	/* A secret, before start and after; kind: enum gp_secret_kind. The descriptor is closed
	   after the call. NULL: the role must not be given any. */
	void (*on_secret)(struct gp_role_env *env, uint8_t kind, int fd);
	/* Which processes of ours there are, before start and after; for people to see. NULL: the
	   role must not be told. */
	void (*on_roles)(struct gp_role_env *env, const struct gp_msg_roles *roles);
	/* A new configuration is in env->config; the old one is freed after the call. */
	void (*on_reload)(struct gp_role_env *env, const struct gp_config *old);
	/* Finish what is under way, then gp_loop_stop. NULL: stop at once. */
	void (*on_stop)(struct gp_role_env *env);
};

const char *
gp_role_name(enum gp_role_id id);

/*
 * The channel to the only process of that role is gone. When the supervisor brings no new one
 * within a minute, nobody else knows that it is missing: a peer closes it too when it refuses what
 * we say. Then this process ends, and is started again with all its channels.
 */
void
gp_role_peer_lost(enum gp_role_id role);

/* How the end of a peer's channel is logged: a warning, but not when the supervisor has said before
 * that the whole gateway ends. What it says is heard before the end of a peer is seen that it had
 * told to stop later. */
enum gp_log_level
gp_role_loss_level(void);

/* For an on_reload that has no memory to go on with: the old configuration is about to be freed,
 * and nothing may point into it. Ends the process; the supervisor starts one that reads the new. */
_Noreturn void
gp_role_reload_failed(void);

/* Runs the role; returns the process's exit code. */
int
gp_role_main(const struct gp_role *role);
