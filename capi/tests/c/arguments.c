/* Each function with wrong arguments: an error, and places for results that say nothing. */

#include "check.h"

/* Nothing leads here. A place for a result that was not given another value would keep it. */
#define STALE(type) ((type *)&stale)
static int stale;

static nds_store *store;
static nds_writer *writer;
static nds_reader *reader;
static nds_snapshot *held;
static const uint8_t bytes[64] = {1};

static void stores(void) {
    nds_store *other = STALE(nds_store);
    nds_names *names = STALE(nds_names);
    nds_stat *stat = STALE(nds_stat);
    uint64_t size = 7;
    INVALID(nds_store_open(nds_store_directory(store), NULL, &error));
    EXPECT(NDS_NOT_FOUND, nds_store_open("/dev/null", &other, &error));
    CHECK(other == NULL);
    CHECK(nds_store_directory(NULL) == NULL);
    INVALID(nds_store_tags(NULL, &names, &error));
    CHECK(names == NULL);
    INVALID(nds_store_tags(store, NULL, &error));
    INVALID(nds_store_stat(NULL, "a", &stat, &error));
    CHECK(stat == NULL);
    INVALID(nds_store_stat(store, NULL, &stat, &error));
    INVALID(nds_store_stat(store, "a", NULL, &error));
    INVALID(nds_store_stat(store, "\xff", &stat, &error));
    INVALID(nds_store_stat(store, "a/b", &stat, &error));
    INVALID(nds_store_remove(NULL, "a", &error));
    INVALID(nds_store_remove(store, NULL, &error));
    INVALID(nds_store_force_remove(NULL, "a", &error));
    INVALID(nds_store_force_remove(store, NULL, &error));
    names = STALE(nds_names);
    INVALID(nds_store_gc(NULL, &names, &size, &error));
    CHECK(names == NULL && size == 0);
    INVALID(nds_store_gc_dry_run(NULL, NULL, NULL, &error));
    /* NULL is freed, closed and released as well. */
    nds_names_free(NULL);
    nds_stat_free(NULL);
    nds_error_free(NULL);
    nds_store_close(NULL);
    CHECK(nds_error_status(NULL) == NDS_OK && nds_error_errno(NULL) == 0 && nds_error_message(NULL)[0] == 0);
}

