/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's parts: what is opened for the roles (resources.c), which roles there are and who
 * speaks to whom (roles.c), who they run as (identity.c), what the kernel says of one (process.c);
 * and what starting, watching and stopping them (main.c) shares with what they are told (tell.h)
 * and told again (reload.h).
 */
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include "core/config/config.h"
#include "ipc/channel.h"
#include "ipc/role.h"
#include "procs/supervisor/configuration.h"

enum {
	WORKERS_MAX = 16,
	INSTANCES_MAX = 3 * WORKERS_MAX,
};

/* --- roles.c --- */

enum role_needs {
	NEEDS_LISTENS = 1 << 0,
	NEEDS_SPOOL_DIR = 1 << 1,
	NEEDS_CONTROL_SOCKET = 1 << 2,
	NEEDS_MAIL_ROOTS = 1 << 3,
	NEEDS_POLICY_DIR = 1 << 4,
	NEEDS_KEYS = 1 << 5,         /* the private keys, as descriptors */
	NEEDS_CERTIFICATES = 1 << 6, /* the configuration again when a certificate's file changed */
	NEEDS_SECRETS = 1 << 7,      /* what to log in with at the smarthost, as descriptors */
	NEEDS_USERS = 1 << 8,
	NEEDS_REPORTS_DIR = 1 << 9,
	NEEDS_WEB_SOCKETS = 1 << 10,   /* web.listen's and web.policy_listen's, where they are */
	NEEDS_ISSUER_SECRET = 1 << 11, /* what to say to the issuer of tokens, as a descriptor */
	NEEDS_SRS_SECRET = 1 << 12,   /* what addresses of core/srs are made with, as descriptors */
	NEEDS_ROLES = 1 << 13,        /* how all roles are, for people to see */
	NEEDS_ASN_DATABASE = 1 << 14, /* where one is configured, as a descriptor */
	NEEDS_AUDIT_DATABASE = 1 << 15, /* the history of audits, likewise */
	NEEDS_SCAN_RESULTS = 1 << 16,   /* the results of a scan, likewise */
	NEEDS_ANY_SECRET = NEEDS_SECRETS | NEEDS_ISSUER_SECRET | NEEDS_SRS_SECRET,
};

struct role_spec {
	enum gp_role_id id;
	bool per_core;
	unsigned needs;      /* enum role_needs */
	unsigned stop_stage; /* those of stage 0 are told to stop first, the next when they are gone
			      */
	unsigned peers;      /* bit R: speaks to role R */
};

enum { STOP_STAGES = 3 };

extern const struct role_spec role_specs[];
extern const size_t role_specs_len;

/* --- identity.c --- */

struct identity {
	uid_t uid;
	gid_t gid;
};

/* Who the role runs as: the user gatepost-ROLE where it exists, else `user`. When this process is
   not root: itself. Returns 0, or -ENOENT when it is root and neither exists. */
int
identity_of(const char *role, struct gp_slice user, struct identity *ret);

/* Stops being root but for what starting roles and reloading take. Returns 0 or -errno. */
int
identity_settle(struct gp_slice user);

/* Whether identity_settle left us what it takes to start roles as other users. */
bool
identity_is_privileged(void);

/* --- process.c --- */

/* Whether the process sleeps where no signal reaches it, as one does that waits for a disk. False
   too when that cannot be found out. */
bool
process_waits_for_disk(pid_t pid);

/* --- watched.c --- */

/* A file that one role reads, and is given again when it changed. */
struct watched_file {
	const char *missing; /* the log's event when it cannot be opened */
	uint16_t message;    /* GP_MSG_: that it is told by */
	unsigned need;       /* enum role_needs: of the role that it is told */
	int fd;              /* -1: none is configured */
	struct stat seen;    /* of the file at the path; all 0 where there is none */
	bool known;          /* seen was looked at */
};

enum { WATCHED_FILES = 4 };

/* Submission users, for auth; the database of autonomous systems, the history of audits and the
   results of a scan, for reports. None of them is open. */
extern const struct watched_file watched_files[WATCHED_FILES];

