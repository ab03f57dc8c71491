/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of others in a report: no octet of theirs ends a string, an element, a field or a part. */
#pragma once

#include "base/buf.h"

enum {
	GP_REPORT_TEXT_MAX = 512, /* octets of a reason, a name, an address */
	GP_REPORT_NAME_MAX = 255, /* of a name in a header field, some of which share a line */
};

enum gp_report_clean {
	GP_REPORT_CLEAN_JSON,  /* inside a JSON string: UTF-8, escaped */
	GP_REPORT_CLEAN_XML,   /* inside an XML element: the same */
	GP_REPORT_CLEAN_FIELD, /* in a header field: printable ASCII and spaces */
	GP_REPORT_CLEAN_NAME,  /* a name in a header field: letters, digits, ".", "-", "_" */
};

/* Appends s, at most GP_REPORT_TEXT_MAX octets of it, of a name GP_REPORT_NAME_MAX. What may not
 * stand there becomes '?', in a name '_'. */
void
gp_report_put_clean(struct gp_buf *out, struct gp_slice s, enum gp_report_clean form);
