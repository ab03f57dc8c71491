/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imaps://USER@HOST[:PORT]/FOLDER (RFC 5092): a folder of mail. What has a meaning in a URL is
 * written %XX in the user's name, '@' as %40; a folder that is not named is INBOX.
 */
#pragma once

enum { IMAP_NAME_MAX = 255 }; /* octets of a user's name, and of a folder's */

struct imap_url {
	char server[512]; /* the URL's beginning, with its '/', without the user */
	char user[IMAP_NAME_MAX + 1];
	char folder[IMAP_NAME_MAX + 1];
};

/* NULL, or what is wrong, as the end of a sentence that begins with the URL. Names are of printable
 * ASCII: others come in the server's own spelling (RFC 3501 section 5.1.3). It is libcurl
 * that reads it, which may not be there. */
const char *
imap_url_read(const char *text, struct imap_url *ret);
/* The same of a folder's name alone. */
bool
imap_folder_valid(const char *name);
