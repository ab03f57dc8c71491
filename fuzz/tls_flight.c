/* SPDX-License-Identifier: Apache-2.0 */
/* A server's flight. The first octet chooses version and how far to read, the second the size of
 * the pieces. What is read must not hang on the pieces, and must keep to its limits. */
#include "core/hello/flight.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_in(struct gp_flight *f, uint8_t how, struct gp_slice bytes, size_t piece)
{
	gp_flight_init(f, how & 1 ? GP_SSL_2 : GP_TLS_1_2,
		       how & 2 ? GP_FLIGHT_HELLO : GP_FLIGHT_WHOLE);
	while (bytes.len > 0) {
		gp_flight_feed(f, gp_slice_take(bytes, piece));
		bytes = gp_slice_drop(bytes, piece);
	}
	gp_assert(gp_flight_eof(f) != GP_FLIGHT_MORE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > GP_FLIGHT_MAX)
		return 0;
	struct gp_slice bytes = gp_slice((const char *)data + 2, size - 2);
	struct gp_flight whole, pieces;
	read_in(&whole, data[0], bytes, SIZE_MAX);
	read_in(&pieces, data[0], bytes, (size_t)data[1] + 1);
	gp_assert(whole.state == pieces.state && whole.bad == pieces.bad);
	gp_assert(whole.cipher == pieces.cipher && whole.took == pieces.took);
	gp_assert(whole.certificates_len == pieces.certificates_len);
	gp_assert(whole.certificates_len <= GP_FLIGHT_CERTIFICATES_MAX);
	for (size_t i = 0; i < whole.certificates_len; i++)
		gp_assert(gp_slice_eq(whole.certificates[i], pieces.certificates[i]));
	gp_assert(gp_slice_eq(whole.staple, pieces.staple));
	gp_flight_free(&whole);
	gp_flight_free(&pieces);
	return 0;
}
