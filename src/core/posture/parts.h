/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of an evaluation share. First each reader finds out what there is, then each judge
 * tells what is wrong with it, knowing all that was read. Both are run in every round, from
 * nothing: they ask for what they lack and go on with what they have, so that all that can be asked
 * is asked at once. What is found in a round that needs more is thrown away.
 */
#pragma once

#include "core/posture/posture.h"

struct posture_met_list;
enum { POSTURE_BOGUS_MAX = 8 };

struct posture_run {
	const struct gp_posture_query *query;
	const struct gp_answers *answers;
	struct gp_arena *arena;
	struct gp_posture_facts *facts;
	struct gp_findings *findings;
	struct gp_dns_question *need;
	size_t need_len;
	unsigned asked; /* so far in this round, known or not: all rounds count the same way */

	/* Answers that are bogus, each once: the first ones that were met. */
	struct gp_dns_answer bogus[POSTURE_BOGUS_MAX];
	size_t bogus_len;

	/* Of the readers, for their own judges. */
	const struct posture_spf *spf;
	const struct posture_dmarc *dmarc;
	bool reported; /* somebody gets the reports that the DMARC record in force asks for */
	const struct posture_keys *keys;
	const struct posture_met_list *met;
};

/*
 * Looks a question up, or adds it to what is needed, unless it is there or there is no room. name
 * must live in the arena, the set's arena or the query. True: known, in *ret. Over
 * GP_POSTURE_QUESTIONS_MAX the answer is that of a DNS that did not answer.
 */
[[nodiscard]] bool
posture_ask(struct posture_run *run, struct gp_slice name, uint16_t type,
	    struct gp_dns_answer *ret);

/* Adds the questions of an evaluator that asks for itself; charge: all that it ever asks, in every
   round. */
void
posture_merge(struct posture_run *run, const struct gp_dns_question *need, size_t len,
	      unsigned charge);

/* The name LABEL.DOMAIN, in the arena. When memory runs out the arena has failed. */
struct gp_slice
posture_name(struct posture_run *run, const char *label, struct gp_slice domain);

/* "MX", "TXT", ... */
const char *
posture_type_name(uint16_t type);

/* Is a host at this domain reached by mail, or could it be? False: the DNS says that it is not, by
   a null MX record, or by neither an MX record nor an address (RFC 5321 section 5.1, RFC 7505). */
bool
posture_is_reachable(struct posture_run *run, struct gp_slice domain);

/* Does a wildcard, whatever its records, make every name below the domain be there (RFC 9989
   section 3.2.13)? */
bool
posture_is_wild(struct posture_run *run, struct gp_slice domain);

/* The name servers of the zone that the name lies in, with commas, as far as they are told; empty:
   they are not. */
struct gp_slice
posture_servers(struct posture_run *run, struct gp_slice name);

/* The fact as earlier looks saw it; NULL: none did. */
const struct gp_posture_past *
posture_past(struct posture_run *run, struct gp_slice name);

/* The same if it was this already; else NULL. */
const struct gp_posture_past *
posture_unchanged(struct posture_run *run, struct gp_slice name, struct gp_slice value);

/* How long ago that was. */
uint64_t
posture_age_s(struct posture_run *run, uint64_t since_s);

/* The start of its SHA-256, hexadecimal: by which facts are compared. */
struct gp_slice
posture_fingerprint(struct posture_run *run, struct gp_slice octets);

/* "2026-11-30" */
struct gp_slice
posture_day(struct posture_run *run, uint64_t time_s);

/* Is the domain that the name belongs to not there, such that anybody could register it? What is
   not known yet, or could not be told, is not. */
bool
posture_unregistered(struct posture_run *run, struct gp_slice name);

/* DKIM selectors to ask about, each once: those that reports tell of, then the query's. */
struct posture_selectors {
	struct gp_slice names[GP_POSTURE_SELECTORS_MAX];
	size_t len;
	bool known; /* some are not guessed */
};
void
posture_selectors(struct posture_run *run, struct posture_selectors *ret);

/* A line for people: what a stricter policy would have hit. Empty: nobody looked at reports. */
struct gp_slice
posture_sent_hit(struct posture_run *run);

/* Since when reports have seen p=none and nothing else; 0: they have not. */
uint64_t
posture_sent_none_s(const struct posture_run *run);

/* Do they tell of mail in its name that passes? */
bool
posture_sent_passes(const struct posture_run *run);

/* Do they tell of mail from addresses of its own that nothing lets pass? */
bool
posture_sent_fails(const struct posture_run *run);

/* --- findings --- */

