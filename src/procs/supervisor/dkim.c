/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of DKIM keys, one a domain that has some, on their way to signer: one behind the other
 * in an unnamed file, so that signer hears of all of them at once. The kernel copies; no octet of a
 * key comes into this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "core/keyring/keyring.h"
#include "procs/supervisor/supervisor.h"
#include "sys/log.h"

struct dkim_path
dkim_path(const struct gp_config *cfg, const struct gp_domain_config *domain)
{
	struct dkim_path path;
	snprintf(path.s, sizeof(path.s), "%.*s/dkim/%.*s.keys", GP_SLICE_FMT(cfg->state),
		 GP_SLICE_FMT(domain->name));
	return path;
}

/* Returns how many octets the file has, all of which were copied; or -errno. */
static ssize_t
copy(int from, int to)
{
	struct stat st;
	if (fstat(from, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > GP_KEYRING_TEXT_MAX)
		return -EFBIG;
	for (off_t left = st.st_size; left > 0;) {
		ssize_t n = sendfile(to, from, NULL, (size_t)left);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		left -= n;
	}
	return (ssize_t)st.st_size;
}

/* What could not be copied whole is taken back. */
static ssize_t
append(const char *path, int to)
{
	off_t before = lseek(to, 0, SEEK_CUR);
	int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (from < 0)
		return -errno;
	ssize_t size = copy(from, to);
	close(from);
	if (size < 0)
		lseek(to, before, SEEK_SET);
	return size;
}

int
dkim_gather(const struct gp_config *cfg, struct gp_dkim_file *ret, size_t *ret_len)
{
	int to = memfd_create("dkim", MFD_CLOEXEC);
	if (to < 0)
		return -errno;
	*ret_len = 0;
	for (size_t i = 0; i < cfg->domains_len; i++) {
		struct dkim_path path = dkim_path(cfg, &cfg->domains[i]);
		ssize_t size = append(path.s, to);
		if (size == -ENOENT)
			continue;
		if (*ret_len == DKIM_FILES_MAX) {
			gp_error("too_many_dkim_keys", GP_FS("path", path.s),
				 GP_FN("domains", DKIM_FILES_MAX));
			break;
		}
		if (size < 0)
			gp_error("cannot_open_key", GP_FS("path", path.s),
				 GP_FS("reason", strerror((int)-size)));
		ret[(*ret_len)++] = (struct gp_dkim_file){
			.domain = cfg->domains[i].name,
			.size = size > 0 ? (uint32_t)size : 0,
		};
	}
	return to;
}
