/* SPDX-License-Identifier: Apache-2.0 */
/* A logo of a stranger; and the same octets for expat: what our reader takes for XML has to be. */
#include <expat.h>

#include "core/bimi/svg.h"
#include "core/bimi/xml.h"

enum { ARENA_MAX = 1 << 20 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_read_by_expat(struct gp_slice file)
{
	XML_Parser p = XML_ParserCreate(NULL);
	gp_assert(p);
	bool good = XML_Parse(p, file.ptr, (int)file.len, 1) == XML_STATUS_OK;
	XML_ParserFree(p);
	return good;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice file = gp_slice((const char *)data, size);
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_bimi_xml x = gp_bimi_xml(file);
	struct gp_bimi_xml_event e;
	struct gp_bimi_svg svg;
	size_t open = 0;
	while (gp_bimi_xml_next(&x, &e)) {
		gp_assert(e.kind != GP_BIMI_XML_CLOSE || open > 0);
		open += e.kind == GP_BIMI_XML_OPEN;
		open -= e.kind == GP_BIMI_XML_CLOSE;
	}
	gp_assert(x.why || (open == 0 && is_read_by_expat(file)));
	gp_bimi_svg_check(file, &arena, &svg);
	gp_assert(!x.why || svg.len > 0);
	for (size_t i = 0; i < svg.len; i++)
		gp_assert(svg.faults[i].len > 0);
	gp_arena_free(&arena);
	return 0;
}
