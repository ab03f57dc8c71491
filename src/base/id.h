/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queue ids: 64 bits, shown as 11 characters of 0-9A-Za-z that sort in the order of the numbers.
 * The spool gives them out in rising order, from a start that is never below the clock's
 * microseconds shifted by 12 bits nor below any id that it may have given before; so they are
 * unique for ever.
 */
#pragma once

#include "base/slice.h"

enum { GP_ID_LEN = 11, GP_ID_LEN_MAX = 16 };

struct gp_id_text {
	char s[GP_ID_LEN + 1];
};

struct gp_id_text
gp_id_text(uint64_t id);

/* False when s is not 11 of those characters, or more than 64 bits. */
[[nodiscard]] bool
gp_id_parse(struct gp_slice s, uint64_t *ret_id);

/*
 * An id that somebody asks for: to everybody else it is 11 to 16 of those characters. One of that
 * form that no message has ever got is GP_ID_NOBODYS, 0 among them, by which requests mean that
 * none is named. False: it has another form.
 */
[[nodiscard]] bool
gp_id_asked(struct gp_slice s, uint64_t *ret_id);

#define GP_ID_NOBODYS UINT64_MAX
