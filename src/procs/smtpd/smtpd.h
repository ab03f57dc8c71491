/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtpd's parts: connections and who may have one (listener.c), how often (rate.h), one
 * connection's bytes (session.c) and commands (commands.c), what becomes of its messages
 * (message.c, submission.c), recipients after aliases (targets.c) and from where they are forwarded
 * (srs.c), the body of a message on its way (body.c), who sent it (checks.h); the conversations
 * with spool (store.c), with auth (auth.c), with resolver (procs/ask), and with signer (dkim.c)
 * about mail of our domains and of others (seal.c); and the role itself (main.c). Certificates, and
 * the conversation with signer about them, are those of procs/tls; what messages came to is told to
 * reports by procs/tell.
 */
#pragma once

#include "base/map.h"
#include "core/dkim/body.h"
#include "core/message/header.h"
#include "core/policy/policy.h"
#include "core/smtp/server.h"
#include "ipc/role.h"
#include "ipc/values.h"
#include "procs/dkim/sealing.h"
#include "procs/tls/service.h"
#include "sys/address.h"

struct session;

/* --- main.c: the process's state --- */

struct smtpd {
	struct gp_role_env *env;
	struct gp_policy *policy;
	struct gp_smtp_server_setup setup;       /* strangers */
	struct gp_smtp_server_setup relay_setup; /* relay_networks */
	struct gp_list sessions;
	size_t sessions_len;
	bool stressed; /* connections are running short: see listener.c */
	bool stopping;
};

extern struct smtpd smtpd;

/* When stopping and no session is left: ends the process. */
void
smtpd_session_gone(void);

/* Begins to accept once all is there that sessions need: so nobody is turned away by a start. */
void
smtpd_open_when_ready(void);

/* --- listener.c --- */

int
listener_start(struct gp_role_env *env);
/* Begins to accept. */
void
listener_open(void);
void
listener_stop(void);
/* A session of this client is over: its place is free. */
void
listener_release(const struct gp_client *client);
/* Whether this client may begin a TLS handshake now, which then counts; else the limit that says
   no. */
const char *
listener_handshake(const struct gp_client *client);

/* --- session.c --- */

/* Takes over fd; listen: where it was accepted, which outlives it. */
void
session_start(int fd, const struct gp_sockaddr *peer, const struct gp_client *client,
	      const struct gp_role_listen *listen);
/* The signature that was asked for; empty: there is none to be had. */
void
session_signed(struct session *s, struct gp_slice signature);
/* The signature of its mail that was asked for; empty: there is none to be had. */
void
session_mail_signed(struct session *s, struct gp_slice signature);
/* What became of the message that was handed to spool. */
void
session_committed(struct session *s, enum gp_commit_result result);
/* The staging file that was asked for; -1: none to be had. Takes over fd. */
void
session_staged(struct session *s, int fd);
/* auth's word: a challenge; or the end, with the user, or the refusal where there is none. */
void
session_challenged(struct session *s, struct gp_slice challenge);
void
session_judged(struct session *s, const struct gp_reply *refusal, struct gp_slice user);
/* auth's word about one recipient more. */
void
session_counted(struct session *s, enum gp_quota_result result);
/* All is known of who sent the message. */
void
session_checked(struct session *s);
bool
session_waits_for_auth(const struct session *s);
/* smtpd.stressed has changed. */
void
session_stress(struct session *s);
/* 421, then the end; at once when nothing is under way. */
void
session_shutdown(struct session *s, bool now);

/* --- store.c --- */

void
store_connect(struct gp_role_env *env, int fd);
/* Whether spool has given ids once. */
bool
store_began(void);
/* Whether a message would be taken now; else the reply that says why not. */
bool
store_ready(struct gp_reply *ret_why);
/* A fresh queue id; 0: none at hand, try again later. */
uint64_t
store_id(void);
/* Asks for a staging file; session_staged() answers. False: not possible now. */
bool
store_stage(struct session *s);
/* Hands the message over, its body behind `head`; session_committed() answers. False: not possible
 * now. */
bool
store_commit(struct session *s, const struct gp_envelope *envelope,
	     const struct gp_arrival *arrival, struct gp_slice head);
/* Tells spool something that needs no answer. False: it is away, or behind. */
bool
store_tell(const struct gp_message *m);
/* The number of sessions is another one: spool is told within a second. */
void
store_tell_connections(void);
/* The session is gone: answers for it are dropped. */
void
store_forget(struct session *s);

/* --- auth.c --- */

/* A session's exchange with auth, and what its user may send as. All zeroes at first. */
struct login {
	struct session *session;
	uint64_t ticket; /* of the exchange under way; 0: none */
	struct gp_arena arena;
	const struct gp_slice *from; /* as core/users/users.h has it */
	size_t from_len;
	bool limited; /* in how many it may send to */
};

/* What is offered, from the configuration. */
void
auth_configure(const struct gp_config *cfg, const uint64_t seed[2]);
void
auth_connect(struct gp_role_env *env, int fd);
/* Puts the mechanisms into the setup of a session of this listener, where it is for submission:
   there nobody sends without AUTH (RFC 6409 section 4.3), also where there is no mechanism. relay:
   but for this client. */
void
auth_offer(struct gp_smtp_server_setup *setup, const struct gp_role_listen *listen, bool relay);
struct auth_attempt {
	const struct gp_client *client;
	const struct gp_tls *tls; /* SCRAM binds to it */
	struct gp_slice mechanism;
	struct gp_slice response; /* NULL ptr: none */
};

/* Begins an exchange, and goes on with it; session_challenged() or session_judged() follows. False:
   not possible now. */
