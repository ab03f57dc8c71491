/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool role's parts:
 *
 *     intake.c      messages that smtpd hands over; their answers after the sync
 *     schedule.c    which message goes to which destination, and when
 *     delivery.c    leases: what relay and maildir are working on, and what came of it
 *     bounce.c      reports to senders
 *     signatures.c  their DKIM signatures, made as they are handed out
 *     letters.c     mail that the role reports sends
 *     journal.c     what is remembered of all that
 *     flow.c        what of it the dashboard shows
 *     control.c     the commands' questions
 *     main.c        the role, and the turn: sync once, answer, hand out
 *
 * One turn of the loop: everything that arrived is appended to the store; at its end one sync makes
 * all of it durable; then, and only then, smtpd is answered and destinations get their next
 * messages.
 */
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "core/policy/policy.h"
#include "ipc/role.h"
#include "procs/spool/journal.h"
#include "spool/store.h"

struct spool {
	struct gp_role_env *env;
	struct gp_store *store;
	struct gp_policy *policy;
	struct journal *journal; /* NULL: none is kept */
	struct gp_arena scratch; /* reset by whoever uses it first in a handler */
	bool stopping;
};

extern struct spool spool;

uint64_t
spool_now_ms(void);
struct journal_now
spool_journal_now(void);

/* What a role that has fallen could ask for without end has a rate; all is 0 at first. */
struct spool_rate {
	uint64_t began_ms;
	unsigned taken; /* since then */
};
/* Takes one more. False: a minute's `max` are taken. */
bool
spool_rate_take(struct spool_rate *rate, unsigned max);

/* --- intake.c --- */

void
intake_connect(unsigned worker, int fd);
/* A message of our own was appended: into the journal, with its first recipient. */
void
intake_journal_ours(uint64_t id, const struct gp_envelope *envelope);
/* The sync is done: answers all that waited for it. */
void
intake_synced(bool ok);
/* Whether new messages are refused, as there is no space. */
bool
intake_is_full(void);
/* Tells smtpd when space runs out or comes back. */
void
intake_tell_space(void);
/* Ends the channel of an smtpd whose staging files hold more than they may, and empties them. To be
   called each second: what one can take of the disk is what it can write in between. */
void
intake_check_stages(void);

/* --- schedule.c ---
 *
 * A task is the part of a message that goes to one destination under one reverse-path. It is in one
 * place at a time:
 *
 *     WAITING   in the heap, due later
 *     READY     in its destination's line
 *     LEASED    with relay or maildir
 *
 * A task without a destination yet (after a start or a reload) is planned when it is due: its
 * message is read and routed. All tasks of a message hang on its gp_queued.user.
 */

enum task_state {
	TASK_WAITING,
	TASK_READY,
	TASK_LEASED,
};

struct destination;

struct task {
	struct gp_heap_node due; /* key: ms since the epoch */
	struct gp_list ready;
	struct gp_queued *q;
	struct destination *dest; /* NULL: not planned */
	struct task *next;        /* of the same message */
	uint32_t lease;           /* its place in delivery.c's table, or TASK_NO_LEASE */
	uint8_t state;            /* enum task_state */
	bool forwards;            /* its recipients are those who are forwarded */
	uint8_t orphaned;         /* roles that died over it since it last had an outcome */
};

#define TASK_NO_LEASE UINT32_MAX

/* What is known of a destination by the last that came of it. Who does not answer holds a lease for
   minutes; so this decides how much of a relay it may hold (delivery.c). */
enum standing {
	STANDING_NEW,
	STANDING_ANSWERS,
	STANDING_SILENT,
	STANDINGS,
};

struct destination {
	struct gp_slice key;
	struct gp_list ready;      /* tasks in line */
	struct gp_list runnable;   /* link: something is in line, and there is room */
	struct gp_heap_node pause; /* in the heap of pauses while it rests after failures */
	uint32_t window;           /* leases at once */
	uint32_t in_flight;
	uint32_t successes; /* since the window last grew */
	uint32_t tasks;     /* that point here */
	uint8_t transport;
	uint8_t standing;              /* enum standing */
	uint64_t looked_at, oldest_ms; /* by flow.c alone */
};

int
schedule_start(void);
/* A message that is durable now: plans its tasks from its envelope. False: no memory. */
bool
schedule_add(struct gp_queued *q, const struct gp_envelope *envelope);
/* A message found at the start: planned when due. */
bool
schedule_recovered(struct gp_queued *q);
/* The message is about to leave the queue: its tasks with it. */
void
schedule_remove(struct gp_queued *q);
/* Hands out what is due, as far as the destinations have room. At most so much a turn; true: more
 * is there. */
