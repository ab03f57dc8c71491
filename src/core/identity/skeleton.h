/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a name looks like, as ASCII letters where there are some that look so: a small part of
 * Unicode's list of confusables, for the scripts that names are forged with.
 */
#pragma once

#include "base/buf.h"

/* Appends the skeleton of a name in UTF-8; never longer than the name. */
void
gp_skeleton_put(struct gp_buf *out, struct gp_slice name);

enum gp_script {
	GP_SCRIPT_OTHER,
	GP_SCRIPT_LATIN,
	GP_SCRIPT_GREEK,
	GP_SCRIPT_CYRILLIC,
	GP_SCRIPT_ARMENIAN
};

/* The script of a letter, among those that have letters in common. */
enum gp_script
gp_script_of(uint32_t c);
