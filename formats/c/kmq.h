/* kmq.h - reads .kmq images, version 1, as formats/kmq-1.md specifies them. MIT licence.

   One source file needs the code, the others only the declarations:

       #define KMQ_IMPLEMENTATION
       #include "kmq.h"

   To show an image whose file is in memory:

       kmq_image image;
       kmq_error error = kmq_open(bytes, size, KMQ_MAX_PIXELS, &image);
       if (error == KMQ_OK) {
           size_t length = kmq_size(&image, image.height, KMQ_RGBA_8);
           void *pixels = malloc(length);
           error = kmq_decode(&image, 0, image.height, KMQ_RGBA_8, pixels, length);
           ...
           kmq_close(&image);
       }
       if (error != KMQ_OK) puts(kmq_sentence(error));

   There is no global state. Threads may decode rows of the same image at the same time; each
   should take whole stripes, because a stripe can only be decoded as a whole.

   To allocate with something other than malloc and free, define KMQ_MALLOC(size) and
   KMQ_FREE(pointer), which must accept NULL. Beside the caller's memory for the pixels, decoding
   takes up to 14 MB for stripes of usual sizes, and up to 60 MB for one very long row. */

#ifndef KMQ_H
#define KMQ_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The most pixels that most callers should accept: a small file can claim 2^38. */
#define KMQ_MAX_PIXELS ((uint64_t)1 << 28)

typedef enum kmq_error {
    KMQ_OK = 0,
    /* The caller's or the machine's: */
    KMQ_BAD_ARGUMENT, KMQ_TOO_MANY_PIXELS, KMQ_NO_MEMORY,
    /* The file's: */
    KMQ_NOT_KMQ, KMQ_CUT_SHORT, KMQ_BYTES_BEHIND, KMQ_UNKNOWN_VERSION, KMQ_UNKNOWN_KIND,
    KMQ_UNKNOWN_CODING, KMQ_BAD_NUMBER, KMQ_OUT_OF_RANGE, KMQ_BAD_STRIPES, KMQ_BAD_ORDER,
    KMQ_BAD_HEAD_CHECKSUM, KMQ_BAD_STRIPE_CHECKSUM, KMQ_BAD_PACKED_BODY, KMQ_BAD_MODELLED_BODY
} kmq_error;

/* A stripe: a band of whole rows, which is decoded independently of the others. */
typedef struct kmq_stripe {
    const uint8_t *body;
    size_t size; /* of the body, in bytes */
    int coding;  /* 0, packed, or 1, modelled */
} kmq_stripe;

typedef struct kmq_image {
    uint32_t width, height; /* in pixels */
    uint32_t colours;       /* entries of the palette, 1 to 65,536 */
    int layout;             /* how the file stores them: 0 grey, 1 RGB, 2 RGBA, 3 grey and alpha */
    int has_alpha;          /* whether some entry is not opaque */
    const uint8_t *palette; /* red, green, blue, alpha of each entry */
    const uint16_t *labels; /* the label of each entry if the image is a mask, otherwise NULL */
    uint16_t largest_label; /* labels are samples of 8 bits if this is below 256, else of 16 */
    uint32_t stripe_rows;   /* of every stripe except the last */
    uint32_t stripe_count;
    const kmq_stripe *stripes;
    const uint8_t *metadata; /* NULL if there are none, or they are damaged */
    size_t metadata_size;    /* in bytes */
    int metadata_damaged;    /* whether there are metadata that break a rule */
    const uint16_t *order;   /* the index in the image of each stored entry, or NULL */
    void *memory;            /* what kmq_close frees */
} kmq_image;

/* What kmq_decode writes for each pixel. */
typedef enum kmq_pixels {
    KMQ_INDICES_8,  /* a uint8_t, if the palette has at most 256 entries */
    KMQ_INDICES_16, /* a uint16_t */
    KMQ_RGB_8,      /* red, green, blue */
    KMQ_RGBA_8,     /* red, green, blue, alpha; the colour is not multiplied by alpha */
    KMQ_LABELS_16   /* a uint16_t, if the image has labels */
} kmq_pixels;

/* Read everything except the pixels. The bytes must stay where they are until kmq_close, which
   is to be called after KMQ_OK. An image of more than max_pixels is refused, with its width and
   height filled in. */
kmq_error kmq_open(const void *bytes, size_t size, uint64_t max_pixels, kmq_image *image);
void kmq_close(kmq_image *image);

/* The bytes that so many rows take; 0 if they are too many for a size_t. */
size_t kmq_size(const kmq_image *image, uint32_t rows, kmq_pixels pixels);

/* Decode `rows` rows from first_row on, without gaps, to `out`, which has `size` bytes. Stripes
   that hold none of these rows are not read. After an error, `out` holds anything. */
kmq_error kmq_decode(const kmq_image *image, uint32_t first_row, uint32_t rows, kmq_pixels pixels,
                     void *out, size_t size);

/* Get the item of the metadata at *position, which starts at 0, and move on; returns 0 after the
   last one. Kind 1 is the resolution, 2 EXIF, 3 XMP, 4 a keyword, a zero byte and a text. */
typedef struct kmq_item {
    int kind;
    const uint8_t *payload;
    size_t size; /* in bytes */
} kmq_item;
int kmq_next_item(const kmq_image *image, size_t *position, kmq_item *item);

/* What an error means, for people. */
const char *kmq_sentence(kmq_error error);

#ifdef __cplusplus
}
#endif
#endif /* KMQ_H */

#ifdef KMQ_IMPLEMENTATION

#include <string.h>

#ifndef KMQ_MALLOC
#include <stdlib.h>
#define KMQ_MALLOC(size) malloc(size)
#define KMQ_FREE(pointer) free(pointer)
#endif

#if defined(__GNUC__) /* what a decision or an index is made of has to be part of its loop */
#define KMQ__INLINE static inline __attribute__((always_inline))
#else
#define KMQ__INLINE static inline
#endif

/* Section 2: a >> b rounds down, below zero too. C lets the compiler choose, and all do so. */
typedef char kmq__shifts_round_down[(-1 >> 1) == -1 ? 1 : -1];

const char *kmq_sentence(kmq_error error) {
    switch (error) {
    case KMQ_OK: return "all is well";
    case KMQ_BAD_ARGUMENT: return "there are no such rows or pixels, or too little memory for them";
    case KMQ_TOO_MANY_PIXELS: return "the image has more pixels than the caller allows";
    case KMQ_NO_MEMORY: return "there is not enough memory";
    case KMQ_NOT_KMQ: return "this is not a .kmq file";
    case KMQ_CUT_SHORT: return "the file is cut short";
    case KMQ_BYTES_BEHIND: return "bytes follow the end of the file";
    case KMQ_UNKNOWN_VERSION: return "this version of the format is not known";
    case KMQ_UNKNOWN_KIND: return "this kind of image is not known";
    case KMQ_UNKNOWN_CODING: return "a stripe has a coding that is not known";
    case KMQ_BAD_NUMBER: return "a number in the head is too long or not in its shortest form";
    case KMQ_OUT_OF_RANGE: return "a number in the head is outside its legal range";
    case KMQ_BAD_STRIPES: return "the stripes are too small, too large or too many";
    case KMQ_BAD_ORDER: return "the order does not name each entry of the palette once";
    case KMQ_BAD_HEAD_CHECKSUM: return "the head is damaged: its checksum does not match";
    case KMQ_BAD_STRIPE_CHECKSUM: return "a stripe is damaged: its checksum does not match";
    case KMQ_BAD_PACKED_BODY: return "a packed stripe breaks a rule";
    case KMQ_BAD_MODELLED_BODY: return "a modelled stripe breaks a rule";
    }
    return "this is not an error of kmq.h";
}

