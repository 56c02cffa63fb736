/* SPDX-License-Identifier: MIT */
/*
 * One single-threaded parent, two children: the daemon and the command.  The
 * command starts when the daemon has said that it is ready, and the daemon
 * ends with the command.  A daemon that refuses to start (it exits before it
 * was ever ready) ends it all; one that dies is started again, with the
 * descriptors it had put into the store: at once if it was killed, later and
 * later if it dies of itself again and again, and in the end not any more.
 */
#include "daemon/captive.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/captive-store.h"
#include "lib/shared/clock.h"

#define READY_NS UINT64_C(30000000000)
#define STOP_NS UINT64_C(7000000000) /* its own bound is 5 s */
#define DEATHS_MAX 10 /* in a row, each ... */
#define LIVED_NS UINT64_C(10000000000) /* ... sooner than this after ready */
#define PAUSE_NS UINT64_C(10000000) /* after the second, then doubled ... */
#define PAUSE_MAX_NS UINT64_C(500000000) /* ... up to this */
#define EXIT_CAPTIVE 125
#define EXIT_CANNOT_RUN 126
#define EXIT_NOT_FOUND 127

static struct {
	char *const *daemon_argv;
	char *const *command_argv;
	char dir[64];
	int notify_fd, signal_fd;
	sigset_t old_mask;
	struct rlimit old_files;
	pid_t daemon, command; /* 0: none */
	uint64_t ready_ns;     /* since when this daemon is; 0: it is not */
	bool ever_ready;
	bool stopping;	       /* all that still runs was told to end */
	unsigned int deaths;
	/* to be ready, to have ended or, without a daemon, to start one; 0:
	 * none */
	uint64_t deadline_ns;
	int status;	       /* of the command */
} p;

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "ukcfd --run: %s\n", line);
}

/* ------------------------------------------------------------------ set-up */

static void path_of(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/%s", p.dir, name);
}

/* Root's is for every user, so that tests can be another one. */
static int make_dir(void)
{
	const char *base = geteuid() ? secure_getenv("XDG_RUNTIME_DIR") : NULL;

	if (!base || strlen(base) > 32 || access(base, W_OK | X_OK) < 0)
		base = "/tmp";
	snprintf(p.dir, sizeof(p.dir), "%s/ukcf-XXXXXX", base);
	if (!mkdtemp(p.dir)) {
		say("cannot make a folder %s: %s", p.dir, strerror(errno));
		p.dir[0] = '\0';
		return -1;
	}
	return geteuid() ? 0 : chmod(p.dir, 0711);
}

