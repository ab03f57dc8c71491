/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What octets are, by how they begin. Names of files and types of attachments are not asked: they
 * are wrong too often ("zip" for gzip, ".xml.gz" for JSON, "application/octet-stream").
 */
#pragma once

#include "base/slice.h"

enum gp_form {
	GP_FORM_NONE = 0, /* empty, or blanks alone */
	GP_FORM_XML,  /* by a declaration, a comment or the tag of a DMARC report; HTML is OTHER */
	GP_FORM_JSON, /* by a brace */
	GP_FORM_GZIP,
	GP_FORM_ZIP,
	GP_FORM_OUTLOOK, /* Outlook's own, ".msg" and winmail.dat */
	GP_FORM_MAIL,    /* by a field of a header, or a line "From " of an mbox before one */
	GP_FORM_OTHER,
};

enum { GP_FORM_PEEK = 256 }; /* octets that are enough to tell, but for many blanks in front */

/* Byte order marks and blanks before a document are passed over. */
enum gp_form
gp_form_of(struct gp_slice octets);
