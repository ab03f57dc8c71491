/* SPDX-License-Identifier: Apache-2.0 */
#include "reportdb/block.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

void
gp_block_source(const struct gp_block_row *row, uint8_t ret_address[16])
{
	const uint64_t halves[] = {htobe64(row->source[0]), htobe64(row->source[1])};
	memcpy(ret_address, halves, sizeof(halves));
}

static int
compare(const void *a, const void *b)
{
	const struct gp_block_row *x = a, *y = b;
	const uint64_t xs[] = {x->source[0], x->source[1], x->number};
	const uint64_t ys[] = {y->source[0], y->source[1], y->number};
	for (size_t i = 0; i < GP_ARRAY_LEN(xs); i++) {
		if (xs[i] != ys[i])
			return xs[i] < ys[i] ? -1 : 1;
	}
	return 0;
}

void
gp_block_sort(struct gp_block_row *rows, size_t len)
{
	qsort(rows, len, sizeof(*rows), compare);
}

static void
put_row(struct gp_block *b, const struct gp_block_row *row)
{
	struct gp_detail *d = row->detail;
	uint8_t address[16];
	gp_block_source(row, address);
	struct gp_slice source = gp_slice((const char *)address, sizeof(address));
	if (memcmp(address, mapped, sizeof(mapped)) == 0)
		source = gp_slice_drop(source, sizeof(mapped));
	bool again = d->block == b->serial;
	if (!again) {
		d->block = b->serial;
		d->place = b->details++;
	}
	gp_write_uint(&b->octets, d->place << 1 | (source.len == sizeof(address)));
	if (!again)
		gp_write_bytes(&b->octets, d->packed);
	gp_buf_put(&b->octets, source);
	gp_write_uint(&b->octets, row->number);
	gp_write_uint(&b->octets, row->messages);
}

size_t
gp_block_fill(struct gp_block *b, const struct gp_block_row *rows, size_t len)
{
	size_t n = 0;
	gp_buf_clear(&b->octets);
	b->serial++;
	b->details = 0;
	while (n < len && n < GP_BLOCK_ROWS && b->octets.len < GP_BLOCK_FULL)
		put_row(b, &rows[n++]);
	return n;
}

int
gp_block_next(struct gp_block_reader *b, struct gp_block_told *ret)
{
	struct gp_reader *r = &b->octets;
	if (!r->failed && r->rest.len == 0)
		return 0;
	uint64_t first = gp_read_uint(r), place = first >> 1;
	if (place == b->details_len && place < GP_BLOCK_ROWS)
		b->details[b->details_len++] = gp_read_bytes(r, GP_DETAIL_MAX);
	size_t len = first & 1 ? sizeof(ret->address) : sizeof(ret->address) - sizeof(mapped);
	struct gp_slice source = gp_read_raw(r, len);
	ret->number = gp_read_uint(r);
	ret->messages = gp_read_uint(r);
	if (r->failed || place >= b->details_len)
		return -EIO;
	memcpy(ret->address, mapped, sizeof(mapped));
	memcpy(ret->address + sizeof(ret->address) - len, source.ptr, len);
	ret->detail = b->details[place];
	return 1;
}
