/* SPDX-License-Identifier: MIT */
#include "tests/unit/fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/api/decode.h"
#include "daemon/api/ring.h"
#include "daemon/core/context.h"
#include "daemon/core/dispatch.h"
#include "daemon/core/keystore.h"
#include "daemon/core/mech.h"
#include "daemon/core/pieces.h"
#include "daemon/core/prepared.h"
#include "daemon/core/template.h"
#include "lib/shared/clock.h"
#include "lib/shared/mech-table.h"

/* --------------------------------------------------------- standard error */

static int caught_fd = -1, real_stderr = -1;

void catch_stderr(void)
{
	fflush(stderr);
	caught_fd = memfd_create("stderr", MFD_CLOEXEC);
	real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	cr_assert(caught_fd >= 0 && real_stderr >= 0);
	cr_assert(dup2(caught_fd, STDERR_FILENO) == STDERR_FILENO);
}

const char *caught_stderr(void)
{
	static char text[65536];
	ssize_t n;

	fflush(stderr);
	cr_assert(dup2(real_stderr, STDERR_FILENO) == STDERR_FILENO);
	n = pread(caught_fd, text, sizeof(text) - 1, 0);
	cr_assert(n >= 0);
	text[n] = '\0';
	close(caught_fd);
	close(real_stderr);
	return text;
}

/* ------------------------------------------------------------------ files */

static char dir_name[64];
static pid_t dir_owner;

