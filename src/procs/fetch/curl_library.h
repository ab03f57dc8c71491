/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl, loaded when it is first needed: see sys/library.h. What its header calls
 * curl_easy_init() is curl.easy_init() here, once gp_library_load(&curl_library) has returned 0.
 */
#pragma once

#include <curl/curl.h>

#include "sys/library.h"

#define CURL_CALLS(X)          \
	X(easy_cleanup)        \
	X(easy_getinfo)        \
	X(easy_init)           \
	X(easy_perform)        \
	X(easy_recv)           \
	X(easy_send)           \
	X(easy_setopt)         \
	X(easy_strerror)       \
	X(free)                \
	X(global_cleanup)      \
	X(global_init)         \
	X(multi_add_handle)    \
	X(multi_assign)        \
	X(multi_cleanup)       \
	X(multi_info_read)     \
	X(multi_init)          \
	X(multi_remove_handle) \
	X(multi_setopt)        \
	X(multi_socket_action) \
	X(slist_append)        \
	X(slist_free_all)      \
	X(url)                 \
	X(url_cleanup)         \
	X(url_get)             \
	X(url_set)

#define CURL_POINTER(name) typeof(&curl_##name) name;
struct [[GP_LIBRARY_TABLE]] curl_calls {
	CURL_CALLS(CURL_POINTER)
};
#undef CURL_POINTER

extern struct gp_library curl_library;
extern struct curl_calls curl;

/* Where a function takes a value of any type, libcurl's header checks it if it is the one that is
 * linked. So these do here: a number has to be a long, what is asked for a pointer to one. */
#define CURL_IS(value, type) __builtin_types_compatible_p(typeof(value), type)
#define CURL_OPTION_IS(option, kind) \
	((option) / CURLOPTTYPE_OBJECTPOINT * CURLOPTTYPE_OBJECTPOINT == (kind))

#define curl_easy_set(easy, option, value)                                  \
	({                                                                  \
		static_assert(CURL_IS(value, long) ==                       \
			      (CURL_OPTION_IS(option, CURLOPTTYPE_LONG) ||  \
			       CURL_OPTION_IS(option, CURLOPTTYPE_OFF_T))); \
		curl.easy_setopt(easy, option, value);                      \
	})
#define curl_easy_get(easy, info, ret)                                          \
	({                                                                      \
		static_assert(CURL_IS(ret, long *) ==                           \
			      (((info)&CURLINFO_TYPEMASK) == CURLINFO_LONG));   \
		static_assert(CURL_IS(ret, curl_socket_t *) ==                  \
			      (((info)&CURLINFO_TYPEMASK) == CURLINFO_SOCKET)); \
		curl.easy_getinfo(easy, info, ret);                             \
	})
