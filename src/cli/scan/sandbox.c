/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "sys/log.h"

/* SIGINT and SIGTERM end a scan well; libevent hands back their handlers. A relay test says from
   which address. */
#define SCAN_CALLS                                                             \
	SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigaction), SCMP_SYS(getsockname), \
		SCMP_SYS(getpeername), SCMP_SYS(poll) /* libcurl's, for MTA-STS */

/* SQLite's, with files that are open. It sleeps while somebody else writes. */
#define STORE_CALLS                                                                    \
	SCMP_SYS(pwrite64), SCMP_SYS(fdatasync), SCMP_SYS(fsync), SCMP_SYS(ftruncate), \
		SCMP_SYS(clock_nanosleep)

#define FILE_CALLS SCMP_SYS(openat), SCMP_SYS(rename)

static const int calls[] = {SCAN_CALLS};
static const int file_calls[] = {SCAN_CALLS, FILE_CALLS, SCMP_SYS(fsync)};
static const int store_calls[] = {SCAN_CALLS, STORE_CALLS};
static const int store_file_calls[] = {SCAN_CALLS, STORE_CALLS, FILE_CALLS};
static const int replay_calls[] = {SCMP_SYS(lseek)};

const struct gp_sandbox scan_sandbox = {
	.calls = calls,
	.calls_len = GP_ARRAY_LEN(calls),
	.dns = true,
	.crypto = true,
};

const struct gp_sandbox scan_files_sandbox = {
	.calls = file_calls,
	.calls_len = GP_ARRAY_LEN(file_calls),
	.dns = true,
	.crypto = true,
	.dir_access = GP_SANDBOX_READ | GP_SANDBOX_WRITE,
};

const struct gp_sandbox scan_store_sandbox = {
	.calls = store_calls,
	.calls_len = GP_ARRAY_LEN(store_calls),
	.dns = true,
	.locks = true,
	.crypto = true,
};

const struct gp_sandbox scan_store_files_sandbox = {
	.calls = store_file_calls,
	.calls_len = GP_ARRAY_LEN(store_file_calls),
	.dns = true,
	.locks = true,
	.crypto = true,
	.dir_access = GP_SANDBOX_READ | GP_SANDBOX_WRITE,
};

const struct gp_sandbox scan_replay_sandbox = {
	.calls = replay_calls,
	.calls_len = GP_ARRAY_LEN(replay_calls),
	.crypto = true,
};

/* What an old kernel cannot do is nothing that whoever scans has to be told each time. */
static int
enter(const char *command, const struct gp_sandbox *rules, const struct gp_sandbox_dir *dirs,
      size_t dirs_len)
{
	gp_log_setup("scan", false, GP_LOG_ERROR);
	int r = gp_sandbox_enter(rules, dirs, dirs_len);
	gp_log_setup("scan", false, GP_LOG_WARNING);
	if (r < 0)
		fprintf(stderr, "%s: its sandbox: %s\n", command, strerror(-r));
	return r;
}

/* The folder that a file is in, or will be. */
static int
open_folder(const char *command, const char *path)
{
	struct gp_buf folder = GP_BUF_INIT(PATH_MAX);
	const char *slash = strrchr(path, '/');
	if (slash)
		gp_buf_put(&folder, gp_slice(path, (size_t)(slash - path) + 1));
	else
		gp_buf_put_char(&folder, '.');
	gp_buf_put_char(&folder, '\0');
	int fd = folder.failed ? -ENAMETOOLONG
			       : open(gp_buf_slice(&folder).ptr, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int error = fd < 0 ? errno : 0;
	gp_buf_free(&folder);
	if (error == 0)
		return fd;
	fprintf(stderr, "%s: %s: %s\n", command, path, strerror(error));
	return -error;
}

int
scan_sandbox_enter(const struct scan_files *files)
{
	const struct {
		const char *path;
		unsigned access;
	} all[] = {{files->written[0], GP_SANDBOX_WRITE},
		   {files->written[1], GP_SANDBOX_WRITE},
		   {files->read, GP_SANDBOX_READ}};
	static const struct gp_sandbox *const rules[2][2] = {
		{&scan_sandbox, &scan_files_sandbox},
		{&scan_store_sandbox, &scan_store_files_sandbox}};
	struct gp_sandbox_dir dirs[GP_ARRAY_LEN(all)];
	size_t len = 0;
	int r = 0;
	for (size_t i = 0; r == 0 && i < GP_ARRAY_LEN(all); i++) {
		if (!all[i].path)
			continue;
		dirs[len] = (struct gp_sandbox_dir){open_folder(files->command, all[i].path),
						    all[i].access};
		if (dirs[len].fd < 0)
			r = dirs[len].fd;
		else
			len++;
	}
	if (r == 0)
		r = enter(files->command, rules[files->store][len > 0], dirs, len);
	while (len > 0)
		close(dirs[--len].fd);
	return r;
}

int
scan_sandbox_enter_replay(void)
{
	return enter("gatepost scan", &scan_replay_sandbox, NULL, 0);
}
