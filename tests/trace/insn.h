/* SPDX-License-Identifier: MIT */
/* Owns what an instruction reads: a decoder for the loads of x86-64. */
#ifndef TESTS_TRACE_INSN_H
#define TESTS_TRACE_INSN_H

#include <stdint.h>
#include <ucontext.h>

#define INSN_OPERANDS 2 /* a string compare has two */

struct insn_operand {
	uintptr_t addr;
	unsigned int len;
};

/*
 * The memory operands of the instruction that uc is about to execute; of a
 * repeated string instruction, those of its next turn.
 * Return: how many, or -1 if the instruction is not known.
 */
int insn_operands(const ucontext_t *uc, struct insn_operand *ops);

#endif
