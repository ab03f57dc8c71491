/* SPDX-License-Identifier: Apache-2.0 */
/* ingest's parts: reading a mail or a post (mail.c), telling reports what is in it (teller.c), the
 * role (main.c). */
#pragma once

#include "core/ingest/report.h"
#include "ipc/channel.h"

/* --- teller.c: what is told of a document, as messages to reports --- */

enum {
	INGEST_FRAMES_MAX = 1'048'576, /* as the schema has it */
};

struct teller;

/* NULL: no memory. */
struct teller *
teller_new(void);

/* Where it tells; NULL: nobody is there, and all of it fails with -EPIPE. */
void
teller_connect(struct teller *t, struct gp_channel *channel);

/* A document begins; its ticket is in *ret. What the listener hears from then on is about it. All
 * return 0, -ENOMEM or -EPIPE, and so do the listener's functions. */
[[nodiscard]] int
teller_begin(struct teller *t, struct gp_slice file, bool authenticated, uint64_t *ret);
struct gp_ingest_listener
teller_listener(struct teller *t);
/* refused: why it is not to be kept, a sentence without its full stop; NULL: it is whole. */
[[nodiscard]] int
teller_end(struct teller *t, const char *refused);

/* A mail, of which something was refused, is to be kept: the message but for its ticket, which is
 * in *ret. Closes m->fd. 0, -ENOMEM or -EPIPE. */
[[nodiscard]] int
teller_keep_mail(struct teller *t, struct gp_message *m, uint64_t *ret);

/* --- mail.c --- */

/* What was told of a mail or a post. */
struct ingest_told {
	uint64_t first; /* tickets of its documents: as many from here on */
	size_t len;
	bool authenticated;
	char place[512]; /* where people find it */
};

struct ingest_mail {
	uint64_t id;              /* spool's, by which people find it again */
	struct gp_slice hostname; /* our authserv-id */
	uint64_t seed;            /* random */
	struct gp_slice octets;
};

/*
 * Tells what is in a mail: each report is a document, and a mail without one, too, which is refused
 * with the reason. Its sender is authenticated when the field that we wrote ourselves
 * (core/authres/authres.h has those in our name removed) says that it passed DMARC. Tickets of
 * the documents are in *ret. Returns 0, -ENOMEM or -EPIPE.
 */
[[nodiscard]] int
ingest_read(struct teller *t, const struct ingest_mail *mail, struct ingest_told *ret);

/* A TLS report that somebody posted (RFC 8460 section 5.4): gzip or JSON, and nothing else. */
struct ingest_post {
	struct gp_slice domain; /* that it has to be about */
	struct gp_slice client; /* his address, for people */
	uint64_t seed;          /* random */
	struct gp_slice octets;
};

/* The same of a post, whose sender is nobody. One document. */
[[nodiscard]] int
ingest_read_post(struct teller *t, const struct ingest_post *post, struct ingest_told *ret);
