/* SPDX-License-Identifier: MIT */
/*
 * Only the size and the address of a memory operand matter here, not what is
 * done with it: a table says the size by map, opcode and prefix (Intel SDM
 * volume 2, appendix A).  What the table does not know is not guessed; and
 * whoever uses this can hold it against the processor, which says where a page
 * border lies inside an operand.
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "tests/trace/insn.h"

#if defined(__x86_64__)

enum size {
	S1 = 1,
	S2 = 2,
	S4 = 4,
	S8 = 8,
	S16 = 16,
	S32 = 32,
	OSZ = 64, /* operand size: 2, 4 or 8 */
	W48,	  /* 4, or 8 with W */
	VL,	  /* vector length */
	VL2,	  /* a half, quarter, eighth of it */
	VL4,
	VL8,
	DUP,	  /* movddup: 8, or VL if that is not 16 */
};

/* mandatory prefixes, as bits */
#define P0 1u
#define P66 2u
#define PF3 4u
#define PF2 8u
#define ANY (P0 | P66 | PF3 | PF2)

enum form { BOTH, LEGACY, WIDE /* VEX, EVEX */ };

static const struct row {
	uint8_t map, from, to, prefix;
	uint8_t form;
	uint8_t size;
} rows[] = {
	/* one-byte opcodes but the ALU's, which have a rule of their own */
	{ 0, 0x63, 0x63, ANY, LEGACY, S4 },
	{ 0, 0x69, 0x69, ANY, LEGACY, OSZ },
	{ 0, 0x6b, 0x6b, ANY, LEGACY, OSZ },
	{ 0, 0x80, 0x80, ANY, LEGACY, S1 },
	{ 0, 0x81, 0x83, ANY, LEGACY, OSZ },
	{ 0, 0x84, 0x84, ANY, LEGACY, S1 },
	{ 0, 0x85, 0x85, ANY, LEGACY, OSZ },
	{ 0, 0x86, 0x86, ANY, LEGACY, S1 },
	{ 0, 0x87, 0x87, ANY, LEGACY, OSZ },
	{ 0, 0x88, 0x88, ANY, LEGACY, S1 },
	{ 0, 0x89, 0x89, ANY, LEGACY, OSZ },
	{ 0, 0x8a, 0x8a, ANY, LEGACY, S1 },
	{ 0, 0x8b, 0x8b, ANY, LEGACY, OSZ },
	{ 0, 0xc0, 0xc0, ANY, LEGACY, S1 },
	{ 0, 0xc1, 0xc1, ANY, LEGACY, OSZ },
	{ 0, 0xc6, 0xc6, ANY, LEGACY, S1 },
	{ 0, 0xc7, 0xc7, ANY, LEGACY, OSZ },
	{ 0, 0xd0, 0xd0, ANY, LEGACY, S1 },
	{ 0, 0xd1, 0xd1, ANY, LEGACY, OSZ },
	{ 0, 0xd2, 0xd2, ANY, LEGACY, S1 },
	{ 0, 0xd3, 0xd3, ANY, LEGACY, OSZ },
	{ 0, 0xf6, 0xf6, ANY, LEGACY, S1 },
	{ 0, 0xf7, 0xf7, ANY, LEGACY, OSZ },
	{ 0, 0xfe, 0xfe, ANY, LEGACY, S1 },
	/* 0f: general registers */
	{ 1, 0x40, 0x4f, ANY, LEGACY, OSZ },
	{ 1, 0xa3, 0xa5, ANY, LEGACY, OSZ },
	{ 1, 0xab, 0xad, ANY, LEGACY, OSZ },
	{ 1, 0xaf, 0xaf, ANY, LEGACY, OSZ },
	{ 1, 0xb0, 0xb0, ANY, LEGACY, S1 },
	{ 1, 0xb1, 0xb1, ANY, LEGACY, OSZ },
	{ 1, 0xb6, 0xb6, ANY, LEGACY, S1 },
	{ 1, 0xb7, 0xb7, ANY, LEGACY, S2 },
	{ 1, 0xb8, 0xb8, PF3, LEGACY, OSZ },
	{ 1, 0xba, 0xba, ANY, LEGACY, OSZ },
	{ 1, 0xbc, 0xbd, ANY, LEGACY, OSZ },
	{ 1, 0xbe, 0xbe, ANY, LEGACY, S1 },
	{ 1, 0xbf, 0xbf, ANY, LEGACY, S2 },
	{ 1, 0xc0, 0xc0, ANY, LEGACY, S1 },
	{ 1, 0xc1, 0xc1, ANY, LEGACY, OSZ },
	/* 0f: vectors */
	{ 1, 0x10, 0x11, P0 | P66, BOTH, VL },
	{ 1, 0x10, 0x11, PF3, BOTH, S4 },
	{ 1, 0x10, 0x11, PF2, BOTH, S8 },
	{ 1, 0x12, 0x13, P0 | P66, BOTH, S8 },
	{ 1, 0x12, 0x12, PF3, BOTH, VL },
	{ 1, 0x12, 0x12, PF2, BOTH, DUP },
	{ 1, 0x14, 0x15, P0 | P66, BOTH, VL },
	{ 1, 0x16, 0x17, P0 | P66, BOTH, S8 },
	{ 1, 0x16, 0x16, PF3, BOTH, VL },
	{ 1, 0x28, 0x29, P0 | P66, BOTH, VL },
	{ 1, 0x2a, 0x2a, PF3 | PF2, BOTH, W48 },
	{ 1, 0x2b, 0x2b, P0 | P66, BOTH, VL },
	{ 1, 0x51, 0x59, P0 | P66, BOTH, VL },
	{ 1, 0x5b, 0x5f, P0 | P66, BOTH, VL },
	{ 1, 0x51, 0x5f, PF3, BOTH, S4 },
	{ 1, 0x51, 0x5f, PF2, BOTH, S8 },
	{ 1, 0x60, 0x6d, P66, BOTH, VL },
	{ 1, 0x6e, 0x6e, P66, BOTH, W48 },
	{ 1, 0x6f, 0x6f, P66 | PF3, BOTH, VL },
	{ 1, 0x6f, 0x6f, PF2, WIDE, VL },
	{ 1, 0x6f, 0x6f, P0, LEGACY, S8 },
	{ 1, 0x70, 0x70, P66 | PF3 | PF2, BOTH, VL },
	{ 1, 0x74, 0x76, P66, BOTH, VL },
	{ 1, 0x7c, 0x7d, P66 | PF2, BOTH, VL },
	{ 1, 0x7e, 0x7e, P66, BOTH, W48 },
	{ 1, 0x7e, 0x7e, PF3, BOTH, S8 },
	{ 1, 0x7f, 0x7f, P66 | PF3, BOTH, VL },
	{ 1, 0x7f, 0x7f, PF2, WIDE, VL },
	{ 1, 0xc2, 0xc2, P0 | P66, BOTH, VL },
	{ 1, 0xc4, 0xc4, P0 | P66, BOTH, S2 },
	{ 1, 0xc6, 0xc6, P0 | P66, BOTH, VL },
	{ 1, 0xd0, 0xd0, P66 | PF2, BOTH, VL },
	{ 1, 0xd1, 0xd3, P66, BOTH, S16 },
	{ 1, 0xd4, 0xd5, P66, BOTH, VL },
	{ 1, 0xd6, 0xd6, P66, BOTH, S8 },
	{ 1, 0xd8, 0xe0, P66, BOTH, VL },
	{ 1, 0xe1, 0xe2, P66, BOTH, S16 },
	{ 1, 0xe3, 0xef, P66, BOTH, VL },
	{ 1, 0xf0, 0xf0, PF2, BOTH, VL },
	{ 1, 0xf1, 0xf3, P66, BOTH, S16 },
	{ 1, 0xf4, 0xfe, P66, BOTH, VL },
	/* 0f 38 */
	{ 2, 0x00, 0x0b, P66, BOTH, VL },
	{ 2, 0x16, 0x16, P66, WIDE, VL },
	{ 2, 0x17, 0x17, P66, BOTH, VL },
	{ 2, 0x18, 0x18, P66, WIDE, S4 },
	{ 2, 0x19, 0x19, P66, WIDE, S8 },
	{ 2, 0x1a, 0x1a, P66, WIDE, S16 },
	{ 2, 0x1b, 0x1b, P66, WIDE, S32 },
	{ 2, 0x1c, 0x1f, P66, BOTH, VL },
	{ 2, 0x20, 0x20, P66, BOTH, VL2 },
	{ 2, 0x21, 0x21, P66, BOTH, VL4 },
	{ 2, 0x22, 0x22, P66, BOTH, VL8 },
	{ 2, 0x23, 0x23, P66, BOTH, VL2 },
	{ 2, 0x24, 0x24, P66, BOTH, VL4 },
	{ 2, 0x25, 0x25, P66, BOTH, VL2 },
	{ 2, 0x28, 0x2b, P66, BOTH, VL },
	{ 2, 0x30, 0x30, P66, BOTH, VL2 },
	{ 2, 0x31, 0x31, P66, BOTH, VL4 },
	{ 2, 0x32, 0x32, P66, BOTH, VL8 },
	{ 2, 0x33, 0x33, P66, BOTH, VL2 },
	{ 2, 0x34, 0x34, P66, BOTH, VL4 },
	{ 2, 0x35, 0x35, P66, BOTH, VL2 },
	{ 2, 0x36, 0x40, P66, BOTH, VL },
	{ 2, 0x45, 0x47, P66, WIDE, VL },
	{ 2, 0x50, 0x53, P66, WIDE, VL },
	{ 2, 0x58, 0x58, P66, WIDE, S4 },
	{ 2, 0x59, 0x59, P66, WIDE, S8 },
	{ 2, 0x5a, 0x5a, P66, WIDE, S16 },
	{ 2, 0x5b, 0x5b, P66, WIDE, S32 },
	{ 2, 0x78, 0x78, P66, WIDE, S1 },
	{ 2, 0x79, 0x79, P66, WIDE, S2 },
	{ 2, 0xb4, 0xb5, P66, WIDE, VL },
	{ 2, 0xc8, 0xcd, P0, LEGACY, S16 },
	{ 2, 0xcf, 0xcf, P66, BOTH, VL },
	{ 2, 0xdb, 0xdf, P66, BOTH, VL },
	{ 2, 0xf0, 0xf0, P0 | P66, LEGACY, OSZ },
	{ 2, 0xf0, 0xf0, PF2, LEGACY, S1 },
	{ 2, 0xf1, 0xf1, P0 | P66 | PF2, LEGACY, OSZ },
	{ 2, 0xf2, 0xf7, ANY, WIDE, W48 },
	/* 0f 3a */
	{ 3, 0x00, 0x02, P66, WIDE, VL },
	{ 3, 0x04, 0x06, P66, WIDE, VL },
	{ 3, 0x08, 0x09, P66, BOTH, VL },
	{ 3, 0x0c, 0x0f, P66, BOTH, VL },
	{ 3, 0x14, 0x14, P66, BOTH, S1 },
	{ 3, 0x15, 0x15, P66, BOTH, S2 },
	{ 3, 0x16, 0x16, P66, BOTH, W48 },
	{ 3, 0x17, 0x17, P66, BOTH, S4 },
	{ 3, 0x18, 0x19, P66, WIDE, S16 },
	{ 3, 0x1a, 0x1b, P66, WIDE, S32 },
	{ 3, 0x1e, 0x1f, P66, WIDE, VL },
	{ 3, 0x20, 0x20, P66, BOTH, S1 },
	{ 3, 0x21, 0x21, P66, BOTH, S4 },
	{ 3, 0x22, 0x22, P66, BOTH, W48 },
	{ 3, 0x25, 0x25, P66, WIDE, VL },
	{ 3, 0x38, 0x39, P66, WIDE, S16 },
	{ 3, 0x3a, 0x3b, P66, WIDE, S32 },
	{ 3, 0x3e, 0x3f, P66, WIDE, VL },
	{ 3, 0x44, 0x44, P66, BOTH, VL },
	{ 3, 0x46, 0x46, P66, WIDE, VL },
	{ 3, 0x4a, 0x4c, P66, WIDE, VL },
	{ 3, 0xcc, 0xcc, P0, LEGACY, S16 },
	{ 3, 0xdf, 0xdf, P66, BOTH, S16 },
	{ 3, 0xf0, 0xf0, PF2, WIDE, W48 },
};

