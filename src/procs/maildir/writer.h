/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivery into Maildirs, in batches: several deliveries are begun, then one commit makes all of
 * them durable and says what became of each.
 *
 *  - begin: find or make MAILBOX/{tmp,new,cur}; write tmp/NAME. Junk goes the same way into the
 *    folder MAILBOX/.Junk, which is "Junk" for those who read Maildir++
 *  - commit: sync every file; rename each to new/NAME,S=SIZE; sync every directory that changed,
 *    once. Many at once: see sync.h
 *
 * Invariants:
 *  - "Delivered" means: the file's octets, its name in new/, and the name of every folder on the
 * way from the root have been synced. A folder that was there already when this object first used
 * it may have been made a moment before by somebody who crashed, so its name is synced once too.
 *  - A file has no name in new/ before its octets are synced. A failed sync is not tried again.
 *  - What is deferred or failed leaves no file in new/; when the removal fails too, a copy may stay
 *    behind: delivery is at-least-once.
 *  - No file or folder outside the root is opened, whatever the path holds and whatever symbolic
 *    links stand on the way: the first line is the check of the path, the second the kernel's.
 */
#pragma once

#include "core/smtp/outcome.h"
#include "procs/maildir/files.h"

enum {
	GP_MAILDIR_BATCH_MAX = 64,    /* deliveries; each may hold five descriptors until commit */
	GP_MAILDIR_DEPTH_MAX = 16,    /* components of a mailbox's path */
	GP_MAILDIR_NAME_MAX = 255,    /* octets of one, as of a file's name */
	GP_MAILDIR_KNOWN_MAX = 20000, /* folders whose names are known to be durable */
	GP_MAILDIR_HEADER_MAX = 256 * 1024, /* how far Delivered-To is looked for */
};

struct gp_maildir;

/* hostname: for file names; what does not belong into one is escaped. pid: tells several writers of
 * one host apart. NULL: no memory. */
struct gp_maildir *
gp_maildir_new(const struct gp_maildir_files *files, struct gp_slice hostname, uint32_t pid,
	       const uint64_t seed[2]);
/* Deliveries that were begun and not committed are taken back. Accepts NULL, returns NULL. */
struct gp_maildir *
gp_maildir_free(struct gp_maildir *md);

struct gp_maildir_delivery {
	int root_fd;               /* the mail root; open until the commit */
	struct gp_slice root;      /* a name for it, so that paths below different roots differ */
	struct gp_slice mailbox;   /* relative path below it */
	bool junk;                 /* into its folder for that */
	struct gp_slice sender;    /* for Return-Path (RFC 5321 section 4.4); empty: <> */
	struct gp_slice recipient; /* for Delivered-To */
	struct gp_slice body;      /* the message, CRLF line ends; empty when it is in body_fd */
	int body_fd;               /* -1: none */
	uint64_t body_size;        /* octets in body_fd */
	bool binary;               /* it came as BODY=BINARYMIME: lines are made of it */
};

/*
 * Writes the message into tmp/. Nothing of `d` is kept except root_fd. now_us: wall clock, for the
 * name. Returns the delivery's number, from 0 on; -ENOBUFS: the batch is full, commit first. What
 * fails otherwise becomes the delivery's outcome.
 */
[[nodiscard]] int
gp_maildir_begin(struct gp_maildir *md, const struct gp_maildir_delivery *d, uint64_t now_us);

/* How many were begun since the last gp_maildir_reset. */
size_t
gp_maildir_begun(const struct gp_maildir *md);

/* Decides all deliveries. */
void
gp_maildir_commit(struct gp_maildir *md);

/*
 * After commit. Kinds and codes:
 *  - delivered: 250 2.0.0.
 *  - deferred, of this mailbox (RFC 3463 section 3.3): 452 4.2.2 over quota; 451 4.2.0 its folder
 *    cannot be used, as it is not ours, or a link or a file is in its place.
 *  - deferred, of all: 452 4.3.1 no space; 451 4.3.5 read only; 451 4.3.0 any other error.
 *  - failed: 554 5.4.6 it was in this mailbox before; 550 5.1.3 no mailbox can have this name; 554
 *    5.6.1 it is binary, and its labels are false (core/message/downgrade.h).
 * The text is static.
 */
struct gp_outcome
gp_maildir_outcome(const struct gp_maildir *md, size_t number);

/* The system's error behind a deferral, for the log; 0: there was none. */
int
gp_maildir_errno(const struct gp_maildir *md, size_t number);

/* Forgets the batch, begins the next one. */
void
gp_maildir_reset(struct gp_maildir *md);