/* -- Section 2: numbers and checksums -- */

static int kmq__bit_length(uint32_t number) {
    int length = 0;
    for (; number; number >>= 1) length++;
    return length;
}

KMQ__INLINE int kmq__clamp(int number, int low, int high) {
    return number < low ? low : number > high ? high : number;
}

static uint32_t kmq__number_at(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* Whether the CRC-32 of the bytes is the one behind them. Its table is made on the stack. */
static int kmq__crc_matches(const uint8_t *bytes, size_t size) {
    uint32_t table[256], crc = 0xFFFFFFFFu;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xEDB88320u : 0);
    }
    for (; size; size--, bytes++) crc = crc >> 8 ^ table[(crc ^ *bytes) & 0xFF];
    return ~crc == kmq__number_at(bytes);
}

/* Takes fields one after the other. After the first error there are no bytes left to take. */
typedef struct kmq__reader {
    const uint8_t *at, *end;
    kmq_error error;
} kmq__reader;

static void kmq__fail(kmq__reader *reader, kmq_error error) {
    if (reader->error == KMQ_OK) reader->error = error;
    reader->at = reader->end;
}

static const uint8_t *kmq__take(kmq__reader *reader, uint64_t size) {
    const uint8_t *at = reader->at;
    if (size <= (uint64_t)(reader->end - at)) reader->at += size;
    else kmq__fail(reader, KMQ_CUT_SHORT);
    return reader->error == KMQ_OK ? at : NULL;
}

static int kmq__take_byte(kmq__reader *reader) {
    const uint8_t *at = kmq__take(reader, 1);
    return at ? *at : 0;
}

/* Returns 0 after an error. */
static uint64_t kmq__take_varint(kmq__reader *reader, uint64_t low, uint64_t high) {
    uint64_t number = 0;
    int shift = 0, byte;
    do {
        byte = kmq__take_byte(reader);
        number |= (uint64_t)(byte & 0x7F) << shift;
        shift += 7;
    } while (byte & 0x80 && shift < 63);
    if (byte & 0x80 || (byte == 0 && shift > 7)) kmq__fail(reader, KMQ_BAD_NUMBER);
    if (number < low || number > high) kmq__fail(reader, KMQ_OUT_OF_RANGE);
    return reader->error == KMQ_OK ? number : 0;
}

/* Section 4.1: numbers of up to 16 bits each, the most significant bit first. */
typedef struct kmq__bits {
    const uint8_t *at;
    uint32_t window; /* its lowest `held` bits are read but not taken */
    int held;
} kmq__bits;

KMQ__INLINE uint32_t kmq__take_bits(kmq__bits *bits, int count) {
    while (bits->held < count) {
        bits->window = bits->window << 8 | *bits->at++;
        bits->held += 8;
    }
    bits->held -= count;
    return bits->window >> bits->held & ((1u << count) - 1);
}

static int kmq__padding_is_zero(const kmq__bits *bits) {
    return (bits->window & ((1u << bits->held) - 1)) == 0;
}

static uint64_t kmq__packed_size(uint64_t numbers, int bits) {
    return (numbers * (uint64_t)bits + 7) / 8;
}

/* -- Section 3.4: metadata -- */

/* RFC 3629, section 4: no surrogates, no form that is too long, nothing above U+10FFFF. */
static int kmq__is_utf8(const uint8_t *at, size_t size) {
    while (size) {
        uint32_t first = at[0];
        uint32_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
        uint32_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
        size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
        if ((first >= 0x80 && first < 0xC2) || first > 0xF4 || length > size) return 0;
        for (size_t i = 1; i < length; i++, low = 0x80, high = 0xBF)
            if (at[i] < low || at[i] > high) return 0;
        at += length;
        size -= length;
    }
    return 1;
}

static int kmq__is_resolution(const kmq_item *item) {
    kmq__reader reader = {item->payload, item->payload + item->size, KMQ_OK};
    for (int i = 0; i < 4; i++) kmq__take_varint(&reader, 1, 0xFFFFFFFFu);
    return reader.error == KMQ_OK && reader.at == reader.end;
}

static int kmq__is_text(const kmq_item *item) {
    const uint8_t *zero = (const uint8_t *)memchr(item->payload, 0, item->size);
    return zero && zero != item->payload && zero - item->payload <= 255 &&
           kmq__is_utf8(item->payload, item->size);
}

int kmq_next_item(const kmq_image *image, size_t *position, kmq_item *item) {
    kmq__reader reader = {image->metadata, image->metadata, KMQ_OK};
    if (*position >= image->metadata_size) return 0;
    reader.at += *position;
    reader.end += image->metadata_size;
    item->kind = kmq__take_byte(&reader);
    item->size = (size_t)kmq__take_varint(&reader, 0, SIZE_MAX);
    item->payload = kmq__take(&reader, item->size);
    if (reader.error == KMQ_OK) *position = (size_t)(reader.at - image->metadata);
    return reader.error == KMQ_OK;
}

/* Drop the metadata of an image if they break a rule. */
static void kmq__check_metadata(kmq_image *image) {
    int texts = 0, last = 0, is_right = kmq__crc_matches(image->metadata, image->metadata_size);
    size_t position = 0;
    kmq_item item;
    while (is_right && kmq_next_item(image, &position, &item)) {
        is_right = item.kind > last || (item.kind == last && item.kind == 4);
        if (item.kind == 1) is_right &= kmq__is_resolution(&item);
        if (item.kind == 4) is_right &= ++texts <= 1024 && kmq__is_text(&item);
        last = item.kind;
    }
    if (is_right && position == image->metadata_size) return;
    image->metadata_damaged = 1;
    image->metadata = NULL;
    image->metadata_size = 0;
}

/* -- Sections 3.1 to 3.3: the head -- */

static int kmq__index_bits(const kmq_image *image) {
    return kmq__bit_length(image->colours - 1);
}

static uint32_t kmq__rows_of(const kmq_image *image, uint32_t stripe) {
    uint32_t rest = image->height - stripe * image->stripe_rows;
    return rest < image->stripe_rows ? rest : image->stripe_rows;
}

