/* SPDX-License-Identifier: MIT */
#include "tests/bench/token.h"

#include <errno.h>

#ifdef HAVE_P11KIT

#include <dlfcn.h>
#include <ftw.h>
#include <p11-kit/pkcs11.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/shared/clock.h"

#define PIN "1234"
#define SERVER_NS UINT64_C(5000000000)
#define MAC 32

extern char **environ;

static const char *const softhsm_paths[] = {
	"/usr/lib/softhsm/libsofthsm2.so",
	"/usr/lib64/softhsm/libsofthsm.so",
	"/usr/lib64/pkcs11/libsofthsm2.so",
};
static const char *const client_paths[] = {
	"/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so",
	"/usr/lib/aarch64-linux-gnu/pkcs11/p11-kit-client.so",
	"/usr/lib64/pkcs11/p11-kit-client.so",
};

static struct {
	CK_FUNCTION_LIST *f;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	const char *missing;
} tokens[TOKENS] = {
	[TOKEN_IN_PROCESS] = { .missing = "not opened" },
	[TOKEN_REMOTE] = { .missing = "not opened" },
};

static char dir[] = "/tmp/ukcf-bench-XXXXXX";
static bool have_dir;
static pid_t server;

#define FIND(paths) find(paths, sizeof(paths) / sizeof((paths)[0]))

static const char *find(const char *const *paths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (access(paths[i], R_OK) == 0)
			return paths[i];
	return NULL;
}

/* The token lies where this configuration says. */
static bool configure(void)
{
	char path[64], line[128];
	FILE *f;

	if (!mkdtemp(dir))
		return false;
	have_dir = true;
	snprintf(path, sizeof(path), "%s/tokens", dir);
	if (mkdir(path, 0700) < 0)
		return false;
	snprintf(line, sizeof(line),
		 "directories.tokendir = %s\nlog.level = ERROR\n", path);
	snprintf(path, sizeof(path), "%s/conf", dir);
	f = fopen(path, "we");
	if (!f)
		return false;
	fputs(line, f);
	return fclose(f) == 0 && setenv("SOFTHSM2_CONF", path, 1) == 0;
}

static CK_FUNCTION_LIST *load(const char *path)
{
	void *dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CK_FUNCTION_LIST *f = NULL;
	CK_C_GetFunctionList get;

	if (!dl)
		return NULL;
	*(void **)&get = dlsym(dl, "C_GetFunctionList");
	if (!get || get(&f) != CKR_OK || f->C_Initialize(NULL) != CKR_OK)
		return NULL;
	return f;
}

static bool make_token(CK_FUNCTION_LIST *f)
{
	CK_UTF8CHAR label[32];
	CK_SESSION_HANDLE s;
	CK_SLOT_ID slot;
	CK_ULONG n = 1;
	bool ok;

	memset(label, ' ', sizeof(label));
	memcpy(label, "bench", 5);
	if (f->C_GetSlotList(CK_TRUE, &slot, &n) != CKR_OK || n != 1 ||
	    f->C_InitToken(slot, (CK_UTF8CHAR *)PIN, 4, label) != CKR_OK)
		return false;
	if (f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
			     NULL, &s) != CKR_OK)
		return false;
	ok = f->C_Login(s, CKU_SO, (CK_UTF8CHAR *)PIN, 4) == CKR_OK &&
	     f->C_InitPIN(s, (CK_UTF8CHAR *)PIN, 4) == CKR_OK &&
	     f->C_Logout(s) == CKR_OK;
	f->C_CloseSession(s);
	return ok;
}

/* The slot of an initialised token. */
static bool find_slot(CK_FUNCTION_LIST *f, CK_SLOT_ID *slot)
{
	CK_SLOT_ID slots[8];
	CK_TOKEN_INFO info;
	CK_ULONG n = 8;

	if (f->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
		return false;
	for (CK_ULONG i = 0; i < n; i++) {
		if (f->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
		    !(info.flags & CKF_USER_PIN_INITIALIZED))
			continue;
		*slot = slots[i];
		return true;
	}
	return false;
}

static bool make_key(enum token t, const uint8_t *key)
{
	CK_OBJECT_CLASS class_ = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	uint8_t bytes[32];
	CK_ATTRIBUTE a[] = {
		{ CKA_CLASS, &class_, sizeof(class_) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_VALUE, bytes, sizeof(bytes) },
		{ CKA_SIGN, &yes, sizeof(yes) },
		{ CKA_TOKEN, &no, sizeof(no) },
	};
	CK_FUNCTION_LIST *f = tokens[t].f;
	CK_SESSION_HANDLE *s = &tokens[t].session;
	CK_SLOT_ID slot;

	memcpy(bytes, key, sizeof(bytes));
	return find_slot(f, &slot) &&
	       f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
				NULL, NULL, s) == CKR_OK &&
	       f->C_Login(*s, CKU_USER, (CK_UTF8CHAR *)PIN, 4) == CKR_OK &&
	       f->C_CreateObject(*s, a, sizeof(a) / sizeof(a[0]),
				 &tokens[t].key) == CKR_OK;
}

