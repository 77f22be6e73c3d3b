/*
 * The side of C in the matrix.
 *   matrix write DIRECTORY CASES    writes each case under the tag of its number; the odd ones by a loan
 *   matrix read DIRECTORY CASES     prints what is under the tag of each case, in the form of the cases
 */

#include "../c/check.h"

#include <inttypes.h>

enum { COLUMNS = 8, LONGEST = 1 << 16 };

/* The columns of a line, which is cut into them. */
static void split(char *line, char *columns[COLUMNS]) {
    line[strcspn(line, "\n")] = 0;
    for (int i = 0; i < COLUMNS; i++) {
        columns[i] = line;
        CHECK(line != NULL);
        line = strchr(line, '\t');
        if (line != NULL) {
            *line++ = 0;
        }
    }
    CHECK(line == NULL);
}

static size_t from_hex(const char *text, unsigned char *to) {
    size_t length = 0;
    if (strcmp(text, "-") == 0) {
        return 0;
    }
    for (; *text != 0; text += 2) {
        unsigned byte;
        CHECK(sscanf(text, "%2x", &byte) == 1);
        to[length++] = (unsigned char)byte;
    }
    return length;
}

static void print_hex(const unsigned char *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        printf("%02x", bytes[i]);
    }
    printf(length == 0 ? "-\t" : "\t");
}

static void write_case(nds_store *store, char *columns[COLUMNS]) {
    static unsigned char data[LONGEST], user_data[LONGEST];
    size_t shape[8], ndim = 0;
    const size_t nbytes = from_hex(columns[3], data);
    if (strcmp(columns[2], "-") != 0) {
        for (char *at = columns[2]; at != NULL; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
            shape[ndim++] = (size_t)atoi(at);
        }
    }
    nds_meta meta = {.size = sizeof meta,
                     .acquired_at = strtoull(columns[6], NULL, 10),
                     .source_written_at = strtoull(columns[7], NULL, 10)};
    if (strcmp(columns[4], "-") != 0) {
        meta.attributes = columns[4];
    } else {
        meta.user_data_size = from_hex(columns[5], user_data);
        meta.user_data = user_data;
    }
    nds_writer *writer;
    OK(nds_writer_open(store, columns[0], NULL, &writer, &error));
    if (atoi(columns[0]) % 2 == 0) {
        const nds_array array = {data, columns[1], ndim, shape, NULL};
        OK(nds_writer_write(writer, &array, &meta, NULL, &error));
    } else {
        nds_loan *loan;
        OK(nds_writer_loan(writer, columns[1], ndim, shape, &loan, &error));
        CHECK(nds_loan_nbytes(loan) == nbytes);
        memcpy(nds_loan_data(loan), data, nbytes);
        OK(nds_loan_set_meta(loan, &meta, &error));
        OK(nds_loan_publish(loan, NULL, &error));
    }
    nds_writer_close(writer);
}

static void read_case(nds_store *store, const char *tag) {
    nds_reader *reader;
    nds_snapshot *value;
    OK(nds_reader_open(store, tag, 0, &reader, &error));
    OK(nds_reader_latest(reader, &value, &error));
    printf("%s\t%s\t", tag, nds_snapshot_dtype(value));
    for (size_t i = 0; i < nds_snapshot_ndim(value); i++) {
        printf(i == 0 ? "%zu" : ",%zu", nds_snapshot_shape(value)[i]);
    }
    printf(nds_snapshot_ndim(value) == 0 ? "-\t" : "\t");
    print_hex(nds_snapshot_data(value), nds_snapshot_nbytes(value));
    const char *attributes = nds_snapshot_attributes(value);
    printf("%s\t", attributes == NULL ? "-" : attributes);
    size_t length = 0;
    const void *user_data = nds_snapshot_user_data(value, &length);
    print_hex(user_data, attributes == NULL ? length : 0);
    printf("%" PRIu64 "\t%" PRIu64 "\n", nds_snapshot_acquired_at(value), nds_snapshot_source_written_at(value));
    nds_snapshot_release(value);
    nds_reader_close(reader);
}

int main(int count, char **arguments) {
    static char line[LONGEST];
    CHECK(count == 4);
    alarm(120);
    const bool writes = strcmp(arguments[1], "write") == 0;
    FILE *cases = fopen(arguments[3], "r");
    CHECK(cases != NULL);
    nds_store *store;
    OK(nds_store_open(arguments[2], &store, &error));
    while (fgets(line, sizeof line, cases) != NULL) {
        char *columns[COLUMNS];
        split(line, columns);
        if (writes) {
            write_case(store, columns);
        } else {
            read_case(store, columns[0]);
        }
    }
    nds_store_close(store);
    fclose(cases);
    return 0;
}