/* Take the fields before the palette. */
static int kmq__take_kind_and_sizes(kmq__reader *reader, kmq_image *image) {
    const uint8_t *signature = kmq__take(reader, 4);
    uint64_t pixels;
    int kind;
    if (signature && memcmp(signature, "\x89KMQ", 4) != 0) kmq__fail(reader, KMQ_NOT_KMQ);
    if (kmq__take_byte(reader) != 1) kmq__fail(reader, KMQ_UNKNOWN_VERSION);
    kind = kmq__take_byte(reader);
    image->layout = kind & 3;
    if (kind >> 5 || (kind & 16 && image->layout)) kmq__fail(reader, KMQ_UNKNOWN_KIND);
    image->width = (uint32_t)kmq__take_varint(reader, 1, 1u << 22);
    image->height = (uint32_t)kmq__take_varint(reader, 1, (1u << 31) - 1);
    image->colours = (uint32_t)kmq__take_varint(reader, 1, 65536);
    image->stripe_rows = (uint32_t)kmq__take_varint(reader, 1, image->height);
    if (reader->error != KMQ_OK) return 0;

    image->stripe_count = (image->height - 1) / image->stripe_rows + 1;
    pixels = (uint64_t)image->stripe_rows * image->width;
    if (image->stripe_count > 65536 || pixels > 1u << 22 ||
        (image->stripe_count > 1 && (pixels < 4096 || pixels < image->colours)))
        kmq__fail(reader, KMQ_BAD_STRIPES);
    return kind;
}

/* Fill `order`; `seen` has a zero for each index. */
static void kmq__read_order(kmq__reader *reader, const uint8_t *stored, const kmq_image *image,
                            uint16_t *order, uint8_t *seen) {
    kmq__bits bits = {stored, 0, 0};
    for (uint32_t i = 0; i < image->colours; i++) {
        uint32_t index = kmq__take_bits(&bits, kmq__index_bits(image));
        if (index >= image->colours || seen[index]++) {
            kmq__fail(reader, KMQ_BAD_ORDER);
            return;
        }
        order[i] = (uint16_t)index;
    }
    if (!kmq__padding_is_zero(&bits)) kmq__fail(reader, KMQ_BAD_ORDER);
}

static void kmq__read_palette(const uint8_t *stored, int entry_size, kmq_image *image,
                              uint8_t *palette, uint16_t *labels) {
    int is_grey = image->layout == 0 || image->layout == 3, shown = 0;
    image->palette = palette;
    image->labels = labels;
    for (uint32_t i = 0; i < image->colours && labels; i++) {
        uint16_t label = (uint16_t)(stored[2 * i] | stored[2 * i + 1] << 8);
        labels[image->order ? image->order[i] : i] = label;
        if (label > image->largest_label) image->largest_label = label;
    }
    if (image->largest_label > 255) shown = 1; /* the upper byte of a label */
    for (uint32_t i = 0; i < image->colours; i++, stored += entry_size) {
        uint8_t *entry = palette + 4 * (size_t)(image->order ? image->order[i] : i);
        for (int k = 0; k < 3; k++) entry[k] = stored[is_grey ? shown : k];
        entry[3] = image->layout == 2 ? stored[3] : image->layout == 3 ? stored[1] : 255;
        if (entry[3] < 255) image->has_alpha = 1;
    }
}

static void kmq__take_table(kmq__reader *reader, kmq_image *image, kmq_stripe *stripes) {
    for (uint32_t i = 0; i < image->stripe_count; i++) {
        uint64_t places = (uint64_t)kmq__rows_of(image, i) * (image->width + 16);
        stripes[i].coding = kmq__take_byte(reader);
        if (stripes[i].coding > 1) kmq__fail(reader, KMQ_UNKNOWN_CODING);
        if (stripes[i].coding == 1 && places > 1u << 22) kmq__fail(reader, KMQ_BAD_STRIPES);
        stripes[i].size = (size_t)kmq__take_varint(reader, 0, SIZE_MAX);
    }
    image->stripes = stripes;
}

/* Find the bodies and the metadata, which have to end where the file does. */
static void kmq__find_bodies(kmq__reader *reader, kmq_image *image, kmq_stripe *stripes) {
    for (uint32_t i = 0; i < image->stripe_count; i++) {
        stripes[i].body = kmq__take(reader, stripes[i].size);
        kmq__take(reader, 4);
    }
    image->metadata = image->metadata_size ? kmq__take(reader, image->metadata_size) : NULL;
    if (image->metadata) kmq__take(reader, 4);
    if (reader->at != reader->end) kmq__fail(reader, KMQ_BYTES_BEHIND);
}

kmq_error kmq_open(const void *bytes, size_t size, uint64_t max_pixels, kmq_image *image) {
    static const int ENTRY_SIZES[4] = {1, 3, 4, 2};
    const uint8_t *start = (const uint8_t *)bytes, *entries, *order = NULL, *end;
    kmq__reader reader = {start, start, KMQ_OK};
    kmq_stripe *stripes;
    uint16_t *words, *labels;
    uint8_t *palette;
    int kind, entry_size;
    memset(image, 0, sizeof *image);
    if (!bytes) return KMQ_BAD_ARGUMENT;
    reader.end += size;
    kind = kmq__take_kind_and_sizes(&reader, image);
    entry_size = kind & 16 ? 2 : ENTRY_SIZES[image->layout];
    entries = kmq__take(&reader, image->colours * (uint64_t)entry_size);
    if (kind & 4)
        order = kmq__take(&reader, kmq__packed_size(image->colours, kmq__index_bits(image)));
    if (kind & 8) image->metadata_size = (size_t)kmq__take_varint(&reader, 1, 1u << 22);
    if (image->stripe_count > (size_t)(reader.end - reader.at) / 2) /* none is shorter */
        kmq__fail(&reader, KMQ_CUT_SHORT);
    if (reader.error != KMQ_OK) return reader.error;

    image->memory = KMQ_MALLOC(image->stripe_count * sizeof *stripes + image->colours * (size_t)8);
    if (!image->memory) return KMQ_NO_MEMORY;
    stripes = (kmq_stripe *)image->memory;
    words = (uint16_t *)(stripes + image->stripe_count);
    palette = (uint8_t *)(words + 2 * image->colours);
    kmq__take_table(&reader, image, stripes);
    end = kmq__take(&reader, 4);
    if (end && !kmq__crc_matches(start, (size_t)(end - start)))
        kmq__fail(&reader, KMQ_BAD_HEAD_CHECKSUM);
    if (end && (uint64_t)image->width * image->height > max_pixels)
        kmq__fail(&reader, KMQ_TOO_MANY_PIXELS);
    kmq__find_bodies(&reader, image, stripes);
    if (order && reader.error == KMQ_OK) {
        memset(palette, 0, image->colours);
        kmq__read_order(&reader, order, image, words, palette);
        image->order = words;
    }
    if (reader.error == KMQ_OK) {
        labels = kind & 16 ? words + image->colours : NULL;
        kmq__read_palette(entries, entry_size, image, palette, labels);
        if (image->metadata) kmq__check_metadata(image);
    } else {
        kmq_close(image);
    }
    return reader.error;
}

void kmq_close(kmq_image *image) {
    KMQ_FREE(image->memory);
    image->memory = NULL;
}

/* -- Section 4: packed stripes -- */