/* Looks at the configured path again. True: it names another file than before, or one that was
   changed, and fd is a new descriptor of it; a file that is not there counts as an empty one, which
   is logged. */
bool
watched_file_renew(struct watched_file *w, const struct gp_config *cfg);

/* --- dkim.c --- */

enum { DKIM_FILES_MAX = 1024 }; /* as many as a dkim_keys message holds */

struct dkim_path {
	char s[4096 + 512];
};

/* Where the domain's keys are: STATE/dkim/DOMAIN.keys */
struct dkim_path
dkim_path(const struct gp_config *cfg, const struct gp_domain_config *domain);

/* Copies the files of all domains that have one into an unnamed file; ret: DKIM_FILES_MAX of them,
   whose domains live in the configuration. A file that cannot be read is told of, and has size 0;
   so is one too many, which is left out. Returns the descriptor, or -errno. */
int
dkim_gather(const struct gp_config *cfg, struct gp_dkim_file *ret, size_t *ret_len);

/* --- resources.c --- */

struct resources {
	struct gp_role_listen listens[GP_ROLE_LISTENS_MAX]; /* one socket an address and worker */
	unsigned listen_workers[GP_ROLE_LISTENS_MAX];       /* for which worker */
	size_t listens_len;
	bool listens_missing; /* an address could not be bound: the next reload tries again */
	struct gp_role_listen dashboard, web_policies; /* fd -1: none */
	struct gp_role_dir spool;
	struct gp_role_dir policies; /* of MTA-STS */
	struct gp_role_dir reports;
	struct gp_role_dir mail_roots[GP_ROLE_DIRS_MAX];
	size_t mail_roots_len;
	struct watched_file watched[WATCHED_FILES];
	int control; /* listening Unix socket of the commands */
	int lock;
};

/* As many descriptors for us and the roles as we may have: a login's usual 1,024 are fewer than the
 * connections that the configuration allows. */
void
resources_raise_files(void);

/* Opens or makes everything; says on the log what went wrong. Returns 0 or -errno. */
int
resources_open(struct resources *r, const struct gp_config *cfg, unsigned workers);

/* Closes the listening sockets: those that roles hold too end with the roles. */
void
resources_unlisten(struct resources *r);

/* Binds the addresses of a new configuration in place of the old; those that stay keep their
   sockets. Returns 0, or the first error: those that could be bound are in use all the same. */
int
resources_relisten(struct resources *r, const struct gp_config *cfg, unsigned workers);

/* The same for web.listen and web.policy_listen. *ret_changed: whoever was told the old ones must
   be told anew. */
int
resources_relisten_web(struct resources *r, const struct gp_config *cfg, bool *ret_changed);

/* Opens the mail roots of a new configuration in place of the old; those that stay keep their
   descriptors. One that does not exist is made when it can be made as its owner's. *ret_changed:
   whoever was told the old ones must be told anew. Returns 0, or the first error: those that could
   be opened are in use all the same. */
int
resources_reroot(struct resources *r, const struct gp_config *cfg, const struct identity *owner,
		 bool *ret_changed);

/* --- main.c --- */

/* A role, or that of one worker: while it runs, and between two lives. */
struct instance {
	const struct role_spec *spec;
	unsigned index;
	struct identity identity;
	pid_t pid; /* 0: not running */
	struct gp_channel *control;
	bool ready;
	unsigned silent; /* times it was asked since it last answered */
	uint64_t started_ms, started_wall_ms;
	unsigned starts, failures;
	struct event *again;
};

struct supervisor {
	struct gp_loop *loop;
	const char *config_path;
	char role_dir[4096];
	int role_fds[GP_ROLE_COUNT]; /* the executables, opened while we may reach them */
	struct configuration config;
	uint64_t tls_files;  /* see configuration_tls_files() */
	uint32_t keys_round; /* of key messages; each reading of the keys is one */
	struct event *tls_timer;
	unsigned workers;
	struct resources resources;
	struct instance instances[INSTANCES_MAX];
	size_t instances_len;
	bool announced;
	bool stopping;
	unsigned stop_stage;
	struct event *stop_timer, *watch_timer, *ping_timer;
	int exit_code;
};
