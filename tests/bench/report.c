/* SPDX-License-Identifier: MIT */
/* See report.h. */
#include "tests/bench/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "tests/bench/cipher.h"

static const char *const place_suffix[] = { "", "_far" };

void report_cpuinfo(const char *name, char *value, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	size_t len = strlen(name), room = 0;
	char *line = NULL, *p;

	value[0] = '\0';
	while (f && getline(&line, &room, f) > 0) {
		if (strncmp(line, name, len) != 0 || !(p = strchr(line, ':')))
			continue;
		snprintf(value, size, "%s", p + 2);
		value[strcspn(value, "\n")] = '\0';
		break;
	}
	free(line);
	if (f)
		fclose(f);
}

static bool has_flag(const char *flags, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = flags; (p = strstr(p, name)); p += len)
		if ((p == flags || p[-1] == ' ') &&
		    (p[len] == ' ' || p[len] == '\0'))
			return true;
	return false;
}

/* Quotes, backslashes and control characters do not occur in a CPU's name. */
static void json_text(const char *name, const char *text)
{
	printf("  \"%s\": \"", name);
	for (; *text; text++)
		if (*text >= ' ' && *text != '"' && *text != '\\')
			putchar(*text);
	printf("\",\n");
}

static void json_machine(bool pinned)
{
	static const char *const wanted[] = { "aes", "sha_ni", "avx512f",
					      "vaes" };
	char model[128], flags[4096];
	double load[1] = { 0 };
	struct utsname u;

	uname(&u);
	report_cpuinfo("model name", model, sizeof(model));
	report_cpuinfo("flags", flags, sizeof(flags));
	if (getloadavg(load, 1) < 1)
		load[0] = -1;
	json_text("version", ukcf_version());
	json_text("kernel", u.release);
	json_text("cpu", model);
	json_text("cipher", cipher_name());
	printf("  \"cpus\": %ld,\n  \"load\": %.2f,\n  \"pinned\": %s,\n",
	       sysconf(_SC_NPROCESSORS_ONLN), load[0],
	       pinned ? "true" : "false");
	printf("  \"flags\": {");
	for (unsigned int i = 0; i < 4; i++)
		printf("%s\"%s\": %s", i ? ", " : "", wanted[i],
		       has_flag(flags, wanted[i]) ? "true" : "false");
	printf("},\n");
}

static void json_series(const char *name, const char *suffix, struct series *s,
			bool last)
{
	double p50;

	printf("    \"%s%s\": ", name, suffix);
	if (s->n == 0) {
		printf("null");
	} else {
		p50 = median(s->v, s->n);
		printf("{\"p50\": %.4f, \"min\": %.4f, \"max\": %.4f, "
		       "\"n\": %u}",
		       p50, s->v[0], s->v[s->n - 1], s->n);
	}
	printf("%s\n", last ? "" : ",");
}

void report_json(struct results *r, bool pinned)
{
	printf("{\n");
	json_machine(pinned);
	printf("  \"bursts\": {\"near\": %u, \"far\": %u, \"mixed\": %u},\n",
	       r->bursts[PLACE_NEAR], r->bursts[PLACE_FAR],
	       r->bursts[PLACE_MIXED]);
	for (unsigned int i = 0; i < RATIOS; i++) {
		for (unsigned int p = 0; p < PLACE_MIXED; p++) {
			struct series *s = &r->ratio[p][i];

			printf("  \"%s%s\": ", ratio_infos[i].name,
			       place_suffix[p]);
			if (s->n == 0 || r->invalid[i])
				printf("null,\n");
			else
				printf("%.4f,\n", median(s->v, s->n));
		}
	}
	printf("  \"spread\": {\n");
	for (unsigned int i = 0; i < RATIOS * PLACE_MIXED; i++)
		json_series(ratio_infos[i / PLACE_MIXED].name,
			    place_suffix[i % PLACE_MIXED],
			    &r->ratio[i % PLACE_MIXED][i / PLACE_MIXED],
			    i == RATIOS * PLACE_MIXED - 1);
	printf("  },\n  \"raw\": {\n");
	for (unsigned int i = 0; i < RAWS * PLACE_MIXED; i++)
		json_series(raw_names[i / PLACE_MIXED],
			    place_suffix[i % PLACE_MIXED],
			    &r->raw[i % PLACE_MIXED][i / PLACE_MIXED],
			    i == RAWS * PLACE_MIXED - 1);
	printf("  },\n  \"errors\": [");
	for (unsigned int i = 0; i < r->n_errors; i++)
		printf("%s\"%s\"", i ? ", " : "", r->errors[i]);
	printf("]\n}\n");
}

static void table_row(const char *name, struct series *s, const char *goal)
{
	double p50;

	if (s->n == 0)
		return;
	p50 = median(s->v, s->n);
	printf("%-36s %10.3f %10.3f %10.3f %5u  %s\n", name, p50, s->v[0],
	       s->v[s->n - 1], s->n, goal);
}

static void table_place(struct results *r, enum place p)
{
	char goal[48];

	printf("\n%s: %u bursts\n%-36s %10s %10s %10s %5s\n",
	       p == PLACE_NEAR ? "near" : "far", r->bursts[p], "", "p50",
	       "min", "max", "n");
	for (unsigned int i = 0; i < RATIOS; i++) {
		const struct ratio_info *ri = &ratio_infos[i];

		snprintf(goal, sizeof(goal), "goal %s %g%s",
			 ri->at_least ? ">=" : "<=", ri->goal,
			 r->invalid[i] ? " (not valid)" : "");
		table_row(ri->name, &r->ratio[p][i], goal);
	}
	for (unsigned int i = 0; i < RAWS; i++)
		table_row(raw_names[i], &r->raw[p][i], "");
}

void report_table(struct results *r, bool pinned)
{
	char model[128];

	report_cpuinfo("model name", model, sizeof(model));
	printf("ukcf-bench %s on %s, %s%s\n", ukcf_version(), model,
	       cipher_name(), pinned ? "" : ", service thread not pinned");
	printf("%u bursts were dropped: the place changed, or both threads "
	       "shared a core\n",
	       r->bursts[PLACE_MIXED]);
	table_place(r, PLACE_NEAR);
	if (r->bursts[PLACE_FAR])
		table_place(r, PLACE_FAR);
}
