/* SPDX-License-Identifier: MIT */
/*
 * Owns what the kernel says of PCI devices: reads /sys, /dev and /proc, changes
 * nothing.  $UKCF_DEVICE_ROOT, which tests set, stands before each path; who
 * runs with more rights than the caller's ignores it.
 */
#ifndef TOOLS_PCI_H
#define TOOLS_PCI_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PCI_ADDRESS_LEN 12 /* 0000:01:00.0 */
#define PCI_NAME_MAX 64

/** struct pci_device - one function of a device, as it is now */
struct pci_device {
	char address[PCI_ADDRESS_LEN + 1]; /* domain:bus:slot.function */
	uint16_t vendor, device;
	uint32_t class;	   /* 24 bits: class, subclass, interface */
	char driver[PCI_NAME_MAX];   /* "": none has it */
	char override[PCI_NAME_MAX]; /* driver_override; "": none */
	int group;	   /* of the IOMMU; -1: no IOMMU stands before it */
	int numa;	   /* node; -1: unknown */
};

/** struct pci_user - a process that has a VFIO group open */
struct pci_user {
	pid_t pid;
	char comm[17];
};

/** struct pci_kind - an accelerator that is known by its ids */
struct pci_kind {
	uint16_t vendor, device;
	const char *name;
	const char *provider; /* of ukcf; NULL: none drives it yet */
};

/* A path below the root.  Return: 0, or -ENAMETOOLONG. */
int pci_path(char *path, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The first line of a file below the root, without its end; 0 or -errno. */
int pci_read_line(char *line, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Is it there?  The path is below the root. */
bool pci_is_there(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The last part of what a link names; 0 or -errno. */
int pci_read_link(char *name, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Has it the form of an address?  Nothing else is ever made part of a path. */
bool pci_is_address(const char *text);
/* 0; -ENODEV: there is none; -errno. */
int pci_read(struct pci_device *d, const char *address);
/* By the ids; NULL if it is not known. */
const struct pci_kind *pci_kind_of(const struct pci_device *d);
/* By the ids, or by the class: 0x10, encryption controllers. */
bool pci_is_crypto(const struct pci_device *d);
/*
 * All of them that do cryptography, by address.
 * @all: receives them; freed by the caller
 * Return: how many, or -errno.
 */
int pci_list(struct pci_device **all);

/* Addresses in an IOMMU group, at most max.  Return: how many, or -errno. */
int pci_group_members(int group, char (*addresses)[PCI_ADDRESS_LEN + 1],
		      size_t max);
/* Who has /dev/vfio/GROUP open, as far as the caller may see; at most max.
 * Return: how many, or -errno. */
int pci_group_users(int group, struct pci_user *users, size_t max);

#endif
