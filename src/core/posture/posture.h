/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mail posture of a domain: what its DNS says about mail, what an attacker gains by it, and the
 * records to publish instead.
 *
 * A pure function of the question and of what is known of the DNS. It answers; or it asks, for all
 * that it can use now, to be run again when the answers (failures too) are in the set. Every round
 * makes progress: it takes one for each step of the longest chain of includes and hosts.
 *
 * A finding's records are what to publish in place of those of the same name and type (of TXT: of
 * the same version): published, they end the finding and begin no other. But a DMARC policy by
 * which mail could be lost goes up a step at a time: what its records lead to is found again, as
 * the same or as something less grave, and proposes the next step when its time has come.
 *
 * The first error in a record does not hide the second. What the DNS did not say is not measured,
 * and nothing is concluded from it.
 */
#pragma once

#include "core/dmarc/walk.h"
#include "core/dns/answers.h"
#include "core/finding/finding.h"
#include "core/posture/hosts.h"
#include "core/posture/past.h"
#include "core/posture/sent.h"

enum gp_posture_limits {
	GP_POSTURE_NEED_MAX = 512,       /* questions of a round; more are asked in the next */
	GP_POSTURE_QUESTIONS_MAX = 1024, /* of all rounds; room for as many in the set is enough */
	GP_POSTURE_HOSTS_MAX = 20,       /* MX hosts looked at, the best preferred ones */
	GP_POSTURE_SELECTORS_MAX = 100,
	GP_POSTURE_OWN_MAX = 64,             /* addresses that are taken for the domain's own */
	GP_POSTURE_ARENA = 32 * 1024 * 1024, /* octets that are enough for any domain */
};

enum gp_posture_class {
	GP_POSTURE_UNKNOWN,
	GP_POSTURE_SENDING,   /* it publishes who may send */
	GP_POSTURE_RECEIVING, /* it has MX hosts, and nobody may send */
	GP_POSTURE_PARKED,    /* neither: the lock-down set is what it should have */
	GP_POSTURE_ABSENT,    /* there is no such domain */
};

/*
 * The strictest DMARC policy that is proposed now, where the domain's record is or would be. Of a
 * domain that sends no mail it is the strictest there is. Of others it is one step from what is in
 * force, and what is in force until that has had its time: GP_POSTURE_STAGE_S as far as earlier
 * looks tell, with reports that somebody gets, and none of a host of the domain's own whose mail
 * nothing lets pass. Where nobody knows since when it is in force, whoever publishes is to know.
 */
struct gp_posture_stage {
	uint8_t class; /* enum gp_posture_class, by which it is that */
	uint8_t p, sp; /* enum gp_dmarc_policy, for the domain and for names below */
	bool testing;  /* at p the test mode stays */
};

struct gp_posture_query {
	struct gp_slice domain; /* U-labels too */
	uint64_t now_s;         /* since 1970: of proposed MTA-STS ids, and for certificates */
	/* DKIM selectors that it may have, A-labels; what is over the limit is passed over. */
	const struct gp_slice *selectors;
	size_t selectors_len;
	bool selectors_known; /* they are from its mail or its reports, not guessed */
	bool validated;       /* the answers' `secure` means something: somebody validated them */
	struct gp_slice reporter; /* mail address for rua in proposals; empty: one in the domain */
	const struct gp_posture_hosts *hosts; /* NULL: nobody looked at hosts */
	const struct gp_posture_file *policy; /* MTA-STS's; NULL: nobody asked for it */
	const struct gp_posture_bimi *bimi;   /* NULL: nobody followed its record */
	/* Places of DMARC's reports whose hosts were asked; none: nobody asked. */
	const struct gp_posture_mailbox *mailboxes;
	size_t mailboxes_len;
	const struct gp_posture_past *past; /* what earlier looks saw; none: nobody looked */
	size_t past_len;
	const struct gp_posture_sent *sent; /* what others reported; NULL: nobody looked */
	/* enum gp_dmarc_policy that is to be proposed at once, where it is stricter than what is in
	   force; absent: the next step. */
	uint8_t policy_wanted;
	/* What was found before records were taken as published, which are no step to go on from,
	   and make a domain that sends none that does not; NULL: none were. */
	const struct gp_posture_stage *stage;
};

struct gp_posture_address {
	uint8_t octets[GP_DNS_ADDRESS_MAX];
	uint8_t len; /* 4 or 16 */
};

/* A DKIM key that was found, not a revoked one. */
struct gp_posture_key {
	struct gp_slice selector;
	struct gp_slice fingerprint; /* the start of the key's SHA-256, hexadecimal */
};