/* What one is told with. Texts need not be printable. */
struct posture_mend {
	struct gp_slice evidence, fix;
	const struct gp_finding_record *records;
	size_t records_len;
};

void
posture_add(struct posture_run *run, const struct gp_finding_kind *kind, uint8_t severity,
	    const struct posture_mend *mend);

/* What the DNS said in place of an answer, for people. */
struct gp_slice
posture_failure(struct posture_run *run, const struct gp_dns_answer *answer);

/* What could not be measured: the question, and what the DNS said. */
void
posture_unknown(struct posture_run *run, const struct gp_finding_kind *kind,
		const struct gp_dns_answer *answer);

/* The same, for another reason. */
void
posture_not_measured(struct posture_run *run, const struct gp_finding_kind *kind,
		     struct gp_slice why);

/* --- evidence, and what to publish --- */

/* The answer's TXT records as a zone file has them, one a line. */
struct gp_slice
posture_show_txt(struct posture_run *run, const struct gp_dns_answer *answer);

/* One TXT record in an array of its own. NULL: no memory. */
struct gp_finding_record *
posture_txt(struct posture_run *run, struct gp_slice name, struct gp_slice value);

/* The same in a mend. */
struct posture_mend
posture_publish(struct posture_run *run, struct gp_slice evidence, struct gp_slice fix,
		struct gp_slice name, struct gp_slice value);

/* "192.0.2.1" */
struct gp_slice
posture_show_address(struct posture_run *run, const struct gp_dns_record *r);

/* A list of texts with commas between, made piece by piece; it has the evidence's cap. */
struct posture_list {
	struct gp_slice text;
	size_t len;
};
GP_PRINTF(3, 4)
void
posture_list_add(struct posture_run *run, struct posture_list *list, const char *fmt, ...);

/* --- readers --- */

void
posture_read_mx(struct posture_run *run);
void
posture_read_dmarc(struct posture_run *run);
void
posture_read_spf(struct posture_run *run);
void
posture_read_dkim(struct posture_run *run);
void
posture_read_sts(struct posture_run *run);
/* The hosts that were met (met.h), and the MTA-STS policy as it was fetched. */
void
posture_read_met(struct posture_run *run);
void
posture_read_policy(struct posture_run *run, struct posture_met_list *ret);
/* After SPF and MX: the addresses that are its own. */
void
posture_read_own(struct posture_run *run);
/* After all of them: what kind of domain it is. */
void
posture_classify(struct posture_run *run);

/* Does anybody take mail for it, or may? */
static inline bool
posture_takes_mail(const struct posture_run *run)
{
	return run->facts->mx.known && run->facts->mx.len > 0;
}

/* --- judges --- */

/* dmarc.rua.dead, which the DNS shows (dmarc.c), and the hosts (mailbox.c). */
extern const struct gp_finding_kind posture_rua_dead;

void
posture_judge_mx(struct posture_run *run);
void
posture_judge_spf(struct posture_run *run);
void
posture_judge_dkim(struct posture_run *run);
void
posture_judge_dmarc(struct posture_run *run);
/* What the hosts of places for reports said, where they were asked. */
void
posture_judge_mailboxes(struct posture_run *run);
void
posture_judge_sts(struct posture_run *run);
void
posture_judge_tlsrpt(struct posture_run *run);
void
posture_judge_dane(struct posture_run *run);
void
posture_judge_bimi(struct posture_run *run);
/* Of hosts, where they were looked at: whether they are there, and by what name they go; their TLS
   and certificates. */
void
posture_judge_reach(struct posture_run *run);
void
posture_judge_tls(struct posture_run *run);
/* The policy, once there is a good record for it. */
void
posture_judge_policy(struct posture_run *run);
void
posture_judge_caa(struct posture_run *run);
void
posture_judge_wildcard(struct posture_run *run);
/* What only reports show, where there are some. */
void
posture_judge_sent(struct posture_run *run);
/* Last: it tells of what all others met. */
void
posture_judge_dnssec(struct posture_run *run);

/* --- proposals that several judges make --- */

/* The whole set for a domain that sends no mail; *ret_len records. */
const struct gp_finding_record *
posture_lock_down(struct posture_run *run, size_t *ret_len);

/* "; rua=..." for a DMARC record: the places that it has, or else one to begin with; empty where
   none is needed. */
struct gp_slice
posture_rua(struct posture_run *run);

/* A DMARC record as a text. */
struct gp_slice
posture_dmarc_text(struct posture_run *run, const struct gp_dmarc_record *r);

/* The record by which those places' hosts agree, where they must; NULL: none is needed. */
const struct gp_finding_record *
posture_rua_agreement(struct posture_run *run);
