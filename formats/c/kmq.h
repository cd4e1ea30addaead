/* kmq.h - reads .kmq images, version 1, as formats/kmq-1.md specifies them. MIT licence.

   One source file needs the code, the others only the declarations:

       #define KMQ_IMPLEMENTATION
       #include "kmq.h"

   To decode a file that is in memory, to memory of kmq_size(&image, image.height, KMQ_RGBA_8):

       kmq_image image;
       kmq_error error = kmq_open(bytes, bytes_size, KMQ_MAX_PIXELS, &image);
       if (error == KMQ_OK)
           error = kmq_decode(&image, 0, image.height, KMQ_RGBA_8, pixels, pixels_size);
       kmq_close(&image);

   There is no global state. Threads may decode rows of the same image at the same time; each
   should take whole stripes, because a stripe can only be decoded as a whole.

   To allocate with something other than malloc and free, define KMQ_MALLOC(size) and
   KMQ_FREE(pointer), which must accept NULL. Beside the caller's memory for the pixels, decoding
   takes about 8 MB for stripes of usual sizes, and 67 MB at most. */

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
    KMQ_BAD_HEAD_CHECKSUM, KMQ_BAD_STRIPE_CHECKSUM, KMQ_BAD_BODY
} kmq_error;

/* A stripe: a band of whole rows, which is decoded independently of the others. */
typedef struct kmq_stripe {
    const uint8_t *body;
    size_t size; /* of the body, in bytes */
    int coding;  /* 0, packed, or 1, modelled */
} kmq_stripe;

typedef struct kmq_image {
    uint32_t width, height;    /* in pixels */
    uint32_t colours;          /* entries of the palette, 1 to 65,536 */
    int index_bits;            /* bits of an index, 0 to 16 */
    int layout;                /* what the file stores: 0 grey, 1 RGB, 2 RGBA, 3 grey and alpha */
    int has_alpha;             /* whether some entry is not opaque */
    uint8_t *palette;          /* red, green, blue, alpha of each entry */
    uint16_t *labels;          /* the label of each entry if the image is a mask, otherwise NULL */
    uint16_t largest_label;    /* below 256, labels are samples of 8 bits, otherwise of 16 */
    uint16_t *order;           /* the index of each entry that a stripe numbers, or NULL */
    uint32_t stripe_rows, stripe_count; /* every stripe except the last has so many rows */
    kmq_stripe *stripes;
    const uint8_t *metadata;   /* NULL if there are none, or they are damaged */
    size_t metadata_size;      /* in bytes */
    int metadata_damaged;      /* whether there are metadata that break a rule */
    void *memory;              /* what kmq_close frees */
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
   may be called after an error too. An image of more than max_pixels is refused, with its width
   and height filled in. */
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

#if defined(__GNUC__) /* the loops over inputs are unrolled where their number is known */
#define KMQ__INLINE static inline __attribute__((always_inline))
#else
#define KMQ__INLINE static inline
#endif

/* Section 2: a >> b rounds down, below zero too. C lets the compiler choose, and all do so. */
typedef char kmq__shifts_round_down[(-1 >> 1) == -1 ? 1 : -1];

const char *kmq_sentence(kmq_error error) {
    static const char *const SENTENCES[] = {
        "all is well",
        "there are no such rows or pixels, or too little memory for them",
        "the image has more pixels than the caller allows",
        "there is not enough memory",
        "this is not a .kmq file",
        "the file is cut short",
        "bytes follow the end of the file",
        "this version of the format is not known",
        "this kind of image is not known",
        "a stripe has a coding that is not known",
        "a number in the head is too long or not in its shortest form",
        "a number in the head is outside its legal range",
        "the stripes are too small, too large or too many",
        "the order does not name each entry of the palette once",
        "the head is damaged: its checksum does not match",
        "a stripe is damaged: its checksum does not match",
        "a stripe breaks a rule of its coding"};
    return (unsigned)error <= KMQ_BAD_BODY ? SENTENCES[error] : "this is not an error of kmq.h";
}

/* -- Section 2: numbers and checksums -- */
static int kmq__bit_length(uint32_t number) {
    int length = 0;
    for (; number; number >>= 1) length++;
    return length;
}

KMQ__INLINE int kmq__clamp(int a, int low, int high) { return a < low ? low : a > high ? high : a; }

static uint32_t kmq__number_at(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* Whether the CRC-32 of the bytes is the one behind them. Its table is made on the stack. */
static int kmq__crc_matches(const uint8_t *bytes, size_t size) {
    uint32_t table[256], crc = 0xFFFFFFFFu;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0xEDB88320u : 0);
        table[i] = value;
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

/* -- Section 3.4: metadata -- */
/* RFC 3629, section 4: no surrogates, no form that is too long, nothing above U+10FFFF. */
static int kmq__is_utf8(const uint8_t *at, size_t size) {
    for (size_t length; size; at += length, size -= length) {
        int first = at[0], low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
        int high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
        length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
        if ((first >= 0x80 && first < 0xC2) || first > 0xF4 || length > size) return 0;
        for (size_t i = 1; i < length; i++, low = 0x80, high = 0xBF)
            if (at[i] < low || at[i] > high) return 0;
    }
    return 1;
}

static int kmq__is_payload(const kmq_item *item) {
    kmq__reader reader = {item->payload, item->payload + item->size, KMQ_OK};
    const uint8_t *zero = (const uint8_t *)memchr(item->payload, 0, item->size);
    if (item->kind == 4)
        return zero && zero != item->payload && zero - item->payload <= 255 &&
               kmq__is_utf8(item->payload, item->size);
    for (int i = 0; i < 4 && item->kind == 1; i++) kmq__take_varint(&reader, 1, 0xFFFFFFFFu);
    return item->kind != 1 || (reader.error == KMQ_OK && reader.at == reader.end);
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
        texts += item.kind == 4;
        is_right = (item.kind > last || (item.kind == 4 && last == 4)) && texts <= 1024 &&
                   kmq__is_payload(&item);
        last = item.kind;
    }
    if (is_right && position == image->metadata_size) return;
    image->metadata_damaged = 1;
    image->metadata = NULL;
    image->metadata_size = 0;
}

/* -- Sections 3.1 to 3.3: the head -- */
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
    image->index_bits = kmq__bit_length(image->colours - 1);
    image->stripe_count = (image->height - 1) / image->stripe_rows + 1;
    pixels = (uint64_t)image->stripe_rows * image->width;
    if (image->stripe_count > 65536 || pixels > 1u << 22 ||
        (image->stripe_count > 1 && (pixels < 4096 || pixels < image->colours)))
        kmq__fail(reader, KMQ_BAD_STRIPES);
    return kind;
}

