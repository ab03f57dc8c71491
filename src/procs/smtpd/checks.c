/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/smtpd/checks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/dmarcrpt/message.h"
#include "core/failrpt/incident.h"
#include "core/verify/results.h"
#include "procs/ask/ask.h"
#include "procs/limits/share.h"
#include "procs/smtpd/session.h"
#include "procs/tell/tell.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	/* Octets of headers, answers and what is made of them that all checks of the process hold
	   together; over that the largest is given up. */
	CHECKS_MEMORY_MAX = 64 * 1024 * 1024,
	/* Questions of this worker under way at once: more than resolver takes of strangers. */
	QUESTIONS_MAX = 1000,
	/* Public keys that are kept ready, of those used last. */
	KEYS_MAX = 1000,
	SIGNATURES_LOGGED = 5,
	RESULTS_DKIM_MAX = 300, /* octets of what the journal hears of signatures */
	/* While the owner of a name is told: header fields are unfolded. */
	TOLD_MEMORY_MAX = 2 * GP_HEADER_SIZE_MAX,
};

struct checks {
	struct session *session;
	struct gp_verify_query query; /* its texts are the transaction's */
	struct gp_verify *verify;     /* NULL: memory was short, and all was given up */
	struct asker asker;
	struct gp_list news; /* in self.news, from an answer, or its end, to the turn's end */
	struct share_holder memory; /* of self.memory */
	int outcome;                /* of gp_verify_run */
};

static struct {
	struct gp_authpolicy *policy;
	bool reported; /* DMARC reports are made */
	bool failures; /* and reports of single messages */
	struct gp_dkim_keys *keys;
	/* Checks that have answers which were not looked at yet, or that were given up. */
	struct gp_list news;
	struct gp_loop_hook turn; /* its end: all that came for a message is looked at at once */
	struct share memory;
} self;

static const struct gp_reply no_memory =
	GP_REPLY_INIT(451, 4, 3, 0, "Cannot check the message now, try again later");

int
checks_configure(const struct gp_config *cfg, const uint64_t seed[2])
{
	struct gp_authpolicy *fresh = gp_authpolicy_new(&cfg->authentication, seed);
	if (!self.keys)
		self.keys = gp_dkim_keys_new(KEYS_MAX, seed);
	if (!fresh || !self.keys) {
		gp_authpolicy_free(fresh);
		return -ENOMEM;
	}
	gp_authpolicy_free(self.policy);
	self.policy = fresh;
	self.reported = cfg->reports.dmarc;
	self.failures = cfg->reports.failure;
	return 0;
}

void
checks_connect(struct gp_role_env *env, int fd)
{
	const struct ask_setup setup = {env->loop, env->seed, GP_PERMIT_RESOLVER_TO_SMTPD,
					QUESTIONS_MAX};
	ask_connect(&setup, fd);
}

bool
checks_wanted(const struct session *s)
{
	return s->listen->service == GP_SERVICE_INBOUND && !s->client.relay &&
	       !gp_authpolicy_exempts(self.policy, s->client.address, s->client.address_len);
}

/* --- the work --- */

static void
give_up(struct checks *c)
{
	ask_forget(&c->asker);
	c->verify = gp_verify_free(c->verify);
	share_leave(&self.memory, &c->memory);
	c->outcome = -ENOMEM;
}

static void
look_at_turn_end(struct checks *c)
{
	gp_list_remove(&c->news);
	gp_list_append(&self.news, &c->news);
}

static void
count_memory(struct checks *c)
{
	struct share_holder *most =
		share_set(&self.memory, &c->memory, gp_verify_memory(c->verify));
	if (!most)
		return;
	struct checks *largest = gp_container_of(most, struct checks, memory);
	give_up(largest);
	if (largest != c)
		look_at_turn_end(largest);
}

/* Asks for what is needed. True: something could not be asked, and is answered. */
static bool
ask(struct checks *c, const struct gp_verify_need *need)
{
	bool answered = false;
	for (size_t i = 0; i < need->len; i++) {
		const struct gp_dns_question *q = &need->questions[i];
		const struct gp_dns_answer none = ask_failure(q);
		if (ask_resolver(&c->asker, q))
			continue;
		gp_verify_answer(c->verify, &none);
		answered = true;
	}
	return answered;
}

static void
run(struct checks *c)
{
	struct gp_verify_need need;
	if (!c->verify)
		return;
	do
		c->outcome = gp_verify_run(c->verify, &need);
	while (ask(c, &need));
	count_memory(c);
}

static bool
is_over(const struct checks *c)
{
	return c->outcome != GP_VERIFY_WAITS;
}

static void
go_on(struct checks *c)
{
	run(c);
	if (is_over(c) && c->session->state == SESSION_WAITS_CHECKS)
		session_checked(c->session);
}

