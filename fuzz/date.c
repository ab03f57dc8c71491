/* SPDX-License-Identifier: Apache-2.0 */
/* A time in any form; one that is read, written in the standard's form, is read to the same. */
#include "core/message/date.h"
#include "core/trace/when.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_when w = gp_when_parse(gp_slice((const char *)data, size));
	gp_assert(w.len <= size);
	if (!w.known)
		return 0;
	/* The zone may lead out of the years that are read, by a day at most. */
	if (w.epoch_s < 0 || w.epoch_s > 253402300799) {
		gp_assert(w.epoch_s > -86400 && w.epoch_s < 253402300800 + 86400);
		return 0;
	}
	struct gp_date_text text = gp_date_text((uint64_t)w.epoch_s);
	struct gp_when again = gp_when_parse(gp_slice_str(text.s));
	gp_assert(again.known && again.epoch_s == w.epoch_s && again.odd == 0);
	return 0;
}
