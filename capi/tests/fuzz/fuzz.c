/*
 * Random calls of every function, in any order that the header allows: NULL for handles and places, sizes and texts that are wrong,
 * handles ended and opened again.
 *
 *   fuzz DIRECTORY [SEED [SECONDS [CALLS]]]    CALLS is how many calls a round has; a round ends with everything closed
 *
 * A seed gives the same calls each time; each round prints its own if it fails. What the header calls undefined is left out: a handle
 * that was ended, a pointer that leads nowhere, memory shorter than was said. What it promises is checked after each call: a status
 * that is documented and not NDS_INTERNAL, an error if and only if it is less than 0, and empty results if nothing was done.
 */

#include "../c/check.h"

#include <signal.h>
#include <time.h>

enum { HANDLES = 6, MEMORY = 1 << 16 };

static uint64_t state, round_seed;
static uint64_t counts[2], by_status[16];
static unsigned char memory[MEMORY];

static nds_store *stores[HANDLES];
static nds_writer *writers[HANDLES];
/* A writer that is lent is closed with its loan: then the place is empty, and the loan goes on. */
static nds_loan *loans[HANDLES];
static nds_reader *readers[HANDLES];
static nds_snapshot *snapshots[HANDLES];

/* xorshift64*, by Marsaglia and Vigna. */
static uint64_t any(void) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(2685821657736338717);
}

static size_t below(size_t end) {
    return (size_t)((any() >> 33) % end);
}

static bool one_in(size_t count) {
    return below(count) == 0;
}

static void fail(const char *what) {
    fprintf(stderr, "%s; seed %llu\n", what, (unsigned long long)round_seed);
    exit(1);
}

