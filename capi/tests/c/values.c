/* Values go through a store and come back as they were, with what travels with them. */

#include "check.h"

#include <errno.h>
#include <inttypes.h>

static void texts(void) {
    CHECK(strcmp(nds_library_version(), "2.0.0") == 0);
    CHECK(strcmp(nds_dtype_name(NDS_INT8), "int8") == 0);
    CHECK(strcmp(nds_dtype_name(NDS_BOOL), "bool") == 0);
    CHECK(nds_dtype_name(0) == NULL && nds_dtype_name(15) == NULL && nds_dtype_name(-1) == NULL);
    CHECK(nds_dtype_name(NDS_OTHER_DTYPE) == NULL);
    size_t size = 7;
    OK(nds_dtype_itemsize("<c16", &size, &error));
    CHECK(size == 16);
    OK(nds_dtype_itemsize("[('x', '<f4'), ('', '|V2'), ('y', '<f4')]", &size, &error));
    CHECK(size == 10);
    INVALID(nds_dtype_itemsize("float33", &size, &error));
    CHECK(size == 0);
    INVALID(nds_dtype_itemsize(NULL, &size, &error));
    INVALID(nds_dtype_itemsize("uint8", NULL, &error));
}

static void stores(const char *directory, nds_store *store) {
    CHECK(strcmp(nds_store_directory(store), directory) == 0);
    nds_store *other = (nds_store *)&other;
    EXPECT(NDS_NOT_FOUND, nds_store_open("/no/such/directory", &other, &error));
    CHECK(other == NULL);
    EXPECT(NDS_NOT_FOUND, nds_store_open("", &other, &error));
    CHECK(setenv("NDSHARRAY_DIR", directory, 1) == 0);
    OK(nds_store_open(NULL, &other, &error));
    CHECK(strcmp(nds_store_directory(other), directory) == 0);
    nds_store_close(other);
    /* Nobody wants the error. */
    CHECK(nds_store_open("/no/such/directory", &other, NULL) == NDS_NOT_FOUND);
}

/* Every built-in dtype, of 0 to 64 axes. */
static void built_in(nds_store *store) {
    nds_writer *writer;
    nds_reader *reader;
    OK(nds_writer_open(store, "built in", NULL, &writer, &error));
    CHECK(strcmp(nds_writer_tag(writer), "built in") == 0 && nds_writer_version(writer) == 0);
    OK(nds_reader_open(store, "built in", 0, &reader, &error));
    CHECK(strcmp(nds_reader_tag(reader), "built in") == 0);
    nds_snapshot *value = (nds_snapshot *)&value;
    EXPECT(NDS_NONE, nds_reader_read(reader, &value, &error));
    CHECK(value == NULL);
    EXPECT(NDS_EMPTY, nds_reader_latest(reader, &value, &error));
    size_t shape[64];
    for (int i = 0; i < 64; i++) {
        shape[i] = i == 0 ? 3 : 1;
    }
    static const size_t sizes[] = {1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8, 8, 16, 1};
    uint64_t expected = 0;
    unsigned char bytes[48];
    for (int code = NDS_INT8; code <= NDS_BOOL; code++) {
        for (int ndim = 0; ndim <= 64; ndim += 16) {
            const size_t nbytes = sizes[code - 1] * (ndim == 0 ? 1 : 3);
            memset(bytes, code == NDS_BOOL ? 1 : code * 10 + ndim, sizeof bytes);
            const nds_array array = {bytes, nds_dtype_name(code), (size_t)ndim, shape, NULL};
            uint64_t version = 0;
            OK(nds_writer_write(writer, &array, NULL, &version, &error));
            CHECK(version == ++expected && nds_writer_version(writer) == version);
            OK(nds_reader_read(reader, &value, &error));
            CHECK(nds_snapshot_version(value) == version);
            CHECK((int)nds_snapshot_dtype_code(value) == code);
            CHECK(strcmp(nds_snapshot_dtype(value), nds_dtype_name(code)) == 0);
            CHECK(nds_snapshot_has_dtype(value, nds_dtype_name(code)));
            CHECK(!nds_snapshot_has_dtype(value, nds_dtype_name(code == NDS_INT8 ? NDS_BOOL : NDS_INT8)));
            CHECK(nds_snapshot_itemsize(value) == sizes[code - 1]);
            CHECK(nds_snapshot_ndim(value) == (size_t)ndim);
            CHECK(memcmp(nds_snapshot_shape(value), shape, sizeof(size_t) * (size_t)ndim) == 0);
            CHECK(nds_snapshot_nbytes(value) == nbytes);
            CHECK(memcmp(nds_snapshot_data(value), bytes, nbytes) == 0);
            CHECK(nds_snapshot_attributes(value) == NULL && nds_snapshot_acquired_at(value) == 0);
            nds_snapshot_release(value);
        }
    }
    CHECK(nds_reader_missed(reader) == 0);
    /* No elements: the data may be NULL. */
    OK(nds_writer_write(writer, ARRAY(NULL, "float64", 4, 0, 2), NULL, NULL, &error));
    OK(nds_reader_read(reader, &value, &error));
    CHECK(nds_snapshot_nbytes(value) == 0 && nds_snapshot_ndim(value) == 3);
    nds_snapshot_release(value);
    nds_reader_close(reader);
    nds_writer_close(writer);
}

