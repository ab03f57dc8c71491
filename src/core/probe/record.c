/* SPDX-License-Identifier: Apache-2.0 */
#include "core/probe/record.h"

struct gp_slice
gp_probe_line(struct gp_slice *text)
{
	struct gp_slice line = gp_slice_cut(text, '\n');
	bool coded = line.len >= 3 && gp_ascii_is_digit(line.ptr[0]) &&
		     gp_ascii_is_digit(line.ptr[1]) && gp_ascii_is_digit(line.ptr[2]);
	return coded ? gp_slice_drop(line, 4) : line;
}

/* The keyword of a line, and its parameters. */
static struct gp_slice
take_keyword(struct gp_slice line, struct gp_slice *ret_params)
{
	size_t n = 0;
	while (n < line.len && line.ptr[n] != ' ' && line.ptr[n] != '=')
		n++;
	*ret_params = gp_slice_trim(gp_slice_drop(line, n + 1));
	return gp_slice_take(line, n);
}

bool
gp_probe_offers(const struct gp_probe_reply *ehlo, struct gp_slice keyword, struct gp_slice *ret)
{
	struct gp_slice text = ehlo->text, params;
	if (ehlo->code < 200 || ehlo->code > 299)
		return false;
	(void)gp_probe_line(&text); /* the server's name (RFC 5321 section 4.1.1.1) */
	while (text.len > 0) {
		if (!gp_slice_eq_nocase(take_keyword(gp_probe_line(&text), &params), keyword))
			continue;
		if (ret)
			*ret = params;
		return true;
	}
	return false;
}

const struct gp_probe_reply *
gp_probe_last_ehlo(const struct gp_probe_record *record)
{
	const struct gp_probe_reply *inside = &record->replies[GP_PROBE_EHLO_TLS];
	return inside->code > 0 ? inside : &record->replies[GP_PROBE_EHLO];
}
