/* Reads the latest value of an ndsharray tag without the library: docs/design.md as a program.
 *
 *     cc -std=c11 -O2 -Wall -Wextra -Wpedantic -Werror -o format_reader examples/c/format_reader.c
 *     ./format_reader TAG                     says what the value is, with a checksum (CRC-32) of its bytes
 *     ./format_reader --bytes TAG >FILE       writes its bytes
 *     ./format_reader --follow SECONDS TAG    a line for each new value that it sees; at the end, what that took
 *
 * --dir DIRECTORY names the store; otherwise it is NDSHARRAY_DIR, otherwise /dev/shm. The exit code is 0 if there was a
 * value; other codes are in `enum kind`. Files are opened for reading only: the value is copied out, then it is checked
 * that no writer came into the copy. C11 is for the atomics, POSIX for the files; words are atomic on 64-bit machines.
 *
 * Read it from the end: main opens the header under the tag's name; read_latest reads its record, opens the data file
 * that the record names, and copies the slot that the record names. Numbers such as (5) are sections of docs/design.md.
 */
#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(void *) == 8 && ATOMIC_LLONG_LOCK_FREE == 2, "reads words of 64 bits in one piece");

/* What may come out. The numbers, 0 to 13, are the exit codes. */
enum kind {
    OK, IO, INVALID_TAG, NOT_FOUND, EMPTY, CONTENDED, DATA_MISSING, NOT_A_HEADER, TRUNCATED, ENDIANNESS,
    FORMAT_VERSION, CHECKSUM, UNKNOWN_FEATURES, CORRUPT, /* one field is impossible: `broken.field` */
    AGAIN                                                /* within this program: the tag moved on meanwhile */
};
static const char *const kind_names[] = {
    "", "Io", "InvalidTag", "NotFound", "Empty", "Contended", "DataMissing", "NotAHeader", "Truncated", "Endianness",
    "FormatVersion", "Checksum", "UnknownFeatures", "Corrupt"};

/* The file, and if it is one the field, of the last error. */
static struct { char file[256]; const char *field; } broken;

static enum kind fail(enum kind kind, const char *file, const char *field)
{
    snprintf(broken.file, sizeof broken.file, "%s", file);
    broken.field = field;
    return kind;
}

static int explain(enum kind kind)
{
    fprintf(stderr, "error        %s\nfile         %s\nfield        %s\n", kind_names[kind], broken.file, broken.field);
    if (kind == IO)
        fprintf(stderr, "system       %s\n", strerror(errno));
    return kind;
}

/* What happened, for the figures of --follow. */
static struct {
    uint64_t headers, data_files, record_moved, file_gone, slot_taken, overtaken;
} count;

/* Numbers are in the machine's byte order. These two are for bytes that were copied out before... */
static uint32_t u32(const unsigned char *at) { uint32_t n; memcpy(&n, at, 4); return n; }
static uint64_t u64(const unsigned char *at) { uint64_t n; memcpy(&n, at, 8); return n; }

/* ...and this one for words of a mapped file, which a writer may change at any time. */
static uint64_t word(const unsigned char *at, memory_order order)
{
    return atomic_load_explicit((const _Atomic uint64_t *)(const void *)at, order);
}

/* CRC-32 as in zlib and PNG. */
static uint32_t crc32(const unsigned char *bytes, uint64_t length)
{
    static uint32_t table[256];
    uint32_t crc = 0xffffffff;
    for (uint32_t n = 0; table[255] == 0 && n < 256; n++) {
        table[n] = n;
        for (int bit = 0; bit < 8; bit++)
            table[n] = table[n] >> 1 ^ (table[n] & 1 ? 0xedb88320 : 0);
    }
    for (uint64_t i = 0; i < length; i++)
        crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xff];
    return crc ^ 0xffffffff;
}

/* Copies bytes of a file. Returns how many there were, or -1. */
static int64_t copy_out(int fd, unsigned char *to, uint64_t length, uint64_t offset)
{
    uint64_t done = 0;
    while (done < length) {
        ssize_t n = pread(fd, to + done, length - done, (off_t)(offset + done));
        if (n < 0 && errno != EINTR)
            return -1;
        if (n == 0)
            break;
        done += n > 0 ? (uint64_t)n : 0;
    }
    return (int64_t)done;
}

