/* SPDX-License-Identifier: MIT */
#include "tools/demo-outside.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ukcf/mech.h>

#include "tools/output.h"
#include "tools/spki.h"

#define NOT_FOUND 127

static void be(char *const argv[], int out) __attribute__((noreturn));

static void be(char *const argv[], int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execvp(argv[0], argv);
	_exit(NOT_FOUND);
}

/* Its exit status, and the first bytes that it printed. */
static int run(char *const argv[], char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;
	pid_t pid;
	int p[2], status;

	text[0] = '\0';
	if (pipe2(p, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		be(argv, p[1]);
	close(p[1]);
	while (pid > 0 && len + 1 < size &&
	       (n = read(p[0], text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(p[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

enum opinion outside_sha256(const char *path, const uint8_t digest[32])
{
	char *argv[] = { (char[]){ "sha256sum" }, (char[]){ "--" },
			 strdup(path), NULL };
	char text[4096], hex[65], *said = text;
	int status = run(argv, text, sizeof(text));

	free(argv[2]);
	if (status == NOT_FOUND)
		return OPINION_NONE;
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	if (*said == '\\') /* before a name with a backslash */
		said++;
	return status == 0 && strncmp(said, hex, 64) == 0 ? OPINION_YES :
							    OPINION_NO;
}

static enum opinion ask_openssl(const char *path, const char *pem,
				const char *sig)
{
	char *argv[] = { (char[]){ "openssl" },	 (char[]){ "pkeyutl" },
			 (char[]){ "-verify" },	 (char[]){ "-pubin" },
			 (char[]){ "-inkey" },	 strdup(pem),
			 (char[]){ "-rawin" },	 (char[]){ "-in" },
			 strdup(path),		 (char[]){ "-sigfile" },
			 strdup(sig),		 NULL };
	char text[256];
	int status = run(argv, text, sizeof(text));

	free(argv[5]);
	free(argv[8]);
	free(argv[10]);
	if (status == NOT_FOUND)
		return OPINION_NONE;
	return status == 0 ? OPINION_YES : OPINION_NO;
}

enum opinion outside_ed25519(const char *path, const uint8_t pub[32],
			     const uint8_t sig[64])
{
	char dir[] = "/tmp/ukcf-demo-XXXXXX";
	char pem[64], raw[64], text[SPKI_PEM_MAX];
	size_t len = spki_pem(UKCF_MECH_ED25519, pub, 32, text);
	enum opinion opinion = OPINION_NO;

	if (!mkdtemp(dir))
		return OPINION_NO;
	snprintf(pem, sizeof(pem), "%s/pem", dir);
	snprintf(raw, sizeof(raw), "%s/sig", dir);
	if (output_write(pem, text, len, OUTFILE_FORCE) == 0 &&
	    output_write(raw, sig, 64, OUTFILE_FORCE) == 0)
		opinion = ask_openssl(path, pem, raw);
	unlink(pem);
	unlink(raw);
	rmdir(dir);
	return opinion;
}
