/* What a child may do with the handles of its parent. */

#include "check.h"

#include <sys/wait.h>

int main(int count, char **arguments) {
    nds_store *store;
    nds_writer *writer, *lending;
    nds_reader *reader;
    nds_snapshot *held, *value;
    nds_loan *loan, *other;
    uint64_t number = 1, version = 0;
    const nds_writer_options options = {.size = sizeof options, .flags = NDS_EPHEMERAL};
    OK(nds_store_open(directory_of(count, arguments), &store, &error));
    OK(nds_writer_open(store, "a", &options, &writer, &error));
    OK(nds_writer_open(store, "b", &options, &lending, &error));
    OK(nds_writer_write(writer, ARRAY(&number, "uint64", 1), NULL, NULL, &error));
    OK(nds_writer_write(lending, ARRAY(&number, "uint64", 1), NULL, NULL, &error));
    OK(nds_reader_open(store, "a", 0, &reader, &error));
    OK(nds_reader_read(reader, &held, &error));
    OK(nds_writer_loan(lending, "uint64", 1, (size_t[]){1}, &loan, &error));
    *(uint64_t *)nds_loan_data(loan) = 7;
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(60);
        number = 13;
        /* The writers are the parent's. */
        EXPECT(NDS_ENDED, nds_writer_write(writer, ARRAY(&number, "uint64", 1), NULL, &version, &error));
        EXPECT(NDS_ENDED, nds_writer_loan(writer, "uint64", 1, (size_t[]){1}, &other, &error));
        CHECK(nds_loan_data(loan) == NULL);
        EXPECT(NDS_ENDED, nds_loan_publish(loan, &version, &error));
        nds_writer_close(writer);
        nds_writer_close(lending);
        /* All else goes on. */
        CHECK(*(const uint64_t *)nds_snapshot_data(held) == 1);
        nds_snapshot_release(held);
        OK(nds_reader_latest(reader, &value, &error));
        CHECK(*(const uint64_t *)nds_snapshot_data(value) == 1);
        nds_snapshot_release(value);
        nds_reader_close(reader);
        OK(nds_writer_open(store, "c", &options, &writer, &error));
        OK(nds_writer_write(writer, ARRAY(&number, "uint64", 1), NULL, &version, &error));
        nds_writer_close(writer);
        nds_store_close(store);
        _exit(0);
    }
    int status = 1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    /* The parent notices nothing of it. */
    CHECK(*(uint64_t *)nds_loan_data(loan) == 7);
    OK(nds_loan_publish(loan, &version, &error));
    CHECK(version == 2);
    number = 2;
    OK(nds_writer_write(writer, ARRAY(&number, "uint64", 1), NULL, &version, &error));
    CHECK(version == 2 && *(const uint64_t *)nds_snapshot_data(held) == 1);
    OK(nds_reader_read(reader, &value, &error));
    CHECK(*(const uint64_t *)nds_snapshot_data(value) == 2);
    nds_snapshot_release(value);
    nds_snapshot_release(held);
    nds_reader_close(reader);
    nds_writer_close(writer);
    nds_writer_close(lending);
    nds_store_close(store);
    return 0;
}
