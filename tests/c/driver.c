/* Decodes many files in one process, for tests.

   driver MAX_PIXELS < files > results
       Each file on standard input is its size (4 bytes, little-endian) and its bytes. Each result
       is the number of the error (4 bytes) and the length of what follows (4 bytes): after an
       error its sentence, otherwise width, height, colours, whether there are labels, whether the
       metadata are damaged and their size (4 bytes each), the palette (4 bytes per entry), the
       labels and the indices (2 bytes each) and the metadata. Where two ways to decode differ, the
       driver fails.
   driver --time REPEATS FILE...
       Prints the processor time, in seconds, of each decoding of each file to indices, with its
       opening, one line per file. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KMQ_IMPLEMENTATION
#include "../../formats/c/kmq.h"

static void fail(const char *sentence) {
    fprintf(stderr, "driver: %s\n", sentence);
    exit(3);
}

static void *allocated(size_t size) {
    void *memory = malloc(size ? size : 1);
    if (!memory) fail("there is not enough memory");
    return memory;
}

static void put_32(uint32_t number) {
    for (int shift = 0; shift < 32; shift += 8) putchar((int)(number >> shift & 0xFF));
}

static void put_16s(const uint16_t *numbers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        putchar(numbers[i] & 0xFF);
        putchar(numbers[i] >> 8);
    }
}

/* Decode rows to memory of their exact size, so that a sanitizer sees what goes beyond it. */
static kmq_error decode(const kmq_image *image, uint32_t first, uint32_t rows, kmq_pixels pixels,
                        void **out) {
    size_t size = kmq_size(image, rows, pixels);
    *out = allocated(size);
    return kmq_decode(image, first, rows, pixels, *out, size);
}

/* Whether a pixel that was decoded in another way is what the palette has for its index. */
static int is_same(const kmq_image *image, uint16_t index, kmq_pixels pixels, const void *other,
                   size_t i) {
    const uint8_t *entry = image->palette + 4 * (size_t)index, *bytes = (const uint8_t *)other;
    switch (pixels) {
    case KMQ_INDICES_8: return bytes[i] == index;
    case KMQ_INDICES_16: return ((const uint16_t *)other)[i] == index;
    case KMQ_RGB_8: return memcmp(bytes + 3 * i, entry, 3) == 0;
    case KMQ_RGBA_8: return memcmp(bytes + 4 * i, entry, 4) == 0;
    case KMQ_LABELS_16: return ((const uint16_t *)other)[i] == image->labels[index];
    }
    return 0;
}

/* End the process unless all other ways to decode give the same image, in parts too. */
static void check_other_ways(const kmq_image *image, const uint16_t *indices) {
    static const kmq_pixels WAYS[5] = {KMQ_INDICES_8, KMQ_INDICES_16, KMQ_RGB_8, KMQ_RGBA_8,
                                       KMQ_LABELS_16};
    for (int way = 0; way < 5; way++) {
        uint32_t first = image->height / 3, rows = (image->height + 2) / 3;
        const uint16_t *part = indices + (size_t)first * image->width;
        int is_possible = (WAYS[way] != KMQ_INDICES_8 || image->colours <= 256) &&
                          (WAYS[way] != KMQ_LABELS_16 || image->labels);
        void *other;
        kmq_error error = decode(image, first, rows, WAYS[way], &other);
        if (error != (is_possible ? KMQ_OK : KMQ_BAD_ARGUMENT)) fail("one way ends otherwise");
        for (size_t i = 0; is_possible && i < (size_t)rows * image->width; i++)
            if (!is_same(image, part[i], WAYS[way], other, i)) fail("two ways differ");
        free(other);
    }
}

static kmq_error put_image(const uint8_t *file, size_t size, uint64_t max_pixels) {
    kmq_image image;
    size_t pixels;
    void *indices;
    kmq_error error = kmq_open(file, size, max_pixels, &image);
    if (error != KMQ_OK) return error;
    pixels = (size_t)image.width * image.height;
    error = decode(&image, 0, image.height, KMQ_INDICES_16, &indices);
    if (error == KMQ_OK) {
        uint32_t entry_size = image.labels ? 6 : 4;
        check_other_ways(&image, (const uint16_t *)indices);
        put_32(KMQ_OK);
        put_32((uint32_t)(24 + image.colours * entry_size + 2 * pixels + image.metadata_size));
        put_32(image.width);
        put_32(image.height);
        put_32(image.colours);
        put_32(image.labels != NULL);
        put_32((uint32_t)image.metadata_damaged);
        put_32((uint32_t)image.metadata_size);
        fwrite(image.palette, 4, image.colours, stdout);
        if (image.labels) put_16s(image.labels, image.colours);
        put_16s((const uint16_t *)indices, pixels);
        if (image.metadata) fwrite(image.metadata, 1, image.metadata_size, stdout);
    }
    free(indices);
    kmq_close(&image);
    return error;
}

static void decode_input(uint64_t max_pixels) {
    uint8_t prefix[4];
    while (fread(prefix, 1, 4, stdin) == 4) {
        size_t size = prefix[0] | (size_t)prefix[1] << 8 | (size_t)prefix[2] << 16 |
                      (size_t)prefix[3] << 24;
        uint8_t *file = (uint8_t *)allocated(size);
        kmq_error error;
        if (fread(file, 1, size, stdin) != size) fail("the input is cut short");
        error = put_image(file, size, max_pixels);
        if (error != KMQ_OK) {
            const char *sentence = kmq_sentence(error);
            put_32((uint32_t)error);
            put_32((uint32_t)strlen(sentence));
            fputs(sentence, stdout);
        }
        free(file);
    }
}

static uint8_t *read_file(const char *name, size_t *size) {
    FILE *stream = fopen(name, "rb");
    uint8_t *file;
    long end;
    if (!stream || fseek(stream, 0, SEEK_END) != 0) fail("a file cannot be read");
    end = ftell(stream);
    rewind(stream);
    *size = (size_t)end;
    file = (uint8_t *)allocated(*size);
    if (fread(file, 1, *size, stream) != *size) fail("a file cannot be read");
    fclose(stream);
    return file;
}

static void print_times(const char *name, int repeats) {
    size_t size;
    uint8_t *file = read_file(name, &size);
    for (int i = 0; i < repeats; i++) {
        kmq_image image;
        void *indices;
        clock_t start = clock();
        kmq_error error = kmq_open(file, size, UINT64_MAX, &image);
        if (error == KMQ_OK) {
            kmq_pixels pixels = image.colours <= 256 ? KMQ_INDICES_8 : KMQ_INDICES_16;
            error = decode(&image, 0, image.height, pixels, &indices);
            free(indices);
            kmq_close(&image);
        }
        if (error != KMQ_OK) fail(kmq_sentence(error));
        printf("%s%.6f", i ? " " : "", (double)(clock() - start) / CLOCKS_PER_SEC);
    }
    putchar('\n');
    free(file);
}

int main(int count, char **arguments) {
    if (count >= 4 && strcmp(arguments[1], "--time") == 0) {
        for (int i = 3; i < count; i++) print_times(arguments[i], atoi(arguments[2]));
    } else if (count == 2) {
        decode_input(strtoull(arguments[1], NULL, 10));
    } else {
        fail("usage: driver MAX_PIXELS, or driver --time REPEATS FILE...");
    }
    return 0;
}
