/* Fuzzes kmq.h by libFuzzer. Most changes are followed by right checksums, because a file with
   a wrong one is refused before anything else is tried.

   clang -g -O1 -fsanitize=fuzzer,address,undefined fuzz_kmq.c -o fuzz_kmq
   ./fuzz_kmq NEW_FILES ../vectors/valid ../vectors/invalid */

#include <stdlib.h>

#define KMQ_IMPLEMENTATION
#include "kmq.h"

#define MAX_PIXELS (1u << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

static void put_checksum(uint8_t *from, uint8_t *to) {
    uint32_t crc = 0xFFFFFFFFu;
    for (uint8_t *at = from; at < to; at++) {
        crc ^= *at;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(~crc >> 8 * i);
}

/* Put right the checksums of a file, as far as its head can be followed. */
static void mend(uint8_t *data, size_t size) {
    static const int ENTRY_SIZES[4] = {1, 3, 4, 2};
    kmq__reader reader = {data, data + size, KMQ_OK}, table;
    kmq_image image;
    uint8_t *end;
    int kind;
    memset(&image, 0, sizeof image);
    kind = kmq__take_kind_and_sizes(&reader, &image);
    kmq__take(&reader, image.colours * (uint64_t)(kind & 16 ? 2 : ENTRY_SIZES[image.layout]));
    if (kind & 4) kmq__take(&reader, (image.colours * (uint64_t)image.index_bits + 7) / 8);
    if (kind & 8) image.metadata_size = (size_t)kmq__take_varint(&reader, 1, 1u << 22);
    table = reader;
    for (uint32_t i = 0; i < image.stripe_count; i++) {
        kmq__take_byte(&reader);
        kmq__take_varint(&reader, 0, SIZE_MAX);
    }
    for (uint32_t i = 0; i <= image.stripe_count + (kind >> 3 & 1); i++) {
        uint64_t length = image.metadata_size;
        const uint8_t *body;
        if (i == 0) { /* the head */
            body = data;
        } else {
            if (i <= image.stripe_count) {
                kmq__take_byte(&table);
                length = kmq__take_varint(&table, 0, SIZE_MAX);
            }
            body = kmq__take(&reader, length);
        }
        end = data + (reader.at - data);
        if (!kmq__take(&reader, 4)) return;
        put_checksum(data + (body - data), end);
    }
}

/* Change some bytes; three times in four with the checksums put right afterwards. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    size = LLVMFuzzerMutate(data, size, max_size);
    if (seed % 4) mend(data, size);
    return size;
}

/* Decode the whole image, and rows of it to other pixels; both have to end alike. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    kmq_image image;
    kmq_item item;
    size_t position = 0, needed;
    kmq_error whole, part;
    void *pixels;
    if (kmq_open(data, size, MAX_PIXELS, &image) != KMQ_OK) return 0;
    while (kmq_next_item(&image, &position, &item)) {}
    needed = kmq_size(&image, image.height, KMQ_RGBA_8);
    pixels = malloc(needed);
    if (!pixels) abort();
    whole = kmq_decode(&image, 0, image.height, KMQ_RGBA_8, pixels, needed);
    needed = kmq_size(&image, 1, KMQ_INDICES_16);
    part = kmq_decode(&image, image.height / 2, 1, KMQ_INDICES_16, pixels, needed);
    if (whole == KMQ_OK) {
        const uint8_t *at = (const uint8_t *)pixels;
        if (part != KMQ_OK) abort();
        for (; needed; needed -= 2, at += 2)
            if ((uint32_t)(at[0] | at[1] << 8) >= image.colours) abort();
    }
    free(pixels);
    kmq_close(&image);
    return 0;
}