/* Dtypes that are texts, some of them long. */
static void described(nds_store *store) {
    static const struct {
        const char *given, *found;
        size_t itemsize;
    } dtypes[] = {
        {"<M8[ns]", "<M8[ns]", 8},
        {"datetime64[25s]", "<M8[25s]", 8},
        {"f4", "float32", 4},
        {"S5", "|S5", 5},
        {"[('x', '<f4'), ('y', '<i2', (2,))]", "[('x', '<f4'), ('y', '<i2', (2,))]", 8},
    };
    nds_writer *writer;
    nds_reader *reader;
    OK(nds_writer_open(store, "described", NULL, &writer, &error));
    OK(nds_reader_open(store, "described", 0, &reader, &error));
    const char bytes[16] = "0123456789abcde";
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        OK(nds_writer_write(writer, ARRAY(bytes, dtypes[i].given, 2), NULL, NULL, &error));
        nds_snapshot *value;
        OK(nds_reader_read(reader, &value, &error));
        CHECK(strcmp(nds_snapshot_dtype(value), dtypes[i].found) == 0);
        CHECK(nds_snapshot_itemsize(value) == dtypes[i].itemsize);
        CHECK(memcmp(nds_snapshot_data(value), bytes, 2 * dtypes[i].itemsize) == 0);
        /* What was read can be written as it is. */
        const nds_array again = nds_snapshot_array(value);
        CHECK(again.data == nds_snapshot_data(value) && again.strides == NULL);
        OK(nds_writer_write(writer, &again, NULL, NULL, &error));
        nds_snapshot *second;
        OK(nds_reader_read(reader, &second, &error));
        CHECK(strcmp(nds_snapshot_dtype(second), dtypes[i].found) == 0);
        nds_snapshot_release(second);
        nds_snapshot_release(value);
    }
    nds_reader_close(reader);
    nds_writer_close(writer);
}