bool
auth_begin(struct login *l, struct session *s, const struct auth_attempt *attempt);
bool
auth_step(struct login *l, struct gp_slice response);
/* The exchange is given up, if there is one, and what its user might send as is forgotten. */
void
login_forget(struct login *l);
/* Whether the user may send to one recipient more, who counts then; session_counted() answers.
   False: not possible now. */
bool
auth_count(struct session *s, struct gp_slice user);
/* The session is gone: the answer for it is dropped. */
void
auth_forget_count(struct session *s);
/* address: canonical. */
bool
login_may_send_as(const struct login *l, struct gp_slice address);

/* --- dkim.c --- */

/* A message on its way to its DKIM signatures, or to its ARC seal. All zeroes at first. */
struct mail_signing {
	struct gp_dkim_body *body; /* NULL: its hash is not wanted */
	struct gp_header_meter meter;
	uint64_t fed;           /* octets of the message so far */
	struct signing signing; /* a user's */
	struct sealing sealing; /* a stranger's */
	size_t sealing_memory;  /* as counted by seal.c */
};

int
dkim_start(struct gp_role_env *env);
/* Whether it is known whose mail is signed, or that was waited for long enough. */
bool
dkim_settled(void);
/* What signer says, and that it is gone. */
void
dkim_heard(const struct gp_message *m);
void
dkim_lost(void);
/* A piece of the message, also of one that will not be signed. */
void
dkim_feed(struct session *s, struct gp_slice piece);
/* The message is complete: s->head has what goes on top, `fields` what goes on of its own header.
 * Whether it is to be signed, sealed, or neither. */
enum signing_result
dkim_begin(struct session *s, struct gp_slice fields);
/* Asks for the next signature; session_mail_signed() answers. *ret_signed: there is none to be
   asked for any more. False: not possible now. */
bool
dkim_ask(struct session *s, bool *ret_signed);
/* What it was asked for, not empty. False: no memory. */
[[nodiscard]] bool
dkim_take(struct mail_signing *g, struct gp_slice signature);
/* The session is gone, or waits no longer: the answer for it is dropped. */
void
dkim_forget(struct session *s);
/* Appends the fields when all is signed: none, if nothing was. Latches out->failed. */
void
dkim_write(const struct mail_signing *g, struct gp_buf *out);
void
dkim_reset(struct mail_signing *g);

/* --- seal.c --- */

/* No pointer is kept beyond the next call. */
void
seal_configure(const struct gp_config *cfg);
/* Is a message of this session, as far as it is known, to get a seal? */
bool
seal_wanted(const struct session *s);
/* Of a message that was verified; results as sealing_begin(). Tells the log why there is none. */
enum signing_result
seal_begin(struct session *s, const struct signers *all, const struct signing_mail *mail);
/* The log hears why it got none. */
void
seal_tell_none(const struct session *s, const char *why);
void
seal_reset(struct mail_signing *g);

/* --- srs.c --- */

/* Before the sandbox: libcrypto sets itself up. 0 or -ENOMEM. */
int
srs_prepare(void);
/* A secret; those that the configuration does not name any more are forgotten. */
void
srs_take(struct gp_role_env *env, uint8_t kind, int fd);
void
srs_reload(const struct gp_config *cfg);
/* What forwarding and its way back need now; NULL: there is no secret. Valid until the next call.
 */
const struct gp_srs *
srs_now(void);

/* --- targets.c --- */

/* Recipients of one message after aliases. */
enum { TARGETS_MAX = 50000 };

/* All zeroes: none. */
struct targets {
	struct gp_rcpt *items; /* in the transaction's arena */
	size_t len, cap;
	struct gp_map known; /* their addresses */
	bool forwards;       /* one of them at least was forwarded */
};

/* A transaction begins. */
void
targets_start(struct targets *t, const uint64_t seed[2]);
/* All that the recipient stands for, or none: too many, or no memory. */
bool
targets_add(struct targets *t, const struct gp_admission *a, const struct gp_rcpt *rcpt,
	    struct gp_arena *arena);
/* All of them are sent on under the reverse-path of the forwarded. */
void
targets_forward_all(struct targets *t);
void
targets_reset(struct targets *t);

/* --- body.c --- */

enum {
	/* A body up to this size stays in memory; the rest goes to a staging file of spool's. */
	BODY_MEMORY_MAX = 512 * 1024,
	/* And all bodies of the process together up to this one. */
	BODIES_MEMORY_MAX = 64 * 1024 * 1024,
};

struct body {
	struct gp_buf memory; /* of a staged body: what is not written yet, or its new start */
	int stage;            /* -1: none */
	uint64_t staged;      /* octets of the file */
	uint64_t staged_at;   /* the first of them that counts; memory goes before it */
	bool failed;          /* the staging file could not be written */
};

void
body_init(struct body *b);
/* Adds a piece. False: memory is full, and a staging file is needed first (body_stage). The piece
   is kept in any case. */
bool
body_add(struct body *b, struct gp_slice piece);
/* Moves what is in memory to the file and goes on there. */
void
body_stage(struct body *b, int fd);
/* Nothing follows: a staged body is in the file to its last octet, or has failed. */
void
body_end(struct body *b);
uint64_t
body_size(const struct body *b);
/* The first octets of one that has ended, at most `max`; in the arena where they must be read from
   the file. False: the file cannot be read, or no memory. */
bool
body_start(const struct body *b, size_t max, struct gp_arena *arena, struct gp_slice *ret);
/* Puts `fresh`, which is no longer, in the place of the first `len` octets of a body that has
   ended. Once. */
void
body_replace_start(struct body *b, size_t len, struct gp_slice fresh);
/* Forgets everything; a staging file goes back for the next body. */
void
body_reset(struct body *b);
/* A staging file that no body needs now; takes over fd. */
void
body_keep_stage(int fd);
/* One that was kept, or -1. */
int
body_spare_stage(void);