/* An open file of the store, with what its identity says (1). */
struct file {
    int fd; /* -1: none */
    dev_t device;
    ino_t inode;
    uint64_t size, page, id_low, id_high, own[4];
    const unsigned char *region; /* region 0, mapped: the words that change */
    uint64_t mapped;
};

static void close_file(struct file *f)
{
    if (f->region)
        munmap((void *)(uintptr_t)f->region, f->mapped);
    if (f->fd >= 0)
        close(f->fd);
    *f = (struct file){.fd = -1};
}

/* Opens a file and validates its identity, in the order that (1) gives. */
static enum kind open_file(struct file *f, int dir, const char *name, bool header)
{
    unsigned char id[128];
    struct stat st;
    enum kind stranger = header ? NOT_A_HEADER : CORRUPT;
    *f = (struct file){.fd = -1};
    /* Looked at first, since opening a device may do something. No link is followed, and no FIFO waited for. */
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(errno != ENOENT ? IO : header ? NOT_FOUND : DATA_MISSING, name, "");
    if (!S_ISREG(st.st_mode))
        return fail(stranger, name, "file type");
    f->fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (f->fd < 0 || fstat(f->fd, &st) != 0)
        return fail(errno != ENOENT ? IO : header ? NOT_FOUND : DATA_MISSING, name, "");
    if (!S_ISREG(st.st_mode))
        return fail(stranger, name, "file type");
    int64_t n = copy_out(f->fd, id, sizeof id, 0);
    if (n < 0)
        return fail(IO, name, "");
    if (n < 8 || memcmp(id, header ? "NDSHHEAD" : "NDSHDATA", 8) != 0)
        return fail(stranger, name, "magic");
    if (n < 128)
        return fail(TRUNCATED, name, "");
    if (u32(id + 12) != 0x01020304)
        return fail(ENDIANNESS, name, "");
    if (u32(id + 8) != 1)
        return fail(FORMAT_VERSION, name, "");
    if (u64(id + 120) != crc32(id, 120))
        return fail(CHECKSUM, name, "");
    if (u64(id + 40) != 0) /* the word behind it has features that a reader need not know */
        return fail(UNKNOWN_FEATURES, name, "");
    f->page = u64(id + 16);
    if (f->page < 4096 || f->page > 16 << 20 || f->page & (f->page - 1) || f->page % (uint64_t)sysconf(_SC_PAGESIZE))
        return fail(CORRUPT, name, "page size");
    f->size = (uint64_t)st.st_size;
    if (f->size < 2 * f->page)
        return fail(TRUNCATED, name, "");
    f->device = st.st_dev;
    f->inode = st.st_ino;
    f->id_low = u64(id + 24);
    f->id_high = u64(id + 32);
    for (int i = 0; i < 4; i++)
        f->own[i] = u64(id + 56 + 8 * i);
    return OK;
}

static enum kind map_region(struct file *f, const char *name, uint64_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ, MAP_SHARED, f->fd, 0);
    if (at == MAP_FAILED)
        return fail(IO, name, "");
    f->region = at;
    f->mapped = bytes;
    return OK;
}

/* A tag: its header, and the data file that its record named last. */
struct reader {
    int dir;
    const char *tag;
    struct file header, data;
    uint64_t number, capacity, limit, regions; /* of the data file */
    char data_name[256];
};

static uint64_t seq(const struct file *header) { return word(header->region + 192, memory_order_acquire); }
static bool retired(const struct file *header) { return seq(header) >> 62 & 1; }

static enum kind open_header(const struct reader *r, struct file *header)
{
    enum kind kind = open_file(header, r->dir, r->tag, true);
    if (kind == OK)
        kind = map_region(header, r->tag, header->page);
    if (kind != OK)
        close_file(header);
    count.headers += kind == OK;
    return kind;
}

/* Looks whether another header has the tag's name by now, after a takeover for instance, and goes on with that one.
 * OK: it does. AGAIN: there is none but this one. A header that is retired is on its way out. */