bool
schedule_run(void);
/* When schedule_run has something to do by itself; UINT64_MAX: never. ms since the epoch. */
uint64_t
schedule_next_ms(void);
/* The task's lease is over. due_ms: when what remains is due; UINT64_MAX: nothing remains, the task
 * is freed. */
void
schedule_done(struct task *t, uint64_t due_ms);
/* Another role of ours has it, and not the network. */
bool
schedule_is_local(enum gp_transport transport);
/* What the destination answered, for its window. pause_until_ms: rest until then; 0: none. */
void
schedule_feedback(struct destination *d, bool ok, uint64_t pause_until_ms);
/* A lease of this destination is over. */
void
schedule_release(struct destination *d);
/* Makes the message due now, whatever its destination's state. */
void
schedule_retry(struct gp_queued *q);
/* The routes may have changed. */
void
schedule_reload(void);
bool
schedule_leased(const struct gp_queued *q);
/* Plans tasks for pending recipients whose destination has none. */
bool
schedule_plan(struct gp_queued *q, const struct gp_stored *m);

/* --- delivery.c --- */

/* First of all, and before the sandbox. */
void
delivery_prepare(void);
void
delivery_connect(enum gp_role_id role, unsigned worker, int fd);
/* Hands the task's due recipients out. False: nobody is there to take it, or it cannot be read now.
 */
bool
delivery_start(struct task *t);
/* The same with a task that is leased, and waited for its signatures: with these fields before the
   body as it is stored; NULL: it begins again. What cannot be handed out now is due again at once.
 */
void
delivery_go_on(struct task *t, const struct gp_slice *head);
/* The message left the queue while it was leased. */
void
delivery_forget(struct task *t);
size_t
delivery_leases(void);

/* Writes down what became of recipients of a message: states, reports to the sender, the log. */
struct settled {
	uint64_t next_ms; /* the earliest due of recipients of this call that remain; UINT64_MAX:
			     none */
	bool finished;    /* the message is gone */
	bool replanned;   /* the message stays, as its end could not be written, with new tasks in
			     place of those that it had */
};
[[nodiscard]] int
delivery_settle(struct gp_queued *q, const struct gp_stored *m, const uint32_t *rcpts,
		size_t rcpts_len, const struct gp_outcome *outcomes, struct settled *ret);

/* --- bounce.c --- */

struct report {
	const struct gp_stored *message; /* with as much of its body as is at hand */
	const struct gp_queued *q;
	const uint32_t *rcpts;
	const struct gp_outcome *outcomes; /* one for each of rcpts */
	size_t len;
	bool delayed; /* deferred outcomes are worth a report: tried for long */
};

/* Appends the reports that these outcomes call for. 0, or -errno: then write nothing down, and try
 * again later. */
[[nodiscard]] int
bounce_write(const struct report *r);
/* After a sync, also one that failed: the reports are safe, and can be scheduled. */
void
bounce_synced(void);
/* The recipients of mail of our own to this address: through our aliases when it is one of ours.
   False: nobody, or no memory. */
[[nodiscard]] bool
bounce_address(struct gp_slice to, struct gp_arena *arena, struct gp_envelope *ret);

/* --- signatures.c --- */

enum signatures {
	SIGNATURES_NONE,    /* it goes as it is stored */
	SIGNATURES_AWAITED, /* delivery_go_on() will be called, from signatures_run() */
	SIGNATURES_BUSY,    /* not now: too many wait, or no memory */
};

/* Of a message that is about to be handed out. m: with its body, or without. */
enum signatures
signatures_begin(struct task *t, const struct gp_stored *m);
/* The message left the queue while its task waited; its destination has room again. */
void
signatures_forget(const struct task *t);
/* Goes on with those that are signed, or have waited for too long. To be called behind the sync. */
void
signatures_run(void);
void
signatures_connect(int fd);

/* --- letters.c --- */

void
letters_connect(int fd);
/* The sync is done: answers all that waited for it. */
void
letters_synced(bool ok);

/* --- control.c --- */

int
control_start(int listen_fd);
/* Takes fd over: the channel to web, which asks again and again, and may less. */
void
control_connect(int fd);
/* Goes on with the answers that are under way. At most so much a turn; true: more is there. To be
   called before the sync: what a command changes is durable when it hears of it. */
bool
control_run(void);