static int make_socket(const char *name, int type, mode_t mode)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int one = 1;
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	path_of(sa.sun_path, sizeof(sa.sun_path), name);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    chmod(sa.sun_path, mode) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) < 0 ||
	    (type == SOCK_SEQPACKET && listen(fd, 256) < 0)) {
		say("socket %s: %s", sa.sun_path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static int make_sockets(void)
{
	mode_t mode = geteuid() ? 0600 : 0666;
	int consumer = make_socket("ukcfd.sock", SOCK_SEQPACKET, mode);
	int admin = make_socket("admin.sock", SOCK_SEQPACKET, mode);

	p.notify_fd = make_socket("notify", SOCK_DGRAM, 0600);
	if (consumer < 0 || admin < 0 || p.notify_fd < 0)
		return -1;
	captive_store_add("consumer.sock", consumer);
	captive_store_add("admin.sock", admin);
	return 0;
}

static int take_signals(void)
{
	static const int ours[] = { SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		sigaddset(&set, ours[i]);
	sigprocmask(SIG_BLOCK, &set, &p.old_mask);
	/* Ignored, as it may be inherited, it would hide how children end. */
	signal(SIGCHLD, SIG_DFL);
	p.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (p.signal_fd < 0)
		say("signals: %s", strerror(errno));
	return p.signal_fd < 0 ? -1 : 0;
}

/* The store may come to hold thousands. */
static void raise_files(void)
{
	struct rlimit r;

	getrlimit(RLIMIT_NOFILE, &p.old_files);
	r = p.old_files;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

static void remove_dir(void)
{
	static const char *const names[] = { "ukcfd.sock", "admin.sock",
					     "notify", "pid", "pid.new",
					     "policy.conf", "policy.conf.new" };
	char path[128];

	if (!p.dir[0])
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_of(path, sizeof(path), names[i]);
		unlink(path);
	}
	path_of(path, sizeof(path), "providers.d"); /* empty: uninstalled */
	rmdir(path);
	if (rmdir(p.dir) < 0)
		say("folder %s is left: %s", p.dir, strerror(errno));
}

/* ---------------------------------------------------------------- children */

static void write_pid_file(void)
{
	char path[128], new[128];
	FILE *f;

	path_of(path, sizeof(path), "pid");
	path_of(new, sizeof(new), "pid.new");
	f = fopen(new, "we");
	if (!f || fprintf(f, "%d\n", (int)p.daemon) < 0 || fclose(f) ||
	    rename(new, path) < 0)
		say("file %s: %s", path, strerror(errno));
}

static void in_child(pid_t parent)
{
	sigprocmask(SIG_SETMASK, &p.old_mask, NULL);
	/* SIGKILL of the parent shall leave no daemon behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_CAPTIVE);
}

/* They are the command's alone: whoever reads its output sees the end of it
 * when the command closes it. */
static void leave_stdio(int output)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(output < 0 ? null : output, STDOUT_FILENO);
	close(null);
}

static void be_daemon(pid_t parent) __attribute__((noreturn));

static void be_daemon(pid_t parent)
{
	char path[128];
	int err;

	in_child(parent);
	leave_stdio(STDERR_FILENO);
	path_of(path, sizeof(path), "notify");
	setenv("NOTIFY_SOCKET", path, 1);
	setenv("STATE_DIRECTORY", p.dir, 1);
	unsetenv("WATCHDOG_USEC");
	err = captive_store_hand_over();
	if (err) {
		say("%u descriptors cannot be handed to the daemon: %s",
		    captive_store_count(), strerror(-err));
		_exit(EXIT_CAPTIVE);
	}
	execv("/proc/self/exe", p.daemon_argv);
	say("the daemon cannot be started: %s", strerror(errno));
	_exit(EXIT_CAPTIVE);
}

static int start_daemon(void)
{
	pid_t self = getpid();

	p.ready_ns = 0;
	p.daemon = fork();
	if (p.daemon == 0)
		be_daemon(self);
	if (p.daemon < 0) {
		p.daemon = 0;
		say("fork: %s", strerror(errno));
		return -1;
	}
	write_pid_file();
	p.deadline_ns = clock_ns() + READY_NS;
	return 0;
}

static void be_command(void) __attribute__((noreturn));

static void be_command(void)
{
	static const char *const vars[][2] = {
		{ "UKCF_SOCKET", "ukcfd.sock" },
		{ "UKCF_ADMIN_SOCKET", "admin.sock" },
		{ "UKCF_DAEMON_PIDFILE", "pid" },
	};
	char path[128];

	sigprocmask(SIG_SETMASK, &p.old_mask, NULL);
	setrlimit(RLIMIT_NOFILE, &p.old_files);
	for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) {
		path_of(path, sizeof(path), vars[i][1]);
		setenv(vars[i][0], path, 1);
	}
	execvp(p.command_argv[0], p.command_argv);
	say("%s: %s", p.command_argv[0], strerror(errno));
	_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

static int start_command(void)
{
	p.command = fork();
	if (p.command == 0)
		be_command();
	if (p.command > 0) {
		leave_stdio(-1);
		return 0;
	}
	p.command = 0;
	say("fork: %s", strerror(errno));
	return -1;
}

/* ------------------------------------------------------------------ events */

static bool done(void)
{
	return p.stopping && !p.daemon && !p.command;
}

static void stop_daemon(void)
{
	p.stopping = true;
	p.deadline_ns = clock_ns() + STOP_NS;
	if (p.daemon)
		kill(p.daemon, SIGTERM);
}

/* Nothing can go on: the command, if it runs, ends as well. */
static void give_up(int status)
{
	if (p.stopping)
		return;
	p.status = status;
	if (p.command)
		kill(p.command, SIGTERM);
	stop_daemon();
}

static void describe(int status, char *buf, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(buf, size, "was ended by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(buf, size, "exited with status %d",
			 WEXITSTATUS(status));
}

static void on_ready(void)
{
	p.ready_ns = clock_ns();
	if (!p.stopping)
		p.deadline_ns = 0;
	if (!p.ever_ready && !p.stopping && start_command() < 0)
		give_up(EXIT_CAPTIVE);
	p.ever_ready = true;
}

/* Whoever kills a daemon that works does not say that it is broken. */
static bool died_of_itself(int status)
{
	if (!p.ready_ns)
		return true;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return false;
	return clock_ns() - p.ready_ns < LIVED_NS;
}

static uint64_t pause_ns(void)
{
	uint64_t ns = p.deaths < 2 ? 0 : PAUSE_NS << (p.deaths - 2);

	return ns < PAUSE_MAX_NS ? ns : PAUSE_MAX_NS;
}

static void on_daemon_end(int status)
{
	char how[96];

	/* Its last words: what it stored before it died. */
	if (captive_store_receive(p.notify_fd, p.daemon) & CAPTIVE_SAID_READY)
		on_ready();
	p.daemon = 0;
	if (p.stopping)
		return;
	p.deaths = died_of_itself(status) ? p.deaths + 1 : 0;
	describe(status, how, sizeof(how));
	if (!p.ever_ready && WIFEXITED(status)) {
		say("the daemon did not start: it %s", how);
		give_up(EXIT_CAPTIVE);
	} else if (p.deaths > DEATHS_MAX) {
		say("the daemon died %u times soon after its start, this time "
		    "it %s: it is not started again", p.deaths, how);
		give_up(EXIT_CAPTIVE);
	} else {
		say("the daemon %s: it is started again", how);
		p.deadline_ns = clock_ns() + pause_ns();
	}
}

static void on_command_end(int status)
{
	p.command = 0;
	if (p.stopping)
		return; /* given up */
	p.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
					 WEXITSTATUS(status);
	stop_daemon();
}

static void reap_children(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == p.daemon)
			on_daemon_end(status);
		else if (pid == p.command)
			on_command_end(status);
	}
}

static void on_signals(void)
{
	struct signalfd_siginfo si;

	while (read(p.signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			continue;
		/* A terminal's ^C has reached the command already. */
		if (p.command && si.ssi_code != SI_KERNEL)
			kill(p.command, (int)si.ssi_signo);
		else if (!p.command)
			give_up(128 + (int)si.ssi_signo);
	}
	reap_children();
}

static void on_notify(void)
{
	if (p.daemon && captive_store_receive(p.notify_fd, p.daemon) &
				CAPTIVE_SAID_READY)
		on_ready();
}

static void on_deadline(void)
{
	p.deadline_ns = 0;
	if (!p.stopping && !p.daemon) {
		if (start_daemon() < 0)
			give_up(EXIT_CAPTIVE);
		return;
	}
	if (p.daemon) {
		say(p.stopping ?
			    "the daemon does not end: it is killed" :
			    "the daemon does not become ready: it is killed");
		kill(p.daemon, SIGKILL);
	}
	if (p.stopping && p.command) {
		say("the command does not end: it is killed");
		kill(p.command, SIGKILL);
	}
}

static int wait_ms(void)
{
	uint64_t now = clock_ns();

	if (!p.deadline_ns)
		return -1; /* both children live: one of them will end it */
	if (now >= p.deadline_ns)
		return 0;
	return (int)((p.deadline_ns - now) / 1000000) + 1;
}

static void loop(void)
{
	struct pollfd fds[] = {
		{ .fd = p.notify_fd, .events = POLLIN },
		{ .fd = p.signal_fd, .events = POLLIN },
		{ .fd = captive_store_poll_fd(), .events = POLLIN },
	};

	while (!done()) {
		if (poll(fds, 3, wait_ms()) < 0 && errno != EINTR)
			return say("poll: %s", strerror(errno));
		if (fds[0].revents)
			on_notify();
		if (fds[2].revents)
			captive_store_sweep();
		if (fds[1].revents)
			on_signals();
		if (p.deadline_ns && clock_ns() >= p.deadline_ns)
			on_deadline();
	}
}

int captive_run(char *const daemon_argv[], char *const command[])
{
	p.daemon_argv = daemon_argv;
	p.command_argv = command;
	p.notify_fd = -1;
	p.signal_fd = -1;
	raise_files();
	if (make_dir() < 0 || make_sockets() < 0 || take_signals() < 0 ||
	    start_daemon() < 0)
		p.status = EXIT_CAPTIVE;
	else
		loop();
	captive_store_clear();
	remove_dir();
	return p.status;
}
