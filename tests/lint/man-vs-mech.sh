#!/bin/sh
# SPDX-License-Identifier: MIT
# The rows of ukcf_mech(7) are those of include/ukcf/mech.def.  With "rows" as
# argument it prints them as they should stand in the page.
. "$(dirname "$0")/functions.sh"
need cc
top=$PWD

# The table of mechanisms as mdoc rows: sizes, limits, names, sources.
rows() {
	cc -I"$top/include" -x c -o "$dir/rows" - <<'END' && "$dir/rows"
#include <inttypes.h>
#include <stdio.h>
#include <ukcf/mech.h>

static const char *size(uint64_t min, uint64_t max)
{
	static char text[4][24];
	static unsigned int n;
	char *at = text[n++ % 4];

	if (max == 0)
		return "-";
	snprintf(at, sizeof(text[0]), min == max ? "%" PRIu64 : "%" PRIu64
		 " to %" PRIu64, min, max);
	return at;
}

/* 2^n - k for what is large */
static const char *limit(uint64_t v)
{
	static char text[4][24];
	static unsigned int n;
	char *at = text[n++ % 4];
	int bits = 0;

	if (v < 65536)
		return size(v, v);
	while (bits < 64 && v >> bits)
		bits++;
	snprintf(at, sizeof(text[0]), "2^%d - %" PRIu64, bits,
		 (bits < 64 ? UINT64_C(1) << bits : 0) - v);
	return at;
}

static const char *name(const char *s)
{
	return *s ? s : "-";
}

int main(void)
{
#define UKCF_MECH(sym, i, n, cl, kmin, kmax, nonce, tmin, tmax, out, dmax,   \
		  amax, p11, ossl, source)                                  \
	printf(".It %s Ta 0x%08x Ta %s Ta %s Ta %s Ta %s\n", n,             \
	       (unsigned int)UKCF_MECH_##sym, size(kmin, kmax),             \
	       size(nonce, nonce), size(tmin, tmax), size(out, out));
#include <ukcf/mech.def>
#undef UKCF_MECH
#define UKCF_MECH(sym, i, n, cl, kmin, kmax, nonce, tmin, tmax, out, dmax,   \
		  amax, p11, ossl, source)                                  \
	printf(".It %s Ta %s Ta %s\n", n, limit(dmax), limit(amax));
#include <ukcf/mech.def>
#undef UKCF_MECH
#define UKCF_MECH(sym, i, n, cl, kmin, kmax, nonce, tmin, tmax, out, dmax,   \
		  amax, p11, ossl, source)                                  \
	printf(".It %s Ta %s Ta %s\n", n, name(ossl), name(p11));
#include <ukcf/mech.def>
#undef UKCF_MECH
#define UKCF_MECH(sym, i, n, cl, kmin, kmax, nonce, tmin, tmax, out, dmax,   \
		  amax, p11, ossl, source)                                  \
	printf(".It %s Ta %s\n", n, source);
#include <ukcf/mech.def>
#undef UKCF_MECH
#define UKCF_MECH(sym, i, n, cl, kmin, kmax, nonce, tmin, tmax, out, dmax,   \
		  amax, p11, ossl, source)
#define UKCF_CIPHER(sym, i, n, key, nonce, min, block, growth, padding, dmax, \
		    p11, ossl, source)                                        \
	printf(".It %s Ta %d Ta %s Ta %s Ta %s\n", n, min,                    \
	       size(block, block), size(growth, growth),                      \
	       size(padding, padding));
#include <ukcf/mech.def>
	return 0;
}
END
}

# Headings are .It Sy rows.
of_page() {
	grep -E '^\.It [a-z0-9-]+ Ta ' man/ukcf_mech.7
}

differences() {
	rows >"$dir/want" 2>&1
	of_page >"$dir/have" 2>&1
	diff "$dir/want" "$dir/have" | sed -n 's/^</ukcf_mech.7 lacks:/p
		s/^>/mech.def lacks:/p'
}

dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
[ "${1-}" != rows ] || { rows; exit; }
lint 'ukcf_mech(7) has the rows of mech.def' differences
{ of_page | sed '1s/32$/33/'; } |
	planted 'a size that differs' differences man/ukcf_mech.7
lint_done