#define REQUIRE(condition)                       \
    do {                                         \
        if (!(condition)) {                      \
            fail("not so: " #condition);         \
        }                                        \
    } while (0)

static void crashed(int number) {
    char text[64];
    const int length = snprintf(text, sizeof text, "signal %d; seed %llu\n", number, (unsigned long long)round_seed);
    if (write(2, text, (size_t)length) < 0) {
        _exit(3);
    }
    signal(number, SIG_DFL);
    raise(number);
}

/* Where the error goes; now and then nobody wants it. */
static nds_error *found_error;
static nds_error **error_place(void) {
    found_error = (nds_error *)memory;
    return one_in(8) ? NULL : &found_error;
}

/* Looks at what a call returned; whether it did what it says. */
static bool judged(nds_status status, nds_error **place) {
    counts[status < 0]++;
    REQUIRE(status >= NDS_IO && status <= NDS_NONE);
    by_status[NDS_NONE - status]++;
    if (place != NULL) {
        REQUIRE((status < 0) == (found_error != NULL));
        if (found_error != NULL) {
            const char *message = nds_error_message(found_error);
            REQUIRE(nds_error_status(found_error) == status && strlen(message) > 0 && strchr(message, '\n') == NULL);
            REQUIRE(nds_error_errno(found_error) >= 0);
        }
        nds_error_free(found_error);
    }
    return status == NDS_OK;
}

static const char *text_of(const char *const *texts, size_t count) {
    return texts[below(count)];
}

#define TEXT(...) \
    text_of((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static const char *odd_text(void) {
    static char text[5000];
    const size_t length = one_in(4) ? below(sizeof text) : below(60);
    for (size_t i = 0; i < length; i++) {
        text[i] = (char)(one_in(3) ? 1 + below(255) : (size_t)"[]{}()',<>|=?0123 fiuSUVMm"[below(26)]);
    }
    text[length] = 0;
    return text;
}

static const char *tag(void) {
    if (one_in(8)) {
        return one_in(2) ? odd_text() : TEXT(NULL, "", ".", "..", "a/b", ".hidden", "\xff", "new\nline", "-");
    }
    return TEXT("a", "b", "c", "\xc3\xa9 tag");
}

/* Whether the last dtype may be one whose elements are larger than those of all others. */
static bool is_odd;

static const char *dtype(void) {
    is_odd = one_in(8);
    if (is_odd) {
        return one_in(2) ? odd_text()
                         : TEXT(NULL, "", "O", "float31", ">f4", "f16", "bfloat16", "S0", "[", "[('x', '<f4'", "[('x', 'O')]", "\xff",
                                "[('x', '<f4'), ('x', '<f4')]", "[('x', '<f8', (9999999999,))]");
    }
    return TEXT("uint8", "uint8", "float64", "<c16", "bool", "int16", "<M8[ns]", "S5", "<U3", "V300", "[('x', '<f4'), ('ok', '?')]",
                "{'names': ['a'], 'formats': ['<u4'], 'offsets': [4], 'itemsize': 12}");
}

/* A shape, often one that the memory has room for; NULL now and then. */
static const size_t *shape(size_t *ndim) {
    static size_t lengths[70];
    *ndim = one_in(20) ? below(70) : below(4);
    for (size_t i = 0; i < *ndim; i++) {
        lengths[i] = one_in(30) ? (size_t)any() : below(5);
    }
    if (one_in(30)) {
        *ndim = one_in(2) ? (size_t)any() | 65 : 65;
        return NULL;
    }
    return one_in(30) ? NULL : lengths;
}

/* Whether an array of this shape fits into the memory, if its elements have 300 bytes at most. */
static bool fits(size_t ndim, const size_t *lengths) {
    size_t elements = 1;
    if (ndim > 64 || lengths == NULL) {
        return true; /* An error, or one element. */
    }
    for (size_t i = 0; i < ndim; i++) {
        if (lengths[i] != 0 && elements > MEMORY / 512 / lengths[i]) {
            return false;
        }
        elements *= lengths[i];
    }
    return true;
}

static const nds_meta *meta(void) {
    static nds_meta meta;
    memset(&meta, 0, sizeof meta);
    if (one_in(3)) {
        return NULL;
    }
    meta.size = one_in(12) ? below(2 * sizeof meta) : sizeof meta;
    if (meta.size > sizeof meta) {
        meta.size = one_in(2) ? 0 : SIZE_MAX;
    }
    if (one_in(2)) {
        meta.user_data = one_in(8) ? NULL : memory;
        meta.user_data_size = one_in(8) ? below(4000) : below(100);
    }
    if (one_in(3)) {
        meta.attributes = one_in(4) ? odd_text() : TEXT("{}", "{\"a\": 1}", "[1]", "", "{", "{\"a\": NaN}", "{\"a\": \"\xff\"}");
    }
    meta.acquired_at = one_in(2) ? 0 : any();
    meta.source_written_at = one_in(2) ? 0 : any();
    return &meta;
}

static int64_t moment(void) {
    /* No time that would be waited for: nothing else would happen meanwhile. */
    return one_in(4) ? 20000 : 0;
}

static size_t place(void) {
    return below(HANDLES);
}

#define EMPTY(handles) (&(handles)[place()])
/* The place where a result goes: now and then none. */
#define PLACE(pointer) (one_in(40) ? NULL : (pointer))

static void end_loan(nds_loan **loan) {
    if (one_in(2)) {
        nds_loan_abandon(*loan);
    } else if (*loan != NULL) {
        nds_error **error = error_place();
        uint64_t version = 1;
        if (!judged(nds_loan_publish(*loan, one_in(4) ? NULL : &version, error), error)) {
            REQUIRE(version == 0 || version == 1);
        }
    }
    *loan = NULL;
}

static void of_store(void) {
    nds_store **store = EMPTY(stores);
    nds_error **error = error_place();
    switch (below(8)) {
    case 0:
        /* Now and then: what is open lives on. */
        if (one_in(4)) {
            nds_store_close(*store);
            *store = NULL;
        }
        break;
    case 1: {
        nds_names *names = (nds_names *)memory, **names_place = PLACE(&names);
        if (judged(nds_store_tags(*store, names_place, error), error)) {
            for (size_t i = 0; i < names->count; i++) {
                REQUIRE(strlen(names->items[i]) > 0);
            }
            nds_names_free(names);
        } else {
            REQUIRE(names_place == NULL || names == NULL || *store == NULL);
        }
        break;
    }
    case 2: {
        nds_stat *stat = (nds_stat *)memory, **stat_place = PLACE(&stat);
        if (judged(nds_store_stat(*store, tag(), stat_place, error), error)) {
            REQUIRE(strlen(stat->tag) > 0 && (stat->version == 0 || stat->dtype != NULL));
            nds_stat_free(stat);
        } else {
            REQUIRE(stat_place == NULL || stat == NULL);
        }
        break;
    }
    case 3:
        judged(nds_store_remove(*store, tag(), error), error);
        break;
    case 4:
        judged(nds_store_force_remove(*store, tag(), error), error);
        break;
    case 5: {
        nds_names *names = NULL, **names_place = one_in(2) ? &names : NULL;
        uint64_t bytes, *bytes_place = one_in(2) ? &bytes : NULL;
        judged(one_in(2) ? nds_store_gc(*store, names_place, bytes_place, error)
                         : nds_store_gc_dry_run(*store, names_place, bytes_place, error),
               error);
        nds_names_free(names);
        break;
    }
    case 6: {
        nds_store *none = (nds_store *)memory;
        REQUIRE(!judged(nds_store_open(TEXT("", "/proc/self/none", "/etc/passwd", "\xff"), &none, error), error) && none == NULL);
        break;
    }
    default:
        REQUIRE((nds_store_directory(*store) == NULL) == (*store == NULL));
    }
}

static void open_writer(void) {
    nds_writer **writer = EMPTY(writers);
    nds_writer_options options;
    memset(&options, 0, sizeof options);
    options.size = one_in(20) ? below(sizeof options) : sizeof options;
    /* Mostly a takeover: without it, some 40 ms go by before NDS_BUSY. */
    options.flags = (uint32_t)(one_in(20) ? any() : one_in(40) ? below(2) : NDS_TAKEOVER | below(2));
    options.mode = (uint32_t)(one_in(20) ? any() : one_in(2) ? 0 : 0600);
    options.capacity = one_in(3) ? below(10000) : one_in(30) ? (size_t)any() : 0;
    options.history = one_in(3) ? below(9) : one_in(30) ? (size_t)any() : 0;
    options.source = one_in(4) ? odd_text() : NULL;
    nds_writer *opened = (nds_writer *)memory, **opened_place = PLACE(&opened);
    nds_error **error = error_place();
    if (judged(nds_writer_open(*EMPTY(stores), tag(), one_in(40) ? NULL : &options, opened_place, error), error)) {
        /* The one before, with or without a loan that lives on. */
        nds_writer_close(*writer);
        *writer = opened;
    } else {
        REQUIRE(opened_place == NULL || opened == NULL);
    }
}

static void write_array(nds_writer *writer) {
    static ptrdiff_t strides[70];
    nds_array array = {memory + below(8), dtype(), 0, NULL, NULL};
    array.shape = shape(&array.ndim);
    if (is_odd || !fits(array.ndim, array.shape)) {
        array.data = NULL; /* So that it must not be read: it is an error, or there are no elements. */
    } else if (one_in(30)) {
        array.data = NULL;
    } else if (one_in(4) && array.shape != NULL && array.ndim <= 4) {
        /* From the middle, 5 elements at most to each side on each axis. */
        array.data = memory + MEMORY / 2;
        for (size_t i = 0; i < array.ndim; i++) {
            strides[i] = (ptrdiff_t)below(2000) - 1000;
            if (array.shape[i] > 5) {
                array.data = NULL;
            }
        }
        array.strides = strides;
    }
    uint64_t version = 1;
    nds_error **error = error_place();
    const bool wrote = judged(
        nds_writer_write(writer, PLACE(&array), meta(), one_in(2) ? NULL : &version, error), error);
    if (wrote) {
        REQUIRE(nds_writer_version(writer) > 0 && version > 0);
    }
}

static void of_writer(void) {
    nds_writer **writer = EMPTY(writers);
    nds_loan **loan = EMPTY(loans);
    switch (below(6)) {
    case 0:
        if (one_in(3)) {
            nds_writer_close(*writer);
            *writer = NULL;
        }
        break;
    case 1: {
        size_t ndim;
        const size_t *lengths = shape(&ndim);
        if (!fits(ndim, lengths) && !one_in(4)) {
            break;
        }
        nds_loan *lent = (nds_loan *)memory, **lent_place = PLACE(&lent);
        nds_error **error = error_place();
        if (judged(nds_writer_loan(*writer, dtype(), ndim, lengths, lent_place, error), error)) {
            end_loan(loan);
            *loan = lent;
            REQUIRE(nds_loan_data(lent) != NULL || nds_loan_nbytes(lent) == 0);
        } else {
            REQUIRE(lent_place == NULL || lent == NULL);
        }
        break;
    }
    case 2: {
        unsigned char *bytes = nds_loan_data(*loan);
        const size_t nbytes = nds_loan_nbytes(*loan);
        REQUIRE(*loan != NULL || (bytes == NULL && nbytes == 0));
        for (size_t i = 0; bytes != NULL && i < nbytes && i < 5000; i++) {
            bytes[i] = (unsigned char)below(one_in(9) ? 256 : 2);
        }
        nds_error **error = error_place();
        judged(nds_loan_set_meta(*loan, meta(), error), error);
        break;
    }
    case 3:
        end_loan(loan);
        break;
    case 4:
        REQUIRE((nds_writer_tag(*writer) == NULL) == (*writer == NULL));
        break;
    default:
        write_array(*writer);
    }
}

static void open_reader(void) {
    nds_reader **reader = EMPTY(readers), *from = *EMPTY(readers);
    nds_reader *opened = (nds_reader *)memory, **opened_place = PLACE(&opened);
    nds_error **error = error_place();
    const nds_status status = one_in(4) ? nds_reader_clone(from, opened_place, error)
                                        : nds_reader_open(*EMPTY(stores), tag(), moment(), opened_place, error);
    if (judged(status, error)) {
        nds_reader_close(*reader);
        *reader = opened;
    } else {
        REQUIRE(opened_place == NULL || opened == NULL);
    }
}

/* Every byte of a value, which a fault would tell of. */
static void look_at(nds_snapshot *value) {
    const unsigned char *bytes = nds_snapshot_data(value);
    const nds_array array = nds_snapshot_array(value);
    size_t size = 1, sum = 0;
    const unsigned char *user_data = nds_snapshot_user_data(value, one_in(4) ? NULL : &size);
    REQUIRE(user_data != NULL || size <= 1);
    for (size_t i = 0; i < nds_snapshot_nbytes(value) && i < 5000; i++) {
        sum += bytes[i];
    }
    REQUIRE(sum < SIZE_MAX && array.ndim == nds_snapshot_ndim(value) && array.ndim <= 64);
    const char *attributes = nds_snapshot_attributes(value);
    REQUIRE(attributes == NULL || strlen(attributes) > 1);
    REQUIRE((nds_snapshot_dtype(value) == NULL) == (value == NULL));
    REQUIRE((nds_snapshot_version(value) == 0) == (value == NULL) && (nds_snapshot_itemsize(value) == 0) == (value == NULL));
    REQUIRE((nds_snapshot_dtype_code(value) == NDS_OTHER_DTYPE) || nds_dtype_name((int)nds_snapshot_dtype_code(value)) != NULL);
    (void)(nds_snapshot_written_at(value) + nds_snapshot_age(value) + nds_snapshot_acquired_at(value));
    (void)(nds_snapshot_source_written_at(value) + (uint64_t)nds_snapshot_is_copy(value));
    (void)(nds_snapshot_shape(value));
}

static void read_value(nds_reader *reader) {
    nds_snapshot **snapshot = EMPTY(snapshots), *value = (nds_snapshot *)memory, **value_place = PLACE(&value);
    nds_error **error = error_place();
    nds_status status = NDS_OK;
    switch (below(6)) {
    case 0: status = nds_reader_read(reader, value_place, error); break;
    case 1: status = nds_reader_wait(reader, moment(), value_place, error); break;
    case 2: status = nds_reader_read_next(reader, value_place, error); break;
    case 3: status = nds_reader_wait_next(reader, moment(), value_place, error); break;
    case 4: status = nds_reader_latest(reader, value_place, error); break;
    default: status = nds_reader_nearest(reader, any(), one_in(2) ? -1 : (int64_t)any(), value_place, error);
    }
    if (judged(status, error)) {
        nds_snapshot_release(*snapshot);
        *snapshot = value;
        REQUIRE(value != NULL);
        look_at(value);
    } else {
        REQUIRE(value_place == NULL || value == NULL);
    }
}

static void of_reader(void) {
    nds_reader **reader = EMPTY(readers);
    nds_error **error = error_place();
    switch (below(10)) {
    case 0:
        if (one_in(3)) {
            nds_reader_close(*reader);
            *reader = NULL;
        }
        break;
    case 1: {
        int fd = 0, again = 0;
        if (one_in(6) && judged(nds_reader_fd(*reader, PLACE(&fd), error), error)) {
            REQUIRE(fd >= 0 && nds_reader_fd(*reader, &again, NULL) == NDS_OK && again == fd);
        }
        break;
    }
    case 2: {
        bool alive = true;
        judged(nds_reader_writer_alive(*reader, PLACE(&alive), error), error);
        break;
    }
    case 3:
        REQUIRE(*reader != NULL || (nds_reader_missed(*reader) == 0 && nds_reader_tag(*reader) == NULL));
        (void)nds_reader_missed(*reader);
        (void)nds_reader_has_changed(*reader, *EMPTY(snapshots));
        break;
    case 4: {
        /* Each once; NULL among them now and then. */
        nds_reader *several[HANDLES];
        size_t count = 0, index = 0;
        for (size_t i = 0; i < HANDLES; i++) {
            if (readers[i] != NULL || one_in(20)) {
                several[count++] = readers[i];
            }
        }
        if (judged(nds_wait_any(PLACE(several), count, moment(), PLACE(&index), error), error)) {
            REQUIRE(index < count);
        }
        break;
    }
    default:
        read_value(*reader);
    }
}

static void of_snapshot(void) {
    nds_snapshot **snapshot = EMPTY(snapshots), **other = EMPTY(snapshots);
    look_at(*snapshot);
    if (one_in(3)) {
        nds_snapshot *again = nds_snapshot_retain(*snapshot);
        REQUIRE(again == *snapshot);
        nds_snapshot_release(*other);
        *other = again;
    } else if (one_in(3)) {
        nds_snapshot_release(*snapshot);
        *snapshot = NULL;
    }
    if (one_in(10)) {
        /* What came is written again. */
        const nds_array array = nds_snapshot_array(*other);
        nds_error **error = error_place();
        judged(nds_writer_write(*EMPTY(writers), &array, NULL, NULL, error), error);
    }
}

/* So many calls, and then everything is closed, in any order. */
static void round_of(const char *directory, uint64_t seed, long calls) {
    round_seed = seed;
    /* The state must not be 0. */
    state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    for (size_t i = 0; i < MEMORY; i++) {
        memory[i] = (unsigned char)(any() >> 63);
    }
    for (long call = 0; call < calls; call++) {
        nds_store **store = EMPTY(stores);
        if (*store == NULL) {
            OK(nds_store_open(directory, store, &error));
        }
        switch (below(16)) {
        case 0: of_store(); break;
        case 1: case 2: open_writer(); break;
        case 3: case 4: open_reader(); break;
        case 5: case 6: of_snapshot(); break;
        case 7: case 8: case 9: case 10: of_reader(); break;
        default: of_writer();
        }
    }
    const size_t first = below(5);
    for (size_t kind = first; kind < first + 5; kind++) {
        for (size_t i = 0; i < HANDLES; i++) {
            switch (kind % 5) {
            case 0: nds_store_close(stores[i]); stores[i] = NULL; break;
            case 1: nds_writer_close(writers[i]); writers[i] = NULL; break;
            case 2: nds_loan_abandon(loans[i]); loans[i] = NULL; break;
            case 3: nds_reader_close(readers[i]); readers[i] = NULL; break;
            default: nds_snapshot_release(snapshots[i]); snapshots[i] = NULL;
            }
        }
    }
    nds_store *store;
    nds_names *tags;
    OK(nds_store_open(directory, &store, &error));
    OK(nds_store_tags(store, &tags, &error));
    for (size_t i = 0; i < tags->count; i++) {
        OK(nds_store_force_remove(store, tags->items[i], &error));
    }
    nds_names_free(tags);
    /* No call left anything behind, whatever it said. */
    OK(nds_store_gc_dry_run(store, &tags, NULL, &error));
    REQUIRE(tags->count == 0);
    nds_names_free(tags);
    nds_store_close(store);
}

int main(int count, char **arguments) {
    if (count < 2 || count > 5) {
        fprintf(stderr, "usage: %s DIRECTORY [SEED [SECONDS [CALLS]]]\n", arguments[0]);
        return 2;
    }
    const uint64_t seed = count > 2 ? strtoull(arguments[2], NULL, 10) : 1;
    const long seconds = count > 3 ? atol(arguments[3]) : 10, calls = count > 4 ? atol(arguments[4]) : 2000;
    struct timespec start, now;
    for (const int *number = (int[]){SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGALRM, 0}; *number != 0; number++) {
        signal(*number, crashed);
    }
    clock_gettime(CLOCK_MONOTONIC, &start);
    uint64_t rounds = 0;
    do {
        /* The watchdog of a round. */
        alarm(120);
        round_of(arguments[1], seed + rounds++, calls);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - start.tv_sec < seconds);
    printf("%llu rounds from seed %llu, %llu calls that succeeded, %llu that failed; of each status from 1 down:",
           (unsigned long long)rounds, (unsigned long long)seed, (unsigned long long)counts[0], (unsigned long long)counts[1]);
    for (int i = 0; i < NDS_NONE - NDS_INTERNAL; i++) {
        printf(" %llu", (unsigned long long)by_status[i]);
    }
    printf("\n");
    return 0;
}