/* Does a mailbox get mail, by what its hosts said to RCPT? */
enum gp_posture_taken {
	GP_POSTURE_TAKEN_UNKNOWN,
	GP_POSTURE_TAKEN,
	GP_POSTURE_TAKEN_NOT,
};

struct gp_posture_mailbox {
	struct gp_slice address;
	uint8_t taken;       /* enum gp_posture_taken */
	struct gp_slice why; /* unless it is taken: the reply, or why there is none */
};

/* What a reply to RCPT says of the mailbox, by its code (0: there is none) and its text with the
   code: a refusal of who asks, or of today, says nothing of it (RFC 3463 section 3). */
uint8_t
gp_posture_taken_by(unsigned code, struct gp_slice reply);

/* Of a URI. */
struct gp_posture_place {
	struct gp_slice host; /* a name */
	struct gp_slice path; /* "/logo.svg", with its query */
};

/* What the parts found out for each other, and for the baselines; `known` is false where the DNS
   did not say. */
struct gp_posture_facts {
	struct gp_slice domain; /* lower case, A-labels */
	struct gp_slice org;    /* its organisational domain; empty: not known */
	uint8_t class;          /* enum gp_posture_class */
	struct {
		bool known, null;
		bool implicit; /* no MX record, and an address that mail would go to */
		const struct gp_dns_record *records; /* by preference */
		size_t len;
	} mx;
	struct {
		bool known, present, valid;
		bool nobody;            /* it authorises nobody: "-all" alone */
		bool closed;            /* it ends in "-all", by a redirect too */
		unsigned lookups;       /* of a client that nothing matches */
		struct gp_slice record; /* the text; empty: none, or several */
	} spf;
	struct {
		bool known, present;
		struct gp_slice at; /* the name that has the record in force */
		uint8_t p;          /* enum gp_dmarc_policy in force for the domain itself */
		uint8_t sp, np;     /* in force for names below; for those that are not there */
		bool testing;
		struct gp_slice record;          /* the text of the record in force */
		const struct gp_dmarc_uris *rua; /* of the record in force; NULL: there is none */
		struct gp_posture_stage stage;
	} dmarc;
	struct {
		unsigned keys, revoked; /* found; with an empty p */
		bool wildcard_revoked;
		const struct gp_posture_key *list; /* in the order of the query's selectors */
		size_t list_len;
	} dkim;
	struct {
		struct gp_slice id;     /* of the record that counts; empty: there is none */
		struct gp_slice policy; /* the same as a key's fingerprint; empty: not fetched */
	} sts;
	/* Addresses that its mail comes from, or goes to: of its MX hosts, and what its SPF record
	   authorises, with those that it includes of the same organisation; each once, none that is
	   private. */
	struct {
		const struct gp_posture_address *list;
		size_t len;
		size_t left_out; /* networks and addresses that there was no room for */
	} own;
	/* Where the BIMI record that counts leads: to be asked for, by HTTPS, and handed
	   in with the next query. Host empty: nowhere. */
	struct {
		struct gp_posture_place logo, certificate;
	} bimi;
	/* When the first of its MX hosts' certificates ends, since 1970; 0: none was seen. */
	int64_t certificate_until_s;
};

struct gp_posture_result {
	struct gp_posture_facts facts;
	struct gp_findings findings;
	const struct gp_dns_question *need; /* NEED: each once, none of them in the set */
	size_t need_len;
};

enum gp_posture_outcome {
	GP_POSTURE_DONE = 0,
	GP_POSTURE_NEED = 1,
	GP_POSTURE_NO_NAME = 2, /* the text is no domain name */
};

/*
 * The ids of findings that are looked for in every domain, as far as the DNS answers; and of those
 * that only hosts can show, which are looked for where the query has some. What of these could not
 * be measured a finding says. What takes a past (dkim.old) or reports (dkim.unused,
 * dmarc.no.pass.path, dmarc.align.strict) is in neither list.
 */
extern const char *const gp_posture_ids[];
extern const size_t gp_posture_ids_len;
extern const char *const gp_posture_host_ids[];
extern const size_t gp_posture_host_ids_len;

/* "sending", "parked", ... */
const char *
gp_posture_class_name(uint8_t value);

/* Does a proposed record at this name stand in place of that one of the same type? Beside an SPF
   record others stay, as the domain's name is for many purposes. */
bool
gp_posture_is_replaced(struct gp_slice name, const struct gp_dns_record *there);

/* Returns enum gp_posture_outcome, or -ENOMEM. Results live in the arena, the set's arena and the
   query. */
[[nodiscard]] int
gp_posture_eval(const struct gp_posture_query *query, const struct gp_answers *answers,
		struct gp_arena *arena, struct gp_posture_result *ret);
