/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transfers of whole zones, as a server gives them over TCP: RFC 5936. The question is written
 * here, and the messages of its answer are read, record by record:
 *
 *     gp_axfr_init(&t, &zone, id); send what gp_axfr_query() wrote
 *     for each message, without its length:
 *             r = gp_axfr_message(&t, message);
 *             while (r == 0 && (r = gp_axfr_next(&t, &record)) == GP_AXFR_RECORD)
 *                     ...
 *             until r is END or WRONG
 *
 * A zone that is cut is none: what was read counts when END came. Who sent it is core/tsig's to
 * prove, message by message. Names that are not within the zone are passed over.
 */
#pragma once

#include "base/buf.h"
#include "core/dns/name.h"

enum gp_axfr_limits {
	GP_AXFR_RECORDS_MAX = 10'000'000,
	GP_AXFR_OCTETS_MAX = 1 << 30, /* of all messages */
	GP_AXFR_QUERY_MAX = 2 + 12 + GP_DNS_NAME_MAX + 4,
};

struct gp_axfr {
	struct gp_name zone;
	uint16_t id;
	uint32_t serial; /* of the SOA record that it began with */
	bool begun, ended;
	uint64_t records, octets; /* so far */
	struct gp_slice message;  /* under way, */
	size_t at;                /* the next record of it, */
	unsigned left;            /* and how many there are */
	const char *why;          /* GP_AXFR_WRONG: what is; static */
};

struct gp_axfr_record {
	struct gp_name owner; /* within the zone */
	uint16_t type;        /* any; enum gp_dns_type has those of mail */
	size_t at, len;       /* its data within the message, for gp_dns_rdata_parse() */
};

enum gp_axfr_outcome {
	GP_AXFR_RECORD = 0,
	GP_AXFR_MORE = 1,  /* of this message there is nothing left: give the next one */
	GP_AXFR_END = 2,   /* the zone is whole */
	GP_AXFR_WRONG = 3, /* nothing more is to be read */
};

/* id: random. */
void
gp_axfr_init(struct gp_axfr *t, const struct gp_name *zone, uint16_t id);

/* Appends the question with its length in front, as TCP has it (RFC 1035 section 4.2.2), at most
   GP_AXFR_QUERY_MAX octets. False: the buffer's cap. */
[[nodiscard]] bool
gp_axfr_query(const struct gp_axfr *t, struct gp_buf *out);

/* One more message, to be kept until it is read. 0 or GP_AXFR_WRONG. */
[[nodiscard]] int
gp_axfr_message(struct gp_axfr *t, struct gp_slice message);

/* The next record of it. Returns enum gp_axfr_outcome. */
[[nodiscard]] int
gp_axfr_next(struct gp_axfr *t, struct gp_axfr_record *ret);
