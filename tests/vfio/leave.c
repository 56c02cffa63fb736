/* SPDX-License-Identifier: MIT */
/*
 * leave STATUS: end the guest, through QEMU's isa-debug-exit.  QEMU then exits
 * with STATUS * 2 + 1, never with 0, which is how a guest ends that fell over.
 */
#include <stdio.h>
#include <stdlib.h>

#if defined(__x86_64__) || defined(__i386__)
#include <sys/io.h>

#define DEBUG_EXIT 0x501 /* iobase= in tests/vfio/run */

static int leave(unsigned char status)
{
	if (iopl(3)) {
		perror("leave: iopl");
		return EXIT_FAILURE;
	}
	outb(status, DEBUG_EXIT);
	fprintf(stderr, "leave: this is no guest of tests/vfio/run\n");
	return EXIT_FAILURE;
}
#else
static int leave(unsigned char status)
{
	(void)status;
	fprintf(stderr, "leave: the rig's machine is an amd64\n");
	return EXIT_FAILURE;
}
#endif

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: leave STATUS\n");
		return 2;
	}
	return leave((unsigned char)atoi(argv[1]));
}
