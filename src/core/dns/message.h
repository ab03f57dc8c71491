/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads DNS response messages: RFC 1035 section 4.1, with the data of RFC 3596 (AAAA), RFC 4034
 * (DS, DNSKEY), RFC 6698 (TLSA) and RFC 8659 (CAA). Whoever resolved the name, its answer is
 * outside data until it has passed here.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "core/dns/record.h"

/*
 * Reads the response to `question`: its question section must repeat the question, aliases are
 * followed inside the message from the name asked, at most GP_DNS_CNAMES_MAX, and only records of
 * the asked type at the chain's end are taken, the first GP_DNS_RECORDS_MAX of them. Authority and
 * additional sections are not looked at. RCODE 0 gives OK or NODATA, 3 NXDOMAIN, all others
 * SERVFAIL; `secure` stays false, as no message can vouch for itself.
 *
 * A record that breaks its type's format spoils the message. Everything is copied into the arena.
 * Returns 0; 1 when the message is malformed, truncated, or answers another question; -ENOMEM.
 */
[[nodiscard]] int
gp_dns_message_parse(struct gp_slice message, const struct gp_dns_question *question,
		     struct gp_arena *arena, struct gp_dns_answer *ret);

/* The least TTL, in seconds, of all records of the answer section; of the authority section where
   the answer has none, so that it is for how long nothing is there (RFC 2308 section 5). False: the
   message is malformed, or has neither. */
[[nodiscard]] bool
gp_dns_message_ttl(struct gp_slice message, uint32_t *ret_s);

/*
 * Reads the data of one record of the given type: `len` octets at offset `at` of the message, all
 * of them. Types other than those of record.h are refused. Results as above.
 */
[[nodiscard]] int
gp_dns_rdata_parse(struct gp_slice message, size_t at, size_t len, uint16_t type,
		   struct gp_arena *arena, struct gp_dns_record *ret);

/* Letters and digits, 255 at most (RFC 8659 section 4.1). */
bool
gp_dns_is_caa_tag(struct gp_slice tag);

/* Appends the data of one record, names uncompressed: what gp_dns_rdata_parse reads back. A record
 * that was not read by this module must keep to its type's limits. False: the buffer's cap. */
[[nodiscard]] bool
gp_dns_rdata_write(struct gp_buf *out, const struct gp_dns_record *record);
