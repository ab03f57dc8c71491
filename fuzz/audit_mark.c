/* SPDX-License-Identifier: Apache-2.0 */
/* What a web server of a stranger gives for a mark certificate: a PEM file; or certificates as they
 * are encoded, each behind its length in two octets, which go into such a file here, as few changes
 * of its letters would leave one that can be read. */
#include <openssl/pem.h>

#include "cli/audit/mark.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_mark(struct gp_slice pem)
{
	struct gp_arena arena = GP_ARENA_INIT(AUDIT_MARK_ARENA);
	struct gp_posture_mark m;
	if (audit_mark_read(pem, &arena, &m)) {
		gp_assert(m.logo.len <= AUDIT_MARK_LOGO_MAX);
		gp_assert(!(m.self_signed && m.chained));
	}
	gp_arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice all = gp_slice((const char *)data, size);
	if (gp_slice_starts(all, GP_SLICE("-"))) {
		read_mark(all);
		return 0;
	}
	BIO *file = BIO_new(BIO_s_mem());
	gp_assert(file);
	while (all.len >= 2) {
		size_t len = (size_t)(uint8_t)all.ptr[0] << 8 | (uint8_t)all.ptr[1];
		struct gp_slice one = gp_slice_take(gp_slice_drop(all, 2), len);
		all = gp_slice_drop(all, 2 + one.len);
		/* Of nothing it writes nothing. */
		int written = PEM_write_bio(file, PEM_STRING_X509, "",
					    (const unsigned char *)one.ptr, (long)one.len);
		gp_assert(written > 0 || one.len == 0);
	}
	char *text;
	long len = BIO_get_mem_data(file, &text);
	read_mark(gp_slice(text, (size_t)len));
	BIO_free(file);
	return 0;
}