static void travelling(nds_store *store) {
    nds_writer *writer;
    nds_reader *reader;
    nds_snapshot *value;
    OK(nds_writer_open(store, "meta", NULL, &writer, &error));
    OK(nds_reader_open(store, "meta", 0, &reader, &error));
    size_t size = 99;
    unsigned char most[2048];
    memset(most, 0xa5, sizeof most);
    nds_meta meta = {.size = sizeof meta, .user_data = most, .user_data_size = 2048, .acquired_at = 12, .source_written_at = 34};
    OK(nds_writer_write(writer, ARRAY(most, "uint8", 8), &meta, NULL, &error));
    OK(nds_reader_read(reader, &value, &error));
    CHECK(nds_snapshot_acquired_at(value) == 12 && nds_snapshot_source_written_at(value) == 34);
    CHECK(memcmp(nds_snapshot_user_data(value, &size), most, 2048) == 0 && size == 2048);
    CHECK(nds_snapshot_user_data(value, NULL) != NULL && nds_snapshot_attributes(value) == NULL);
    CHECK(nds_snapshot_written_at(value) > UINT64_C(1600000000000000000));
    CHECK(nds_snapshot_age(value) < UINT64_C(60000000000));
    nds_snapshot_release(value);

    meta = (nds_meta){.size = sizeof meta, .attributes = "{\"gain\": 2}"};
    OK(nds_writer_write(writer, ARRAY(most, "uint8", 8), &meta, NULL, &error));
    OK(nds_reader_read(reader, &value, &error));
    CHECK(strcmp(nds_snapshot_attributes(value), "{\"gain\": 2}") == 0);
    CHECK(nds_snapshot_user_data(value, &size) != NULL && size == 11);
    nds_snapshot_release(value);

    OK(nds_writer_write(writer, ARRAY(most, "uint8", 8), NULL, NULL, &error));
    OK(nds_reader_read(reader, &value, &error));
    CHECK(nds_snapshot_user_data(value, &size) == NULL && size == 0);
    nds_snapshot_release(value);

    nds_stat *stat;
    meta.source_written_at = 34;
    OK(nds_writer_write(writer, ARRAY(most, "<M8[us]", 2, 3), &meta, NULL, &error));
    OK(nds_store_stat(store, "meta", &stat, &error));
    CHECK(strcmp(stat->tag, "meta") == 0 && strcmp(stat->source, "") == 0);
    CHECK(stat->writer_alive && !stat->ephemeral && stat->pid == (uint32_t)getpid());
    CHECK(stat->uid == geteuid() && stat->mode == 0600 && stat->bytes >= 8192);
    CHECK(stat->version == 4 && strcmp(stat->dtype, "<M8[us]") == 0);
    CHECK(stat->dtype_code == NDS_OTHER_DTYPE && stat->itemsize == 8 && stat->nbytes == 48);
    CHECK(stat->ndim == 2 && stat->shape[0] == 2 && stat->shape[1] == 3);
    CHECK(stat->written_at > UINT64_C(1600000000000000000) && stat->age < UINT64_C(60000000000));
    CHECK(stat->acquired_at == 0 && stat->source_written_at == 34);
    CHECK(stat->user_data_size == 11 && memcmp(stat->user_data, "{\"gain\": 2}", 11) == 0);
    CHECK(strcmp(stat->attributes, "{\"gain\": 2}") == 0);
    CHECK(strncmp(stat->data_file, "meta_", 5) == 0);
    CHECK(stat->slots_allocated >= 1 && stat->slot_capacity >= 48);
    nds_stat_free(stat);
    nds_writer_close(writer);

    nds_writer_options options = {
        .size = sizeof options, .mode = 0640, .flags = NDS_EPHEMERAL, .capacity = 100000, .history = 3, .source = "elsewhere"};
    OK(nds_writer_open(store, "other", &options, &writer, &error));
    OK(nds_store_stat(store, "other", &stat, &error));
    CHECK(stat->version == 0 && stat->dtype == NULL && stat->shape == NULL && stat->data_file == NULL);
    CHECK(stat->ephemeral && stat->mode == 0640 && strcmp(stat->source, "elsewhere") == 0);
    nds_stat_free(stat);
    OK(nds_writer_write(writer, ARRAY(most, "uint8", 8), NULL, NULL, &error));
    OK(nds_store_stat(store, "other", &stat, &error));
    CHECK(stat->dtype_code == NDS_UINT8 && stat->slot_capacity >= 100000);
    nds_stat_free(stat);
    nds_writer_close(writer);
    EXPECT(NDS_NOT_FOUND, nds_store_stat(store, "other", &stat, &error));
    CHECK(stat == NULL);
    nds_reader_close(reader);
}

/* One value after the other, the nearest, and what was missed. */
static void histories(nds_store *store) {
    nds_writer *writer;
    nds_reader *reader, *other;
    nds_snapshot *value, *held;
    const nds_writer_options options = {.size = sizeof options, .history = 8};
    OK(nds_writer_open(store, "history", &options, &writer, &error));
    OK(nds_reader_open(store, "history", 0, &reader, &error));
    for (uint32_t i = 0; i < 5; i++) {
        const nds_meta meta = {.size = sizeof meta, .acquired_at = 1000000000 + 33000000 * i};
        OK(nds_writer_write(writer, ARRAY(&i, "uint32", 1), &meta, NULL, &error));
    }
    OK(nds_reader_clone(reader, &other, &error));
    for (uint32_t i = 0; i < 5; i++) {
        OK(i % 2 ? nds_reader_read_next(reader, &value, &error) : nds_reader_wait_next(reader, 0, &value, &error));
        CHECK(*(const uint32_t *)nds_snapshot_data(value) == i);
        nds_snapshot_release(value);
    }
    EXPECT(NDS_NONE, nds_reader_read_next(reader, &value, &error));
    EXPECT(NDS_NONE, nds_reader_wait_next(reader, 1000, &value, &error));
    EXPECT(NDS_NONE, nds_reader_wait(reader, 0, &value, &error));
    OK(nds_reader_nearest(reader, 1070000000, 10000000, &value, &error));
    CHECK(*(const uint32_t *)nds_snapshot_data(value) == 2);
    nds_snapshot_release(value);
    EXPECT(NDS_NONE, nds_reader_nearest(reader, 2000000000, 10000000, &value, &error));
    OK(nds_reader_nearest(reader, 2000000000, -1, &value, &error));
    CHECK(*(const uint32_t *)nds_snapshot_data(value) == 4);
    nds_snapshot_release(value);

    /* The other one has returned nothing yet. It is asked which has something new. */
    size_t index = 99;
    OK(nds_wait_any((nds_reader *[]){reader, other}, 2, LONG, &index, &error));
    CHECK(index == 1);
    OK(nds_reader_wait(other, NDS_FOREVER, &held, &error));
    CHECK(!nds_reader_has_changed(other, held));
    EXPECT(NDS_NONE, nds_wait_any((nds_reader *[]){reader, other}, 2, 1000, &index, &error));
    EXPECT(NDS_NONE, nds_wait_any(NULL, 0, LONG, &index, &error));
    for (uint32_t i = 5; i < 8; i++) {
        OK(nds_writer_write(writer, ARRAY(&i, "uint32", 1), NULL, NULL, &error));
    }
    CHECK(nds_reader_has_changed(other, held));
    OK(nds_reader_read(other, &value, &error));
    CHECK(nds_reader_missed(other) == 2 && nds_reader_missed(reader) == 0);

    /* Held twice, and longer than all others live. */
    CHECK(nds_snapshot_retain(value) == value);
    nds_snapshot_release(value);
    bool alive = false;
    OK(nds_reader_writer_alive(reader, &alive, &error));
    CHECK(alive);
    nds_writer_close(writer);
    OK(nds_reader_writer_alive(reader, &alive, &error));
    CHECK(!alive);
    OK(nds_store_remove(store, "history", &error));
    nds_reader_close(reader);
    nds_reader_close(other);
    CHECK(*(const uint32_t *)nds_snapshot_data(value) == 7 && *(const uint32_t *)nds_snapshot_data(held) == 4);
    /* Three are held in place, more are copies. */
    CHECK(!nds_snapshot_is_copy(value));
    nds_snapshot_release(value);
    nds_snapshot_release(held);
}

