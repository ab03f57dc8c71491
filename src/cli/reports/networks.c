/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reports/networks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/reports/told.h"

enum { CONFIG_ARENA_MAX = 64 << 20 };

/* False: it was said why. */
static bool
read_file(const char *path, struct asn_file *ret)
{
	/* Not to wait for one that is no file. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *why = fd < 0 ? strerrordesc_np(errno) : asn_file_read(ret, fd);
	if (fd >= 0)
		close(fd);
	if (why)
		fprintf(stderr, "gatepost reports: %s: %s\n", path, why);
	return !why;
}

int
networks_open(const struct reports_options *o, struct asn_file *ret)
{
	struct gp_arena arena = GP_ARENA_INIT(CONFIG_ARENA_MAX);
	const struct gp_config *config;
	*ret = (struct asn_file){};
	if (o->asn_database)
		return read_file(o->asn_database, ret) ? GP_EXIT_OK : GP_EXIT_ERROR;
	int code = reports_config(o, &arena, &config);
	if (code == GP_EXIT_OK && config && config->reports.asn_database.len > 0)
		(void)read_file(config->reports.asn_database.ptr, ret);
	gp_arena_free(&arena);
	return code;
}

void
networks_print(const struct gp_mmdb *db, const uint8_t address[16])
{
	struct gp_asn asn;
	if (gp_asn_find(db, address, &asn))
		printf(" (AS%" PRIu32 "%s%.*s)", asn.number, asn.organization.len > 0 ? " " : "",
		       GP_SLICE_FMT(asn.organization));
}

void
networks_set(json_t *o, const struct gp_mmdb *db, const uint8_t address[16])
{
	struct gp_asn asn;
	bool found = gp_asn_find(db, address, &asn);
	json_object_set_new(o, "asn", found ? json_integer(asn.number) : json_null());
	json_object_set_new(o, "as_name",
			    asn.organization.len > 0 ? told_text(asn.organization) : json_null());
}
