/* What the build writes about the kernels (table.c), and what module.c reads of it. */
#ifndef KMQ_KERNELS_H
#define KMQ_KERNELS_H

#include <stdint.h>

/* A number, or an array of numbers, that a kernel takes or returns. */
typedef struct {
    char kind;               /* 'i' signed, 'u' unsigned, 'f' floating point, 'b' boolean */
    unsigned char size;      /* bytes of a number or of an array's element */
    signed char dimensions;  /* of an array; -1: this is a number */
    char layout;             /* of an array: 'C' contiguous by rows, 'F' by columns, 'A' any */
    char writable;           /* of an array: whether the kernel may write to it */
} Field;

/* Compiled code of one version for one processor level: loads its arguments from 8-byte
   words, writes what it returns, and returns 0. Otherwise `exception` says what went wrong. */
typedef int (*Entry)(void *results, void **exception, const int64_t *words);

/* One version of a kernel: what numba compiled for one combination of types. */
typedef struct {
    const char *kernel;      /* module and function, "clustering.lloyd.alternate" */
    const Field *arguments;  /* tuples count item by item */
    const Field *results;
    short argument_count;
    short result_count;
    char returns_tuple;
    const Entry *entries;    /* one per level */
} Version;

extern const char *const levels[];      /* best first, then NULL */
extern const Version versions[];        /* those of a kernel side by side; then one without a name */
extern const char source_stamp[];       /* see kmq.prebuilt */
extern const char *const source_folders[];

/* memory.c */
void NRT_decref(void *memory);

#endif