/* All that came in a turn is looked at at its end, as each look evaluates everything anew. */
static void
on_answer(struct asker *a, const struct gp_dns_answer *answer)
{
	struct checks *c = gp_container_of(a, struct checks, asker);
	if (c->verify)
		gp_verify_answer(c->verify, answer);
	look_at_turn_end(c);
}

static void
on_turn_end(struct gp_loop_hook *hook)
{
	struct gp_list *it;
	(void)hook;
	while ((it = gp_list_pop(&self.news)))
		go_on(gp_container_of(it, struct checks, news));
}

void
checks_start(struct gp_loop *loop)
{
	gp_list_init(&self.news);
	share_init(&self.memory, CHECKS_MEMORY_MAX);
	self.turn.run = on_turn_end;
	gp_loop_at_end(loop, GP_LOOP_WORK, &self.turn);
}

struct checks *
checks_begin(struct session *s)
{
	const struct gp_envelope *e = gp_smtp_server_envelope(s->smtp);
	struct checks *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->session = s;
	ask_init(&c->asker, on_answer);
	gp_list_init(&c->news);
	share_join(&self.memory, &c->memory);
	c->query = (struct gp_verify_query){
		.address_len = s->client.address_len,
		.dmarc = gp_authpolicy_wants_dmarc(self.policy),
		.arc = true,
		.utf8 = e->flags & GP_ENVELOPE_SMTPUTF8,
		.helo = gp_smtp_server_helo(s->smtp),
		.sender = e->sender,
		.receiver = smtpd.setup.hostname,
		.now_s = gp_clock_wall_ms() / 1000,
		.keys = self.keys,
	};
	memcpy(c->query.address, s->client.address, sizeof(s->client.address));
	c->verify = gp_verify_new(&c->query, smtpd.env->seed);
	/* This one is the configuration's, which a reload frees. */
	c->query.receiver = gp_slice(NULL, 0);
	if (!c->verify)
		return checks_free(c);
	run(c);
	return c;
}

struct checks *
checks_free(struct checks *c)
{
	if (c) {
		give_up(c);
		gp_list_remove(&c->news);
	}
	free(c);
	return NULL;
}

void
checks_feed(struct checks *c, struct gp_slice piece)
{
	if (!c->verify)
		return;
	if (gp_verify_feed(c->verify, piece))
		run(c);
	else
		count_memory(c);
}

bool
checks_end(struct checks *c)
{
	if (c->verify)
		gp_verify_end(c->verify);
	run(c);
	return is_over(c);
}

void
checks_expire(struct checks *c)
{
	ask_forget(&c->asker);
	if (c->verify)
		gp_verify_expire(c->verify);
	run(c);
	gp_assert(is_over(c));
}

/* --- what it came to --- */

static bool
write_results(const struct checks *c, const struct gp_verify_facts *facts,
	      const struct gp_authpolicy_decision *decision, struct gp_arena *arena,
	      struct gp_buf *head)
{
	struct gp_authres results;
	if (gp_verify_results(&c->query, facts, smtpd.setup.hostname, arena, &results) < 0)
		return false;
	gp_buf_put_str(head, "Authentication-Results: ");
	gp_authres_write(head, &results);
	gp_buf_put_str(head, "\r\n");
	if (decision->action == GP_AUTHPOLICY_QUARANTINE)
		gp_buf_printf(head, "X-Gatepost-Quarantine: %s\r\n", decision->by);
	return !head->failed;
}

/* "pass:example.org fail:example.net" */
static struct gp_slice
signatures_text(const struct gp_verify_facts *f, struct gp_arena *arena)
{
	struct gp_slice text = GP_SLICE("");
	for (size_t i = 0; i < GP_MIN(f->dkim_len, (size_t)SIGNATURES_LOGGED); i++)
		text = gp_arena_printf(arena, "%.*s%s%s:%.*s", GP_SLICE_FMT(text), i > 0 ? " " : "",
				       gp_dkim_result_name(f->dkim[i].result),
				       GP_SLICE_FMT(f->dkim[i].signature->domain));
	return text.len > 0 ? text : GP_SLICE("none");
}

static void
log_verified(const struct checks *c, const struct gp_verify_facts *f,
	     const struct gp_authpolicy_decision *d, struct gp_arena *arena)
{
	const char *policy = f->dmarc ? gp_dmarc_policy_name(f->dmarc->policy) : NULL;
	const char *helo = f->helo ? gp_spf_verdict_name(f->helo->verdict) : "";
	gp_info("verified", GP_FID("id", c->session->id),
		GP_FS("client", c->session->client_text.s), GP_F("from", c->query.sender),
		GP_F("header_from", f->author.domain),
		GP_FS("spf", f->mail_from ? gp_spf_verdict_name(f->mail_from->verdict) : ""),
		GP_FS("spf_helo", helo), GP_F("dkim", signatures_text(f, arena)),
		GP_FS("dmarc", f->dmarc ? gp_dmarc_verdict_name(f->dmarc->verdict) : ""),
		GP_FS("arc", gp_arc_result_name(f->arc->result)),
		GP_FS("policy", policy ? policy : ""),
		GP_FS("action", gp_authpolicy_action_name(d->action)), GP_FS("by", d->by),
		GP_F("sealer", d->sealer));
}

