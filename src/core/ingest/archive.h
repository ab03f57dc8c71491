/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a report comes packed in: gzip (RFC 1952), or a zip file with one report in it. Which of
 * them it is, the octets say (form.h); a name within an archive is never used.
 *
 * It comes out in pieces, so that its size costs no memory, and under caps, so that a small mail
 * cannot make much work of it. gzip may have several members one behind the other (section 2.2) and
 * octets behind the last one, as Mimecast's has. Of a zip file's members one must be a report;
 * others, such as a note, may stand beside it. An archive within an archive is refused.
 *
 * What is wrong may show at the end alone, a checksum that differs for example: whoever has kept
 * what came before then throws it away.
 */
#pragma once

#include "base/arena.h"

enum gp_archive_limits {
	GP_ARCHIVE_PIECE = 32 * 1024, /* octets of each piece but the last */
	GP_ARCHIVE_MEMBERS_MAX = 100, /* of a zip file */
	GP_ARCHIVE_RATIO_FROM =
		256 * 1024,                /* octets out, below which no ratio is looked at: a small
					       bomb does no harm, and a few rows alike are none */
	GP_ARCHIVE_ARENA_MAX = 256 * 1024, /* what reading one takes of the arena */
	/* For what strangers send. */
	GP_ARCHIVE_STRANGERS_OCTETS = 20 * 1024 * 1024,
	GP_ARCHIVE_STRANGERS_RATIO = 200,
};

struct gp_archive_caps {
	uint64_t octets_max; /* that come out */
	uint32_t ratio_max;  /* octets out for each octet in, at any time from _RATIO_FROM on */
};

struct gp_archive_sink {
	void *context;
	/* Not empty; valid until it returns. False ends the reading. */
	bool (*piece)(void *context, struct gp_slice piece);
};

enum gp_archive_outcome {
	GP_ARCHIVE_READ = 0,
	GP_ARCHIVE_REFUSED, /* see why */
	GP_ARCHIVE_STOPPED, /* the sink said so */
};

struct gp_archive_result {
	uint64_t octets; /* that came out */
	const char *why; /* a sentence without its full stop, static: why it is REFUSED; else what
			    is odd about it, or NULL */
};

/* octets: all of it; GP_FORM_GZIP or _ZIP. Returns enum gp_archive_outcome or -ENOMEM. */
[[nodiscard]] int
gp_archive_read(struct gp_slice octets, const struct gp_archive_caps *caps,
		const struct gp_archive_sink *sink, struct gp_arena *arena,
		struct gp_archive_result *ret);