/* Decode all indices of a packed stripe. */
static kmq_error kmq__unpack(const kmq_image *image, const kmq_stripe *stripe, uint32_t count,
                             uint16_t *indices) {
    const uint8_t *body = stripe->body, *word = body + 8, *end = body + stripe->size;
    uint32_t colours = image->colours;
    int index_bits = kmq__index_bits(image);
    uint64_t state, lowest = (1u << 31) / colours * colours;
    if ((colours & (colours - 1)) == 0) {
        kmq__bits bits = {body, 0, 0};
        if (stripe->size != kmq__packed_size(count, index_bits)) return KMQ_BAD_PACKED_BODY;
        for (uint32_t i = 0; i < count; i++)
            indices[i] = (uint16_t)kmq__take_bits(&bits, index_bits);
        return kmq__padding_is_zero(&bits) ? KMQ_OK : KMQ_BAD_PACKED_BODY;
    }
    if (stripe->size < 8 || stripe->size % 4) return KMQ_BAD_PACKED_BODY;
    state = kmq__number_at(body) | (uint64_t)kmq__number_at(body + 4) << 32;
    if (state < lowest || state >= lowest << 32) return KMQ_BAD_PACKED_BODY;
    for (uint32_t i = 0; i < count; i++) {
        indices[i] = (uint16_t)(state % colours);
        state /= colours;
        if (state < lowest) {
            if (word == end) return KMQ_BAD_PACKED_BODY;
            state = state << 32 | kmq__number_at(word);
            word += 4;
        }
    }
    return state == lowest && word == end ? KMQ_OK : KMQ_BAD_PACKED_BODY;
}

/* -- Section 5: modelled stripes -- */

#define KMQ__MARGIN 8          /* columns on either side of the plane */
#define KMQ__ROWS_ABOVE 5      /* rows of zeros above the stripe */
#define KMQ__MOST 3071         /* the most log-odds that squash takes */
#define KMQ__MAX_SLOTS 1020852 /* section 5.11 */

/* The probability is in bits 14 to 31, the count in bits 8 to 13, the check in bits 0 to 7. */
typedef uint32_t kmq__slot;
#define KMQ__NEW_SLOT (1u << 31)

/* The inputs of a decision: where the slot of each is, and what it holds for the context. */
typedef struct kmq__inputs {
    kmq__slot *place[9], slot[9];
} kmq__inputs;

typedef struct kmq__weights {
    int32_t span[4], span_by_length[6][4], flat[3], flat_by_confidence[25][3];
    int32_t guess_by_confidence[2][25][7], guess_by_equal[2][256][7];
    int32_t tree_by_confidence[25][9], tree_by_node[256][9];
} kmq__weights;

/* Between the mean colours of a node's halves; `offset` is the middle's. */
typedef struct kmq__axis {
    int32_t colour[3], offset;
} kmq__axis;

typedef struct kmq__match {
    uint32_t position, check;
} kmq__match;

typedef struct kmq__model {
    /* Of the file: */
    uint32_t width, colours, leaves, pairs; /* leaves is 2^B, pairs is P */
    int index_bits;
    uint8_t samples[65536][3];
    kmq__axis axis[65536];                  /* by node */
    ptrdiff_t pitch, neighbour[40];         /* places from a row to the next, from X to each */
    uint16_t *plane;
    /* Of sections 5.3, 5.4, 5.7 and 5.9: */
    int32_t squash[2 * KMQ__MOST + 1];
    int16_t stretch[4096];
    uint32_t rate[61], multiplier[41];
    uint8_t confidence[61], run_class[1024], distance[1021];
    /* Of the stripe: */
    int flat_bits, guess_bits, tree_bits;
    kmq__slot slots[KMQ__MAX_SLOTS], *span_tables[4], *flat_tables[3], *guess_tables[2][7];
    kmq__slot *tree_tables[9];              /* the tables of slots, by input */
    kmq__weights weights;
    kmq__match matches[1 << 15];
    /* Of the range decoder: */
    const uint8_t *body;
    size_t size, read;                      /* of the body, and what is read, also beyond its end */
    uint64_t low, span;
    /* Of the pixel: */
    uint32_t match, run, h4, h10, h40;
} kmq__model;

static void kmq__make_tables(kmq__model *model) {
    static const uint16_t KNOTS[49] = {
        32768, 28693, 24743, 21025, 17625, 14595, 11955, 9702, 7812, 6249, 4971, 3938, 3108,
        2446, 1921, 1506, 1179, 922, 720, 562, 439, 342, 267, 208, 162, 126, 98, 77, 60, 47, 36,
        28, 22, 17, 13, 10, 8, 6, 5, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4};
    for (int a = KMQ__MOST; a >= 0; a--) {
        int k = a / 64, part = a % 64;
        int falling = (KNOTS[k] * (64 - part) + KNOTS[k + 1] * part) / 64;
        model->squash[KMQ__MOST - a] = falling;
        model->squash[KMQ__MOST + a] = 65536 - falling;
    }
    for (int c = 0, a = -2047; c < 4096; c++) {
        while (a < 2047 && model->squash[KMQ__MOST + a] < 16 * c + 8) a++;
        model->stretch[c] = (int16_t)a;
    }
    for (uint32_t count = 0; count <= 60; count++) {
        model->rate[count] = 163840 / (10 * count + 13);
        model->confidence[count] =
            (uint8_t)((count > 0) + (count > 1) + (count > 4) + (count > 23));
    }
    model->multiplier[0] = 0x9E3779B1u;
    for (int i = 1; i <= 40; i++) model->multiplier[i] = model->multiplier[i - 1] * 0x9E3779B1u;
    for (uint32_t run = 0; run < 1024; run++) model->run_class[run] = (uint8_t)kmq__bit_length(run);
    for (int d = 0; d <= 1020; d++)
        model->distance[d] = (uint8_t)((d >= 1) + (d >= 16) + (d >= 32) + (d >= 56) + (d >= 96) +
                                       (d >= 160) + (d >= 280));
}

KMQ__INLINE uint32_t kmq__scatter(uint32_t a) {
    a *= 0x2C1B3C6Du;
    a ^= a >> 15;
    a *= 0x297A2D39u;
    return a ^ a >> 13;
}

/* -- Section 5.2: the range decoder -- */

KMQ__INLINE uint64_t kmq__next_word(kmq__model *model) {
    size_t at = model->read;
    model->read += 2;
    if (at + 1 < model->size) return (uint64_t)model->body[at] << 8 | model->body[at + 1];
    return at < model->size ? (uint64_t)model->body[at] << 8 : 0;
}

/* Find the answer whose probability of yes is p / 65536. */
KMQ__INLINE int kmq__answer(kmq__model *model, uint32_t p) {
    uint64_t bound = (model->span >> 16) * p;
    int yes = model->low < bound;
    model->low -= yes ? 0 : bound;
    model->span = yes ? bound : model->span - bound;
    if (model->span >> 32 == 0) {
        model->span <<= 16;
        model->low = model->low << 16 | kmq__next_word(model);
    }
    return yes;
}

static int kmq__has_read_too_much(const kmq__model *model) {
    return model->read > model->size + 8;
}