struct insn {
	const uint8_t *p;   /* what comes next */
	const greg_t *regs;
	uint8_t map, op;
	uint8_t prefix;	    /* one of the bits above */
	bool has_66, rep;
	bool w, r_x, r_b;   /* REX.W, X, B */
	bool wide, evex, broadcast;
	unsigned int vl;
};

static uintptr_t reg(const struct insn *i, unsigned int n)
{
	static const int order[16] = {
		REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
		REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
		REG_R12, REG_R13, REG_R14, REG_R15,
	};

	return (uintptr_t)i->regs[order[n & 15]];
}

static void rex(struct insn *i, uint8_t b)
{
	i->w = b & 8;
	i->r_x = b & 2;
	i->r_b = b & 1;
}

/* False: it uses a segment base, or 32-bit addresses. */
static bool legacy_prefixes(struct insn *i)
{
	bool f2 = false, f3 = false;

	for (;; i->p++) {
		switch (*i->p) {
		case 0x66:
			i->has_66 = true;
			continue;
		case 0xf2:
			f2 = true;
			continue;
		case 0xf3:
			f3 = true;
			continue;
		case 0x26: case 0x2e: case 0x36: case 0x3e: case 0xf0:
			continue;
		case 0x64: case 0x65: case 0x67:
			return false;
		default:
			break;
		}
		break;
	}
	i->rep = f2 || f3;
	i->prefix = f3 ? PF3 : f2 ? PF2 : i->has_66 ? P66 : P0;
	return true;
}

