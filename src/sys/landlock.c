/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/landlock.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/log.h"

/* The kernel's include/uapi/linux/landlock.h, as of ABI 7. */
enum {
	CREATE_RULESET_VERSION = 1,
	RULE_PATH_BENEATH = 1,
	RULE_NET_PORT = 2, /* ABI 4 */
};

enum fs_access {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8,
	FS_ALL_ABI1 = (1 << 13) - 1,
	FS_REFER = 1 << 13,     /* ABI 2 */
	FS_TRUNCATE = 1 << 14,  /* ABI 3 */
	FS_IOCTL_DEV = 1 << 15, /* ABI 5 */
};

enum {
	NET_BIND_TCP = 1 << 0,        /* ABI 4 */
	NET_CONNECT_TCP = 1 << 1,     /* ABI 4 */
	SCOPE_ABSTRACT_UNIX = 1 << 0, /* ABI 6 */
	SCOPE_SIGNAL = 1 << 1,        /* ABI 6 */
};

enum { ABI_KNOWN = 6 };

struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

struct __attribute__((packed)) path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
};

struct net_port_attr {
	uint64_t allowed_access;
	uint64_t port;
};

static uint64_t
handled_fs(long abi)
{
	uint64_t access = FS_ALL_ABI1;
	if (abi >= 2)
		access |= FS_REFER;
	if (abi >= 3)
		access |= FS_TRUNCATE;
	if (abi >= 5)
		access |= FS_IOCTL_DEV;
	return access;
}

static uint64_t
wanted_fs(unsigned access)
{
	uint64_t want = 0;
	if (access & GP_SANDBOX_READ)
		want |= FS_READ_FILE | FS_READ_DIR;
	if (access & GP_SANDBOX_WRITE)
		want |= FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_REG | FS_REFER | FS_TRUNCATE;
	if (access & GP_SANDBOX_DIRS)
		want |= FS_MAKE_DIR;
	return want;
}

static size_t
attr_size(long abi)
{
	if (abi >= 6)
		return sizeof(struct ruleset_attr);
	if (abi >= 4)
		return offsetof(struct ruleset_attr, scoped);
	return offsetof(struct ruleset_attr, handled_access_net);
}

static int
add_dirs(int ruleset, const struct gp_sandbox_dir *dirs, size_t dirs_len, uint64_t handled)
{
	for (size_t i = 0; i < dirs_len; i++) {
		struct path_beneath_attr rule = {
			.allowed_access = wanted_fs(dirs[i].access) & handled,
			.parent_fd = dirs[i].fd,
		};
		if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0)
			return -errno;
	}
	return 0;
}

static int
add_port(int ruleset, uint16_t port, long abi)
{
	struct net_port_attr rule = {.allowed_access = NET_CONNECT_TCP, .port = port};
	if (port == 0 || abi < 4)
		return 0;
	return syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) < 0 ? -errno : 0;
}

int
gp_landlock_enter(const struct gp_sandbox *rules, const struct gp_sandbox_dir *dirs,
		  size_t dirs_len)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
	if (abi < 1) {
		gp_warning("sandbox_weaker", GP_FS("missing", "landlock"));
		return 0;
	}
	if (abi < ABI_KNOWN)
		gp_warning("sandbox_weaker", GP_FN("landlock_abi", (uint64_t)abi),
			   GP_FN("known_abi", ABI_KNOWN));
	struct ruleset_attr attr = {
		.handled_access_fs = handled_fs(abi),
		.handled_access_net = (rules->dial || rules->dns ? 0 : NET_CONNECT_TCP) |
				      (rules->dns ? 0 : NET_BIND_TCP),
		.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL,
	};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, attr_size(abi), 0);
	if (ruleset < 0)
		return -errno;
	int r = add_dirs(ruleset, dirs, dirs_len, attr.handled_access_fs);
	if (r == 0)
		r = add_port(ruleset, rules->dial_port, abi);
	if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		r = -errno;
	close(ruleset);
	return r;
}