static int kmq__ends_as_a_writer_ends(const kmq__model *model) {
    const uint8_t *body = model->body;
    uint64_t last = 0, distance = 0;
    if (model->read < model->size || kmq__has_read_too_much(model)) return 0;
    if (model->size && body[model->size - 1] == 0 && model->read != model->size + 8) return 0;
    for (size_t at = model->read - 6; at < model->read; at++)
        last = last << 8 | (at < model->size ? body[at] : 0u);
    for (int z = 48; z >= 0; z -= 8) {
        distance = (model->low - last) & (((uint64_t)1 << z) - 1);
        if (distance < model->span) break;
    }
    return model->low == distance;
}

/* -- Sections 5.4 and 5.5: slots and mixer -- */

KMQ__INLINE void kmq__input(kmq__inputs *inputs, int i, kmq__slot *place, uint32_t check) {
    kmq__slot slot = *place;
    inputs->place[i] = place;
    inputs->slot[i] = (slot & 0xFF) == check ? slot : KMQ__NEW_SLOT | check;
}

KMQ__INLINE void kmq__direct(kmq__inputs *inputs, int i, kmq__slot *place) {
    inputs->place[i] = place;
    inputs->slot[i] = *place;
}

KMQ__INLINE void kmq__pair(const kmq__model *model, kmq__inputs *inputs, int i, kmq__slot *table,
                           uint32_t a, uint32_t b) {
    uint32_t pair = (a << model->index_bits) + b;
    kmq__input(inputs, i, table + (pair & (model->pairs - 1)), pair >> 16 & 0xFF);
}

KMQ__INLINE void kmq__hashed(kmq__inputs *inputs, int i, kmq__slot *table, int bits, uint32_t a) {
    uint32_t key = kmq__scatter(a);
    kmq__input(inputs, i, table + (key >> (32 - bits)), key & 0xFF);
}

/* The number of a weight set that the confidences of two inputs select. */
KMQ__INLINE int kmq__confidences(const kmq__model *model, const kmq__slot *slot, int i, int k) {
    return model->confidence[slot[i] >> 8 & 63] * 5 + model->confidence[slot[k] >> 8 & 63];
}

/* Decide by `count` inputs and the weight sets u and v, and learn the answer. */
KMQ__INLINE int kmq__decide(kmq__model *model, const kmq__inputs *inputs, int count, int32_t *u,
                            int32_t *v) {
    int32_t x[9], p, error;
    int64_t sum = 0, target;
    int yes;
    for (int i = 0; i < count; i++) {
        x[i] = model->stretch[inputs->slot[i] >> 20];
        sum += x[i] * ((int64_t)u[i] + v[i]);
    }
    sum >>= 16;
    sum = sum < -KMQ__MOST ? -KMQ__MOST : sum > KMQ__MOST ? KMQ__MOST : sum;
    p = model->squash[KMQ__MOST + sum];
    yes = kmq__answer(model, (uint32_t)p);
    error = ((yes ? 65536 - p : -p) * 3) >> 1;
    target = yes ? 262143 : 0;
    for (int i = 0; i < count; i++) {
        uint32_t uses = inputs->slot[i] >> 8 & 63, check = inputs->slot[i] & 0xFF;
        int64_t probability = uses ? (int64_t)(inputs->slot[i] >> 14) : (int64_t)p << 2;
        int32_t move = (x[i] * error + 32768) >> 16;
        probability += ((target - probability) * model->rate[uses]) >> 14;
        *inputs->place[i] = (uint32_t)probability << 14 | (uses + (uses < 60)) << 8 | check;
        u[i] += move;
        v[i] += move;
    }
    return yes;
}

/* -- Sections 5.6 and 5.7: neighbours and match -- */

KMQ__INLINE void kmq__hash_neighbours(kmq__model *model, const uint16_t *x) {
    uint32_t hash = 0;
    int i = 0;
    for (; i < 4; i++) hash += model->multiplier[i] * x[model->neighbour[i]];
    model->h4 = hash;
    for (; i < 10; i++) hash += model->multiplier[i] * x[model->neighbour[i]];
    model->h10 = hash;
    for (; i < 40; i++) hash += model->multiplier[i] * x[model->neighbour[i]];
    model->h40 = hash;
}

KMQ__INLINE void kmq__follow_match(kmq__model *model, const uint16_t *x) {
    if (!model->run) return;
    if (model->plane[model->match] != x[-1]) model->run = 0;
    else if (model->run < 1023) model->run++;
    model->match++;
}

KMQ__INLINE void kmq__search_match(kmq__model *model, const uint16_t *x) {
    uint32_t key = kmq__scatter(model->h10), check = key & 0xFFFF;
    kmq__match *entry = model->matches + (key >> (32 - model->guess_bits));
    if (!model->run && entry->check == check && entry->position) {
        model->match = entry->position;
        model->run = 1;
    }
    entry->position = (uint32_t)(x - model->plane);
    entry->check = check;
}

/* -- Section 5.8: flat spans -- */

KMQ__INLINE int kmq__begins_span(const uint16_t *x, ptrdiff_t pitch) {
    const uint16_t *above = x - pitch, *higher = above - pitch;
    uint16_t W = x[-1];
    return W == x[-2] && W == above[0] && W == above[-1] && W == above[1] && W == above[2] &&
           W == above[-2] && W == higher[0] && W == higher[-1] && W == higher[1];
}

/* Of the next pixel's neighbours, all except the two farthest to the right are this one's too. */
static uint32_t kmq__span_length(const uint16_t *x, ptrdiff_t pitch, uint32_t columns_left) {
    const uint16_t *above = x - pitch + 2, *higher = x - 2 * pitch + 1;
    uint32_t length = 1, most = columns_left < 63 ? columns_left : 63;
    while (length < most && above[length] == x[-1] && higher[length] == x[-1]) length++;
    return length;
}

/* How many successive places from x on hold W. */
static int kmq__reach(const uint16_t *x, int step, int most, uint16_t W) {
    int reach = 0;
    for (; reach < most && *x == W; x += step) reach++;
    return reach;
}

/* Whether the match predicts W for all pixels of a span, which count as W themselves. */
static int kmq__predicts_span(const kmq__model *model, const uint16_t *x, uint32_t length) {
    const uint16_t *predicted = model->plane + model->match;
    for (uint32_t i = 0; i < length && predicted + i < x; i++)
        if (predicted[i] != x[-1]) return 0;
    return 1;
}

static int kmq__decide_span(kmq__model *model, const uint16_t *x, uint32_t length) {
    const uint16_t *first = x, *last = x + length - 1;
    ptrdiff_t up = -model->pitch;
    uint16_t W = x[-1];
    int reach1 = kmq__reach(last + 3 + up, 1, 3, W);
    int reach2 = kmq__reach(last + 2 + 2 * up, 1, 4, W), reaches = reach1 * 5 + reach2;
    int reach3 = kmq__reach(last + 1 + 3 * up, 1, 5, W);
    int left = kmq__reach(x - 3, -1, 3, W), left_above = kmq__reach(x - 3 + up, -1, 3, W);
    int run = model->run_class[model->run], rows = 0;
    kmq__inputs in;
    while (rows < 3 && first[(3 + rows) * up] == W && last[(3 + rows) * up] == W) rows++;
    if (run) run = 2 * run - 1 + kmq__predicts_span(model, x, length);
    kmq__direct(&in, 0, model->span_tables[0] + W);
    kmq__direct(&in, 1, model->span_tables[1] + run * 4 + rows);
    kmq__direct(&in, 2, model->span_tables[2] + reaches * 6 + reach3);
    kmq__direct(&in, 3, model->span_tables[3] + (reaches * 4 + left) * 4 + left_above);
    return kmq__decide(model, &in, 4, model->weights.span,
                       model->weights.span_by_length[kmq__bit_length(length) - 1]);
}