static void legacy_opcode(struct insn *i)
{
	if ((*i->p & 0xf0) == 0x40)
		rex(i, *i->p++);
	i->vl = 16;
	i->op = *i->p++;
	if (i->op != 0x0f)
		return;
	i->map = 1;
	i->op = *i->p++;
	if (i->op != 0x38 && i->op != 0x3a)
		return;
	i->map = i->op == 0x38 ? 2 : 3;
	i->op = *i->p++;
}

static void vex_opcode(struct insn *i, bool two)
{
	const uint8_t *b = i->p + 1;
	uint8_t last = two ? b[0] : b[1];

	i->wide = true;
	i->map = two ? 1 : b[0] & 31;
	i->r_x = !two && !(b[0] & 0x40);
	i->r_b = !two && !(b[0] & 0x20);
	i->w = !two && (last & 0x80);
	i->vl = last & 4 ? 32 : 16;
	i->prefix = (uint8_t)(1u << (last & 3));
	i->p += two ? 2 : 3;
	i->op = *i->p++;
}

/* False: with a mask, which is not looked at here. */
static bool evex_opcode(struct insn *i)
{
	const uint8_t *b = i->p + 1;

	i->wide = i->evex = true;
	i->map = b[0] & 7;
	i->r_x = !(b[0] & 0x40);
	i->r_b = !(b[0] & 0x20);
	i->w = b[1] & 0x80;
	i->prefix = (uint8_t)(1u << (b[1] & 3));
	i->vl = 16u << (b[2] >> 5 & 3);
	i->broadcast = b[2] & 0x10;
	i->p += 4;
	i->op = *i->p++;
	return (b[2] & 7) == 0;
}