static void loans(nds_store *store) {
    nds_writer *writer;
    nds_reader *reader;
    nds_loan *loan, *second = (nds_loan *)&second;
    nds_snapshot *value;
    uint64_t version = 0;
    OK(nds_writer_open(store, "loan", NULL, &writer, &error));
    OK(nds_reader_open(store, "loan", LONG, &reader, &error));
    OK(nds_writer_loan(writer, "float32", 2, (size_t[]){2, 3}, &loan, &error));
    CHECK(nds_loan_nbytes(loan) == 24 && (uintptr_t)nds_loan_data(loan) % 4096 == 0);
    /* The loan has the writer. */
    const float numbers[6] = {1, 2, 3, 4, 5, 6};
    EXPECT(NDS_BUSY, nds_writer_write(writer, ARRAY(numbers, "float32", 6), NULL, NULL, &error));
    EXPECT(NDS_BUSY, nds_writer_loan(writer, "float32", 0, NULL, &second, &error));
    CHECK(second == NULL && nds_writer_version(writer) == 0 && strcmp(nds_writer_tag(writer), "loan") == 0);
    memcpy(nds_loan_data(loan), numbers, sizeof numbers);
    const nds_meta meta = {.size = sizeof meta, .user_data = "t=0", .user_data_size = 3};
    OK(nds_loan_set_meta(loan, &meta, &error));
    OK(nds_loan_publish(loan, &version, &error));
    CHECK(version == 1 && nds_writer_version(writer) == 1);
    OK(nds_reader_read(reader, &value, &error));
    CHECK(memcmp(nds_snapshot_data(value), numbers, sizeof numbers) == 0);
    size_t size;
    CHECK(memcmp(nds_snapshot_user_data(value, &size), "t=0", 3) == 0 && size == 3);
    nds_snapshot_release(value);

    OK(nds_writer_loan(writer, "float32", 0, NULL, &loan, &error));
    nds_loan_abandon(loan);
    EXPECT(NDS_NONE, nds_reader_read(reader, &value, &error));

    /* What was set is taken back. */
    OK(nds_writer_loan(writer, "float32", 0, NULL, &loan, &error));
    OK(nds_loan_set_meta(loan, &meta, &error));
    OK(nds_loan_set_meta(loan, NULL, &error));
    OK(nds_loan_publish(loan, NULL, &error));
    OK(nds_reader_read(reader, &value, &error));
    CHECK(nds_snapshot_user_data(value, NULL) == NULL && nds_snapshot_version(value) == 2);
    nds_snapshot_release(value);

    /* A bool is 0 or 1; the loan is over all the same, and the writer goes on. */
    OK(nds_writer_loan(writer, "bool", 1, (size_t[]){2}, &loan, &error));
    CHECK(memcmp(nds_loan_data(loan), "\0\0", 2) == 0);
    memset(nds_loan_data(loan), 2, 1);
    INVALID(nds_loan_publish(loan, &version, &error));

    /* A writer that is closed meanwhile closes with its loan. */
    OK(nds_writer_loan(writer, "uint8", 1, (size_t[]){1}, &loan, &error));
    memset(nds_loan_data(loan), 7, 1);
    nds_writer_close(writer);
    bool alive = false;
    OK(nds_reader_writer_alive(reader, &alive, &error));
    CHECK(alive);
    OK(nds_loan_publish(loan, &version, &error));
    CHECK(version == 3);
    OK(nds_reader_writer_alive(reader, &alive, &error));
    CHECK(!alive);
    nds_reader_close(reader);
}