static int kmq__decide_flat(kmq__model *model, const uint16_t *x, uint32_t remaining) {
    int run = model->run_class[model->run];
    kmq__inputs in;
    if (run) run = 2 * run - 1 + (model->plane[model->match] == x[-1]);
    kmq__direct(&in, 0, model->flat_tables[0] + kmq__bit_length(remaining) - 2);
    kmq__hashed(&in, 1, model->flat_tables[1], model->flat_bits, model->h40);
    kmq__direct(&in, 2, model->flat_tables[2] + run);
    return kmq__decide(model, &in, 3, model->weights.flat,
                       model->weights.flat_by_confidence[kmq__confidences(model, in.slot, 1, 2)]);
}

/* -- Section 5.9: guesses -- */

KMQ__INLINE int kmq__distance(const kmq__model *model, uint16_t a, uint16_t b) {
    const uint8_t *first = model->samples[a], *second = model->samples[b];
    int red = first[0] - second[0], green = first[1] - second[1], blue = first[2] - second[2];
    return model->distance[(red < 0 ? -red : red) + 2 * (green < 0 ? -green : green) +
                           (blue < 0 ? -blue : blue)];
}

/* Guess the index at x, and put it there if it is found; otherwise the tree needs candidates. */
static int kmq__guess(kmq__model *model, uint16_t *x, uint16_t candidates[2]) {
    const uint16_t *above = x - model->pitch, *higher = above - model->pitch;
    uint16_t W = x[-1], WW = x[-2], N = above[0], NW = above[-1], NE = above[1], NEE = above[2];
    uint16_t NN = higher[0], NNE = higher[1], c1 = W == NW ? N : W, c2 = W == NW ? W : N;
    int equal, distances, run = model->run_class[model->run];
    if (c1 == c2) c2 = NE != c1 ? NE : NW != c1 ? NW : WW != c1 ? WW : NN;
    if (model->colours == 2) c2 = c1;
    equal = (NW == c1) | (NE == c1) << 1 | (WW == c1) << 2 | (NN == c1) << 3 | (N == c1) << 4 |
            (W == c1) << 5 | (NEE == c1) << 6 | (NNE == c1) << 7 | (NE == c2) << 8 |
            (NW == c2) << 9 | (WW == c2) << 10 | (NN == c2) << 11;
    distances = kmq__distance(model, W, N) << 9 | kmq__distance(model, N, NW) << 6 |
                kmq__distance(model, W, NW) << 3 | kmq__distance(model, N, NE);
    if (run) {
        uint16_t predicted = model->plane[model->match];
        run = 3 * run - 2 + (predicted == c1 ? 0 : predicted == c2 ? 1 : 2);
    }
    candidates[0] = c1;
    candidates[1] = c2;
    for (int guess = 0; guess < (c1 == c2 ? 1 : 2); guess++) {
        kmq__slot **tables = model->guess_tables[guess];
        int32_t *v = model->weights.guess_by_equal[guess][equal & 0xFF], confidences;
        kmq__inputs in;
        kmq__direct(&in, 0, tables[0] + equal);
        kmq__direct(&in, 1, tables[1] + distances);
        kmq__pair(model, &in, 2, tables[2], c1, c2);
        kmq__hashed(&in, 3, tables[3], model->guess_bits, model->h4);
        kmq__hashed(&in, 4, tables[4], model->guess_bits, model->h10);
        kmq__hashed(&in, 5, tables[5], model->guess_bits, model->h40);
        kmq__direct(&in, 6, tables[6] + run);
        confidences = kmq__confidences(model, in.slot, 4, 5);
        *x = candidates[guess];
        if (kmq__decide(model, &in, 7, model->weights.guess_by_confidence[guess][confidences], v))
            return 1;
    }
    return 0;
}

/* -- Section 5.10: tree -- */

/* 16 times the mean of a channel of the colours from `first` to before `end`. */
static int32_t kmq__mean(const kmq__model *model, uint32_t first, uint32_t end, int channel) {
    uint32_t sum = 0;
    for (uint32_t i = first; i < end; i++) sum += model->samples[i][channel];
    return (int32_t)(16 * sum / (end - first));
}

/* Find the axis of each node whose halves both have colours. */
static void kmq__make_axes(kmq__model *model) {
    for (uint32_t node = 1; node < model->leaves; node++) {
        int shift = model->index_bits - kmq__bit_length(node);
        uint32_t left = ((2 * node) << shift) - model->leaves, right = left + (1u << shift);
        uint32_t end = right + (1u << shift);
        kmq__axis *axis = &model->axis[node];
        int32_t line[3], middle[3], norm = 0, sum = 0;
        if (right >= model->colours) continue;
        if (end > model->colours) end = model->colours;
        for (int i = 0; i < 3; i++) {
            int32_t left_mean = kmq__mean(model, left, right, i);
            int32_t right_mean = kmq__mean(model, right, end, i);
            line[i] = right_mean - left_mean;
            middle[i] = (left_mean + right_mean) >> 1;
            norm += line[i] * line[i];
        }
        if (norm < 16) norm = 16;
        for (int i = 0; i < 3; i++) {
            int32_t scaled = line[i] * (1 << 19);
            axis->colour[i] = scaled / norm - (scaled % norm < 0); /* C rounds towards zero */
            sum += middle[i] * axis->colour[i];
        }
        axis->offset = -sum >> 4;
    }
}

KMQ__INLINE int32_t kmq__side(const kmq__axis *axis, const uint8_t sample[3]) {
    return sample[0] * axis->colour[0] + sample[1] * axis->colour[1] +
           sample[2] * axis->colour[2] + axis->offset;
}

KMQ__INLINE int kmq__step(int32_t a, int down, int half) {
    return kmq__clamp((a >> down) + half, 0, 2 * half - 1);
}

