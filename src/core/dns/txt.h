/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TXT records that are a version and fields, "v=STSv1; id=1; rua=...": the grammar that RFC 8461
 * section 3.1 and RFC 8460 section 3 share.
 *
 *     record = version 1*( delim field ) [ delim ]        delim = *WSP ";" *WSP
 *
 * Versions and names are case-sensitive. White space behind the last field is let pass.
 */
#pragma once

#include "core/dns/record.h"

enum { GP_TXT_NAME_MAX = 32 }; /* octets of a field's name, both places */

struct gp_txt_field {
	struct gp_slice name;
	struct gp_slice value; /* may hold any octet but ";", and be empty: the reader checks it */
};

/*
 * How many of the answer's records are of this version ("v=STSv1", before a delimiter); all others
 * are passed over. *ret_fields: what follows the delimiter in the last of them.
 */
size_t
gp_txt_select(const struct gp_dns_answer *answer, struct gp_slice version,
	      struct gp_slice *ret_fields);

/*
 * Takes the next field off *fields. 0: here it is. 1: there are no more. -EINVAL: the text is not
 * of the grammar above.
 */
[[nodiscard]] int
gp_txt_next(struct gp_slice *fields, struct gp_txt_field *ret);

/* Is the value one that an unknown field may have: printable, neither space nor ";" nor "="? */
bool
gp_txt_extension_valid(struct gp_slice value);
