/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoded words, decoded for people to read: RFC 2047. Never for deciding anything, since nothing
 * in them is syntax: an address within one is a trick, not an address.
 */
#pragma once

#include "base/arena.h"

/*
 * The text with its encoded words decoded to UTF-8, those in quoted strings too, as programs that
 * show mail do it; white space between two of them is dropped (section 6.2). Of charsets UTF-8,
 * US-ASCII, ISO-8859-1, ISO-8859-15 and windows-1252 are known; a word in another, or one that is
 * malformed, stays as it is. What comes out may hold anything: show it by gp_visible.
 *
 * value: unfolded. Returns true when a word was decoded; *ret is then in the arena, else it is the
 * value itself. When memory runs out it is the value, and the arena has failed.
 */
bool
gp_words_decode(struct gp_slice value, struct gp_arena *arena, struct gp_slice *ret);