static uint16_t kmq__decode_tree(kmq__model *model, const uint16_t *x, uint16_t c1, uint16_t c2) {
    const uint16_t *above = x - model->pitch;
    uint16_t W = x[-1], N = above[0], NE = above[1];
    const uint8_t *of_W = model->samples[W], *of_WW = model->samples[x[-2]];
    const uint8_t *of_N = model->samples[N], *of_NW = model->samples[above[-1]];
    const uint8_t *of_NN = model->samples[above[-model->pitch]];
    kmq__slot **tables = model->tree_tables, *group4 = NULL, *group10 = NULL;
    uint32_t predicted = model->plane[model->match], node = 1, check4 = 0, check10 = 0;
    int run_class = model->run_class[model->run];
    for (int depth = 0, shift = model->index_bits - 1; shift >= 0; depth++, shift--) {
        uint32_t left = ((2 * node) << shift) - model->leaves, right = left + (1u << shift);
        uint32_t level = (uint32_t)depth % 4, within = (1u << level) + (node & ((1u << level) - 1));
        const kmq__axis *axis = &model->axis[node];
        int32_t side_W, side_N, near, far, slope;
        int run = 0, confidences;
        kmq__inputs in;
        if (level == 0) {
            uint32_t root = node * model->multiplier[40];
            uint32_t key4 = kmq__scatter(model->h4 + root), key10 = kmq__scatter(model->h10 + root);
            group4 = tables[4] + 16 * (key4 >> (32 - model->tree_bits));
            group10 = tables[5] + 16 * (key10 >> (32 - model->tree_bits));
            check4 = key4 & 0xFF;
            check10 = key10 & 0xFF;
        }
        node *= 2;
        if (right >= model->colours) continue;
        if (shift == 0 && (left == c1 || left == c2)) node++;
        if (shift == 0 && (left == c1 || left == c2 || right == c1 || right == c2)) continue;
        node /= 2;
        side_W = kmq__side(axis, of_W);
        side_N = kmq__side(axis, of_N);
        near = (side_W + side_N) >> 1;
        far = (kmq__side(axis, of_WW) + kmq__side(axis, of_NN)) >> 1;
        slope = side_W + side_N - kmq__side(axis, of_NW);
        if (run_class && (predicted + model->leaves) >> (shift + 1) == node)
            run = 2 * run_class - 1 + (int)(predicted >> shift & 1);
        kmq__direct(&in, 0, tables[0] + node);
        kmq__pair(model, &in, 1, tables[1], W, node);
        kmq__pair(model, &in, 2, tables[2], N, node);
        kmq__pair(model, &in, 3, tables[3], NE, node);
        kmq__input(&in, 4, group4 + within, check4);
        kmq__input(&in, 5, group10 + within, check10);
        kmq__direct(&in, 6, tables[6] + (depth * 32 + kmq__step(slope, 12, 16)) * 32 +
                                kmq__step(near, 12, 16));
        kmq__direct(&in, 7, tables[7] + (depth * 16 + kmq__step(near, 13, 8)) * 16 +
                                kmq__step(far, 13, 8));
        kmq__direct(&in, 8, tables[8] + depth * 21 + run);
        confidences = kmq__confidences(model, in.slot, 4, 5);
        node = 2 * node + (uint32_t)kmq__decide(
            model, &in, 9, model->weights.tree_by_confidence[confidences],
            model->weights.tree_by_node[depth > 7 ? node >> (depth - 7) : node]);
    }
    return (uint16_t)(node - model->leaves);
}

/* -- Section 5.1: rows and stripes -- */

static kmq_error kmq__decode_row(kmq__model *model, uint16_t *row) {
    uint32_t column = 0, broken = 0; /* the pixels that are left of a broken span */
    model->run = 0;
    while (column < model->width) {
        uint16_t *x = row + column, candidates[2] = {x[-1], x[-1]};
        int breaks;
        if (kmq__has_read_too_much(model)) return KMQ_BAD_MODELLED_BODY;
        kmq__follow_match(model, x);
        if (!broken && kmq__begins_span(x, model->pitch)) {
            uint32_t length = kmq__span_length(x, model->pitch, model->width - column);
            if (kmq__decide_span(model, x, length)) {
                for (uint32_t i = 0; i < length; i++) x[i] = x[-1];
                model->match += length - 1;
                column += length;
                continue;
            }
            broken = length;
        }
        kmq__hash_neighbours(model, x);
        column++;
        if (broken > 1 && kmq__decide_flat(model, x, broken)) {
            *x = x[-1];
            broken--;
            continue;
        }
        breaks = broken > 0;
        broken = 0;
        kmq__search_match(model, x);
        if (breaks || !kmq__guess(model, x, candidates))
            *x = kmq__decode_tree(model, x, candidates[0], candidates[1]);
    }
    return KMQ_OK;
}

/* Give each table its part of the slots, which are as if nothing had been learned. */
static kmq__slot *kmq__share(kmq__slot *slots, kmq__slot **tables, const size_t *sizes, int count) {
    for (int i = 0; i < count; i++) {
        tables[i] = slots;
        for (size_t k = 0; k < sizes[i]; k++) *slots++ = KMQ__NEW_SLOT;
    }
    return slots;
}

static void kmq__start_stripe(kmq__model *model, const kmq_stripe *stripe, uint32_t pixels) {
    int z = kmq__bit_length(pixels - 1);
    int flat_bits = kmq__clamp(z - 4, 8, 16), guess_bits = kmq__clamp(z - 5, 8, 15);
    int tree_bits = kmq__clamp(z - 6, 6, 13);
    size_t hashed = (size_t)1 << guess_bits, groups = (size_t)16 << tree_bits;
    size_t bits = (size_t)model->index_bits, leaves = model->leaves, P = model->pairs;
    size_t of_span[4] = {leaves, 84, 120, 320}, of_flat[3] = {5, (size_t)1 << flat_bits, 21};
    size_t of_guess[7] = {4096, 4096, P, hashed, hashed, hashed, 31};
    size_t of_tree[9] = {leaves, P, P, P, groups, groups, bits * 1024, bits * 256, bits * 21};
    kmq__slot *rest = kmq__share(model->slots, model->tree_tables, of_tree, 9);
    for (int guess = 0; guess < 2; guess++)
        rest = kmq__share(rest, model->guess_tables[guess], of_guess, 7);
    rest = kmq__share(rest, model->span_tables, of_span, 4);
    kmq__share(rest, model->flat_tables, of_flat, 3);
    for (size_t i = 0; i < sizeof model->weights / sizeof(int32_t); i++)
        ((int32_t *)&model->weights)[i] = 5500;
    memset(model->matches, 0, hashed * sizeof *model->matches);
    memset(model->plane, 0, (size_t)model->pitch * KMQ__ROWS_ABOVE * sizeof *model->plane);
    model->match = 0;
    model->flat_bits = flat_bits;
    model->guess_bits = guess_bits;
    model->tree_bits = tree_bits;

    model->body = stripe->body;
    model->size = stripe->size;
    model->read = 0;
    model->span = (uint64_t)1 << 48;
    model->low = 0;
    for (int i = 0; i < 3; i++) model->low = model->low << 16 | kmq__next_word(model);
}

static uint16_t *kmq__row_at(const kmq__model *model, uint32_t y) {
    return model->plane + (ptrdiff_t)(y + KMQ__ROWS_ABOVE) * model->pitch + KMQ__MARGIN;
}

