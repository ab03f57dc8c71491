/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page of findings as PDF, by Chromium where it is there: headless, in its own sandbox, with a
 * profile of its own in a temporary folder and nobody to speak with. It is given a page that loads
 * and runs nothing. For root it runs as the user "nobody", since it keeps its sandbox for others
 * alone, in a network without devices.
 *
 * All functions say to standard error what is wrong.
 */
#pragma once

#include "cli/audit/copy.h"

enum {
	AUDIT_PDF_WAIT_MS = 5 * 60 * 1000, /* for a page of thousands of domains */
	AUDIT_PDF_MAX = 512 << 20,         /* octets */
};

struct audit_pdf {
	struct audit_copy copy; /* of the page: the caller adds to it */
	const char *path;       /* of the PDF */
	char program[256];
	char folder[256];
};

/* Looks for the program, and makes the folder. False: it cannot be. To be closed in any case. */
[[nodiscard]] bool
audit_pdf_open(struct audit_pdf *p, const char *path);
void
audit_pdf_close(struct audit_pdf *p);

/* Ends the page: all was told. */
[[nodiscard]] bool
audit_pdf_end(struct audit_pdf *p);

/* Prints the page that was ended, by this process or a child of it, and puts the PDF in place of
   what is there. */
[[nodiscard]] bool
audit_pdf_print(const struct audit_pdf *p);
