/* kmq2png IN OUT - turns a .kmq file into a PNG. An example for kmq.h; it needs libc only.

   cc -O2 kmq2png.c -o kmq2png

   Palettes of up to 256 entries stay palettes, labels become grey samples. The PNG is not
   compressed: its data are stored, in blocks of deflate that say so. */

#include <stdio.h>
#include <stdlib.h>

#define KMQ_IMPLEMENTATION
#include "kmq.h"

#define BLOCK 65535 /* the most bytes of a stored block */

static void put_number(uint8_t *at, uint32_t number) {
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(number >> (24 - 8 * i));
}

static uint32_t crc_of(const uint8_t *bytes, size_t size) {
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

/* Write a chunk, whose data begin 8 bytes behind `chunk` and have 4 bytes free behind them. */
static int write_chunk(FILE *out, uint8_t *chunk, const char *name, size_t size) {
    put_number(chunk, (uint32_t)size);
    memcpy(chunk + 4, name, 4);
    put_number(chunk + 8 + size, crc_of(chunk + 4, size + 4));
    return fwrite(chunk, 1, size + 12, out) == size + 12;
}

/* Write the bytes as a zlib stream of stored blocks, each in a chunk of its own. */
static int write_data(FILE *out, const uint8_t *bytes, size_t size) {
    static uint8_t chunk[8 + 2 + 5 + BLOCK + 4 + 4];
    uint32_t low = 1, high = 0; /* Adler-32 */
    for (size_t at = 0; at < size;) {
        size_t count = size - at < BLOCK ? size - at : BLOCK;
        uint8_t *end = chunk + 8;
        if (at == 0) { /* zlib's head: deflate, a window of 32 KB */
            *end++ = 0x78;
            *end++ = 0x01;
        }
        *end++ = at + count == size; /* whether the block is the last */
        *end++ = (uint8_t)count;
        *end++ = (uint8_t)(count >> 8);
        *end++ = (uint8_t)~count;
        *end++ = (uint8_t)(~count >> 8);
        memcpy(end, bytes + at, count);
        end += count;
        for (; count; count--, at++) {
            low = (low + bytes[at]) % 65521;
            high = (high + low) % 65521;
        }
        if (at == size) {
            put_number(end, high << 16 | low);
            end += 4;
        }
        if (!write_chunk(out, chunk, "IDAT", (size_t)(end - chunk - 8))) return 0;
    }
    return 1;
}

static int write_palette(FILE *out, const kmq_image *image) {
    uint8_t chunk[12 + 3 * 256];
    for (uint32_t i = 0; i < image->colours; i++)
        memcpy(chunk + 8 + 3 * i, image->palette + 4 * i, 3);
    if (!write_chunk(out, chunk, "PLTE", 3 * image->colours)) return 0;
    for (uint32_t i = 0; i < image->colours; i++) chunk[8 + i] = image->palette[4 * i + 3];
    return !image->has_alpha || write_chunk(out, chunk, "tRNS", image->colours);
}

/* Decode to rows that begin with a zero, PNG's filter "none". */
static kmq_error decode_rows(const kmq_image *image, kmq_pixels pixels, uint8_t *rows) {
    size_t row_size = kmq_size(image, 1, pixels), size = row_size * image->height;
    uint8_t *decoded = rows + image->height; /* at the end, so that rows can move up one by one */
    kmq_error error = kmq_decode(image, 0, image->height, pixels, decoded, size);
    for (uint32_t y = 0; y < image->height && error == KMQ_OK; y++) {
        uint8_t *row = rows + y * (row_size + 1);
        row[0] = 0;
        memmove(row + 1, decoded + y * row_size, row_size);
        for (size_t x = 0; pixels == KMQ_LABELS_16 && x < image->width; x++) {
            uint16_t label; /* PNG has its upper byte first */
            memcpy(&label, row + 1 + 2 * x, 2);
            row[1 + 2 * x] = (uint8_t)(label >> 8);
            row[2 + 2 * x] = (uint8_t)label;
        }
    }
    return error;
}

/* Returns what went wrong, NULL if nothing did. */
static const char *convert(const kmq_image *image, const char *name) {
    int is_grey = image->labels != NULL, is_palette = !is_grey && image->colours <= 256;
    kmq_pixels pixels = is_grey ? KMQ_LABELS_16 : is_palette ? KMQ_INDICES_8
                        : image->has_alpha ? KMQ_RGBA_8 : KMQ_RGB_8;
    size_t size = kmq_size(image, image->height, pixels) + image->height;
    uint8_t *rows = (uint8_t *)malloc(size), head[25], end[12];
    kmq_error error = rows ? decode_rows(image, pixels, rows) : KMQ_NO_MEMORY;
    FILE *out = error == KMQ_OK ? fopen(name, "wb") : NULL;
    int is_written = 0;
    put_number(head + 8, image->width);
    put_number(head + 12, image->height);
    memset(head + 16, 0, 5);
    head[16] = is_grey ? 16 : 8;                                         /* bits of a sample */
    head[17] = is_grey ? 0 : is_palette ? 3 : image->has_alpha ? 6 : 2; /* colour type */
    if (out) {
        is_written = fwrite("\x89PNG\r\n\x1a\n", 1, 8, out) == 8 &&
                     write_chunk(out, head, "IHDR", 13) &&
                     (!is_palette || write_palette(out, image)) && write_data(out, rows, size) &&
                     write_chunk(out, end, "IEND", 0);
        is_written = fclose(out) == 0 && is_written;
    }
    free(rows);
    if (error != KMQ_OK) return kmq_sentence(error);
    return is_written ? NULL : "the PNG cannot be written";
}

static uint8_t *read_file(const char *name, size_t *size) {
    FILE *in = fopen(name, "rb");
    uint8_t *bytes = NULL;
    long end = -1;
    if (in && fseek(in, 0, SEEK_END) == 0) end = ftell(in);
    if (end >= 0 && fseek(in, 0, SEEK_SET) == 0) bytes = (uint8_t *)malloc((size_t)end + 1);
    *size = (size_t)end;
    if (bytes && fread(bytes, 1, *size, in) != *size) {
        free(bytes);
        bytes = NULL;
    }
    if (in) fclose(in);
    return bytes;
}

int main(int count, char **arguments) {
    const char *fault = "the file cannot be read";
    kmq_image image;
    uint8_t *bytes;
    size_t size;
    if (count != 3) {
        fputs("usage: kmq2png IN OUT\n", stderr);
        return 2;
    }
    bytes = read_file(arguments[1], &size);
    if (bytes) {
        kmq_error error = kmq_open(bytes, size, KMQ_MAX_PIXELS, &image);
        fault = error == KMQ_OK ? convert(&image, arguments[2]) : kmq_sentence(error);
        kmq_close(&image);
        free(bytes);
    }
    if (fault) fprintf(stderr, "kmq2png: %s: %s\n", arguments[1], fault);
    return fault ? 1 : 0;
}