/* What is in a store, and what goes. */
static void lists(nds_store *store) {
    nds_names *tags, *removed;
    uint64_t bytes = 1;
    OK(nds_store_tags(store, &tags, &error));
    CHECK(tags->count == 4);
    CHECK(strcmp(tags->items[0], "built in") == 0 && strcmp(tags->items[3], "meta") == 0);
    for (size_t i = 0; i < tags->count; i++) {
        OK(nds_store_remove(store, tags->items[i], &error));
    }
    nds_names_free(tags);
    EXPECT(NDS_NOT_FOUND, nds_store_remove(store, "meta", &error));
    OK(nds_store_tags(store, &tags, &error));
    CHECK(tags->count == 0);
    nds_names_free(tags);

    nds_writer *writer, *other = (nds_writer *)&other;
    const uint8_t byte = 1;
    OK(nds_writer_open(store, "a", NULL, &writer, &error));
    OK(nds_writer_write(writer, ARRAY(&byte, "uint8", 1), NULL, NULL, &error));
    EXPECT(NDS_BUSY, nds_writer_open(store, "a", NULL, &other, &error));
    CHECK(other == NULL);
    EXPECT(NDS_BUSY, nds_store_remove(store, "a", &error));
    const nds_writer_options options = {.size = sizeof options, .flags = NDS_TAKEOVER};
    OK(nds_writer_open(store, "a", &options, &other, &error));
    EXPECT(NDS_ENDED, nds_writer_write(writer, ARRAY(&byte, "uint8", 1), NULL, NULL, &error));
    CHECK(nds_writer_version(other) == 1);
    OK(nds_store_force_remove(store, "a", &error));
    EXPECT(NDS_ENDED, nds_writer_write(other, ARRAY(&byte, "uint8", 1), NULL, NULL, &error));
    nds_writer_close(writer);
    nds_writer_close(other);

    /* A data file without a header is left over. */
    OK(nds_writer_open(store, "a", NULL, &writer, &error));
    OK(nds_writer_write(writer, ARRAY(&byte, "uint8", 1), NULL, NULL, &error));
    nds_writer_close(writer);
    char path[4096];
    snprintf(path, sizeof path, "%s/a", nds_store_directory(store));
    CHECK(unlink(path) == 0);
    OK(nds_store_gc_dry_run(store, &removed, &bytes, &error));
    CHECK(removed->count == 1 && strncmp(removed->items[0], "a_", 2) == 0 && bytes > 0);
    nds_names_free(removed);
    OK(nds_store_gc(store, NULL, NULL, &error));
    OK(nds_store_gc(store, &removed, &bytes, &error));
    CHECK(removed->count == 0 && bytes == 0);
    nds_names_free(removed);
}

static void errors(nds_store *store) {
    nds_error *error;
    nds_writer *writer;
    CHECK(nds_store_remove(store, "none", &error) == NDS_NOT_FOUND);
    CHECK(strstr(nds_error_message(error), "none") != NULL && strchr(nds_error_message(error), '\n') == NULL);
    CHECK(nds_error_status(error) == NDS_NOT_FOUND && nds_error_errno(error) == 0);
    nds_error_free(error);
    /* What the kernel said. */
    char path[4096];
    snprintf(path, sizeof path, "%s/loop", nds_store_directory(store));
    CHECK(symlink("loop", path) == 0);
    CHECK(nds_store_open(path, (nds_store *[]){NULL}, &error) == NDS_IO);
    CHECK(nds_error_errno(error) == ELOOP);
    nds_error_free(error);
    EXPECT(NDS_FOREIGN, nds_writer_open(store, "loop", NULL, &writer, &error));
    CHECK(unlink(path) == 0);
}

int main(int count, char **arguments) {
    const char *directory = directory_of(count, arguments);
    nds_store *store;
    OK(nds_store_open(directory, &store, &error));
    texts();
    stores(directory, store);
    built_in(store);
    described(store);
    travelling(store);
    histories(store);
    loans(store);
    lists(store);
    errors(store);
    nds_store_close(store);
    return 0;
}