static void writers(void) {
    nds_writer *other = STALE(nds_writer);
    INVALID(nds_writer_open(NULL, "b", NULL, &other, &error));
    CHECK(other == NULL);
    INVALID(nds_writer_open(store, NULL, NULL, &other, &error));
    INVALID(nds_writer_open(store, "b", NULL, NULL, &error));
    INVALID(nds_writer_open(store, "", NULL, &other, &error));
    INVALID(nds_writer_open(store, ".b", NULL, &other, &error));
    INVALID(nds_writer_open(store, "b\n", NULL, &other, &error));
    INVALID(nds_writer_open(store, "\xc3", NULL, &other, &error));
    static const nds_writer_options wrong[] = {
        {.size = 0},
        {.size = sizeof *wrong - 1},
        {.size = 4097},
        {.size = SIZE_MAX},
        {.size = sizeof *wrong, .flags = 4},
        {.size = sizeof *wrong, .flags = UINT32_MAX},
        {.size = sizeof *wrong, .mode = 0777},
        {.size = sizeof *wrong, .mode = 0060},
        {.size = sizeof *wrong, .history = 249},
        {.size = sizeof *wrong, .source = "\n"},
        {.size = sizeof *wrong, .source = "\xff"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        other = STALE(nds_writer);
        INVALID(nds_writer_open(store, "b", &wrong[i], &other, &error));
        CHECK(other == NULL);
    }
    /* A later version's struct: what it adds must be 0. */
    struct {
        nds_writer_options known;
        uint64_t later;
    } grown = {{.size = sizeof grown, .flags = NDS_EPHEMERAL}, 0};
    OK(nds_writer_open(store, "b", &grown.known, &other, &error));
    nds_writer_close(other);
    grown.later = 1;
    INVALID(nds_writer_open(store, "b", &grown.known, &other, &error));
    CHECK(nds_writer_version(NULL) == 0 && nds_writer_tag(NULL) == NULL);
    nds_writer_close(NULL);
}

static void arrays(void) {
    uint64_t version = 7;
    size_t shape[65];
    for (int i = 0; i < 65; i++) {
        shape[i] = 1;
    }
    INVALID(nds_writer_write(NULL, ARRAY(bytes, "uint8", 64), NULL, &version, &error));
    INVALID(nds_writer_write(writer, NULL, NULL, &version, &error));
    CHECK(version == 7);
    const nds_array wrong[] = {
        {NULL, "uint8", 1, shape, NULL},
        {bytes, NULL, 1, shape, NULL},
        {bytes, "", 1, shape, NULL},
        {bytes, "uint7", 1, shape, NULL},
        {bytes, "\xff", 1, shape, NULL},
        {bytes, "O", 1, shape, NULL},
        {bytes, ">f4", 1, shape, NULL},
        {bytes, "[('x', '<f4')", 1, shape, NULL},
        {bytes, "uint8", 1, NULL, NULL},
        {bytes, "uint8", 65, shape, NULL},
        {bytes, "uint8", SIZE_MAX, shape, NULL},
        {bytes, "uint8", 1, (size_t[]){SIZE_MAX}, NULL},
        {bytes, "uint8", 1, (size_t[]){SIZE_MAX / 2 + 1}, NULL},
        {bytes, "float64", 1, (size_t[]){SIZE_MAX / 8}, NULL},
        {bytes, "uint8", 2, (size_t[]){(size_t)1 << 40, (size_t)1 << 40}, NULL},
        {bytes, "uint8", 3, (size_t[]){0, (size_t)1 << 40, (size_t)1 << 40}, NULL},
        /* Strides that reach beyond the address space. */
        {bytes, "uint8", 1, (size_t[]){2}, (ptrdiff_t[]){PTRDIFF_MAX}},
        {bytes, "uint8", 1, (size_t[]){2}, (ptrdiff_t[]){PTRDIFF_MIN}},
        {bytes, "uint8", 2, (size_t[]){1000, 1000}, (ptrdiff_t[]){PTRDIFF_MAX / 999, PTRDIFF_MAX / 999}},
        {bytes, "uint8", 2, (size_t[]){1000, 1000}, (ptrdiff_t[]){PTRDIFF_MIN, PTRDIFF_MIN}},
        /* No bools. */
        {"\2", "bool", 1, (size_t[]){1}, NULL},
        {"\1\0\2", "bool", 1, (size_t[]){2}, (ptrdiff_t[]){2}},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        INVALID(nds_writer_write(writer, &wrong[i], NULL, &version, &error));
        CHECK(version == 7 && nds_writer_version(writer) == 1);
    }
    /* An ndim of 65 is seen before the shape is. */
    INVALID(nds_writer_write(writer, &(nds_array){bytes, "uint8", 65, NULL, NULL}, NULL, &version, &error));
    /* A dtype that was refused is not the last one. */
    CHECK(nds_writer_write(writer, ARRAY(bytes, "uint8", 64), NULL, NULL, NULL) == NDS_OK);
    CHECK(nds_writer_version(writer) == 2);
    /* There is no room for so much. */
    EXPECT(NDS_FULL, nds_writer_write(writer, &(nds_array){bytes, "uint8", 1, (size_t[]){(size_t)1 << 46}, (ptrdiff_t[]){0}},
                                      NULL, &version, &error));
    OK(nds_writer_write(writer, ARRAY(bytes, "uint8", 64), NULL, NULL, &error));
}

static void metas(void) {
    static char longest[2050];
    memset(longest, ' ', 2049);
    memcpy(longest, "{}", 2);
    static const nds_meta wrong[] = {
        {.size = 0},
        {.size = sizeof *wrong - 8},
        {.size = SIZE_MAX},
        {.size = sizeof *wrong, .user_data = longest, .user_data_size = 2049},
        {.size = sizeof *wrong, .user_data = longest, .user_data_size = SIZE_MAX},
        {.size = sizeof *wrong, .user_data = NULL, .user_data_size = 1},
        {.size = sizeof *wrong, .user_data = "a", .user_data_size = 1, .attributes = "{}"},
        {.size = sizeof *wrong, .attributes = ""},
        {.size = sizeof *wrong, .attributes = "{"},
        {.size = sizeof *wrong, .attributes = "[1]"},
        {.size = sizeof *wrong, .attributes = "{\"\xff\": 1}"},
        {.size = sizeof *wrong, .attributes = longest},
    };
    nds_loan *loan;
    OK(nds_writer_loan(writer, "uint8", 0, NULL, &loan, &error));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        INVALID(nds_loan_set_meta(loan, &wrong[i], &error));
    }
    INVALID(nds_loan_set_meta(NULL, NULL, &error));
    nds_loan_abandon(loan);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        INVALID(nds_writer_write(writer, ARRAY(bytes, "uint8", 64), &wrong[i], NULL, &error));
    }
}