/* Fill the order; `seen` has a zero for each index. */
static void kmq__read_order(kmq__reader *reader, const uint8_t *stored, const kmq_image *image,
                            uint8_t *seen) {
    kmq__bits bits = {stored, 0, 0};
    for (uint32_t i = 0; i < image->colours; i++) {
        uint32_t index = kmq__take_bits(&bits, image->index_bits);
        if (index >= image->colours || seen[index]++) kmq__fail(reader, KMQ_BAD_ORDER);
        image->order[i] = (uint16_t)index;
    }
    if (kmq__take_bits(&bits, bits.held)) kmq__fail(reader, KMQ_BAD_ORDER);
}

static void kmq__read_palette(const uint8_t *stored, int entry_size, kmq_image *image) {
    int is_grey = image->layout == 0 || image->layout == 3, shown = 0;
    for (uint32_t i = 0; i < image->colours && image->labels; i++) {
        uint16_t label = (uint16_t)(stored[2 * i] | stored[2 * i + 1] << 8);
        image->labels[image->order ? image->order[i] : i] = label;
        if (label > image->largest_label) image->largest_label = label;
    }
    if (image->largest_label > 255) shown = 1; /* the upper byte of a label */
    for (uint32_t i = 0; i < image->colours; i++, stored += entry_size) {
        uint8_t *entry = image->palette + 4 * (size_t)(image->order ? image->order[i] : i);
        for (int k = 0; k < 3; k++) entry[k] = stored[is_grey ? shown : k];
        entry[3] = image->layout == 2 ? stored[3] : image->layout == 3 ? stored[1] : 255;
        if (entry[3] < 255) image->has_alpha = 1;
    }
}