/* Return: why it does not work, or NULL. */
static const char *open_in_process(const char *module, const uint8_t *key)
{
	if (!module)
		return "not installed (package softhsm2)";
	if (!configure())
		return "no directory for its token";
	tokens[TOKEN_IN_PROCESS].f = load(module);
	if (!tokens[TOKEN_IN_PROCESS].f)
		return "the module does not load";
	if (!make_token(tokens[TOKEN_IN_PROCESS].f))
		return "no token can be made";
	return make_key(TOKEN_IN_PROCESS, key) ? NULL : "no key can be made";
}

static bool start_server(const char *module, const char *socket)
{
	const char *argv[] = { "p11-kit", "server", "--foreground", "--name",
			       socket, "--provider", module, "pkcs11:", NULL };
	posix_spawn_file_actions_t quiet;
	struct timespec moment = { .tv_nsec = 1000000 };
	uint64_t end = clock_ns() + SERVER_NS;
	int err;

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", 1, 0);
	err = posix_spawnp(&server, argv[0], &quiet, NULL,
			   (char **)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&quiet);
	if (err) {
		server = 0;
		return false;
	}
	while (access(socket, R_OK) < 0) {
		if (clock_ns() > end || waitpid(server, NULL, WNOHANG) == server)
			return false;
		nanosleep(&moment, NULL);
	}
	return true;
}

static const char *open_remote(const char *module, const uint8_t *key)
{
	const char *client = FIND(client_paths);
	char socket[64], address[96];

	if (!module || tokens[TOKEN_IN_PROCESS].missing)
		return "needs SoftHSM2";
	if (!client)
		return "not installed (package p11-kit-modules)";
	snprintf(socket, sizeof(socket), "%s/socket", dir);
	if (!start_server(module, socket))
		return "p11-kit server does not start (package p11-kit)";
	snprintf(address, sizeof(address), "unix:path=%s", socket);
	setenv("P11_KIT_SERVER_ADDRESS", address, 1);
	tokens[TOKEN_REMOTE].f = load(client);
	if (!tokens[TOKEN_REMOTE].f)
		return "p11-kit-client.so does not load";
	return make_key(TOKEN_REMOTE, key) ? NULL : "no key can be made there";
}

void token_open(const uint8_t *key)
{
	const char *module = FIND(softhsm_paths);

	tokens[TOKEN_IN_PROCESS].missing = open_in_process(module, key);
	tokens[TOKEN_REMOTE].missing = open_remote(module, key);
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void token_close(void)
{
	for (unsigned int i = TOKENS; i-- > 0;)
		if (tokens[i].f)
			tokens[i].f->C_Finalize(NULL);
	if (server > 0) {
		kill(server, SIGTERM);
		waitpid(server, NULL, 0);
	}
	if (have_dir)
		nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *token_missing(enum token t)
{
	return tokens[t].missing;
}

int token_mac(enum token t, uint8_t *out, const uint8_t *in, size_t len)
{
	CK_MECHANISM m = { CKM_SHA256_HMAC, NULL, 0 };
	CK_FUNCTION_LIST *f = tokens[t].f;
	CK_ULONG n = MAC;

	if (f->C_SignInit(tokens[t].session, &m, tokens[t].key) != CKR_OK ||
	    f->C_Sign(tokens[t].session, (CK_BYTE *)(uintptr_t)in, len, out,
		      &n) != CKR_OK)
		return -EIO;
	return n == MAC ? 0 : -EIO;
}

#else

static const char without[] = "built without p11-kit's header "
			      "(package libp11-kit-dev)";

void token_open(const uint8_t *key)
{
	(void)key;
}

void token_close(void)
{
}

const char *token_missing(enum token t)
{
	(void)t;
	return without;
}

int token_mac(enum token t, uint8_t *out, const uint8_t *in, size_t len)
{
	(void)t;
	(void)out;
	(void)in;
	(void)len;
	return -EIO;
}

#endif
