/* SPDX-License-Identifier: MIT */
#include "tools/progress.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "lib/shared/clock.h"
#include "tools/complain.h"

#define QUIET_NS UINT64_C(500000000) /* what ends sooner needs no line */
#define LOOK_NS UINT64_C(200000000)  /* between two lines */
#define LINE_MAX_CELLS 160
#define WIDTH 80 /* of a terminal that does not know */

static struct {
	const char *name;
	uint64_t total, done;
	uint64_t began, shown; /* ns; 0: none, not yet */
	bool on_screen;
} now;

static unsigned int width(void)
{
	struct winsize w;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col < 20)
		return WIDTH;
	return w.ws_col < LINE_MAX_CELLS ? w.ws_col : LINE_MAX_CELLS;
}

static void clear(void)
{
	if (!now.on_screen)
		return;
	fputs("\r\033[K", stderr);
	now.on_screen = false;
}

/* Three digits and a unit of 1024. */
static void put_size(char *text, size_t size, double n)
{
	static const char units[] = " KMGTPE";
	size_t u = 0;

	while (n >= 1000 && units[u + 1]) {
		n /= 1024;
		u++;
	}
	if (u)
		snprintf(text, size, "%.*f %ciB", n < 10 ? 1 : 0, n, units[u]);
	else
		snprintf(text, size, "%.0f B", n);
}

static void put_left(char *text, size_t size, double rate)
{
	uint64_t s;

	if (!now.total || rate <= 0) {
		*text = '\0';
		return;
	}
	s = now.total > now.done ?
		    (uint64_t)((double)(now.total - now.done) / rate) : 0;
	snprintf(text, size, ", %" PRIu64 ":%02u left", s / 60,
		 (unsigned int)(s % 60));
}

static void show(uint64_t at)
{
	double rate = (double)now.done * 1e9 / (double)(at - now.began);
	char line[LINE_MAX_CELLS + 1], done[16], speed[16], left[40];
	char part[16] = "";

	put_size(done, sizeof(done), (double)now.done);
	put_size(speed, sizeof(speed), rate);
	put_left(left, sizeof(left), rate);
	if (now.total)
		snprintf(part, sizeof(part), "%3u %%, ",
			 now.done >= now.total ? 100 :
			 (unsigned int)((double)now.done * 100 /
					(double)now.total));
	snprintf(line, sizeof(line), "%s%s, %s/s%s  %s", part, done, speed,
		 left, now.name);
	/* a line that wraps could not be cleared */
	line[width() - 1] = '\0';
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	clear();
	fputs(line, stderr);
	fflush(stderr);
	now.on_screen = true;
	now.shown = at;
}

void progress_begin(const char *name, uint64_t total)
{
	memset(&now, 0, sizeof(now));
	if (!isatty(STDERR_FILENO))
		return;
	now.name = name;
	now.total = total;
	now.began = clock_ns();
	complain_after(clear);
}

void progress_add(uint64_t n)
{
	uint64_t at;

	if (!now.began)
		return;
	now.done += n;
	at = clock_ns();
	if (at - now.began >= QUIET_NS && at - now.shown >= LOOK_NS)
		show(at);
}

void progress_end(void)
{
	clear();
	now.began = 0;
	complain_after(NULL);
}