static void kmq__take_table(kmq__reader *reader, kmq_image *image) {
    for (uint32_t i = 0; i < image->stripe_count; i++) {
        uint64_t places = (uint64_t)kmq__rows_of(image, i) * (image->width + 16);
        kmq_stripe *stripe = &image->stripes[i];
        stripe->coding = kmq__take_byte(reader);
        stripe->size = (size_t)kmq__take_varint(reader, 0, SIZE_MAX);
        if (stripe->coding > 1) kmq__fail(reader, KMQ_UNKNOWN_CODING);
        if (stripe->coding == 1 && places > 1u << 22) kmq__fail(reader, KMQ_BAD_STRIPES);
    }
}

/* Find the bodies and the metadata, which have to end where the file does. */
static void kmq__find_bodies(kmq__reader *reader, kmq_image *image) {
    for (uint32_t i = 0; i < image->stripe_count; i++) {
        image->stripes[i].body = kmq__take(reader, image->stripes[i].size);
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
    uint16_t *words;
    int kind, entry_size;
    memset(image, 0, sizeof *image);
    if (!bytes) return KMQ_BAD_ARGUMENT;
    reader.end += size;
    kind = kmq__take_kind_and_sizes(&reader, image);
    entry_size = kind & 16 ? 2 : ENTRY_SIZES[image->layout];
    entries = kmq__take(&reader, image->colours * (uint64_t)entry_size);
    if (kind & 4)
        order = kmq__take(&reader, (image->colours * (uint64_t)image->index_bits + 7) / 8);
    if (kind & 8) image->metadata_size = (size_t)kmq__take_varint(&reader, 1, 1u << 22);
    if (image->stripe_count > (size_t)(reader.end - reader.at) / 2) /* that each takes at least */
        kmq__fail(&reader, KMQ_CUT_SHORT);
    if (reader.error != KMQ_OK) return reader.error;

    size = image->stripe_count * sizeof *image->stripes + image->colours * (size_t)8;
    image->memory = KMQ_MALLOC(size);
    if (!image->memory) return KMQ_NO_MEMORY;
    image->stripes = (kmq_stripe *)image->memory;
    words = (uint16_t *)(image->stripes + image->stripe_count);
    image->order = kind & 4 ? words : NULL;
    image->labels = kind & 16 ? words + image->colours : NULL;
    image->palette = (uint8_t *)(words + 2 * image->colours);
    kmq__take_table(&reader, image);
    end = kmq__take(&reader, 4);
    if (end && !kmq__crc_matches(start, (size_t)(end - start)))
        kmq__fail(&reader, KMQ_BAD_HEAD_CHECKSUM);
    if (end && (uint64_t)image->width * image->height > max_pixels)
        kmq__fail(&reader, KMQ_TOO_MANY_PIXELS);
    kmq__find_bodies(&reader, image);
    memset(image->palette, 0, image->colours);
    if (order && reader.error == KMQ_OK) kmq__read_order(&reader, order, image, image->palette);
    if (reader.error == KMQ_OK) kmq__read_palette(entries, entry_size, image);
    if (reader.error == KMQ_OK && image->metadata) kmq__check_metadata(image);
    if (reader.error != KMQ_OK) kmq_close(image);
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
    uint64_t state, lowest = (1u << 31) / colours * colours;
    if ((colours & (colours - 1)) == 0) {
        kmq__bits bits = {body, 0, 0};
        if (stripe->size != ((size_t)count * (size_t)image->index_bits + 7) / 8)
            return KMQ_BAD_BODY;
        for (uint32_t i = 0; i < count; i++)
            indices[i] = (uint16_t)kmq__take_bits(&bits, image->index_bits);
        return kmq__take_bits(&bits, bits.held) == 0 ? KMQ_OK : KMQ_BAD_BODY;
    }
    if (stripe->size < 8 || stripe->size % 4) return KMQ_BAD_BODY;
    state = kmq__number_at(body) | (uint64_t)kmq__number_at(body + 4) << 32;
    if (state < lowest || state >= lowest << 32) return KMQ_BAD_BODY;
    for (uint32_t i = 0; i < count; i++) {
        indices[i] = (uint16_t)(state % colours);
        state /= colours;
        if (state < lowest) {
            if (word == end) return KMQ_BAD_BODY;
            state = state << 32 | kmq__number_at(word);
            word += 4;
        }
    }
    return state == lowest && word == end ? KMQ_OK : KMQ_BAD_BODY;
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

typedef struct kmq__model {
    /* Of the file: */
    uint32_t width, colours, leaves, pairs; /* leaves is 2^B, pairs is P */
    int index_bits;
    uint8_t samples[65536][3];
    int32_t axes[65536][4];                 /* by node: red, green, blue, offset */
    ptrdiff_t pitch;                        /* the places from a row to the next */
    uint16_t *plane, *rows;                 /* with the margins, and without them */
    /* Of sections 5.3, 5.4, 5.7 and 5.9: */
    int32_t squash[2 * KMQ__MOST + 1];
    int16_t stretch[4096];
    uint32_t rate[61], M[41];
    int32_t confidence[61];
    uint8_t run_class[1024], distance[1021];
    /* Of the stripe: */
    int flat_bits, guess_bits, tree_bits;
    kmq__slot slots[KMQ__MAX_SLOTS], *tables[30]; /* of spans, flats, guesses 0 and 1, the tree */
    struct {
        int32_t span[4], span_by_length[6][4], flat[3], flat_by_confidence[25][3];
        int32_t guess_by_confidence[2][25][7], guess_by_equal[2][256][7];
        int32_t tree_by_confidence[25][9], tree_by_node[256][9];
    } weights;
    struct {
        uint32_t position, check;
    } matches[1 << 15];
    /* Of the range decoder: */
    const uint8_t *body;
    size_t size, read;                      /* of the body, and what is read, also beyond its end */
    uint64_t low, span;
    /* Of the pixel: */
    uint32_t match, run, h4, h10, h40;
} kmq__model;

static void kmq__make_tables(kmq__model *model) {
    static const uint16_t KNOTS[49] = {
        32768, 28693, 24743, 21025, 17625, 14595, 11955, 9702, 7812, 6249, 4971, 3938, 3108, 2446,
        1921, 1506, 1179, 922, 720, 562, 439, 342, 267, 208, 162, 126, 98, 77, 60, 47, 36, 28, 22,
        17, 13, 10, 8, 6, 5, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4};
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
        model->confidence[count] = (count > 0) + (count > 1) + (count > 4) + (count > 23);
    }
    for (int i = 0; i <= 40; i++) model->M[i] = (i ? model->M[i - 1] : 1) * 0x9E3779B1u;
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

static int kmq__ends_as_a_writer_ends(const kmq__model *model) {
    const uint8_t *body = model->body;
    uint64_t last = 0, distance = 0;
    if (model->read < model->size || model->read > model->size + 8) return 0;
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
/* Find h4, h10 and h40, of the rows 0 to 5 above x. */
KMQ__INLINE void kmq__hash_neighbours(kmq__model *model, const uint16_t *x) {
    const uint16_t *r1 = x - model->pitch, *r2 = r1 - model->pitch, *r3 = r2 - model->pitch;
    const uint16_t *r4 = r3 - model->pitch, *r5 = r4 - model->pitch;
    const uint32_t *M = model->M;
    model->h4 = M[0] * x[-1] + M[1] * r1[0] + M[2] * r1[-1] + M[3] * r1[1];
    model->h10 = model->h4 + M[4] * x[-2] + M[5] * r2[0] + M[6] * r2[1] + M[7] * r1[2] +
                 M[8] * r2[-1] + M[9] * r1[-2];
    model->h40 =
        model->h10 + M[10] * x[-3] + M[11] * r3[0] + M[12] * r1[3] + M[13] * r1[-3] +
        M[14] * r2[2] + M[15] * r2[-2] + M[16] * r3[1] + M[17] * r3[-1] + M[18] * x[-4] +
        M[19] * r2[3] + M[20] * r2[-3] + M[21] * r3[2] + M[22] * r3[-2] + M[23] * r1[4] +
        M[24] * r1[-4] + M[25] * x[-5] + M[26] * r2[4] + M[27] * r2[-4] + M[28] * r4[0] +
        M[29] * r4[1] + M[30] * r4[-1] + M[31] * r4[2] + M[32] * r4[-2] + M[33] * r5[0] +
        M[34] * x[-6] + M[35] * r3[3] + M[36] * r3[-3] + M[37] * r1[5] + M[38] * r1[-5] +
        M[39] * r1[6];
}

KMQ__INLINE void kmq__search_match(kmq__model *model, const uint16_t *x) {
    uint32_t key = kmq__scatter(model->h10), check = key & 0xFFFF;
    uint32_t i = key >> (32 - model->guess_bits), position = model->matches[i].position;
    if (!model->run && model->matches[i].check == check && position) {
        model->match = position;
        model->run = 1;
    }
    model->matches[i].position = (uint32_t)(x - model->plane);
    model->matches[i].check = check;
}

/* -- Section 5.8: flat spans -- */
/* The pixels of the span that begins at x; 0 if none begins there. Of the neighbours of the next
   pixel, all except the two farthest to the right are this one's too. */
KMQ__INLINE uint32_t kmq__span_length(const uint16_t *x, ptrdiff_t pitch, uint32_t columns_left) {
    const uint16_t *up1 = x - pitch, *up2 = up1 - pitch;
    uint32_t length = 1, most = columns_left < 63 ? columns_left : 63;
    uint16_t W = x[-1];
    if (W != up1[0] || W != up1[-1] || W != up1[1] || W != x[-2] || W != up2[0] || W != up2[1] ||
        W != up1[2] || W != up2[-1] || W != up1[-2])
        return 0;
    while (length < most && up1[length + 2] == W && up2[length + 1] == W) length++;
    return length;
}

/* How many successive places from x on hold W. */
static int kmq__reach(const uint16_t *x, int step, int most, uint16_t W) {
    int reach = 0;
    for (; reach < most && *x == W; x += step) reach++;
    return reach;
}

static int kmq__decide_span(kmq__model *model, const uint16_t *x, uint32_t length) {
    const uint16_t *first = x, *last = x + length - 1;
    const uint16_t *predicted = model->plane + model->match, *at = x;
    ptrdiff_t up = -model->pitch;
    uint16_t W = x[-1];
    int reach1 = kmq__reach(last + 3 + up, 1, 3, W);
    int reach2 = kmq__reach(last + 2 + 2 * up, 1, 4, W), reaches = reach1 * 5 + reach2;
    int reach3 = kmq__reach(last + 1 + 3 * up, 1, 5, W);
    int left = kmq__reach(x - 3, -1, 3, W), left_above = kmq__reach(x - 3 + up, -1, 3, W);
    int run = model->run_class[model->run], rows = 0;
    kmq__slot **tables = model->tables;
    kmq__inputs in;
    while (rows < 3 && first[(3 + rows) * up] == W && last[(3 + rows) * up] == W) rows++;
    while (at <= last && (predicted + (at - x) >= x || predicted[at - x] == W)) at++;
    if (run) run = 2 * run - 1 + (at > last);
    kmq__input(&in, 0, tables[0] + W, 0);
    kmq__input(&in, 1, tables[1] + run * 4 + rows, 0);
    kmq__input(&in, 2, tables[2] + reaches * 6 + reach3, 0);
    kmq__input(&in, 3, tables[3] + (reaches * 4 + left) * 4 + left_above, 0);
    return kmq__decide(model, &in, 4, model->weights.span,
                       model->weights.span_by_length[kmq__bit_length(length) - 1]);
}

static int kmq__decide_flat(kmq__model *model, const uint16_t *x, uint32_t remaining) {
    int run = model->run_class[model->run];
    kmq__slot **tables = model->tables + 4;
    kmq__inputs in;
    if (run) run = 2 * run - 1 + (model->plane[model->match] == x[-1]);
    kmq__input(&in, 0, tables[0] + kmq__bit_length(remaining) - 2, 0);
    kmq__hashed(&in, 1, tables[1], model->flat_bits, model->h40);
    kmq__input(&in, 2, tables[2] + run, 0);
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
    uint16_t NN = higher[0], NNE = higher[1], predicted = model->plane[model->match];
    uint16_t c1 = W == NW ? N : W, c2 = W == NW ? W : N;
    int equal, distances, run = model->run_class[model->run];
    if (c1 == c2) c2 = NE != c1 ? NE : NW != c1 ? NW : WW != c1 ? WW : NN;
    if (model->colours == 2) c2 = c1;
    equal = (NW == c1) | (NE == c1) << 1 | (WW == c1) << 2 | (NN == c1) << 3 | (N == c1) << 4 |
            (W == c1) << 5 | (NEE == c1) << 6 | (NNE == c1) << 7 | (NE == c2) << 8 |
            (NW == c2) << 9 | (WW == c2) << 10 | (NN == c2) << 11;
    distances = kmq__distance(model, W, N) << 9 | kmq__distance(model, N, NW) << 6 |
                kmq__distance(model, W, NW) << 3 | kmq__distance(model, N, NE);
    if (run) run = 3 * run - 2 + (predicted == c1 ? 0 : predicted == c2 ? 1 : 2);
    candidates[0] = c1;
    candidates[1] = c2;
    for (int guess = 0; guess < (c1 == c2 ? 1 : 2); guess++) {
        kmq__slot **tables = model->tables + 7 + 7 * guess;
        int32_t *v = model->weights.guess_by_equal[guess][equal & 0xFF], confidences;
        kmq__inputs in;
        kmq__input(&in, 0, tables[0] + equal, 0);
        kmq__input(&in, 1, tables[1] + distances, 0);
        kmq__pair(model, &in, 2, tables[2], c1, c2);
        kmq__hashed(&in, 3, tables[3], model->guess_bits, model->h4);
        kmq__hashed(&in, 4, tables[4], model->guess_bits, model->h10);
        kmq__hashed(&in, 5, tables[5], model->guess_bits, model->h40);
        kmq__input(&in, 6, tables[6] + run, 0);
        confidences = kmq__confidences(model, in.slot, 4, 5);
        *x = candidates[guess];
        if (kmq__decide(model, &in, 7, model->weights.guess_by_confidence[guess][confidences], v))
            return 1;
    }
    return 0;
}

/* -- Section 5.10: tree -- */
/* Find the axis of each node whose halves both have colours. */
static void kmq__make_axes(kmq__model *model) {
    for (uint32_t node = 1; node < model->leaves; node++) {
        int shift = model->index_bits - kmq__bit_length(node);
        uint32_t left = ((2 * node) << shift) - model->leaves, right = left + (1u << shift);
        uint32_t end = right + (1u << shift);
        int32_t *axis = model->axes[node];
        int32_t line[3], middle[3], norm = 0, sum = 0;
        if (right >= model->colours) continue;
        if (end > model->colours) end = model->colours;
        for (int i = 0; i < 3; i++) {
            uint32_t sums[2] = {0, 0}; /* of the halves' samples */
            int32_t left_mean, right_mean;
            for (uint32_t k = left; k < end; k++) sums[k >= right] += model->samples[k][i];
            left_mean = (int32_t)(16 * sums[0] / (right - left));
            right_mean = (int32_t)(16 * sums[1] / (end - right));
            line[i] = right_mean - left_mean;
            middle[i] = (left_mean + right_mean) >> 1;
            norm += line[i] * line[i];
        }
        if (norm < 16) norm = 16;
        for (int i = 0; i < 3; i++) {
            int32_t scaled = line[i] * (1 << 19);
            axis[i] = scaled / norm - (scaled % norm < 0); /* C rounds towards zero */
            sum += middle[i] * axis[i];
        }
        axis[3] = -sum >> 4;
    }
}

KMQ__INLINE int32_t kmq__side(const int32_t *axis, const uint8_t *sample) {
    return sample[0] * axis[0] + sample[1] * axis[1] + sample[2] * axis[2] + axis[3];
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
    kmq__slot **tables = model->tables + 21, *group4 = NULL, *group10 = NULL;
    uint32_t predicted = model->plane[model->match], node = 1, check4 = 0, check10 = 0;
    int run_class = model->run_class[model->run];
    for (int depth = 0, shift = model->index_bits - 1; shift >= 0; depth++, shift--) {
        uint32_t left = ((2 * node) << shift) - model->leaves, right = left + (1u << shift);
        uint32_t level = (uint32_t)depth % 4, within = (1u << level) + (node & ((1u << level) - 1));
        const int32_t *axis = model->axes[node];
        int32_t side_W, side_N, near, far, slope;
        int run = 0, confidences;
        kmq__inputs in;
        if (level == 0) {
            uint32_t root = node * model->M[40];
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
        kmq__input(&in, 0, tables[0] + node, 0);
        kmq__pair(model, &in, 1, tables[1], W, node);
        kmq__pair(model, &in, 2, tables[2], N, node);
        kmq__pair(model, &in, 3, tables[3], NE, node);
        kmq__input(&in, 4, group4 + within, check4);
        kmq__input(&in, 5, group10 + within, check10);
        kmq__input(&in, 6, tables[6] + (depth * 32 + kmq__step(slope, 12, 16)) * 32 +
                                kmq__step(near, 12, 16), 0);
        kmq__input(&in, 7, tables[7] + (depth * 16 + kmq__step(near, 13, 8)) * 16 +
                                kmq__step(far, 13, 8), 0);
        kmq__input(&in, 8, tables[8] + depth * 21 + run, 0);
        confidences = kmq__confidences(model, in.slot, 4, 5);
        node = 2 * node + (uint32_t)kmq__decide(
            model, &in, 9, model->weights.tree_by_confidence[confidences],
            model->weights.tree_by_node[depth > 7 ? node >> (depth - 7) : node]);
    }
    return (uint16_t)(node - model->leaves);
}

/* -- Section 5.1: rows and stripes -- */
static kmq_error kmq__decode_row(kmq__model *model, uint16_t *row) {
    uint32_t broken = 0, length; /* of a broken span, the pixels that are left */
    model->run = 0;
    for (uint32_t column = 0; column < model->width; column += length) {
        uint16_t *x = row + column, candidates[2] = {x[-1], x[-1]};
        int breaks;
        if (model->read > model->size + 8) return KMQ_BAD_BODY;
        if (model->plane[model->match++] != x[-1]) model->run = 0; /* follow the match */
        model->run += model->run > 0 && model->run < 1023;
        if (!broken) {
            length = kmq__span_length(x, model->pitch, model->width - column);
            if (length && kmq__decide_span(model, x, length)) {
                for (uint32_t i = 0; i < length; i++) x[i] = x[-1];
                model->match += length - 1;
                continue;
            }
            broken = length;
        }
        length = 1;
        kmq__hash_neighbours(model, x);
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

/* Forget what was learned. Each table gets its part of the slots. */
static void kmq__start_stripe(kmq__model *model, const kmq_stripe *stripe, uint32_t pixels) {
    int z = kmq__bit_length(pixels - 1);
    size_t f = (size_t)1 << (model->flat_bits = kmq__clamp(z - 4, 8, 16));
    size_t g = (size_t)1 << (model->guess_bits = kmq__clamp(z - 5, 8, 15));
    size_t t = (size_t)16 << (model->tree_bits = kmq__clamp(z - 6, 6, 13));
    size_t B = (size_t)model->index_bits, leaves = model->leaves, P = model->pairs;
    size_t sizes[30] = {leaves, 84, 120, 320, 5, f, 21, 4096, 4096, P, g, g, g, 31, 4096, 4096, P,
                        g, g, g, 31, leaves, P, P, P, t, t, B * 1024, B * 256, B * 21};
    kmq__slot *slots = model->slots;
    for (int i = 0; i < 30; i++) {
        model->tables[i] = slots;
        for (size_t k = 0; k < sizes[i]; k++) *slots++ = KMQ__NEW_SLOT;
    }
    for (size_t i = 0; i < sizeof model->weights / sizeof(int32_t); i++)
        ((int32_t *)&model->weights)[i] = 5500;
    memset(model->matches, 0, g * sizeof *model->matches);
    memset(model->plane, 0, (size_t)model->pitch * KMQ__ROWS_ABOVE * sizeof *model->plane);
    model->match = 0;
    model->body = stripe->body;
    model->size = stripe->size;
    model->read = 0;
    model->span = (uint64_t)1 << 48;
    model->low = 0;
    for (int i = 0; i < 3; i++) model->low = model->low << 16 | kmq__next_word(model);
}

static kmq_error kmq__decode_rows(kmq__model *model, const kmq_stripe *stripe, uint32_t rows) {
    kmq__start_stripe(model, stripe, rows * model->width);
    for (uint32_t y = 0; y < rows; y++) {
        uint16_t *row = model->rows + (ptrdiff_t)y * model->pitch;
        kmq_error error;
        for (int i = 1; i <= KMQ__MARGIN; i++) row[-i] = row[-model->pitch];
        error = kmq__decode_row(model, row);
        if (error != KMQ_OK) return error;
        for (uint32_t i = 0; i < KMQ__MARGIN; i++) row[model->width + i] = row[model->width - 1];
    }
    return kmq__ends_as_a_writer_ends(model) ? KMQ_OK : KMQ_BAD_BODY;
}

/* NULL if there is not enough memory. */
static kmq__model *kmq__make_model(const kmq_image *image) {
    size_t pitch = (size_t)image->width + 2 * KMQ__MARGIN;
    size_t places = pitch * (image->stripe_rows + KMQ__ROWS_ABOVE);
    kmq__model *model = (kmq__model *)KMQ_MALLOC(sizeof *model + places * sizeof *model->plane);
    if (!model) return NULL;
    model->width = image->width;
    model->colours = image->colours;
    model->index_bits = image->index_bits;
    model->leaves = 1u << model->index_bits;
    model->pairs = model->index_bits < 8 ? 1u << 2 * model->index_bits : 65536;
    model->pitch = (ptrdiff_t)pitch;
    model->plane = (uint16_t *)(model + 1);
    model->rows = model->plane + KMQ__ROWS_ABOVE * pitch + KMQ__MARGIN;
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

/* Decode a stripe to *rows; *pitch is how far one is from the next. Memory for it is allocated
   when a stripe first needs it: a model, or indices. */
static kmq_error kmq__decode_stripe(const kmq_image *image, uint32_t number, kmq__model **model,
                                    uint16_t **indices, const uint16_t **rows, size_t *pitch) {
    const kmq_stripe *stripe = &image->stripes[number];
    size_t row_size = image->width * sizeof **indices;
    if (!kmq__crc_matches(stripe->body, stripe->size)) return KMQ_BAD_STRIPE_CHECKSUM;
    /* With one colour, section 5.1 asks of a body what section 4.1 does: to be empty. */
    if (stripe->coding == 1 && image->colours > 1) {
        if (!*model) *model = kmq__make_model(image);
        if (!*model) return KMQ_NO_MEMORY;
        *rows = (*model)->rows;
        *pitch = (size_t)(*model)->pitch;
        return kmq__decode_rows(*model, stripe, kmq__rows_of(image, number));
    }
    if (!*indices) *indices = (uint16_t *)KMQ_MALLOC(image->stripe_rows * row_size);
    if (!*indices) return KMQ_NO_MEMORY;
    *rows = *indices;
    *pitch = image->width;
    return kmq__unpack(image, stripe, kmq__rows_of(image, number) * image->width, *indices);
}

kmq_error kmq_decode(const kmq_image *image, uint32_t first_row, uint32_t rows, kmq_pixels pixels,
                     void *out, size_t size) {
    kmq__model *model = NULL;
    uint16_t *indices = NULL;
    uint8_t *at = (uint8_t *)out;
    kmq_error error = KMQ_OK;
    size_t needed = kmq_size(image, rows, pixels);
    if (!out || !rows || first_row >= image->height || rows > image->height - first_row ||
        !needed || needed > size || (pixels == KMQ_INDICES_8 && image->colours > 256) ||
        (pixels == KMQ_LABELS_16 && !image->labels))
        return KMQ_BAD_ARGUMENT;
    for (uint32_t y = first_row, end = first_row + rows; y < end && error == KMQ_OK;) {
        uint32_t number = y / image->stripe_rows, top = number * image->stripe_rows;
        const uint16_t *stripe;
        size_t pitch;
        error = kmq__decode_stripe(image, number, &model, &indices, &stripe, &pitch);
        for (; error == KMQ_OK && y < end && y - top < kmq__rows_of(image, number); y++) {
            kmq__put_row(image, stripe + (y - top) * pitch, pixels, at);
            at += kmq_size(image, 1, pixels);
        }
    }
    KMQ_FREE(model);
    KMQ_FREE(indices);
    return error;
}

#endif /* KMQ_IMPLEMENTATION */
