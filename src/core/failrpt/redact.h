/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of a message that is told to somebody who has not received it, without what is private
 * in it: RFC 6590. A text that is hidden becomes a token, base64 of its HMAC-SHA-256 by a key of
 * ours, so that the same text is the same token again.
 *
 * Who is told could try texts against a token all the same: he sends us mail of his own that fails,
 * with a thousand local parts in To, and looks at what they become in its report. So each domain
 * that is told, and each client's address, has a key of its own: what others have sent to us cannot
 * be compared with what he sends.
 *
 *   field                                            what is told
 *   From, Date, Message-ID, MIME-Version, List-Id,   all
 *   User-Agent, X-Mailer
 *   Received                                         all but the local parts of addresses, whom
 *                                                    it is for, and who has logged in
 *   To, Cc, Bcc, Sender, Reply-To, Return-Path,      the addresses with their local parts hidden,
 *   Resent-..., Delivered-To and the like            and no names
 *   DKIM-Signature, ARC-Seal,                        all, but nothing where it has copies of other
 *   ARC-Message-Signature                            fields (z=) or addresses, or cannot be read
 *   Subject, and all others                          a token
 *
 * Without a key nothing is hidden. With and without, "http" before a colon is "hxxp", so that
 * nobody follows a link that came in forged mail.
 *
 * What is written are fields of printable ASCII, folded anew, in lines of at most 998 octets, each
 * of which begins with a letter or a digit, or with a space: none can be the boundary of a part, or
 * an empty line. Other octets are '?'; a field whose name has octets but letters, digits, "-" and
 * "_" is left out.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "core/sasl/crypto.h"

enum gp_redact_limits {
	GP_REDACT_HEADER_MAX = 32 * 1024, /* octets of fields that are looked at */
	GP_REDACT_TOKEN_LEN = 20,
	GP_REDACT_NAME_MAX = 76, /* octets of a field's name; a longer one is left out */
};

/* The key for what is told to a domain of mail from an address, out of one that is for all. 0 or
 * -ENOMEM. */
[[nodiscard]] int
gp_redact_key(struct gp_slice master, struct gp_slice domain, struct gp_slice source,
	      struct gp_sha256 *ret);

/* Appends the token. Latches out->failed. */
void
gp_redact_token(struct gp_buf *out, struct gp_slice key, struct gp_slice text);

/* Appends an address, its local part hidden. Without an "@" all of it is. Latches out->failed. */
void
gp_redact_address(struct gp_buf *out, struct gp_slice key, struct gp_slice address);

/* Appends those fields that fit below the buffer's cap: a token is longer than a short name.
 * header: whole fields, GP_REDACT_HEADER_MAX at most; the arena is for the work alone. 0 or
 * -ENOMEM. */
[[nodiscard]] int
gp_redact_header(struct gp_buf *out, struct gp_slice key, struct gp_slice header,
		 struct gp_arena *arena);