static unsigned int size_in_bytes(const struct insn *i, unsigned int size)
{
	switch (size) {
	case OSZ:
		return i->w ? 8 : i->has_66 ? 2 : 4;
	case W48:
		return i->w ? 8 : 4;
	case VL:
		return i->broadcast ? (i->w ? 8 : 4) : i->vl;
	case VL2:
		return i->vl / 2;
	case VL4:
		return i->vl / 4;
	case VL8:
		return i->vl / 8;
	case DUP:
		return i->vl == 16 ? 8 : i->vl;
	default:
		return size;
	}
}

static unsigned int size_of(const struct insn *i)
{
	if (i->map == 0 && i->op < 0x40) /* add, or, ... cmp */
		return (i->op & 7) > 3 ? 0 :
		       size_in_bytes(i, i->op & 1 ? OSZ : S1);
	for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		const struct row *r = &rows[n];

		if (r->map != i->map || i->op < r->from || i->op > r->to)
			continue;
		if (!(r->prefix & i->prefix))
			continue;
		if (r->form == (i->wide ? LEGACY : WIDE))
			continue;
		return size_in_bytes(i, r->size);
	}
	return 0;
}

static int64_t displacement(const struct insn *i, unsigned int mod,
			    unsigned int size)
{
	int32_t wide;

	if (mod == 1)
		return (int64_t)(int8_t)*i->p * (i->evex ? (int)size : 1);
	if (mod != 2)
		return 0;
	memcpy(&wide, i->p, sizeof(wide));
	return wide;
}

