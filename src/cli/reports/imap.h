/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports from a folder of an IMAP server (RFC 3501). Mails are fetched one by one, by UID, without
 * being marked; a batch of them is marked as done once all that is in it is in the database, for
 * good. So whatever breaks in between, the next run has those mails again, and finds what it knows
 * to be duplicates.
 */
#pragma once

#include "cli/reports/imap_url.h"
#include "cli/reports/reader.h"

enum {
	IMAP_BATCH = 32,           /* mails between two syncs */
	IMAP_MAIL_NAME_MAX = 1200, /* octets of what a mail is called, with its NUL */
	IMAP_WINDOW = 50'000,      /* UIDs that are searched at once */
};

struct imap_options {
	struct imap_url url;
	const char *password;    /* fetcher.h's */
	const char *authorities; /* a file of certificates; NULL: the system's */
	const char *move;        /* a folder for those that are done; NULL: they get \Seen */
	/* Nothing is changed on the server, and how far it got is in this file; NULL: it is
	   changed. Its one line: the URL's parts, UIDVALIDITY, and the last UID that is done. */
	const char *progress;
	uint64_t size_max;  /* octets of a mail; larger ones are not marked as done */
	uint64_t mails_max; /* of this run; the next one goes on */
};

struct imap_listener {
	void *context;
	/* A mail; one octet more than size_max stands for all that are larger. The descriptor
	   becomes the listener's. 0 or -errno. */
	int (*file)(void *context, int fd, const struct reader_request *request, const char *name);
	/* Makes all that came in durable. 0 or -errno. */
	int (*store)(void *context);
};

/* 0; 1: it failed, and why is on standard error: what came before is done; -errno: a listener's. */
[[nodiscard]] int
imap_walk(const struct imap_options *o, const struct imap_listener *listener);
