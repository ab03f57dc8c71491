/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "procs/supervisor/supervisor.h"

static int
look_up(const char *name, struct identity *ret)
{
	struct passwd pw, *found = NULL;
	char text[4096];
	if (getpwnam_r(name, &pw, text, sizeof(text), &found) != 0 || !found || found->pw_uid == 0)
		return -ENOENT;
	*ret = (struct identity){.uid = found->pw_uid, .gid = found->pw_gid};
	return 0;
}

int
identity_of(const char *role, struct gp_slice user, struct identity *ret)
{
	char name[256];
	*ret = (struct identity){.uid = geteuid(), .gid = getegid()};
	if (geteuid() != 0)
		return 0;
	snprintf(name, sizeof(name), "gatepost-%s", role);
	if (look_up(name, ret) == 0)
		return 0;
	snprintf(name, sizeof(name), "%.*s", GP_SLICE_FMT(user));
	return look_up(name, ret);
}

static bool privileged;

bool
identity_is_privileged(void)
{
	return privileged;
}

int
identity_settle(struct gp_slice user)
{
	/* To start roles as their users and end them, to bind ports on a reload, and to read the
	 * configuration again. */
	static const cap_value_t kept[] = {CAP_SETUID,           CAP_SETGID,  CAP_KILL,
					   CAP_NET_BIND_SERVICE, CAP_SETPCAP, CAP_DAC_READ_SEARCH};
	struct identity me;
	if (geteuid() != 0)
		return 0;
	if (identity_of("supervisor", user, &me) < 0)
		return -ENOENT;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(me.gid, me.gid, me.gid) < 0 || setresuid(me.uid, me.uid, me.uid) < 0)
		return -errno;
	cap_t caps = cap_init();
	int r = 0;
	if (!caps || cap_set_flag(caps, CAP_PERMITTED, GP_ARRAY_LEN(kept), kept, CAP_SET) < 0 ||
	    cap_set_flag(caps, CAP_EFFECTIVE, GP_ARRAY_LEN(kept), kept, CAP_SET) < 0 ||
	    cap_set_proc(caps) < 0)
		r = -errno;
	cap_free(caps);
	privileged = r == 0;
	if (r == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		r = -errno;
	return r;
}
