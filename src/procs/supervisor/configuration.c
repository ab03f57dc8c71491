/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/supervisor/configuration.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/dns/answers.h"
#include "procs/supervisor/supervisor.h"
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
	struct gp_config_reader reader = {
		.read = read_named_file, .look = look_at_file, .check_answers = check_answers};
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

static int
read_certificate(struct gp_arena *arena, struct gp_certificate *c)
{
	int r = gp_file_read(c->path, GP_CONFIG_TEXT_MAX, arena, &c->pem);
	const char *why = r < 0 ? NULL : gp_config_certificate_wrong(c->pem);
	if (why)
		fprintf(stderr, "%s:1:1: %s\n", c->path.ptr, why);
	return why ? -EINVAL : r;
}

/* Certificates as they are now, under the paths that they were read from; the parser takes the rest
 * from its own print. */
static int
read_certificates(struct gp_config *cfg, const struct gp_config *old, struct gp_arena *arena)
{
	size_t len = old->tls.certificates_len;
	struct gp_certificate *items = gp_arena_array(arena, len, sizeof(*items));
	for (size_t i = 0; items && i < len; i++) {
		items[i].path = gp_arena_dup(arena, old->tls.certificates[i].path);
		int r = arena->failed ? -ENOMEM : read_certificate(arena, &items[i]);
		if (r < 0)
			return r;
	}
	cfg->tls.certificates = items;
	return items ? 0 : -ENOMEM;
}

static int
copy_value(const struct gp_config *old, struct gp_arena *arena, struct gp_config *ret)
{
	struct gp_complaints none;
	struct gp_buf text = GP_BUF_INIT(IMAGE_MAX);
	gp_config_print(&text, old);
	int r = text.failed ? -ENOMEM
			    : gp_config_parse(gp_buf_slice(&text), GP_SLICE("image"), NULL, arena,
					      ret, &none);
	gp_buf_free(&text);
	return r > 0 ? -EINVAL : r;
}

int
configuration_renew_certificates(const struct configuration *old, struct configuration *ret)
{
	*ret = (struct configuration){.arena = {.max = GP_CONFIG_ARENA_MAX}, .image_fd = -1};
	struct gp_config *cfg = gp_arena_new(&ret->arena, struct gp_config);
	int r = cfg ? copy_value(old->value, &ret->arena, cfg) : -ENOMEM;
	if (r == 0)
		r = read_certificates(cfg, old->value, &ret->arena);
	if (r == 0) {
		ret->image_fd = make_image(cfg);
		r = GP_MIN(ret->image_fd, 0);
	}
	ret->value = cfg;
	if (r < 0)
		configuration_free(ret);
	return r;
}

/* FNV-1a: nobody gains by a collision but who may write the files anyway. */
static uint64_t
mix(uint64_t sum, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		sum = (sum ^ (value >> (8 * i) & 0xff)) * UINT64_C(0x100000001b3);
	return sum;
}

static uint64_t
mix_file(uint64_t sum, struct gp_slice path)
{
	struct stat st = {};
	if (path.len == 0 || stat(path.ptr, &st) < 0)
		return mix(sum, 0);
	const uint64_t facts[] = {st.st_dev, st.st_ino, (uint64_t)st.st_size,
				  (uint64_t)st.st_mtim.tv_sec, (uint64_t)st.st_mtim.tv_nsec};
	for (size_t i = 0; i < GP_ARRAY_LEN(facts); i++)
		sum = mix(sum, facts[i]);
	return sum;
}

uint64_t
configuration_tls_files(const struct gp_config *cfg)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < cfg->tls.certificates_len; i++)
		sum = mix_file(sum, cfg->tls.certificates[i].path);
	for (size_t i = 0; i < cfg->tls.keys_len; i++)
		sum = mix_file(sum, cfg->tls.keys[i]);
	for (size_t i = 0; i < cfg->domains_len; i++)
		sum = mix_file(sum, gp_slice_str(dkim_path(cfg, &cfg->domains[i]).s));
	sum = mix_file(sum, cfg->smarthost.password_file);
	sum = mix_file(sum, cfg->smarthost.token_file);
	sum = mix_file(sum, cfg->auth.oauth.client_secret_file);
	sum = mix_file(sum, cfg->srs.secret_file);
	sum = mix_file(sum, cfg->srs.previous_file);
	return mix_file(sum, cfg->smarthost.client_secret_file);
}

void
configuration_free(struct configuration *c)
{
	if (c->image_fd >= 0)
		close(c->image_fd);
	gp_arena_free(&c->arena);
	*c = (struct configuration){.image_fd = -1};
}
