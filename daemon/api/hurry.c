/* SPDX-License-Identifier: MIT */
#include "daemon/api/hurry.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/shared/log.h"
#include "lib/shared/msg.h"

#define PATIENCE_NS 1000000

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static bool needed;
static timer_t timer;

static void nothing(int sig)
{
	(void)sig;
}

void hurry_init(void)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID,
			       .sigev_signo = SIGRTMIN };
	sigset_t set;

	if (needed)
		return;
	ev.sigev_notify_thread_id = (int)syscall(SYS_gettid);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	if (sigaction(SIGRTMIN, &sa, NULL) < 0 ||
	    timer_create(CLOCK_MONOTONIC, &ev, &timer) < 0) {
		log_err("no timer: %m: a consumer that sends descriptors may "
			"hold up others");
		return;
	}
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	needed = true;
}

/* Again and again: the first signal may come before the wait. */
static void arm(long ns)
{
	const struct itimerspec it = { { 0, ns }, { 0, ns } };
	int saved = errno;

	if (needed)
		timer_settime(timer, 0, &it, NULL);
	errno = saved;
}

int hurry_recv(int sock, struct msg_in *m)
{
	int rc;

	arm(PATIENCE_NS);
	rc = msg_recv(sock, m, 0);
	arm(0);
	/* It did not get to the message: its descriptor is still readable. */
	return rc == -EINTR ? -EAGAIN : rc;
}

void hurry_close(int sock)
{
	arm(PATIENCE_NS);
	close(sock);
	arm(0);
}
