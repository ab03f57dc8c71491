/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XML of a file that is held whole, read strictly: what is not well-formed (XML 1.0) ends it. It is
 * as much of XML as an image needs: in UTF-8, names in ASCII, without a document type, so that no
 * entity is ever declared and nothing is ever fetched.
 */
#pragma once

#include "base/scan.h"

enum gp_bimi_xml_limits {
	GP_BIMI_XML_DEPTH_MAX = 64, /* elements in each other */
	GP_BIMI_XML_ATTRIBUTES_MAX = 64,
};

enum gp_bimi_xml_kind {
	GP_BIMI_XML_OPEN,
	GP_BIMI_XML_CLOSE,
	GP_BIMI_XML_TEXT, /* of which several may stand together */
};

/* Slices of the file as they stand there, references and all. */
struct gp_bimi_xml_event {
	enum gp_bimi_xml_kind kind;
	struct gp_slice name;       /* of an element, with its prefix */
	struct gp_slice attributes; /* OPEN: for gp_bimi_xml_attribute() */
	struct gp_slice text;
};

struct gp_bimi_xml {
	struct gp_scan at;
	struct gp_slice open[GP_BIMI_XML_DEPTH_MAX];
	size_t depth;
	bool begun;      /* the outermost element was there */
	bool closing;    /* the last tag has its end in it */
	const char *why; /* what is wrong with it, static; NULL: nothing */
};

struct gp_bimi_xml
gp_bimi_xml(struct gp_slice file);

/* The next event; false: there is none, because it is over or because of x->why. */
[[nodiscard]] bool
gp_bimi_xml_next(struct gp_bimi_xml *x, struct gp_bimi_xml_event *ret);

/* Cuts the next attribute off the front; false: there is none. */
[[nodiscard]] bool
gp_bimi_xml_attribute(struct gp_slice *attributes, struct gp_slice *ret_name,
		      struct gp_slice *ret_value);
