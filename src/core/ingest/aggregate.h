/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a DMARC aggregate report: XML of RFC 9990 section 3.1, of RFC 7489 appendix C, and of the
 * drafts before it, in pieces and in constant memory. Octets are of any origin (recode.h, xml.h
 * say what is mended).
 *
 * Elements are told by their names alone, whatever their namespace; unknown ones are skipped with
 * all that is in them, and order does not matter, but that what is about the report must stand
 * before its records. Of what may stand there once, the first counts. What is missing, odd or
 * cannot be read is a flaw (report.h): a record needs an address and a count, a report a range of
 * time and a domain; nothing else is needed. Where the XML breaks off, what was read before is
 * kept.
 *
 * Caps: tags and how deep they nest (xml.h), texts and lists (report.h), and how many records are
 * read.
 */
#pragma once

#include "core/ingest/report.h"

struct gp_aggregate;

/* The listener stays the caller's, as long as the reader lives. records_max: a report that has more
 * is told to be lost, with those that came before. NULL: no memory. */
struct gp_aggregate *
gp_aggregate_new(const struct gp_ingest_listener *listener, uint64_t records_max);

/* As a new one, for another report; it keeps the memory that it has. */
void
gp_aggregate_again(struct gp_aggregate *a, const struct gp_ingest_listener *listener,
		   uint64_t records_max);

/* Accepts NULL, returns NULL. */
struct gp_aggregate *
gp_aggregate_free(struct gp_aggregate *a);

/* The next octets, as many as there are. Not 0: what the listener returned, or -ENOMEM; then
 * nothing more is read. Where nothing more is wanted, it is passed over, and 0. */
int
gp_aggregate_feed(struct gp_aggregate *a, struct gp_slice octets);

/* Nothing follows: tells what is left to tell. Returns as feed does. Whether the report was kept,
 * the listener knows: it has its head, or a flaw by which all is lost. */
int
gp_aggregate_end(struct gp_aggregate *a);
