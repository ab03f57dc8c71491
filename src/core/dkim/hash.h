/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a signature is over (RFC 6376 section 3.7): the fields that it names, each instance of a
 * name from the bottom up, and at the end its own field without the value of b=. A name that finds
 * no more fields stands for nothing: naming a field once more than it is there ("oversigning")
 * makes one that is added later break the signature (section 5.4.2).
 */
#pragma once

#include "core/dkim/signature.h"
#include "core/message/header.h"

/* Octets for all of a header, relaxed, and a signature of ours. */
enum { GP_DKIM_INPUT_MAX = GP_HEADER_SIZE_MAX + 16 * 1024 };

/* Appends the fields that are named. own: a field that is never meant, or fields_len. */
void
gp_dkim_put_fields(const struct gp_header *h, const struct gp_slice *names, size_t names_len,
		   uint8_t canon, size_t own, struct gp_buf *out);

/* Appends the field of a signature, without `raw` (a part of it; the empty slice for none) and
 * without the CRLF at the end. 0 or -ENOMEM. */
[[nodiscard]] int
gp_dkim_put_own(struct gp_slice field, struct gp_slice raw, uint8_t canon, struct gp_arena *arena,
		struct gp_buf *out);

/* The digest that the signature in that field is over. 0 or -ENOMEM. */
[[nodiscard]] int
gp_dkim_header_digest(const struct gp_header *h, size_t own, const struct gp_dkim_signature *sig,
		      struct gp_arena *arena, struct gp_dkim_digest *ret);
