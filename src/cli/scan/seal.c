/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/proof/dkim_key.h"
#include "sys/small_file.h"

enum {
	KEY_FILE_MAX = 16 * 1024,
	PATH_LEN_MAX = 4096,
};

bool
scan_chain_add(struct scan_chain *chain, struct gp_slice line)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) &&
		    EVP_DigestUpdate(md, chain->hash, sizeof(chain->hash)) &&
		    EVP_DigestUpdate(md, line.ptr, line.len) &&
		    EVP_DigestFinal_ex(md, chain->hash, NULL);
	EVP_MD_CTX_free(md);
	return good;
}

bool
scan_seal_public(EVP_PKEY *key, uint8_t ret[SCAN_LOG_KEY])
{
	size_t len = SCAN_LOG_KEY;
	return EVP_PKEY_get_raw_public_key(key, ret, &len) == 1 && len == SCAN_LOG_KEY;
}

bool
scan_seal_sign(EVP_PKEY *key, const struct scan_chain *chain, uint8_t ret[SCAN_LOG_SIGNATURE])
{
	size_t len = SCAN_LOG_SIGNATURE;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good = md && EVP_DigestSignInit(md, NULL, NULL, NULL, key) == 1 &&
		    EVP_DigestSign(md, ret, &len, chain->hash, sizeof(chain->hash)) == 1;
	EVP_MD_CTX_free(md);
	return good && len == SCAN_LOG_SIGNATURE;
}

bool
scan_seal_verify(const uint8_t key[SCAN_LOG_KEY], const struct scan_chain *chain,
		 struct gp_slice signature)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, SCAN_LOG_KEY);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good = pkey && md && EVP_DigestVerifyInit(md, NULL, NULL, NULL, pkey) == 1 &&
		    EVP_DigestVerify(md, (const unsigned char *)signature.ptr, signature.len,
				     chain->hash, sizeof(chain->hash)) == 1;
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(pkey);
	return good;
}

/* --- the key's file --- */

static int
complain(const char *path, const char *why, int error)
{
	fprintf(stderr, "gatepost scan: the log's key: %s: %s\n", path, why);
	return error;
}

static int
read_key(const char *path, struct gp_slice text, struct gp_arena *arena, struct dkim_key *ret)
{
	int r = dkim_key_read(text, arena, ret);
	if (r == 0 && ret->algorithm == GP_DKIM_ED25519_SHA256)
		return 0;
	if (r == 0)
		dkim_key_free(ret);
	return r < 0 ? complain(path, strerror(-r), r)
		     : complain(path, "it is no Ed25519 key in PEM", -EINVAL);
}

/* Whole, or not at all, since another run may look for it at the same time. -EEXIST: that one was
   first. */
static int
put_in_place(const char *path, struct gp_slice text)
{
	char beside[PATH_LEN_MAX];
	int n = snprintf(beside, sizeof(beside), "%s.%ld", path, (long)getpid());
	if (n >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = write(fd, text.ptr, text.len) == (ssize_t)text.len ? 0 : -EIO;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && link(beside, path) < 0)
		r = -errno;
	unlink(beside);
	return r;
}

static int
write_key(const char *path, const struct dkim_key *key)
{
	struct gp_buf text = GP_BUF_INIT(KEY_FILE_MAX);
	int r = dkim_key_write(key, &text);
	if (r == 0)
		r = put_in_place(path, gp_buf_slice(&text));
	gp_buf_free(&text);
	return r;
}

/* -EEXIST: another run has made one meanwhile. */
static int
make_key(const char *path, struct dkim_key *ret)
{
	int r = dkim_key_make(GP_DKIM_ED25519_SHA256, 0, ret);
	if (r < 0)
		return complain(path, strerror(-r), r);
	r = write_key(path, ret);
	if (r < 0)
		dkim_key_free(ret);
	if (r < 0 && r != -EEXIST)
		return complain(path, strerror(-r), r);
	if (r == 0)
		fprintf(stderr, "gatepost scan: made %s, by which logs are sealed\n", path);
	return r;
}

/* The user's state, as the XDG base directory specification has it; each folder that is missing is
   made. */
static int
own_path(char ret[PATH_LEN_MAX])
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;
	if (state && state[0] == '/')
		n = snprintf(ret, PATH_LEN_MAX, "%s/gatepost/scan-log.pem", state);
	else
		n = snprintf(ret, PATH_LEN_MAX, "%s/.local/state/gatepost/scan-log.pem",
			     home && home[0] == '/' ? home : "/root");
	if (n >= PATH_LEN_MAX)
		return complain(ret, "the path is too long", -ENAMETOOLONG);
	for (char *slash = strchr(ret + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(ret, 0700) < 0 && errno != EEXIST)
			return complain(ret, strerror(errno), -errno);
		*slash = '/';
	}
	return 0;
}

static int
load_key(const char *path, struct gp_arena *arena, struct dkim_key *ret)
{
	struct gp_slice text;
	int r = gp_file_read(gp_slice_str(path), KEY_FILE_MAX, arena, &text);
	if (r == -ENOENT) {
		r = make_key(path, ret);
		if (r != -EEXIST)
			return r;
		r = gp_file_read(gp_slice_str(path), KEY_FILE_MAX, arena, &text);
	}
	return r == 0 ? read_key(path, text, arena, ret) : complain(path, strerror(-r), r);
}

int
scan_seal_key(const char *path, EVP_PKEY **ret)
{
	char own[PATH_LEN_MAX];
	struct gp_arena arena = GP_ARENA_INIT(8 * KEY_FILE_MAX);
	struct dkim_key key = {};
	int r = path ? 0 : own_path(own);
	if (r == 0)
		r = load_key(path ? path : own, &arena, &key);
	gp_arena_free(&arena);
	*ret = r == 0 ? key.pkey : NULL;
	return r;
}