static kmq_error kmq__decode_stripe(kmq__model *model, const kmq_stripe *stripe, uint32_t rows) {
    kmq__start_stripe(model, stripe, rows * model->width);
    for (uint32_t y = 0; y < rows; y++) {
        uint16_t *row = kmq__row_at(model, y);
        kmq_error error;
        for (int i = 1; i <= KMQ__MARGIN; i++) row[-i] = row[-model->pitch];
        error = kmq__decode_row(model, row);
        if (error != KMQ_OK) return error;
        for (uint32_t i = 0; i < KMQ__MARGIN; i++) row[model->width + i] = row[model->width - 1];
    }
    return kmq__ends_as_a_writer_ends(model) ? KMQ_OK : KMQ_BAD_MODELLED_BODY;
}

/* Make a model for stripes of up to so many rows; NULL if there is not enough memory. */
static kmq__model *kmq__make_model(const kmq_image *image, uint32_t rows) {
    static const int8_t NEIGHBOURS[40][2] = {
        {-1, 0},  {0, -1},  {-1, -1}, {1, -1},  {-2, 0},  {0, -2},  {1, -2},  {2, -1},
        {-1, -2}, {-2, -1}, {-3, 0},  {0, -3},  {3, -1},  {-3, -1}, {2, -2},  {-2, -2},
        {1, -3},  {-1, -3}, {-4, 0},  {3, -2},  {-3, -2}, {2, -3},  {-2, -3}, {4, -1},
        {-4, -1}, {-5, 0},  {4, -2},  {-4, -2}, {0, -4},  {1, -4},  {-1, -4}, {2, -4},
        {-2, -4}, {0, -5},  {-6, 0},  {3, -3},  {-3, -3}, {5, -1},  {-5, -1}, {6, -1}};
    size_t pitch = (size_t)image->width + 2 * KMQ__MARGIN;
    size_t places = pitch * (rows + KMQ__ROWS_ABOVE);
    kmq__model *model = (kmq__model *)KMQ_MALLOC(sizeof *model + places * sizeof *model->plane);
    if (!model) return NULL;
    model->width = image->width;
    model->colours = image->colours;
    model->index_bits = kmq__index_bits(image);
    model->leaves = 1u << model->index_bits;
    model->pairs = model->index_bits < 8 ? 1u << 2 * model->index_bits : 65536;
    model->pitch = (ptrdiff_t)pitch;
    model->plane = (uint16_t *)(model + 1);
    for (int i = 0; i < 40; i++)
        model->neighbour[i] = NEIGHBOURS[i][1] * model->pitch + NEIGHBOURS[i][0];
    for (uint32_t i = 0; i < image->colours; i++) { /* colours over grey, as section 3.2 says */
        const uint8_t *entry = image->palette + 4 * (size_t)(image->order ? image->order[i] : i);
        for (int k = 0; k < 3; k++)
            model->samples[i][k] =
                (uint8_t)((entry[3] * entry[k] + (255 - entry[3]) * 128 + 127) / 255);
    }
    kmq__make_tables(model);
    kmq__make_axes(model);
    return model;
}

/* -- Rows for the caller -- */

size_t kmq_size(const kmq_image *image, uint32_t rows, kmq_pixels pixels) {
    static const uint8_t BYTES[5] = {1, 2, 3, 4, 2};
    uint64_t size = (uint64_t)image->width * rows * BYTES[pixels];
    return size <= SIZE_MAX ? (size_t)size : 0;
}

/* Write a row of stored indices as the caller wants its pixels. */
static void kmq__put_row(const kmq_image *image, const uint16_t *row, kmq_pixels pixels,
                         uint8_t *out) {
    for (size_t x = 0; x < image->width; x++) {
        uint16_t index = image->order ? image->order[row[x]] : row[x];
        const uint8_t *entry = image->palette + 4 * (size_t)index;
        switch (pixels) {
        case KMQ_INDICES_8: out[x] = (uint8_t)index; break;
        case KMQ_INDICES_16: memcpy(out + 2 * x, &index, 2); break;
        case KMQ_RGB_8: memcpy(out + 3 * x, entry, 3); break;
        case KMQ_RGBA_8: memcpy(out + 4 * x, entry, 4); break;
        case KMQ_LABELS_16: memcpy(out + 2 * x, &image->labels[index], 2); break;
        }
    }
}

/* What a stripe is decoded to. Both are made when a stripe first needs them. */
typedef struct kmq__memory {
    kmq__model *model; /* with the plane of a modelled stripe */
    uint16_t *indices; /* of a packed one */
} kmq__memory;

/* Decode a stripe, and write `rows` of its rows from `skip` on. */
static kmq_error kmq__put_stripe(const kmq_image *image, uint32_t number, uint32_t skip,
                                 uint32_t rows, kmq_pixels pixels, uint8_t *out,
                                 kmq__memory *memory) {
    const kmq_stripe *stripe = &image->stripes[number];
    uint32_t all_rows = kmq__rows_of(image, number), width = image->width;
    /* With one colour, section 5.1 asks of a body what section 4.1 does: to be empty. */
    int is_modelled = stripe->coding == 1 && image->colours > 1;
    kmq_error error;
    if (!kmq__crc_matches(stripe->body, stripe->size)) return KMQ_BAD_STRIPE_CHECKSUM;
    if (is_modelled) {
        if (!memory->model) memory->model = kmq__make_model(image, image->stripe_rows);
        if (!memory->model) return KMQ_NO_MEMORY;
        error = kmq__decode_stripe(memory->model, stripe, all_rows);
    } else {
        size_t size = (size_t)image->stripe_rows * width * sizeof *memory->indices;
        if (!memory->indices) memory->indices = (uint16_t *)KMQ_MALLOC(size);
        if (!memory->indices) return KMQ_NO_MEMORY;
        error = kmq__unpack(image, stripe, all_rows * width, memory->indices);
    }
    for (uint32_t y = skip; y < skip + rows && error == KMQ_OK; y++) {
        const uint16_t *row = is_modelled ? kmq__row_at(memory->model, y)
                                          : memory->indices + (size_t)y * width;
        kmq__put_row(image, row, pixels, out);
        out += kmq_size(image, 1, pixels);
    }
    return error;
}

kmq_error kmq_decode(const kmq_image *image, uint32_t first_row, uint32_t rows, kmq_pixels pixels,
                     void *out, size_t size) {
    kmq__memory memory = {NULL, NULL};
    uint8_t *at = (uint8_t *)out;
    kmq_error error = KMQ_OK;
    size_t needed = kmq_size(image, rows, pixels);
    if (!out || !rows || first_row >= image->height || rows > image->height - first_row ||
        !needed || needed > size || (pixels == KMQ_INDICES_8 && image->colours > 256) ||
        (pixels == KMQ_LABELS_16 && !image->labels))
        return KMQ_BAD_ARGUMENT;
    while (rows && error == KMQ_OK) {
        uint32_t number = first_row / image->stripe_rows, skip = first_row % image->stripe_rows;
        uint32_t left = kmq__rows_of(image, number) - skip, count = left < rows ? left : rows;
        error = kmq__put_stripe(image, number, skip, count, pixels, at, &memory);
        at += kmq_size(image, count, pixels);
        first_row += count;
        rows -= count;
    }
    KMQ_FREE(memory.model);
    KMQ_FREE(memory.indices);
    return error;
}

#endif /* KMQ_IMPLEMENTATION */