static enum kind follow(struct reader *r)
{
    struct stat st;
    struct file header;
    if (fstatat(r->dir, r->tag, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(errno == ENOENT ? NOT_FOUND : IO, r->tag, "");
    if (st.st_dev == r->header.device && st.st_ino == r->header.inode)
        return AGAIN;
    enum kind kind = open_header(r, &header);
    if (kind != OK)
        return kind;
    if (retired(&header)) {
        close_file(&header);
        return AGAIN;
    }
    close_file(&r->header);
    close_file(&r->data);
    r->header = header;
    return OK;
}

/* Which value is the latest, and where it lies (2). */
struct record {
    uint64_t seq, version, time, number, slot;
};

/* A writer never writes the record in use, but the other one, and then moves seq. So if seq is still the same after the
 * words were copied, they belong together (4). */
static enum kind read_record(const struct reader *r, struct record *record)
{
    const unsigned char *region = r->header.region;
    uint64_t w[3], s = seq(&r->header);
    for (;;) {
        for (int i = 0; i < 3; i++)
            w[i] = word(region + 200 + 24 * (s & 1) + 8 * i, memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);
        if (word(region + 192, memory_order_relaxed) == s)
            break;
        s = seq(&r->header);
        count.record_moved++;
    }
    uint64_t place = w[2] & ~(uint64_t)0xffff;
    uint64_t mixed = w[0] * 0x9e3779b97f4a7c15 ^ w[1] * 0xc13fa9a902a6328f ^ place * 0xd1b54a32d192ed03;
    *record = (struct record){s, w[0], w[1], w[2] >> 24, w[2] >> 16 & 0xff};
    if ((w[2] & 0xffff) != mixed >> 48)
        return fail(CORRUPT, r->tag, "check");
    if (record->version >> 62 != 0)
        return fail(CORRUPT, r->tag, "version");
    if (record->version != 0 && record->number == 0)
        return fail(CORRUPT, r->tag, "number");
    return OK;
}

/* Opens the data file of a number, unless it is the one that is open (3). */
static enum kind open_data(struct reader *r, uint64_t number)
{
    if (r->data.fd >= 0 && r->number == number)
        return OK;
    close_file(&r->data);
    r->number = 0; /* which no data file has */
    uint64_t low = r->header.id_low >> 40 << 40 | number;
    snprintf(r->data_name, sizeof r->data_name, "%s_%016" PRIx64 "%016" PRIx64, r->tag, r->header.id_high, low);
    enum kind kind = open_file(&r->data, r->dir, r->data_name, false);
    if (kind != OK)
        return kind;
    const struct file *f = &r->data;
    r->capacity = f->own[1];
    r->limit = f->own[2];
    if (r->limit < 1 || r->limit > 256)
        return fail(CORRUPT, r->data_name, "slot limit");
    uint64_t region0 = (256 + 64 * r->limit + f->page - 1) / f->page * f->page;
    uint64_t region1 = (512 * r->limit + f->page - 1) / f->page * f->page;
    r->regions = region0 + region1;
    if (r->capacity == 0 || r->capacity % f->page || r->capacity > (INT64_MAX - r->regions) / r->limit - f->page)
        return fail(CORRUPT, r->data_name, "slot capacity");
    if (f->own[3] != (region1 << 32 | region0))
        return fail(CORRUPT, r->data_name, "region 0");
    if (f->size < r->regions + f->page + r->capacity)
        return fail(TRUNCATED, r->data_name, "");
    if (f->id_low != r->header.id_low || f->id_high != r->header.id_high)
        return fail(CORRUPT, r->data_name, "header id");
    kind = map_region(&r->data, r->data_name, region0);
    if (kind == OK) {
        r->number = number;
        count.data_files++;
    }
    return kind;
}

/* A value that was copied out. */
struct value {
    uint64_t version, written, offset, acquired, source_written, encoding, user_length;
    uint64_t itemsize, dimensions, length;
    unsigned char entry[4096]; /* the layout; from 2048 on the user data */
    unsigned char *bytes;
    uint64_t room;
};

/* Validates the entry of a slot (3). */
static enum kind check_entry(const struct reader *r, uint64_t number, const struct value *v)
{
    static const struct { const char *name; uint64_t size; } dtypes[15] = {
        {"", 0}, {"int8", 1}, {"int16", 2}, {"int32", 4}, {"int64", 8}, {"uint8", 1}, {"uint16", 2}, {"uint32", 4},
        {"uint64", 8}, {"float16", 2}, {"float32", 4}, {"float64", 8}, {"complex64", 8}, {"complex128", 16},
        {"bool", 1}};
    const unsigned char *e = v->entry;
    uint32_t code = u32(e + 8), name = u32(e + 12);
    uint64_t descr = u64(e + 600);
    if (u64(e + 1632) != crc32(e, 1632))
        return fail(CHECKSUM, r->data_name, "");
    if (v->dimensions > 64)
        return fail(CORRUPT, r->data_name, "ndim");
    /* A dtype of somebody's own has a name and a descr, and not the name of one of these. That a descr makes sense to
     * numpy, and that texts are UTF-8, is not looked at here. */
    bool good = code == 255 && name >= 1 && name <= 48 && descr >= 1 && descr <= 1024 && v->itemsize >= 1
        && v->itemsize <= INT64_MAX;
    for (uint32_t i = 1; i < 15; i++) {
        bool same = name == strlen(dtypes[i].name) && memcmp(e + 16, dtypes[i].name, name) == 0;
        if (code == i)
            good = same && descr == 0 && v->itemsize == dtypes[i].size;
        else if (code == 255 && same)
            good = false;
    }
    if (!good)
        return fail(CORRUPT, r->data_name, "dtype");
    /* The product must not overflow even without the axes of length 0. */
    uint64_t product = v->itemsize;
    bool nothing = false;
    for (uint64_t i = 0; i < v->dimensions; i++) {
        uint64_t n = u64(e + 80 + 8 * i);
        nothing |= n == 0;
        if (n != 0 && product > INT64_MAX / n)
            return fail(CORRUPT, r->data_name, "shape");
        product *= n != 0 ? n : 1;
    }
    if (v->length != (nothing ? 0 : product) || v->length > r->capacity)
        return fail(CORRUPT, r->data_name, "length");
    if (u64(e) != number)
        return fail(CORRUPT, r->data_name, "number");
    return OK;
}

/* Copies the value of a record. Before a writer fills a slot it sets the slot's content version to 0, and afterwards to
 * the new version. So if that is the record's version before the copy and after it, nobody wrote into the copy (5). */
static enum kind copy_value(struct reader *r, const struct record *record, struct value *v)
{
    const unsigned char *line = r->data.region + 256 + 64 * record->slot;
    uint64_t start = r->regions + record->slot * (r->data.page + r->capacity);
    struct stat st;
    if (record->slot >= r->limit)
        return fail(CORRUPT, r->tag, "slot");
    if (word(line, memory_order_acquire) != record->version) {
        count.slot_taken++;
        return AGAIN;
    }
    if (r->data.size < start + r->data.page + r->capacity) { /* it grows, slot by slot */
        if (fstat(r->data.fd, &st) != 0)
            return fail(IO, r->data_name, "");
        r->data.size = (uint64_t)st.st_size;
        if (r->data.size < start + r->data.page + r->capacity)
            return fail(TRUNCATED, r->data_name, "");
    }
    v->version = record->version;
    v->written = record->time;
    v->offset = word(line + 16, memory_order_relaxed);
    v->acquired = word(line + 32, memory_order_relaxed);
    uint64_t user = word(line + 40, memory_order_relaxed); /* encoding and length, 4 bytes each */
    v->source_written = word(line + 48, memory_order_relaxed);
    int64_t entry = copy_out(r->data.fd, v->entry, sizeof v->entry, start), elements = 0;
    v->itemsize = u64(v->entry + 64);
    v->dimensions = u64(v->entry + 72);
    v->length = u64(v->entry + 592);
    /* This may be half of an entry that is being written. A length that fits no slot is refused below. */
    uint64_t length = v->length <= r->capacity ? v->length : 0;
    if (length > v->room) {
        free(v->bytes);
        v->bytes = malloc(length);
        v->room = v->bytes ? length : 0;
    }
    if (length > 0)
        elements = v->room ? copy_out(r->data.fd, v->bytes, length, start + r->data.page) : -1;
    atomic_thread_fence(memory_order_acquire);
    if (word(line, memory_order_relaxed) != record->version) {
        count.overtaken++;
        return AGAIN;
    }
    if (entry < 0 || elements < 0)
        return fail(IO, r->data_name, "");
    if (entry < 4096 || elements < (int64_t)length)
        return fail(TRUNCATED, r->data_name, "");
    v->encoding = u32((unsigned char *)&user);
    v->user_length = u32((unsigned char *)&user + 4);
    if (v->user_length > 2048)
        v->user_length = 2048;
    return check_entry(r, record->number, v);
}

/* Copies the latest value, and says at which seq it was found. */
static enum kind read_latest(struct reader *r, struct value *v, uint64_t *found_at)
{
    struct record record;
    uint64_t overtaken = count.overtaken;
    for (int attempts = 0; attempts < 10000 && count.overtaken - overtaken < 100; attempts++) {
        enum kind kind = retired(&r->header) ? follow(r) : OK;
        if (kind != OK && kind != AGAIN && kind != NOT_FOUND)
            return kind;
        kind = read_record(r, &record);
        if (kind != OK)
            return kind;
        *found_at = record.seq;
        if (record.version == 0)
            return fail(EMPTY, r->tag, "");
        kind = open_data(r, record.number);
        if (kind == OK)
            kind = copy_value(r, &record, v);
        if (kind == DATA_MISSING) {
            /* The record moved on to another name, or the tag to another header. If not, somebody removed the file. */
            count.file_gone++;
            kind = seq(&r->header) != record.seq ? OK : follow(r);
            if (kind != OK)
                return kind == AGAIN ? fail(DATA_MISSING, r->data_name, "") : kind;
        } else if (kind != AGAIN) {
            return kind;
        }
    }
    return fail(CONTENDED, r->data_name, "");
}

/* Text of a file; what would do something to a terminal is shown as '?'. */
static void print_text(const unsigned char *text, uint64_t length)
{
    for (uint64_t i = 0; i < length; i++)
        putchar(text[i] < 32 || text[i] == 127 ? '?' : text[i]);
}

static void print_hex(const unsigned char *bytes, uint64_t length)
{
    for (uint64_t i = 0; i < length; i++)
        printf("%02x", bytes[i]);
}

static void print_shape(const struct value *v)
{
    for (uint64_t i = 0; i < v->dimensions; i++)
        printf("%c%" PRIu64, i ? ',' : '[', u64(v->entry + 80 + 8 * i));
    printf("%s]", v->dimensions ? "" : "[");
}

static void print_value(const struct reader *r, const struct value *v)
{
    uint64_t length = word(r->header.region + 256, memory_order_relaxed), source[16];
    for (int i = 0; i < 16; i++) /* for people: it may change meanwhile, and nothing says so (2) */
        source[i] = word(r->header.region + 264 + 8 * i, memory_order_relaxed);
    int64_t unix_time = (int64_t)(v->written + v->offset); /* as the offset has a sign; all times are in ns */
    printf("version      %" PRIu64 "\ndtype        ", v->version);
    print_text(v->entry + 16, u32(v->entry + 12));
    printf("\nitem size    %" PRIu64 "\ndescr        ", v->itemsize);
    print_text(v->entry + 608, u64(v->entry + 600));
    printf("\nshape        ");
    print_shape(v);
    printf("\nbytes        %" PRIu64 "\nchecksum     %08" PRIx32, v->length, crc32(v->bytes, v->length));
    printf("\nwritten      %" PRId64 "\nmonotonic    %" PRIu64, unix_time < 0 ? 0 : unix_time, v->written);
    printf("\nacquired     %" PRIu64 "\nat source    %" PRIu64, v->acquired, v->source_written);
    printf("\nencoding     %" PRIu64 "\nuser data    ", v->encoding);
    print_hex(v->entry + 2048, v->user_length);
    printf("\norigin       %" PRIu64 "\nephemeral    %s", r->header.own[2], r->header.own[1] & 1 ? "yes" : "no");
    printf("\ndata file    %s\nsource       ", r->data_name);
    print_text((unsigned char *)source, length <= 128 ? length : 0);
    putchar('\n');
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Prints a line for each new value. Newer is a greater version of the same origin, or another origin (8). */
static int print_values(struct reader *r, struct value *v, double seconds)
{
    uint64_t values = 0, contended = 0, missing = 0, absent = 0, origin = 0, version = 0;
    uint64_t last_seq = 0, last_headers = 0; /* what was read last: nothing is new while these stay */
    double start = now(), looked = 0;
    for (double t = start; t - start < seconds; t = now()) {
        enum kind kind = AGAIN;
        if (r->header.fd < 0) {
            kind = open_header(r, &r->header);
        } else if (t - looked > 0.1 || retired(&r->header)) {
            looked = t; /* a header that somebody removed by hand is not retired: the name is looked at now and then */
            kind = follow(r);
        }
        if ((kind == OK || kind == AGAIN || kind == NOT_FOUND) && r->header.fd >= 0
            && (last_headers != count.headers || last_seq != seq(&r->header))) {
            kind = read_latest(r, v, &last_seq);
            last_headers = kind == OK || kind == EMPTY ? count.headers : 0;
            if (kind == OK && (r->header.own[2] != origin || v->version > version)) {
                values++;
                origin = r->header.own[2];
                version = v->version;
                printf("%" PRIu64 " %" PRIu64 " ", origin, version);
                print_text(v->entry + 16, u32(v->entry + 12));
                putchar(' ');
                print_shape(v);
                printf(" %" PRIu64 " %08" PRIx32 " ", v->length, crc32(v->bytes, v->length));
                print_hex(v->entry + 2048, v->user_length);
                putchar('\n');
                continue;
            }
        }
        contended += kind == CONTENDED;
        missing += kind == DATA_MISSING;
        absent += kind == NOT_FOUND || kind == EMPTY;
        if (kind == IO || (kind >= NOT_A_HEADER && kind <= CORRUPT))
            return explain(kind);
        nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
    }
    fprintf(stderr, "values %" PRIu64 " headers %" PRIu64 " data_files %" PRIu64 " record_moved %" PRIu64, values,
            count.headers, count.data_files, count.record_moved);
    fprintf(stderr, " file_gone %" PRIu64 " slot_taken %" PRIu64 " overtaken %" PRIu64 " contended %" PRIu64,
            count.file_gone, count.slot_taken, count.overtaken, contended);
    fprintf(stderr, " data_missing %" PRIu64 " absent %" PRIu64 "\n", missing, absent);
    return fflush(stdout) == 0 ? OK : explain(fail(IO, "output", ""));
}

/* Whether a tag may have this name (1), but for UTF-8 and the control characters beyond ASCII. */
static bool is_tag(const char *tag)
{
    size_t length = strlen(tag);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)tag[i] < 32 || tag[i] == 127 || tag[i] == '/')
            return false;
    bool data_file = length >= 33 && tag[length - 33] == '_'
        && strspn(tag + length - 32, "0123456789abcdefABCDEF") == 32;
    return length >= 1 && length <= 200 && tag[0] != '.' && !data_file;
}

int main(int argc, char **argv)
{
    const char *dir = getenv("NDSHARRAY_DIR");
    bool bytes = false;
    double seconds = 0;
    uint64_t found_at;
    static struct value v;
    struct reader r = {.header = {.fd = -1}, .data = {.fd = -1}};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--bytes") == 0) {
            bytes = true;
        } else if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc) {
            dir = argv[++i];
        } else if (strcmp(argv[i], "--follow") == 0 && i + 1 < argc) {
            seconds = atof(argv[++i]);
        } else if (!r.tag && argv[i][0] != '-') {
            r.tag = argv[i];
        } else {
            r.tag = NULL;
            break;
        }
    }
    if (!r.tag) {
        fprintf(stderr, "usage: format_reader [--dir DIRECTORY] [--bytes | --follow SECONDS] TAG\n");
        return 64;
    }
    if (!dir || !dir[0])
        dir = "/dev/shm";
    if (!is_tag(r.tag))
        return explain(fail(INVALID_TAG, r.tag, ""));
    r.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r.dir < 0)
        return explain(fail(IO, dir, ""));
    if (seconds > 0)
        return print_values(&r, &v, seconds);
    enum kind kind = open_header(&r, &r.header);
    if (kind == OK)
        kind = read_latest(&r, &v, &found_at);
    if (kind != OK)
        return explain(kind);
    if (bytes)
        fwrite(v.bytes, 1, v.length, stdout);
    else
        print_value(&r, &v);
    return fflush(stdout) == 0 ? OK : explain(fail(IO, "output", ""));
}
