/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of an aggregate report as octets, as they stand in the table "block": some hundred of them
 * together, as a row of SQL costs more than what is in it. They are in the order of their sources,
 * and of their numbers within one, so that a block whose first and last source are known need not
 * be read for another one.
 *
 * A row (base/wire.h):
 *
 *     uint    the place of its detail, times 2; plus 1 where its source has 16 octets and not 4
 *     bytes   the detail, where that place is the next one: they are counted from 0, in each block
 *     raw     its source
 *     uint    its number in its report
 *     uint    its messages
 */
#pragma once

#include "base/wire.h"

enum gp_block_limits {
	GP_BLOCK_ROWS = 512,
	GP_BLOCK_FULL = 16 << 10,  /* octets: then the next row begins another one */
	GP_DETAIL_MAX = 512 << 10, /* octets of one: all its texts */
};

/* What rows have in common: three numbers of an octet each, disposition, dkim and spf, and six
   texts, each of which ends with NUL (rows.c). */
struct gp_detail {
	struct gp_slice packed;
	uint64_t *messages; /* by the report's days */
	bool forwarded, foreign;
	uint64_t block, place; /* of the last block that it was put into */
};

/* A row that is to be put into one. */
struct gp_block_row {
	uint64_t source[2]; /* the address's halves, as numbers: so they sort as its octets do */
	uint64_t number, messages;
	struct gp_detail *detail;
};

void
gp_block_source(const struct gp_block_row *row, uint8_t ret_address[16]);
/* Sorts rows as they stand in blocks. */
void
gp_block_sort(struct gp_block_row *rows, size_t len);

struct gp_block {
	struct gp_buf octets;
	uint64_t serial; /* of all blocks: tells the details of this one */
	uint64_t details;
};

/* Puts the first of these rows into a new block, as many as it takes; returns how many. A failure
   is the buffer's. */
size_t
gp_block_fill(struct gp_block *b, const struct gp_block_row *rows, size_t len);

/* A row of one that is read. */
struct gp_block_told {
	uint8_t address[16];
	uint64_t number, messages;
	struct gp_slice detail; /* packed, within the block's octets */
};

struct gp_block_reader {
	struct gp_reader octets;
	struct gp_slice details[GP_BLOCK_ROWS];
	size_t details_len;
};

/* The next row: 1; 0: there is none; -EIO: these octets are no block. details_len is 0 before the
   first one. */
[[nodiscard]] int
gp_block_next(struct gp_block_reader *b, struct gp_block_told *ret);
