/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of others in a report. Between the files of this folder. */
#pragma once

#include "base/buf.h"

enum gp_tlsrpt_clean {
	GP_TLSRPT_CLEAN_JSON,  /* inside a JSON string: UTF-8, escaped */
	GP_TLSRPT_CLEAN_FIELD, /* in a header field: printable ASCII and spaces */
	GP_TLSRPT_CLEAN_NAME,  /* a name in a header field: letters, digits, ".", "-", "_" */
};

/* Appends s, at most GP_TLSRPT_TEXT_MAX octets of it. What may not stand there becomes '?', in a
 * name '_'. */
void
gp_tlsrpt_put_clean(struct gp_buf *out, struct gp_slice s, enum gp_tlsrpt_clean form);
