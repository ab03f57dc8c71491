/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/asn/asn_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/small_file.h"

/* False: errno, or 0 where the file has become shorter. */
static bool
read_all(int fd, char *to, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = pread(fd, to + at, len - at, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? 0 : errno;
			return false;
		}
		at += (size_t)n;
	}
	return true;
}

const char *
asn_file_read(struct asn_file *f, int fd)
{
	struct stat st;
	asn_file_free(f);
	int r = gp_file_stat(fd, &st);
	if (r < 0)
		return strerrordesc_np(-r);
	if (!S_ISREG(st.st_mode))
		return "it is no file";
	if (st.st_size > GP_ASN_FILE_MAX)
		return "it is too large";
	size_t len = (size_t)st.st_size;
	f->octets = malloc(len + 1);
	if (!f->octets || !read_all(fd, f->octets, len)) {
		const char *why = errno == 0 ? "it was cut off meanwhile" : strerrordesc_np(errno);
		asn_file_free(f);
		return why;
	}
	const char *why = gp_asn_open(gp_slice(f->octets, len), &f->db);
	if (why)
		asn_file_free(f);
	return why;
}

void
asn_file_free(struct asn_file *f)
{
	free(f->octets);
	*f = (struct asn_file){};
}

const struct gp_mmdb *
asn_file_db(const struct asn_file *f)
{
	return f->octets ? &f->db : NULL;
}
