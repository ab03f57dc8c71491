/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/command.h"
#include "core/dns/answers.h"
#include "sys/small_file.h"

int
gp_cli_absolute(const char *path, struct gp_arena *arena, struct gp_slice *ret)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	const char *folder = !slash          ? "."
			     : slash == path ? "/"
					     : gp_arena_str(arena, gp_slice(path, slash - path));
	if (!folder)
		return -ENOMEM;
	char *real = realpath(folder, NULL);
	char *here = real ? NULL : get_current_dir_name();
	if (real)
		*ret = gp_arena_printf(arena, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name);
	else if (path[0] == '/')
		*ret = gp_arena_dup(arena, gp_slice_str(path));
	else if (here)
		*ret = gp_arena_printf(arena, "%s/%s", here, path);
	else
		return -errno;
	free(real);
	free(here);
	return ret->ptr ? 0 : -ENOMEM;
}

static int
read_named_file(void *context, struct gp_slice path, struct gp_arena *arena,
		struct gp_slice *ret_content)
{
	(void)context;
	return gp_file_read(path, GP_CONFIG_TEXT_MAX, arena, ret_content);
}

static int
look_at_file(void *context, struct gp_slice path)
{
	(void)context;
	return gp_file_look(path);
}

static int
check_answers(void *context, struct gp_slice content, struct gp_arena *arena, uint32_t *ret_line,
	      uint32_t *ret_column, struct gp_slice *ret_why)
{
	uint64_t seed[2];
	(void)context;
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return -ENOMEM;
	return gp_answers_check(content, arena, seed, ret_line, ret_column, ret_why);
}

const struct gp_config_reader gp_cli_files = {
	.read = read_named_file, .look = look_at_file, .check_answers = check_answers};

int
gp_cli_config(const char *path, struct gp_arena *arena, struct gp_config *ret,
	      struct gp_complaints *ret_complaints)
{
	struct gp_slice name = {}, text = {};
	*ret_complaints = (struct gp_complaints){};
	if (!path)
		path = GP_CONFIG_DEFAULT;
	int rc = gp_cli_absolute(path, arena, &name);
	if (rc == 0)
		rc = gp_file_read(name, GP_CONFIG_TEXT_MAX, arena, &text);
	if (rc != 0) {
		fprintf(stderr, "gatepost: cannot read %s: %s%s\n", path, strerror(-rc),
			rc == -ENOENT && strcmp(path, GP_CONFIG_DEFAULT) == 0
				? "; -c names another one, `gatepost init` makes one"
				: "");
		return GP_EXIT_USAGE;
	}
	rc = gp_config_parse(text, name, &gp_cli_files, arena, ret, ret_complaints);
	if (rc < 0)
		fprintf(stderr, "gatepost: %s: %s\n", path, strerror(-rc));
	return rc < 0 ? GP_EXIT_ERROR : rc > 0 ? GP_EXIT_USAGE : GP_EXIT_OK;
}

const char *
gp_cli_received(const struct gp_config *config, struct gp_arena *arena)
{
	struct gp_slice url = config->reports.received_database;
	return url.len > 0 ? gp_arena_str(arena, url)
			   : gp_arena_printf(arena, "%.*s/reports/received.db",
					     GP_SLICE_FMT(config->state))
				     .ptr;
}

void
gp_cli_print_complaints(const struct gp_complaints *complaints)
{
	struct gp_buf line = GP_BUF_INIT(8192);
	for (size_t i = 0; i < complaints->len; i++) {
		gp_buf_clear(&line);
		gp_complaint_write(&line, &complaints->items[i]);
		fprintf(stderr, "%.*s\n", GP_SLICE_FMT(gp_buf_slice(&line)));
	}
	gp_buf_free(&line);
}
