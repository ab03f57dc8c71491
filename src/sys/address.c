/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

static int
parse_unix(struct gp_slice path, struct gp_sockaddr *ret)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	if (path.len == 0 || path.len >= sizeof(un.sun_path) || gp_slice_find(path, '\0') >= 0)
		return -EINVAL;
	memcpy(un.sun_path, path.ptr, path.len);
	memcpy(&ret->ss, &un, sizeof(un));
	ret->len = sizeof(un);
	return 0;
}

/* Splits "host:port", "[host]:port", "host", "[host]" and a bare IPv6 address. */
static bool
split_port(struct gp_slice text, struct gp_slice *ret_host, struct gp_slice *ret_port)
{
	*ret_port = gp_slice(NULL, 0);
	if (text.len > 0 && text.ptr[0] == '[') {
		ptrdiff_t end = gp_slice_find(text, ']');
		if (end < 0)
			return false;
		*ret_host = gp_slice_take(gp_slice_drop(text, 1), (size_t)end - 1);
		text = gp_slice_drop(text, (size_t)end + 1);
		if (text.len > 0 && text.ptr[0] != ':')
			return false;
		*ret_port = gp_slice_drop(text, 1);
		return true;
	}
	ptrdiff_t first = gp_slice_find(text, ':');
	if (first >= 0 && first == gp_slice_rfind(text, ':')) {
		*ret_host = gp_slice_take(text, (size_t)first);
		*ret_port = gp_slice_drop(text, (size_t)first + 1);
	} else {
		*ret_host = text;
	}
	return true;
}

int
gp_sockaddr_parse(struct gp_slice text, uint16_t default_port, struct gp_sockaddr *ret)
{
	struct gp_slice host, port_text;
	uint64_t port = default_port;
	char host_z[INET6_ADDRSTRLEN];
	uint8_t octets[16];
	*ret = (struct gp_sockaddr){};
	if (gp_slice_starts(text, GP_SLICE("unix:")))
		return parse_unix(gp_slice_drop(text, 5), ret);
	if (!split_port(text, &host, &port_text) || host.len == 0 || host.len >= sizeof(host_z) ||
	    gp_slice_find(host, '\0') >= 0)
		return -EINVAL;
	if (port_text.len > 0 && !gp_slice_u64(port_text, UINT16_MAX, &port))
		return -EINVAL;
	if (port_text.len == 0 && default_port == 0)
		return -EINVAL;
	memcpy(host_z, host.ptr, host.len);
	host_z[host.len] = '\0';
	if (inet_pton(AF_INET, host_z, octets) == 1)
		*ret = gp_sockaddr_from_octets(octets, 4, (uint16_t)port);
	else if (inet_pton(AF_INET6, host_z, octets) == 1)
		*ret = gp_sockaddr_from_octets(octets, 16, (uint16_t)port);
	else
		return -EINVAL;
	return 0;
}

struct gp_sockaddr
gp_sockaddr_from_octets(const uint8_t *octets, size_t len, uint16_t port)
{
	struct gp_sockaddr a = {};
	if (len == 4) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
		memcpy(&in.sin_addr, octets, 4);
		memcpy(&a.ss, &in, sizeof(in));
		a.len = sizeof(in);
	} else {
		gp_assert(len == 16);
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
		memcpy(&in6.sin6_addr, octets, 16);
		memcpy(&a.ss, &in6, sizeof(in6));
		a.len = sizeof(in6);
	}
	return a;
}

size_t
gp_sockaddr_octets(const struct gp_sockaddr *a, uint8_t ret_octets[16])
{
	if (a->ss.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)&a->ss;
		memcpy(ret_octets, &in->sin_addr, 4);
		return 4;
	}
	if (a->ss.ss_family != AF_INET6)
		return 0;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&a->ss;
	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		memcpy(ret_octets, in6->sin6_addr.s6_addr + 12, 4);
		return 4;
	}
	memcpy(ret_octets, &in6->sin6_addr, 16);
	return 16;
}

static uint16_t
port_of(const struct gp_sockaddr *a)
{
	if (a->ss.ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)&a->ss)->sin_port);
	return ntohs(((const struct sockaddr_in6 *)&a->ss)->sin6_port);
}

struct gp_sockaddr_text
gp_sockaddr_text(const struct gp_sockaddr *a, bool with_port)
{
	struct gp_sockaddr_text text = {};
	char host[INET6_ADDRSTRLEN] = "?";
	uint8_t octets[16];
	size_t len = gp_sockaddr_octets(a, octets);
	if (a->ss.ss_family == AF_UNIX) {
		const struct sockaddr_un *un = (const struct sockaddr_un *)&a->ss;
		snprintf(text.s, sizeof(text.s), "unix:%.108s", un->sun_path);
		return text;
	}
	if (len == 0)
		return (struct gp_sockaddr_text){.s = "?"};
	inet_ntop(len == 4 ? AF_INET : AF_INET6, octets, host, sizeof(host));
	if (!with_port)
		snprintf(text.s, sizeof(text.s), "%s", host);
	else
		snprintf(text.s, sizeof(text.s), len == 4 ? "%s:%u" : "[%s]:%u", host, port_of(a));
	return text;
}

static int
set_listener_options(int fd, const struct gp_sockaddr *a, bool reuse_port)
{
	int on = 1;
	if (a->ss.ss_family == AF_UNIX)
		return 0;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	if (reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)
		return -errno;
	/* Accepted connections inherit it: a reply must not wait for the client's acknowledgement
	 * of the last. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		return -errno;
	/* [::] must not take the IPv4 port as well: the configuration says which it wants. */
	if (a->ss.ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

static int
listen_at(int fd, const struct gp_sockaddr *a, int backlog)
{
	if (bind(fd, (const struct sockaddr *)&a->ss, a->len) == 0 && listen(fd, backlog) == 0)
		return fd;
	int error = -errno;
	close(fd);
	return error;
}

int
gp_socket_listen(const struct gp_sockaddr *a, int backlog, bool reuse_port)
{
	/* A plain TCP socket by number: newer kernels' MPTCP would escape Landlock's rules. */
	int protocol = a->ss.ss_family == AF_UNIX ? 0 : IPPROTO_TCP;
	int fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return -errno;
	int r = set_listener_options(fd, a, reuse_port);
	if (r < 0) {
		close(fd);
		return r;
	}
	return listen_at(fd, a, backlog);
}

int
gp_socket_is_free(const struct gp_sockaddr *a)
{
	int fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	int r = fd < 0 ? -errno : set_listener_options(fd, a, false);
	/* Bound, not listening: nobody gets through to it. */
	if (r == 0 && bind(fd, (const struct sockaddr *)&a->ss, a->len) < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	return r;
}

int
gp_socket_listen_packets(const struct gp_sockaddr *a, int backlog)
{
	gp_assert(a->ss.ss_family == AF_UNIX);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno : listen_at(fd, a, backlog);
}
