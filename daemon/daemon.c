/* SPDX-License-Identifier: MIT */
/*
 * Start: a table of steps, each of which says what stopped it.  What a former
 * process left is taken over after the threads run and before anybody can
 * connect; "ready" is said last.
 *
 * Stop: nothing is undone.  Consumers, rings and requests stay as they are
 * recorded, so that a service manager's restart is a pause to them; without a
 * descriptor store the kernel takes all of it when the process ends.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "daemon/api/burden.h"
#include "daemon/api/admin.h"
#include "daemon/api/arena.h"
#include "daemon/api/consumer.h"
#include "daemon/api/control.h"
#include "daemon/api/listener.h"
#include "daemon/api/notifier.h"
#include "daemon/api/page.h"
#include "daemon/api/permit.h"
#include "daemon/api/provider-change.h"
#include "daemon/api/policy-file.h"
#include "daemon/api/ring.h"
#include "daemon/config.h"
#include "daemon/core/backlog.h"
#include "daemon/core/dispatch.h"
#include "daemon/core/context.h"
#include "daemon/core/drain.h"
#include "daemon/core/keystore.h"
#include "daemon/core/mech.h"
#include "daemon/core/pieces.h"
#include "daemon/core/prepared.h"
#include "daemon/core/recovery.h"
#include "daemon/core/service.h"
#include "daemon/core/stranded.h"
#include "daemon/core/template.h"
#include "daemon/core/trust.h"
#include "daemon/core/worker.h"
#include "daemon/fdstore.h"
#include "daemon/loop.h"
#include "daemon/spi/load.h"
#include "daemon/spi/loader.h"
#include "daemon/spi/manifest.h"
#include "daemon/spi/provider.h"
#include "lib/shared/clock.h"
#include "lib/shared/log.h"

#define STOP_S 5 /* for running requests to end */

static struct {
	const struct daemon_options *options;
	const struct config *config;
	struct loop *loop;
	struct listener *consumers, *administrators;
	int signal_fd;
	bool taken_over;
	bool stopping;
} d = { .signal_fd = -1 };

/* ---------------------------------------------------------- configuration */

static const char *config_path(const struct daemon_options *o)
{
	return o->config_path ? o->config_path :
				UKCF_SYSCONF_DIR "/ukcfd.conf";
}

static int set_from_option(struct config *c, const char *key,
			   const char *value, FILE *errors)
{
	char assignment[512];

	if (!value)
		return 0;
	snprintf(assignment, sizeof(assignment), "daemon.%s=%s", key, value);
	return config_set(c, assignment, errors);
}

static void set_from_environment(char *path, size_t size, const char *value)
{
	if (value && value[0] == '/' && strlen(value) < size)
		strcpy(path, value);
}

int daemon_configure(const struct daemon_options *o, struct config *c,
		     FILE *errors)
{
	int err = 0, e;

	config_defaults(c);
	/* of StateDirectory=, or a captive daemon's own */
	set_from_environment(c->state_dir, sizeof(c->state_dir),
			     secure_getenv("STATE_DIRECTORY"));
	c->captive = o->captive;
	if (o->captive) {
		c->log_level = LOG_WARNING; /* its output is another's too */
		c->policy_dir[0] = '\0';
		c->manifest_dir[0] = '\0';
	}
	/* A captive daemon is a private one: it reads what it is told to. */
	if (!o->captive || o->config_path)
		err = config_load(c, config_path(o), o->config_path != NULL,
				  errors);
	for (unsigned int i = 0; i < o->n_sets; i++) {
		e = config_set(c, o->sets[i], errors);
		err = err ? err : e;
	}
	e = set_from_option(c, "provider_dir", o->provider_dir, errors);
	err = err ? err : e;
	e = set_from_option(c, "log_level", o->log_level, errors);
	return err ? err : e;
}

int daemon_check_policy(const struct config *c, FILE *errors)
{
	static struct policy_files f;

	return policy_files_load(&f, c->policy_dir, errors);
}

/* ---------------------------------------------------------------- signals */