/* False: no memory operand, or relative to the instruction. */
static bool address(struct insn *i, unsigned int size, uintptr_t *addr)
{
	uint8_t modrm = *i->p++, sib;
	unsigned int mod = modrm >> 6, rm = modrm & 7;
	unsigned int index;

	if (mod == 3 || (mod == 0 && rm == 5))
		return false;
	if (rm != 4) {
		*addr = reg(i, rm + (i->r_b ? 8 : 0));
		*addr += (uintptr_t)displacement(i, mod, size);
		return true;
	}
	sib = *i->p++;
	*addr = 0;
	if (mod == 0 && (sib & 7) == 5)
		mod = 2; /* no base, 32 bits of displacement */
	else
		*addr = reg(i, (sib & 7u) + (i->r_b ? 8 : 0));
	index = (sib >> 3 & 7u) + (i->r_x ? 8 : 0);
	if (index != 4)
		*addr += reg(i, index) << (sib >> 6);
	*addr += (uintptr_t)displacement(i, mod, size);
	return true;
}

/* Return: operands, 0 if it is no string instruction. */
static int string_operands(const struct insn *i, struct insn_operand *ops)
{
	unsigned int len = size_in_bytes(i, i->op & 1 ? OSZ : S1);
	unsigned int what = i->op & 0xfe;
	int n = 0;

	if (i->map != 0 || what < 0xa4 || what > 0xae || what == 0xa8)
		return 0;
	if (what == 0xa4 || what == 0xa6 || what == 0xac)
		ops[n++] = (struct insn_operand){ reg(i, 6), len };
	if (what != 0xac)
		ops[n++] = (struct insn_operand){ reg(i, 7), len };
	return n;
}

int insn_operands(const ucontext_t *uc, struct insn_operand *ops)
{
	struct insn i = { .regs = uc->uc_mcontext.gregs };
	bool known;
	int n;

	i.p = (const uint8_t *)(uintptr_t)i.regs[REG_RIP];
	known = legacy_prefixes(&i);
	if (*i.p == 0xc4 || *i.p == 0xc5)
		vex_opcode(&i, *i.p == 0xc5);
	else if (*i.p == 0x62)
		known = evex_opcode(&i) && known;
	else
		legacy_opcode(&i);
	if (!known)
		return -1;
	n = string_operands(&i, ops);
	if (n)
		return n;
	ops[0].len = size_of(&i);
	if (!ops[0].len || !address(&i, ops[0].len, &ops[0].addr))
		return -1;
	return 1;
}

#else

int insn_operands(const ucontext_t *uc, struct insn_operand *ops)
{
	(void)uc;
	(void)ops;
	return -1;
}

#endif
