/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"

enum {
	READ_STEP = 64 << 10,
};

static int
read_all(int fd, struct gp_buf *out)
{
	for (;;) {
		/* One octet more than may be there tells a full buffer from an end. */
		size_t room = GP_MIN(out->max - out->len, (size_t)READ_STEP);
		char probe;
		char *to = room > 0 ? gp_buf_reserve(out, room) : &probe;
		if (!to)
			return -ENOMEM;
		ssize_t n = read(fd, to, room > 0 ? room : 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		if (room == 0)
			return -EFBIG;
		gp_buf_advance(out, (size_t)n);
	}
}

int
gp_cli_read_file(const char *path, struct gp_buf *out)
{
	if (strcmp(path, "-") == 0)
		return read_all(STDIN_FILENO, out);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = read_all(fd, out);
	close(fd);
	return rc;
}

int
gp_cli_absolute(const char *path, struct gp_arena *arena, struct gp_slice *ret)
{
	if (path[0] == '/' || strcmp(path, "-") == 0) {
		*ret = gp_arena_dup(arena, gp_slice_str(path));
	} else {
		char *here = get_current_dir_name();
		if (!here)
			return -errno;
		*ret = gp_arena_printf(arena, "%s/%s", strcmp(here, "/") == 0 ? "" : here, path);
		free(here);
	}
	return ret->ptr ? 0 : -ENOMEM;
}

static int
read_named_file(void *context, struct gp_slice path, struct gp_arena *arena,
		struct gp_slice *ret_content)
{
	struct gp_buf content = GP_BUF_INIT(GP_CONFIG_TEXT_MAX);
	(void)context;
	int rc = gp_cli_read_file(path.ptr, &content);
	if (rc == 0)
		*ret_content = gp_arena_dup(arena, gp_buf_slice(&content));
	gp_buf_free(&content);
	return rc;
}

const struct gp_config_reader gp_cli_files = {.read = read_named_file};

int
gp_cli_config(const char *path, struct gp_arena *arena, struct gp_config *ret,
	      struct gp_complaints *ret_complaints)
{
	struct gp_buf text = GP_BUF_INIT(GP_CONFIG_TEXT_MAX);
	struct gp_slice name;
	*ret_complaints = (struct gp_complaints){};
	if (!path)
		path = GP_CONFIG_DEFAULT;
	int rc = gp_cli_absolute(path, arena, &name);
	if (rc == 0)
		rc = gp_cli_read_file(path, &text);
	if (rc != 0) {
		fprintf(stderr, "gatepost: cannot read %s: %s\n", path, strerror(-rc));
		gp_buf_free(&text);
		return GP_EXIT_USAGE;
	}
	rc = gp_config_parse(gp_buf_slice(&text), name, &gp_cli_files, arena, ret, ret_complaints);
	gp_buf_free(&text);
	if (rc < 0)
		fprintf(stderr, "gatepost: %s: %s\n", path, strerror(-rc));
	return rc < 0 ? GP_EXIT_ERROR : rc > 0 ? GP_EXIT_USAGE : GP_EXIT_OK;
}

void
gp_cli_print_complaints(const struct gp_complaints *complaints)
{
	for (size_t i = 0; i < complaints->len; i++) {
		struct gp_buf line = GP_BUF_INIT(8192);
		gp_complaint_write(&line, &complaints->items[i]);
		fprintf(stderr, "%.*s\n", GP_SLICE_FMT(gp_buf_slice(&line)));
		gp_buf_free(&line);
	}
}