static void block_signals(void)
{
	static const int never[] = { SIGSEGV, SIGBUS, SIGFPE,  SIGILL,
				     SIGTRAP, SIGSYS, SIGABRT };
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		sigdelset(&set, never[i]);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* All is read before anything is changed. */
static void reload(void)
{
	static struct config c; /* the running one stays as it is */
	unsigned int files;

	if (daemon_configure(d.options, &c, stderr)) {
		log_err("SIGHUP: the configuration is wrong, nothing changes");
		return;
	}
	if (permit_refresh(false, &files, stderr)) {
		log_err("SIGHUP: the policy is wrong, see above: nothing "
			"changes, the old one stays");
		return;
	}
	log_set_level(c.log_level);
	log_info("SIGHUP: the log level is read anew, and %u policy files; "
		 "everything else needs a restart", files);
}

static void on_signal(void *arg, uint32_t revents)
{
	struct signalfd_siginfo si;

	(void)arg;
	(void)revents;
	while (read(d.signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGHUP) {
			reload();
			continue;
		}
		/* A terminal's ^C is for the command; the parent decides. */
		if (si.ssi_signo == SIGINT && d.config->captive)
			continue;
		d.stopping = true;
	}
}

static int watch_signals(void)
{
	struct loop_source *s;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	d.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (d.signal_fd < 0)
		return -errno;
	return loop_watch(d.loop, d.signal_fd, POLLIN, on_signal, NULL, &s);
}

/* ------------------------------------------------------------------ start */

static int failed(const char *what, int err)
{
	log_err("%s: %s%s", what, strerror(-err),
		err == -EMFILE ? ": raise LimitNOFILE= (ulimit -n)" : "");
	return DAEMON_EXIT_FAILURE;
}

static void raise_limit(__rlimit_resource_t resource)
{
	struct rlimit r;

	if (getrlimit(resource, &r) < 0 || r.rlim_cur == r.rlim_max)
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(resource, &r);
}

/* A core file would hold keys. */
static int start_limits(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	/* A captive daemon's memory is its user's own; tests look at it. */
	if (!d.config->captive && prctl(PR_SET_DUMPABLE, 0) < 0)
		return failed("PR_SET_DUMPABLE", -errno);
	raise_limit(RLIMIT_NOFILE);
	raise_limit(RLIMIT_MEMLOCK);
	clock_init();
	burden_learn();
	return 0;
}

static int start_loop(void)
{
	int err = loop_new(&d.loop);

	if (!err)
		return 0;
	log_err("%s (%s)", loop_unavailable_reason(err), strerror(-err));
	return DAEMON_EXIT_PLATFORM;
}

static int start_recovery(void)
{
	int err = fdstore_init();

	if (err)
		return failed("descriptors from the service manager", err);
	err = recovery_open(fdstore_take("recovery"), &d.taken_over);
	if (err == -EPROTO) {
		log_warn("what the former daemon recorded is of another "
			 "version: its consumers have to connect anew");
		fdstore_removef("recovery");
		err = recovery_open(-1, &d.taken_over);
	}
	if (err)
		return failed("recovery record", err);
	recovery->clean = 0;
	return 0;
}

static int start_keystore(void)
{
	int err = keystore_open(fdstore_take("keys"), d.config->keys);
	struct rlimit r = { 0, 0 };

	if (err == -EPROTO) {
		log_warn("the keys that the former daemon held are laid out "
			 "for another version: they are lost");
		fdstore_removef("keys");
		err = keystore_open(-1, d.config->keys);
	}
	if (!err) {
		if (!d.taken_over) /* serials begin anew */
			keystore_disown();
		return 0;
	}
	if (err == -EMFILE)
		return failed("keys", err);
	getrlimit(RLIMIT_MEMLOCK, &r);
	log_err("no locked memory for keys: %s; the limit is %llu KiB, it "
		"needs about 5120: raise LimitMEMLOCK= (ulimit -l)",
		strerror(-err), (unsigned long long)r.rlim_cur / 1024);
	return DAEMON_EXIT_PLATFORM;
}

static int start_templates(void)
{
	int err = template_open(fdstore_take("templates"),
				d.config->templates);

	if (err == -EPROTO) {
		log_warn("the templates that the former daemon held are laid "
			 "out for another version: they are lost");
		fdstore_removef("templates");
		err = template_open(-1, d.config->templates);
	}
	if (!err)
		err = prepared_open();
	if (!err)
		err = context_init(d.config->contexts);
	if (!err)
		err = pieces_init();
	if (err)
		return failed("templates and contexts", err);
	if (!d.taken_over)
		template_disown();
	return 0;
}

static int start_page(void)
{
	int err = page_open(fdstore_take("page"), recovery->boot_gen,
			    (uint32_t)(d.config->inline_us * 1000));

	return err ? failed("page", err) : 0;
}

/* What was forbidden is, before anybody asks for it. */
static int start_policy(void)
{
	const struct config *c = d.config;

	if (permit_init(c->state_dir, c->policy_dir, stderr) == 0)
		return 0;
	log_err("the policy in %s%s%s cannot be used: see above", c->state_dir,
		c->policy_dir[0] ? " and " : "", c->policy_dir);
	return DAEMON_EXIT_CONFIG;
}

/* Those that a request may bring later. */
static int start_manifests(void)
{
	unsigned int n;
	int err = manifest_load(d.config->manifest_dir, d.config->state_dir,
				false, &n, stderr);

	if (!err)
		return 0;
	if (err == -EMFILE)
		return failed("manifests", err);
	log_err("%s: the manifests there cannot be used: see above",
		d.config->manifest_dir);
	return DAEMON_EXIT_CONFIG;
}

/* Of the default list only the first one must be there. */
static bool is_wanted(const struct config *c, unsigned int i)
{
	const char *name = c->providers[i];
	char path[sizeof(c->provider_dir) + sizeof(c->providers[0]) + 4];

	if (c->providers_named || i == 0)
		return true;
	snprintf(path, sizeof(path), "%s/%s.so", c->provider_dir, name);
	if (access(path, F_OK) == 0 || errno != ENOENT)
		return true; /* what is wrong with it, its loading says */
	log_info("provider %s is not installed in %s", name, c->provider_dir);
	return false;
}

static int start_providers(void)
{
	const struct config *c = d.config;
	struct stat st;
	int rc;

	if (stat(c->provider_dir, &st) < 0) {
		log_err("provider folder %s: %s: install the providers, or "
			"name another (--provider-dir, daemon.provider_dir)",
			c->provider_dir, strerror(errno));
		return DAEMON_EXIT_PROVIDER;
	}
	mech_init();
	provider_init(c);
	trust_init(c->cross_check_all_ms * 1000000);
	keystore_on_forget(provider_forget_key);
	rc = start_manifests();
	if (rc)
		return rc;
	for (unsigned int i = 0; i < c->n_providers; i++) {
		int err = is_wanted(c, i) ?
				  load_provider(c->providers[i]) : 0;

		if (err == -EMFILE) /* it would not be the last one */
			return failed(c->providers[i], err);
		if (err)
			log_err("provider %s is left out: %s", c->providers[i],
				strerror(-err));
	}
	for (unsigned int i = 0; i < provider_count(); i++)
		if (provider_is_usable(provider_at(i)))
			return 0;
	log_err("no provider could be loaded from %s: see above, and "
		"daemon.providers", c->provider_dir);
	return DAEMON_EXIT_PROVIDER;
}

static int start_objects(void)
{
	int err = arena_init();

	if (!err)
		err = ring_init();
	if (!err)
		err = consumer_init();
	if (!err)
		err = control_init(d.loop, d.config);
	return err ? failed("consumers", err) : 0;
}

static unsigned int cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return (unsigned int)CPU_COUNT(&set);
}

