/* SPDX-License-Identifier: Apache-2.0 */
/* The files of web/, and Chart.js, as they were when the program was built: tools/embed.py. */
#pragma once

#include "base/slice.h"

struct site_file {
	struct gp_slice name; /* "app.js", "pages/overview.js" */
	const char *type;     /* its media type */
	const char *etag;     /* with its quotes: another one for other content */
	struct gp_slice content;
};

extern const struct site_file site_files[];
extern const size_t site_files_len;