/* As the journal has it. Without memory for it, it has none. */
static void
keep_results(const struct checks *c, const struct gp_verify_facts *f,
	     const struct gp_authpolicy_decision *d)
{
	struct gp_arena *arena = gp_smtp_server_arena(c->session->smtp);
	c->session->results = gp_arena_printf(
		arena, "spf=%s dkim=%.*s dmarc=%s arc=%s action=%s",
		f->mail_from ? gp_spf_verdict_name(f->mail_from->verdict) : "none",
		GP_SLICE_FMT(gp_slice_take(signatures_text(f, arena), RESULTS_DKIM_MAX)),
		f->dmarc ? gp_dmarc_verdict_name(f->dmarc->verdict) : "none",
		gp_arc_result_name(f->arc->result), gp_authpolicy_action_name(d->action));
}

/* What the owner of the name in From is told, where he asks for it. That there is no memory for it
 * is nothing to the message. */
static void
tell_owner(const struct checks *c, const struct gp_verify_facts *facts,
	   const struct gp_authpolicy_decision *decision)
{
	struct gp_arena texts = GP_ARENA_INIT(TOLD_MEMORY_MAX);
	struct gp_message m = {.type = GP_MSG_DMARC_RESULT, .fd = -1};
	if (self.reported &&
	    gp_dmarcrpt_of_message(&c->query, facts, decision, &texts, &m.dmarc_result.policy,
				   &m.dmarc_result.row) == 0)
		tell_reports(&m);
	gp_arena_free(&texts);
}

/* The same of this one message at once. */
static void
tell_failure(const struct checks *c, const struct gp_verify_facts *facts,
	     const struct gp_authpolicy_decision *decision)
{
	struct gp_arena texts = GP_ARENA_INIT(TOLD_MEMORY_MAX);
	struct gp_message m = {.type = GP_MSG_DMARC_FAILURE, .fd = -1};
	const struct gp_failrpt_message message = {
		.query = &c->query,
		.facts = facts,
		.decision = decision,
		.answers = gp_verify_answers(c->verify),
		.id = smtpd.setup.hostname,
	};
	if (self.failures &&
	    gp_failrpt_of_message(&message, &texts, &m.dmarc_failure.incident) == 0)
		tell_reports(&m);
	gp_arena_free(&texts);
}

struct gp_reply
checks_conclude(struct checks *c, struct gp_arena *arena, struct gp_buf *head, bool *ret_junk)
{
	struct gp_authpolicy_decision decision;
	if (c->outcome == GP_VERIFY_TOO_BIG)
		return GP_REPLY(552, 5, 3, 4, "Header is too big");
	if (c->outcome != GP_VERIFY_DONE)
		return no_memory;
	/* What it came to is wanted until the message is stored, and stays as it is. */
	ask_forget(&c->asker);
	gp_list_remove(&c->news);
	c->memory.settled = true;
	struct gp_verify_facts facts = gp_verify_facts(c->verify);
	if (gp_authpolicy_decide(self.policy, &facts, arena, &decision) < 0)
		return no_memory;
	log_verified(c, &facts, &decision, arena);
	keep_results(c, &facts, &decision);
	tell_owner(c, &facts, &decision);
	tell_failure(c, &facts, &decision);
	*ret_junk = decision.action == GP_AUTHPOLICY_QUARANTINE;
	if (decision.reply.code == 0 && !write_results(c, &facts, &decision, arena, head))
		return no_memory;
	return decision.reply;
}

struct gp_slice
checks_passed(const struct checks *c)
{
	gp_assert(c->outcome == GP_VERIFY_DONE);
	const struct gp_dmarc_result *dmarc = gp_verify_facts(c->verify).dmarc;
	bool passed = dmarc && dmarc->verdict == GP_DMARC_PASS;
	return passed ? dmarc->org_domain : GP_SLICE("");
}

const struct gp_arc_verdict *
checks_chain(const struct checks *c)
{
	gp_assert(c->outcome == GP_VERIFY_DONE);
	return gp_verify_facts(c->verify).arc;
}

struct gp_slice
checks_answers(const struct checks *c, struct gp_buf *buffer)
{
	bool whole = c->verify && gp_answers_write(gp_verify_answers(c->verify), buffer);
	return whole ? gp_buf_slice(buffer) : GP_SLICE("");
}