static unsigned int or_default(unsigned int n, unsigned int max)
{
	unsigned int others = cores() - 1;

	if (n == 0)
		n = others ? others : 1;
	return n < max ? n : max;
}

static int start_threads(void)
{
	const struct config *c = d.config;
	const struct service_settings set = {
		.threads = or_default(c->service_threads, 64),
		.spin_ns = c->spin_us * 1000,
	};
	const struct dispatch_settings decisions = {
		.inline_ns = c->inline_us * 1000,
		.timeout_ns = c->timeout_ms * 1000000,
	};
	const unsigned int workers[LANES] = {
		[LANE_BULK] = or_default(c->bulk_workers, 32),
		[LANE_SLOW] = c->slow_workers,
	};
	int err = notifier_start();

	dispatch_init(&decisions);
	if (!err)
		err = stranded_init();
	if (!err)
		err = worker_start(workers, c->queue_slots);
	if (!err)
		err = drain_init();
	if (!err)
		err = loader_start();
	if (!err)
		err = service_start(&set);
	if (!err)
		return 0;
	log_err("threads: %s (%s)", strerror(-err),
		loop_unavailable_reason(err));
	return DAEMON_EXIT_FAILURE;
}

static void on_deadline(void *arg, uint32_t revents)
{
	struct backlog *b = arg;
	uint64_t n;

	(void)revents;
	if (read(b->timer_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		log_err("timer of queue %u: %m", b->id);
	backlog_expire(b);
}

static int start_changes(void)
{
	int err = provider_change_start(d.loop);

	return err ? failed("changes of providers", err) : 0;
}

static int start_deadlines(void)
{
	struct loop_source *s;
	int err = 0;

	for (enum lane i = 0; i < LANES && !err; i++) {
		struct backlog *b = worker_backlog(i);

		err = loop_watch(d.loop, b->timer_fd, POLLIN, on_deadline, b,
				 &s);
	}
	if (!err)
		err = loop_watch(d.loop, stranded_backlog()->timer_fd, POLLIN,
				 on_deadline, stranded_backlog(), &s);
	if (!err)
		err = loop_watch(d.loop, context_backlog()->timer_fd, POLLIN,
				 on_deadline, context_backlog(), &s);
	return err ? failed("deadlines", err) : 0;
}

static int start_sockets(void)
{
	const struct config *c = d.config;

	if (listener_open("consumer.sock", c->socket, 0666, &d.consumers) ||
	    listener_open("admin.sock", c->admin_socket, 0600,
			  &d.administrators))
		return DAEMON_EXIT_SOCKET;
	return 0;
}

static void on_reap(void *arg, uint32_t revents)
{
	void (*const *reap)(void) = arg;

	(void)revents;
	(*reap)();
}

static int start_watches(void)
{
	static void (*const reap[])(void) = { arena_reap, ring_reap,
					      consumer_reap,
					      provider_publish };
	const int fds[] = { arena_reap_fd(), ring_reap_fd(),
			    consumer_reap_fd(), provider_publish_fd() };
	struct loop_source *s;
	int err = watch_signals();

	for (unsigned int i = 0; i < 4 && !err; i++)
		err = loop_watch(d.loop, fds[i], POLLIN, on_reap,
				 (void *)(uintptr_t)&reap[i], &s);
	return err ? failed("main loop", err) : 0;
}

static int start_restore(void)
{
	unsigned int lost = d.taken_over ? control_restore() : 0;

	fdstore_drop_rest();
	if (d.taken_over)
		log_info("restart %u: %u consumers go on, %u are gone",
			 recovery->restarts, consumer_count(), lost);
	return 0;
}

static int start_accepting(void)
{
	int err = control_start(d.consumers);

	if (!err)
		err = admin_start(d.loop, d.administrators);
	if (err)
		return failed("accepting", err);
	log_info("ukcfd %s is ready: %u service threads, %u workers, %u "
		 "providers", UKCF_VERSION, service_threads(),
		 worker_threads(), provider_count());
	sd_notify(0, "READY=1");
	return 0;
}

/* In this order; a step that fails has said why. */
static int (*const steps[])(void) = {
	start_limits,	 start_loop,	 start_recovery, start_keystore,
	start_templates, start_page,	 start_policy,	 start_providers,
	start_objects,
	start_watches,	 start_threads,	 start_changes,	 start_deadlines,
	start_sockets,
	start_restore,
	start_accepting,
};

/* ------------------------------------------------------------------- stop */

static void on_alarm(int sig)
{
	static const char words[] =
		"ukcfd: requests did not end in time, stopping anyway\n";

	(void)sig;
	if (write(STDERR_FILENO, words, sizeof(words) - 1) < 0)
		_exit(DAEMON_EXIT_FAILURE);
	_exit(DAEMON_EXIT_FAILURE);
}

/* Only this thread takes the alarm: the others block all signals. */
static void bound_stop(void)
{
	sigset_t set;

	signal(SIGALRM, on_alarm);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	alarm(STOP_S);
}

static void stop(void)
{
	sd_notify(0, "STOPPING=1");
	log_info("stopping");
	bound_stop();
	listener_close(d.consumers);
	listener_close(d.administrators);
	control_stop();
	admin_stop();
	loader_stop();
	service_stop();
	worker_stop();
	notifier_stop();
	recovery->clean = 1;
	template_close();
	prepared_close();
	context_deinit();
	pieces_deinit();
	/* A service manager may keep the keys for the next process; when it
	 * lets go of secret memory, the kernel wipes it. */
	if (d.config->captive || !fdstore_active())
		keystore_close();
	alarm(0);
}

/* No socket is left that nobody serves. */
static int refuse(int rc)
{
	listener_close(d.consumers);
	listener_close(d.administrators);
	return rc;
}

int daemon_run(const struct daemon_options *o, const struct config *c)
{
	int rc;

	d.options = o;
	d.config = c;
	log_init("ukcfd", c->log_level);
	block_signals();
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		rc = steps[i]();
		if (rc)
			return refuse(rc);
	}
	while (!d.stopping) {
		rc = loop_run(d.loop, true);
		if (rc < 0)
			return failed("main loop", rc);
	}
	stop();
	return DAEMON_EXIT_OK;
}