static void loans(void) {
    nds_loan *loan = STALE(nds_loan);
    uint64_t version = 7;
    INVALID(nds_writer_loan(NULL, "uint8", 0, NULL, &loan, &error));
    CHECK(loan == NULL);
    INVALID(nds_writer_loan(writer, NULL, 0, NULL, &loan, &error));
    INVALID(nds_writer_loan(writer, "uint7", 0, NULL, &loan, &error));
    INVALID(nds_writer_loan(writer, "uint8", 1, NULL, &loan, &error));
    INVALID(nds_writer_loan(writer, "uint8", 65, NULL, &loan, &error));
    INVALID(nds_writer_loan(writer, "uint8", 1, (size_t[]){SIZE_MAX}, &loan, &error));
    INVALID(nds_writer_loan(writer, "uint8", 0, NULL, NULL, &error));
    /* A loan that was refused does not have the writer. */
    OK(nds_writer_write(writer, ARRAY(bytes, "uint8", 64), NULL, NULL, &error));
    INVALID(nds_loan_publish(NULL, &version, &error));
    CHECK(version == 7);
    CHECK(nds_loan_data(NULL) == NULL && nds_loan_nbytes(NULL) == 0);
    nds_loan_abandon(NULL);
}

static void readers(void) {
    nds_reader *other = STALE(nds_reader);
    nds_snapshot *value = STALE(nds_snapshot);
    bool alive = true;
    int fd = 7;
    size_t index = 7;
    INVALID(nds_reader_open(NULL, "a", 0, &other, &error));
    CHECK(other == NULL);
    INVALID(nds_reader_open(store, NULL, 0, &other, &error));
    INVALID(nds_reader_open(store, "a", 0, NULL, &error));
    INVALID(nds_reader_open(store, "\xff", -1, &other, &error));
    EXPECT(NDS_NOT_FOUND, nds_reader_open(store, "nothing", 0, &other, &error));
    EXPECT(NDS_NOT_FOUND, nds_reader_open(store, "nothing", 1000000, &other, &error));
    INVALID(nds_reader_clone(NULL, &other, &error));
    INVALID(nds_reader_clone(reader, NULL, &error));
#define READ(call)                 \
    do {                           \
        value = STALE(nds_snapshot); \
        INVALID(call);             \
        CHECK(value == NULL);      \
    } while (0)
    READ(nds_reader_read(NULL, &value, &error));
    READ(nds_reader_wait(NULL, -1, &value, &error));
    READ(nds_reader_read_next(NULL, &value, &error));
    READ(nds_reader_wait_next(NULL, -1, &value, &error));
    READ(nds_reader_latest(NULL, &value, &error));
    READ(nds_reader_nearest(NULL, 0, -1, &value, &error));
    INVALID(nds_reader_read(reader, NULL, &error));
    INVALID(nds_reader_wait(reader, -1, NULL, &error));
    INVALID(nds_reader_read_next(reader, NULL, &error));
    INVALID(nds_reader_wait_next(reader, -1, NULL, &error));
    INVALID(nds_reader_latest(reader, NULL, &error));
    INVALID(nds_reader_nearest(reader, 0, -1, NULL, &error));
    CHECK(!nds_reader_has_changed(NULL, held) && nds_reader_has_changed(reader, NULL));
    CHECK(nds_reader_missed(NULL) == 0 && nds_reader_tag(NULL) == NULL);
    INVALID(nds_reader_writer_alive(NULL, &alive, &error));
    CHECK(!alive);
    INVALID(nds_reader_writer_alive(reader, NULL, &error));
    INVALID(nds_reader_fd(NULL, &fd, &error));
    CHECK(fd == -1);
    INVALID(nds_reader_fd(reader, NULL, &error));
    INVALID(nds_wait_any((nds_reader *[]){reader}, 1, 0, NULL, &error));
    INVALID(nds_wait_any(NULL, 1, 0, &index, &error));
    CHECK(index == 0);
    INVALID(nds_wait_any((nds_reader *[]){reader, NULL}, 2, 0, &index, &error));
    INVALID(nds_wait_any((nds_reader *[]){reader, reader}, 2, 0, &index, &error));
    INVALID(nds_wait_any((nds_reader *[]){reader}, SIZE_MAX, 0, &index, &error));
    nds_reader_close(NULL);
}

