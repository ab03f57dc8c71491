/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reports/imap_url.h"

#include <stdio.h>

#include "procs/fetch/curl_library.h"

static bool
is_printable(const char *text)
{
	while (*text >= ' ' && *text <= '~')
		text++;
	return *text == '\0';
}

bool
imap_folder_valid(const char *name)
{
	return *name && strlen(name) <= IMAP_NAME_MAX && is_printable(name);
}

/* A part of it, decoded; false: it has none, or it does not fit. */
static bool
take(CURLU *url, CURLUPart part, unsigned flags, size_t skip, char *ret, size_t size)
{
	char *text = NULL;
	bool good = curl.url_get(url, part, &text, flags) == CURLUE_OK && strlen(text) >= skip &&
		    snprintf(ret, size, "%s", text + skip) < (int)size;
	curl.free(text);
	return good;
}

static bool
has(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool found = curl.url_get(url, part, &text, 0) == CURLUE_OK;
	curl.free(text);
	return found;
}

static const char *
read_parts(CURLU *url, const char *text, struct imap_url *ret)
{
	char scheme[8];
	if (curl.url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK ||
	    !take(url, CURLUPART_SCHEME, 0, 0, scheme, sizeof(scheme)) ||
	    (strcmp(scheme, "imaps") != 0 && strcmp(scheme, "imap") != 0))
		return "is no URL such as imaps://USER@HOST/FOLDER";
	if (has(url, CURLUPART_PASSWORD))
		return "has a password, which others would see: name a --password-file";
	if (has(url, CURLUPART_QUERY) || has(url, CURLUPART_FRAGMENT))
		return "has more behind its folder";
	if (!take(url, CURLUPART_USER, CURLU_URLDECODE, 0, ret->user, sizeof(ret->user)) ||
	    !*ret->user || !is_printable(ret->user))
		return "names no user";
	if (!take(url, CURLUPART_PATH, CURLU_URLDECODE, 1, ret->folder, sizeof(ret->folder)))
		return "names no folder that can be";
	if (!*ret->folder)
		snprintf(ret->folder, sizeof(ret->folder), "INBOX");
	if (!imap_folder_valid(ret->folder))
		return "names no folder that can be";
	if (curl.url_set(url, CURLUPART_USER, NULL, 0) != CURLUE_OK ||
	    curl.url_set(url, CURLUPART_PATH, "/", 0) != CURLUE_OK ||
	    !take(url, CURLUPART_URL, 0, 0, ret->server, sizeof(ret->server)))
		return "is too long";
	return NULL;
}

const char *
imap_url_read(const char *text, struct imap_url *ret)
{
	static char not_read[GP_LIBRARY_WHY_MAX + 32];
	if (gp_library_load(&curl_library) < 0) {
		snprintf(not_read, sizeof(not_read), "cannot be read: %s", curl_library.why);
		return not_read;
	}
	CURLU *url = curl.url();
	const char *wrong = url ? read_parts(url, text, ret) : "needs more memory than there is";
	curl.url_cleanup(url);
	return wrong;
}
