/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/supervisor/configuration.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/small_file.h"

/* As much as the files that the configuration names can add. */
enum { IMAGE_MAX = 4 * GP_CONFIG_TEXT_MAX };

static int
read_named_file(void *context, struct gp_slice path, struct gp_arena *arena,
		struct gp_slice *ret_content)
{
	(void)context;
	return gp_file_read(path, GP_CONFIG_TEXT_MAX, arena, ret_content);
}

static void
print_complaints(const struct gp_complaints *list)
{
	struct gp_buf line = GP_BUF_INIT(8192);
	for (size_t i = 0; i < list->len; i++) {
		gp_buf_clear(&line);
		gp_complaint_write(&line, &list->items[i]);
		fprintf(stderr, "%.*s\n", GP_SLICE_FMT(gp_buf_slice(&line)));
	}
	gp_buf_free(&line);
}

/* A memfd with the effective configuration, which nobody can change any more. Returns it or -errno.
 */
static int
make_image(const struct gp_config *cfg)
{
	struct gp_buf text = GP_BUF_INIT(IMAGE_MAX);
	gp_config_print(&text, cfg);
	struct gp_slice rest = gp_buf_slice(&text);
	int fd = text.failed ? -1 : memfd_create("gatepost.yaml", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int error = fd < 0 ? -ENOMEM : 0;
	while (error == 0 && rest.len > 0) {
		ssize_t n = write(fd, rest.ptr, rest.len);
		if (n < 0)
			error = -errno;
		else
			rest = gp_slice_drop(rest, (size_t)n);
	}
	gp_buf_free(&text);
	if (error == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		error = -errno;
	if (error < 0 && fd >= 0)
		close(fd);
	return error < 0 ? error : fd;
}

int
configuration_load(struct configuration *c, const char *path)
{
	struct gp_config_reader reader = {.read = read_named_file};
	struct gp_complaints complaints = {};
	struct gp_slice text;
	*c = (struct configuration){.arena = {.max = GP_CONFIG_ARENA_MAX}, .image_fd = -1};
	int r = gp_file_read(gp_slice_str(path), GP_CONFIG_TEXT_MAX, &c->arena, &text);
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
		return r;
	}
	struct gp_config *cfg = gp_arena_new(&c->arena, struct gp_config);
	r = cfg ? gp_config_parse(text, gp_slice_str(path), &reader, &c->arena, cfg, &complaints)
		: -ENOMEM;
	if (r == 1)
		print_complaints(&complaints);
	if (r == 0)
		c->image_fd = make_image(cfg);
	if (r != 0 || c->image_fd < 0) {
		r = r == 1 ? -EINVAL : r < 0 ? r : c->image_fd;
		configuration_free(c);
		return r;
	}
	c->value = cfg;
	return 0;
}

void
configuration_free(struct configuration *c)
{
	if (c->image_fd >= 0)
		close(c->image_fd);
	gp_arena_free(&c->arena);
	*c = (struct configuration){.image_fd = -1};
}
