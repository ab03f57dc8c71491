/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost serve: becomes the supervisor, in the foreground. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "cli/arg.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options.h"

static const char usage[] = "usage: gatepost serve [-c FILE]\n\n"
			    "Runs the mail gateway in the foreground until SIGTERM; SIGHUP reads "
			    "the configuration again.\n\n"
			    "  -c FILE   the configuration (" GP_CONFIG_DEFAULT ")\n";

/* Where the roles' executables may be, seen from this program's folder: the build folder, an
 * installation. */
static const char *const places[] = {"gatepost-supervisor",
				     "../libexec/gatepost/gatepost-supervisor"};

static int
become_supervisor(const char *config)
{
	char self[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self));
	ptrdiff_t slash = gp_slice_rfind(gp_slice(self, n > 0 ? (size_t)n : 0), '/');
	if (slash < 0) {
		fprintf(stderr, "gatepost serve: cannot find my own executable: %s\n",
			strerror(errno));
		return GP_EXIT_ERROR;
	}
	for (size_t i = 0; i < GP_ARRAY_LEN(places); i++) {
		snprintf(path, sizeof(path), "%.*s/%s", (int)slash, self, places[i]);
		execl(path, "gatepost-supervisor", "-c", config, (char *)NULL);
	}
	fprintf(stderr, "gatepost serve: %s: %s\n", path, strerror(errno));
	return GP_EXIT_ERROR;
}

int
gp_cmd_serve(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {}};
	const char *config = GP_CONFIG_DEFAULT;
	for (int c; (c = gp_arg_next("serve", argc, argv, "c:h", options)) != -1;) {
		if (c == 'h') {
			fputs(usage, stdout);
			return GP_EXIT_OK;
		}
		if (c != 'c')
			return GP_EXIT_USAGE;
		config = optarg;
	}
	if (optind != argc) {
		fputs(usage, stderr);
		return GP_EXIT_USAGE;
	}
	/* What the file names is relative to its folder, and the roles have folders of their own.
	 */
	struct gp_arena arena = GP_ARENA_INIT(PATH_MAX * 2);
	struct gp_slice path;
	int rc = gp_cli_absolute(config, &arena, &path);
	if (rc == 0)
		rc = become_supervisor(path.ptr);
	else
		fprintf(stderr, "gatepost serve: %s: %s\n", config, strerror(-rc));
	gp_arena_free(&arena);
	return rc < 0 ? GP_EXIT_ERROR : rc;
}
