/* What compiled kernels ask of their run time: memory with counted references, and reshape.

   The build fails if they ask for more. The layout is that of numba's NRT_MemInfo (nrt.cpp),
   because compiled code reads `data` itself. */
#include <stdint.h>
#include <stdlib.h>

typedef struct {
    size_t references;
    void *unused[2];
    void *data;
    size_t size;
    void *allocator;
} Memory;

void *NRT_MemInfo_alloc_aligned(size_t size, uint32_t alignment) {
    size_t head = (sizeof(Memory) + alignment - 1) / alignment * alignment;
    if (size > SIZE_MAX - head - alignment)
        return NULL;
    size_t whole = (head + size + alignment - 1) / alignment * alignment;
    Memory *memory = aligned_alloc(alignment, whole);
    if (memory == NULL)
        return NULL;
    *memory = (Memory){.references = 1, .data = (char *)memory + head, .size = size};
    return memory;
}

/* Arrays that the caller passed have no memory of ours. */
void NRT_incref(void *memory) {
    if (memory != NULL)
        __atomic_fetch_add(&((Memory *)memory)->references, 1, __ATOMIC_RELAXED);
}

void NRT_decref(void *memory) {
    if (memory != NULL &&
        __atomic_fetch_sub(&((Memory *)memory)->references, 1, __ATOMIC_ACQ_REL) == 1)
        free(memory);
}

/* Find the strides of a reshaped array; return 0 if it would have to be copied, which only
   concerns arrays that are not C-contiguous. Numba's signature (_helperlib.c). */
int numba_attempt_nocopy_reshape(intptr_t dimensions, const intptr_t *shape,
                                 const intptr_t *strides, intptr_t new_dimensions,
                                 const intptr_t *new_shape, intptr_t *new_strides,
                                 intptr_t item_size, int by_columns) {
    intptr_t step = item_size;
    for (intptr_t i = dimensions - 1; i >= 0; i--) {
        if (shape[i] != 1 && strides[i] != step)
            return 0;
        step *= shape[i];
    }
    step = item_size;
    for (intptr_t i = new_dimensions - 1; i >= 0; i--) {
        new_strides[i] = step;
        step *= new_shape[i];
    }
    return !by_columns;
}