static void snapshots(void) {
    size_t size = 7;
    CHECK(nds_snapshot_data(NULL) == NULL && nds_snapshot_nbytes(NULL) == 0);
    CHECK(nds_snapshot_dtype(NULL) == NULL && nds_snapshot_dtype_code(NULL) == NDS_OTHER_DTYPE);
    CHECK(!nds_snapshot_has_dtype(NULL, "uint8"));
    CHECK(nds_snapshot_itemsize(NULL) == 0 && nds_snapshot_ndim(NULL) == 0);
    CHECK(nds_snapshot_shape(NULL) == NULL && nds_snapshot_array(NULL).dtype == NULL);
    CHECK(nds_snapshot_version(NULL) == 0 && nds_snapshot_written_at(NULL) == 0 && nds_snapshot_age(NULL) == 0);
    CHECK(nds_snapshot_acquired_at(NULL) == 0 && nds_snapshot_source_written_at(NULL) == 0);
    CHECK(nds_snapshot_user_data(NULL, &size) == NULL && size == 0);
    CHECK(nds_snapshot_user_data(NULL, NULL) == NULL && nds_snapshot_attributes(NULL) == NULL);
    CHECK(!nds_snapshot_is_copy(NULL) && nds_snapshot_retain(NULL) == NULL);
    nds_snapshot_release(NULL);
}

int main(int count, char **arguments) {
    OK(nds_store_open(directory_of(count, arguments), &store, &error));
    OK(nds_writer_open(store, "a", NULL, &writer, &error));
    OK(nds_writer_write(writer, ARRAY(bytes, "uint8", 64), NULL, NULL, &error));
    OK(nds_reader_open(store, "a", 0, &reader, &error));
    OK(nds_reader_read(reader, &held, &error));
    stores();
    writers();
    arrays();
    metas();
    loans();
    readers();
    snapshots();
    nds_snapshot_release(held);
    nds_reader_close(reader);
    nds_writer_close(writer);
    OK(nds_store_remove(store, "a", &error));
    nds_store_close(store);
    return 0;
}