static int remove_one(const char *path, const struct stat *st, int flag,
		      struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void remove_dir(void)
{
	if (getpid() == dir_owner)
		nftw(dir_name, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *temp_dir(void)
{
	strcpy(dir_name, "/tmp/ukcf-unit-XXXXXX");
	cr_assert(mkdtemp(dir_name));
	dir_owner = getpid();
	atexit(remove_dir);
	return dir_name;
}

static const char *write_file(const char *dir, const char *name,
			      const void *p, size_t n)
{
	static char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	cr_assert(f);
	cr_assert(fwrite(p, 1, n, f) == n);
	cr_assert(fclose(f) == 0);
	return path;
}

const char *temp_file(const char *dir, const char *name, const char *text)
{
	return write_file(dir, name, text, strlen(text));
}

const char *temp_elf(const char *dir, const char *name, const char *text)
{
	struct {
		ElfW(Ehdr) e;
		ElfW(Phdr) ph;
		char text[64];
	} m = { .e = { .e_phoff = sizeof(m.e),
		       .e_phentsize = sizeof(m.ph),
		       .e_phnum = 1 } };

	cr_assert(strlen(text) <= sizeof(m.text));
	memcpy(m.e.e_ident, ELFMAG, SELFMAG);
	m.ph.p_filesz = ELF_TEXT + strlen(text);
	memcpy(m.text, text, strlen(text));
	return write_file(dir, name, &m, m.ph.p_filesz);
}

bool is_open_fd(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

int next_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

/* --------------------------------------------------------------- provider */

struct fixture fx;

size_t job_produces(const struct ukcf_job *job)
{
	const struct mech_row *row = mech_row_by_id(job->mech);

	switch (job->op) {
	case UKCF_OP_ENCRYPT:
		return job->in.len + job->tag_len;
	case UKCF_OP_DECRYPT:
		return job->in.len - job->tag_len;
	case UKCF_OP_MAC:
		return job->tag_len;
	case UKCF_OP_RANDOM:
		return job->out_size;
	case UKCF_OP_KEY_GENERATE:
		return 32;
	case UKCF_OP_KEY_PUBLIC:
		return row->pub_len;
	case UKCF_OP_MAC_VERIFY:
	case UKCF_OP_VERIFY:
		return 0;
	default:
		return row->out_len;
	}
}

static enum ukcf_status perform(struct ukcf_instance *self,
				struct ukcf_job *job)
{
	enum ukcf_status status = UKCF_DONE;
	size_t n = job_produces(job);

	(void)self;
	fx.jobs++;
	if (fx.perform) {
		status = fx.perform(job);
	} else {
		if (n)
			memset(job->out, 0x5a, n);
		job->res = (int64_t)n;
	}
	fx.job = *job;
	return status;
}

static const struct ukcf_mech_ops all_ops = {
	.digest = perform,	 .mac = perform,    .mac_verify = perform,
	.encrypt = perform,	 .decrypt = perform, .sign = perform,
	.verify = perform,	 .derive = perform, .random = perform,
	.generate = perform,	 .public_key = perform, .init_tmpl = perform,
};

static void offer_everything(void)
{
	fx.spi = (struct ukcf_provider){
		.struct_size = sizeof(fx.spi),
		.spi_version = UKCF_SPI_VERSION,
		.name = "unit",
		.kind = UKCF_PROVIDER_SOFTWARE,
	};
	fx.provider = (struct provider){
		.id = 1,
		.state = UKCF_PROVIDER_READY,
		.name = "unit",
		.spi = &fx.spi,
	};
	cr_assert(mech_init() == 0);
	for (unsigned int i = 0; i < mech_n_rows; i++) {
		fx.offers[i] = (struct ukcf_offer){ .mech = mech_rows[i].id,
						    .ops = &all_ops,
						    .cost_ns = 100 };
		cr_assert(mech_add_offer(&fx.provider, &fx.offers[i]) == 0);
	}
}

struct ukcf_offer *offer_of(uint32_t mech)
{
	for (unsigned int i = 0; i < mech_n_rows; i++)
		if (fx.offers[i].mech == mech)
			return &fx.offers[i];
	return NULL;
}

/* ------------------------------------------------------ consumer, buffers */

static void *buffer(enum ukcf_buffer_kind kind, struct arena **ap)
{
	int prot = kind == UKCF_BUFFER_INPUT ? PROT_READ | PROT_WRITE
					     : PROT_READ;
	void *p;
	int fd;

	cr_assert(arena_create(&fx.consumer, kind, ARENA_SIZE, 1, ap, &fd) ==
		  0);
	p = mmap(NULL, ARENA_SIZE, prot, MAP_SHARED | MAP_POPULATE, fd, 0);
	cr_assert(p != MAP_FAILED);
	close(fd);
	cr_assert(arena_ready(&fx.consumer, *ap) == 0);
	return p;
}

void fixture_init(void)
{
	static const struct dispatch_settings decisions = {
		.inline_ns = 20000,
		.timeout_ns = UINT64_C(30000000000),
	};
	bool taken_over;
	int fds[2];

	unsetenv("NOTIFY_SOCKET");
	clock_init();
	fx.consumer.magic = CONSUMER_MAGIC;
	fx.consumer.refs = 1;
	fx.consumer.serial = 7;
	fx.consumer.uid = UID;
	cr_assert(recovery_open(-1, &taken_over) == 0);
	cr_assert(keystore_open(-1, 100) == 0);
	cr_assert(template_open(-1, 100) == 0);
	cr_assert(prepared_open() == 0);
	cr_assert(context_init(50) == 0 && pieces_init() == 0);
	cr_assert(arena_init() == 0 && ring_init() == 0);
	dispatch_init(&decisions);
	offer_everything();
	fx.user_in = buffer(UKCF_BUFFER_INPUT, &fx.in);
	fx.user_out = buffer(UKCF_BUFFER_OUTPUT, &fx.out);
	cr_assert(ring_create(&fx.consumer, 4, 1, &fx.ring, fds) == 0);
	close(fds[0]);
	close(fds[1]);
	cr_assert(scratch_init(&fx.scratch) == 0);
}

uint64_t make_key(uint32_t mech, uint32_t flags)
{
	static const uint8_t bytes[32] = { [0 ... 31] = 1 };
	struct key_spec spec = {
		.uid = UID,
		.consumer_serial = fx.consumer.serial,
		.mech = mech,
		.usage = mech_class_usage(mech),
		.flags = flags | UKCF_KEY_SESSION,
		.secret = { bytes, sizeof(bytes) },
		.pub = { bytes, sizeof(bytes) },
	};
	uint64_t handle;

	cr_assert(keystore_create(&spec, &handle) == 0);
	return handle;
}

/* --------------------------------------------------------------- requests */

static bool is_tmpl(uint32_t op)
{
	return op == UKCF_OP_TMPL_CREATE || op == UKCF_OP_TMPL_DESTROY;
}

static bool takes(uint32_t op, unsigned int range)
{
	if (op == UKCF_OP_CANCEL || op == UKCF_OP_NOTIFY_SPACE ||
	    op == UKCF_OP_NOTIFY_EVENTS || is_tmpl(op))
		return false;
	switch (range) {
	case UKCF_RANGE_IN:
		return op != UKCF_OP_NOP && op != UKCF_OP_RANDOM &&
		       op != UKCF_OP_KEY_PUBLIC && op != UKCF_OP_KEY_EXPORT &&
		       op != UKCF_OP_KEY_DESTROY && op != UKCF_OP_KEY_LIST &&
		       op != UKCF_OP_KEY_NONCES;
	case UKCF_RANGE_OUT:
		return op != UKCF_OP_NOP && op != UKCF_OP_MAC_VERIFY &&
		       op != UKCF_OP_VERIFY && op != UKCF_OP_KEY_GENERATE &&
		       op != UKCF_OP_KEY_IMPORT && op != UKCF_OP_KEY_OPEN &&
		       op != UKCF_OP_KEY_DESTROY;
	case UKCF_RANGE_AUX:
		return op == UKCF_OP_ENCRYPT || op == UKCF_OP_DECRYPT;
	default:
		return op == UKCF_OP_MAC_VERIFY || op == UKCF_OP_VERIFY;
	}
}

static bool needs_key(uint32_t op)
{
	return (op >= UKCF_OP_MAC && op <= UKCF_OP_DERIVE) ||
	       op == UKCF_OP_KEY_PUBLIC || op == UKCF_OP_KEY_EXPORT ||
	       op == UKCF_OP_KEY_DESTROY || op == UKCF_OP_KEY_NONCES ||
	       is_tmpl(op);
}

struct ukcf_sqe sqe_for(uint32_t op, uint32_t mech)
{
	const struct mech_row *row = mech_row_by_id(mech);
	bool names_mech = op == UKCF_OP_TMPL_CREATE ||
			  (op != UKCF_OP_NOP && op < UKCF_OP_KEY_OPEN);
	struct ukcf_sqe s = { .op = (uint8_t)op };

	if (names_mech)
		s.mech[0] = mech;
	if (takes(op, UKCF_RANGE_IN))
		s.in = (struct ukcf_range){ 0, op == UKCF_OP_DERIVE ? 32 : 64 };
	if (takes(op, UKCF_RANGE_OUT))
		s.out = (struct ukcf_range){ 0, 128 };
	if (takes(op, UKCF_RANGE_AUX) &&
	    UKCF_MECH_CLASS(mech) != UKCF_CLASS_CIPHER)
		s.aux = (struct ukcf_range){ 128, 16 };
	if (takes(op, UKCF_RANGE_TAG))
		s.tag = (struct ukcf_range){ 256, row->out_len };
	s.buf[UKCF_RANGE_OUT] = 1;
	if ((UKCF_MECH_CLASS(mech) == UKCF_CLASS_AEAD ||
	     UKCF_MECH_CLASS(mech) == UKCF_CLASS_CIPHER) &&
	    (op == UKCF_OP_ENCRYPT || op == UKCF_OP_DECRYPT))
		s.param_len = (uint8_t)row->nonce_len;
	if (needs_key(op))
		s.obj[0] = make_key(mech, 0);
	return s;
}

void request_from(struct request *req, const struct ukcf_sqe *sqe)
{
	static uint64_t seq;
	struct rec_entry *e = calloc(1, sizeof(*e));

	cr_assert(e);
	e->sqe = *sqe;
	e->seq = seq++;
	*req = (struct request){ .ring = fx.ring, .entry = e };
}

int64_t run_sqe(const struct ukcf_sqe *sqe, unsigned int *detail)
{
	struct request req;
	int64_t res;

	request_from(&req, sqe);
	res = decode_request(&req, &fx.consumer, detail);
	if (res == 0) {
		execute_request(&req, &fx.scratch);
		res = req.entry->cqe.res;
		*detail = req.entry->cqe.detail;
		request_release(&req);
	}
	free(req.entry);
	return res;
}
