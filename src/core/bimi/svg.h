/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A logo of BIMI: whether a file of SVG is of the profile Tiny Portable/Secure, as far as it
 * matters to who shows it beside strangers' mail: that it is one picture which says what it is,
 * runs nothing, moves nothing and fetches nothing (draft-svg-tiny-ps-abrotman).
 *
 * What is looked at: the file's size, well-formed XML (xml.h), the outermost element with its
 * namespace, version, profile and a square viewBox, a title, scripts and handlers of events,
 * animations, pictures and links, and references to anything outside of the file. The shapes
 * themselves are not.
 */
#pragma once

#include "base/arena.h"

enum gp_bimi_svg_limits {
	GP_BIMI_SVG_MAX = 32 * 1024, /* octets of a logo that receivers take */
	GP_BIMI_SVG_FAULTS_MAX = 12, /* that are told */
};

/* Each kind of fault once, in words for people; texts of the file in them are any octets. */
struct gp_bimi_svg {
	struct gp_slice faults[GP_BIMI_SVG_FAULTS_MAX];
	size_t len; /* 0: nothing is wrong */
};

/* When memory runs out the arena has failed. */
void
gp_bimi_svg_check(struct gp_slice file, struct gp_arena *arena, struct gp_bimi_svg *ret);
