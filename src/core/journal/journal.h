/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway's journal: what came, what became of it, what was refused, and which answers of the
 * DNS its verification used; entries as octets and back. Who keeps them is procs/spool/journal.c,
 * who reads them cli/trace/records.c.
 *
 * A file of it is entries one behind the other, little-endian:
 *
 *     u32 size, u32 CRC-32C of what follows, then size octets: kind, time, id, the rest
 *
 * It is appended to and never synced, so its end may be torn; what is behind the first entry that
 * is not whole does not count.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "core/smtp/outcome.h"

enum gp_journal_limits {
	GP_JOURNAL_TEXT_MAX = 512,             /* octets of each text; longer ones are cut */
	GP_JOURNAL_RCPTS_MAX = 50,             /* recipients that ARRIVED names */
	GP_JOURNAL_ANSWERS_MAX = 16 * 1024,    /* octets of a message's answers */
	GP_JOURNAL_ENTRY_MAX = 64 * 1024,      /* octets of any entry */
	GP_JOURNAL_FILE_MAX = 64 * 1024 * 1024 /* and of any file */
};

enum gp_journal_kind {
	/* First in a file that tells of mail: ids from its `id` on were given later. */
	GP_JOURNAL_BEGAN = 1,
	GP_JOURNAL_LOST,    /* `count` entries that stood here could not be kept */
	GP_JOURNAL_ARRIVED, /* a message was taken into the queue */
	GP_JOURNAL_OUTCOME, /* what an attempt to deliver to one recipient came to */
	GP_JOURNAL_REFUSED, /* a sender, a recipient or a message was refused */
	GP_JOURNAL_ANSWERS, /* of the DNS, as the message's verification used them */
};

/* By whom a message was handed to us. */
enum gp_journal_origin {
	GP_JOURNAL_STRANGER = 1,
	GP_JOURNAL_NETWORK, /* a client in relay_networks */
	GP_JOURNAL_USER,    /* who had authenticated as `user` */
	GP_JOURNAL_OURS,    /* a bounce or a report of the gateway */
};

/* What is not of its kind is empty, or 0. Texts are as strangers wrote them. */
struct gp_journal_entry {
	uint8_t kind;     /* enum gp_journal_kind */
	uint64_t time_ms; /* since 1970 */
	uint64_t id;      /* of the queue; 0: none */
	/* ARRIVED and REFUSED */
	uint8_t origin;         /* enum gp_journal_origin */
	struct gp_slice client; /* its address */
	struct gp_slice helo, user;
	struct gp_slice sender;     /* reverse-path without brackets; empty: null */
	struct gp_slice message_id; /* as in its field, with brackets */
	/* ARRIVED */
	struct gp_slice tls;     /* "TLSv1.3"; empty: in clear */
	struct gp_slice results; /* of its verification, for people: "spf=pass dkim=none ..." */
	uint64_t size;
	const struct gp_slice *rcpts; /* the first of them */
	size_t rcpts_len;
	uint32_t rcpts_all; /* how many there were */
	/* OUTCOME and REFUSED */
	struct gp_slice rcpt; /* REFUSED: the first one, where there was any */
	struct gp_reply reply;
	/* OUTCOME */
	uint8_t outcome; /* enum gp_outcome_kind */
	struct gp_slice remote;
	uint32_t attempts;
	uint64_t next_ms; /* DEFERRED: when it is tried again */
	/* LOST */
	uint64_t count;
	/* ANSWERS: of gp_answers_write */
	struct gp_slice answers;
};

/* Appends it. False: the buffer's cap; then nothing was appended, and the buffer is as before. */
[[nodiscard]] bool
gp_journal_write(struct gp_buf *out, const struct gp_journal_entry *entry);

/*
 * Takes the next entry off the front of a file. Its texts are parts of the file, its list is in the
 * arena. Returns 0; 1 at the end, or where the next entry is not whole: *file is what is left;
 * -ENOMEM.
 */
[[nodiscard]] int
gp_journal_read(struct gp_slice *file, struct gp_arena *arena, struct gp_journal_entry *ret);
