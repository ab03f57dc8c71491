/* SPDX-License-Identifier: Apache-2.0 */
/* The values that fields of messages.schema take. A receiver that meets another one ends the
 * channel. */
#pragma once

enum gp_commit_result {
	GP_COMMIT_DONE = 1, /* on disk: say 250 */
	GP_COMMIT_FULL,     /* no space */
	GP_COMMIT_FAILED,   /* the disk, or memory: try again later */
	GP_COMMIT_TOO_BIG,
	GP_LETTER_REFUSED, /* of a letter alone: nobody is there, or it is no address */
};

enum gp_fetch_kind {
	GP_FETCH_GET_TEXT = 1, /* GET; what comes must be text/plain */
	GP_FETCH_POST,
};

enum gp_fetch_result {
	GP_FETCH_OK = 1,
	/* Not tried, and never to be: no address that we may dial, or a senseless request. */
	GP_FETCH_REFUSED,
	GP_FETCH_CONNECT_FAILED,
	GP_FETCH_TLS_FAILED, /* the certificate is not the host's, or no TLS 1.2 and later */
	GP_FETCH_TIMEOUT,
	GP_FETCH_BROKEN,      /* the connection ended early, or what came is not HTTP */
	GP_FETCH_REDIRECT,    /* 3xx, which is not followed */
	GP_FETCH_HTTP_STATUS, /* neither 200 nor, for a POST, 201 */
	GP_FETCH_BAD_CONTENT, /* not text/plain */
	GP_FETCH_TOO_LARGE,
	/* Not tried, or not long enough, for lack of room, memory or time here: that says nothing
	 * about the host. */
	GP_FETCH_NO_ROOM,
};

enum gp_auth_result {
	GP_AUTH_OK = 1,
	GP_AUTH_BAD,       /* not who it says it is: 535 */
	GP_AUTH_MALFORMED, /* no such exchange: 501 */
	GP_AUTH_TEMPORARY, /* we could not find out: 454 */
	GP_AUTH_LOCKED,    /* too many failures; nothing was checked: 454 */
	GP_AUTH_UNKNOWN,   /* no such mechanism here: 504 */
};

enum gp_quota_result {
	GP_QUOTA_TAKEN = 1,
	GP_QUOTA_HOURLY, /* over the user's hourly limit: 450 */
	GP_QUOTA_DAILY,
	GP_QUOTA_UNKNOWN, /* we could not count: 450 */
};

enum gp_sign_result {
	GP_SIGN_DONE = 1,
	GP_SIGN_NO_KEY,
	GP_SIGN_FAILED,
};

enum gp_secret_kind {
	GP_SECRET_PASSWORD = 1,
	GP_SECRET_TOKEN,
	GP_SECRET_CLIENT, /* what a token is had for */
	GP_SECRET_ISSUER, /* auth's, towards the issuer of tokens */
	/* smtpd's, of the addresses of core/srs: what they are made with, and were before. */
	GP_SECRET_SRS,
	GP_SECRET_SRS_BEFORE,
};

/* A page of the dashboard, or a part of one. */
enum gp_figures_kind {
	GP_FIGURES_OVERVIEW = 1,
	GP_FIGURES_DOMAINS,
	GP_FIGURES_SOURCES,
	GP_FIGURES_SOURCE, /* a single one, of a domain */
	GP_FIGURES_POLICY, /* what a stricter one would hit */
	GP_FIGURES_SIGNERS,
	GP_FIGURES_REPORTERS,
	GP_FIGURES_TLS,
	GP_FIGURES_FAILURES, /* single messages, with addresses and subjects */
	GP_FIGURES_STORE,    /* what is kept, and what was refused */
	/* Of the history of audits; the days and the rest count for nothing. */
	GP_FIGURES_AUDITS, /* all domains */
	GP_FIGURES_AUDIT,  /* a single one */
	GP_FIGURES_SCANS,  /* of the results of a scan, likewise */
};

enum gp_figures_result {
	GP_FIGURES_OK = 1,
	GP_FIGURES_MALFORMED, /* no such question */
	GP_FIGURES_FAILED,    /* the database cannot be read; its role's log says why */
};

/* What became of a report of somebody else's. */
enum gp_ingested {
	GP_INGESTED_KEPT = 1,
	GP_INGESTED_KNOWN,   /* it was there already, or is too old */
	GP_INGESTED_REFUSED, /* in quarantine, with its reason */
	GP_INGESTED_FAILED,  /* the database has it not: to be told again */
};

enum gp_queue_verb {
	GP_QUEUE_LIST = 1,
	GP_QUEUE_SHOW, /* with recipients and what was last heard of them */
	GP_QUEUE_CAT,
	GP_QUEUE_RETRY,
	GP_QUEUE_HOLD,
	GP_QUEUE_RELEASE,
	GP_QUEUE_DROP,
	GP_QUEUE_BOUNCE,
	GP_QUEUE_JOURNAL, /* the files of the journal; selectors count for nothing */
	GP_QUEUE_FLOW,    /* for web: what goes on; alike */
};

/* Each has files of its own, so that what strangers can make many of drives out no other. */
enum gp_journal_file_kind {
	GP_JOURNAL_FILE_MAIL = 1, /* what came, and what became of it */
	GP_JOURNAL_FILE_ANSWERS,
	GP_JOURNAL_FILE_REFUSED,
};

enum gp_queue_result {
	GP_QUEUE_OK = 1,
	GP_QUEUE_NOT_FOUND,
	GP_QUEUE_REFUSED,
	GP_QUEUE_ERROR,
	GP_QUEUE_PARTLY, /* for web: done, but not all messages were looked at */
};

/* The state of a recipient in queue_rcpt: 0 pending and never tried, else enum gp_outcome_kind. */
