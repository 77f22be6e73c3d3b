/* Arrays of all strides, compared with a plain loop. */

#include "check.h"

static uint32_t seed = 12345;

static uint32_t random_below(uint32_t limit) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % limit;
}

static nds_writer *writer;
static nds_reader *reader;

/* Writes an array, and compares each byte of what comes back. */
static void compare(const unsigned char *data, const char *dtype, size_t itemsize, size_t ndim, const size_t *shape,
                    const ptrdiff_t *strides) {
    const nds_array array = {data, dtype, ndim, shape, strides};
    nds_snapshot *value;
    OK(nds_writer_write(writer, &array, NULL, NULL, &error));
    OK(nds_reader_read(reader, &value, &error));
    const unsigned char *found = nds_snapshot_data(value);
    CHECK(nds_snapshot_ndim(value) == ndim);
    /* memcmp takes no NULL, also of no bytes. */
    CHECK(ndim == 0 || memcmp(nds_snapshot_shape(value), shape, ndim * sizeof *shape) == 0);
    size_t count = 1, indices[64] = {0};
    for (size_t axis = 0; axis < ndim; axis++) {
        count *= shape[axis];
    }
    CHECK(nds_snapshot_nbytes(value) == count * itemsize);
    for (size_t element = 0; element < count; element++) {
        ptrdiff_t offset = 0;
        for (size_t axis = 0; axis < ndim; axis++) {
            offset += (ptrdiff_t)indices[axis] * strides[axis];
        }
        CHECK(memcmp(found + element * itemsize, data + offset, itemsize) == 0);
        for (size_t axis = ndim; axis-- > 0;) {
            if (++indices[axis] < shape[axis]) {
                break;
            }
            indices[axis] = 0;
        }
    }
    nds_snapshot_release(value);
}

int main(int count, char **arguments) {
    nds_store *store;
    OK(nds_store_open(directory_of(count, arguments), &store, &error));
    OK(nds_writer_open(store, "strides", NULL, &writer, &error));
    OK(nds_reader_open(store, "strides", 0, &reader, &error));
    static unsigned char memory[1 << 18];
    for (size_t i = 0; i < sizeof memory; i++) {
        memory[i] = (unsigned char)random_below(256);
    }
    unsigned char *middle = memory + sizeof memory / 2;

    /* A picture, upside down, mirrored, transposed, one channel, its middle, one column again and again. */
    compare(memory, "uint8", 1, 3, (size_t[]){8, 6, 3}, (ptrdiff_t[]){18, 3, 1});
    compare(middle, "uint8", 1, 3, (size_t[]){8, 6, 3}, (ptrdiff_t[]){-18, 3, 1});
    compare(middle, "uint8", 1, 3, (size_t[]){8, 6, 3}, (ptrdiff_t[]){18, -3, -1});
    compare(memory, "float32", 4, 2, (size_t[]){6, 8}, (ptrdiff_t[]){4, 24});
    compare(memory + 1, "uint8", 1, 2, (size_t[]){8, 6}, (ptrdiff_t[]){18, 3});
    compare(memory + 3, "uint8", 1, 3, (size_t[]){4, 3, 3}, (ptrdiff_t[]){18, 3, 1});
    compare(memory, "float64", 8, 2, (size_t[]){5, 7}, (ptrdiff_t[]){8, 0});
    compare(memory, "float64", 8, 0, NULL, (ptrdiff_t[]){0});
    /* Strides of axes of one element, and of no elements, lead nowhere. */
    compare(memory, "int16", 2, 3, (size_t[]){1, 4, 1}, (ptrdiff_t[]){PTRDIFF_MIN, 2, PTRDIFF_MAX});
    compare(memory, "int16", 2, 3, (size_t[]){5, 0, 2}, (ptrdiff_t[]){PTRDIFF_MIN, 2, PTRDIFF_MAX});

    static const struct {
        const char *dtype;
        size_t size;
    } dtypes[] = {{"uint8", 1}, {"float16", 2}, {"int32", 4}, {"float64", 8}, {"complex128", 16}, {"S3", 3}, {"V40", 40}};
    for (int round = 0; round < 3000; round++) {
        const size_t which = random_below(7), ndim = 1 + random_below(5);
        size_t shape[5];
        ptrdiff_t strides[5];
        for (size_t axis = 0; axis < ndim; axis++) {
            shape[axis] = random_below(16) == 0 ? 0 : 1 + random_below(5);
            /* They may overlap, lie odd, and go back. */
            strides[axis] = (ptrdiff_t)random_below(2001) - 1000;
            if (random_below(3) == 0) {
                strides[axis] = (ptrdiff_t)dtypes[which].size;
            }
        }
        if (random_below(3) == 0) {
            /* In C order, or nearly so. */
            ptrdiff_t stride = (ptrdiff_t)dtypes[which].size;
            for (size_t axis = ndim; axis-- > 0;) {
                strides[axis] = stride;
                stride *= (ptrdiff_t)shape[axis] + (random_below(4) == 0);
            }
        }
        compare(middle, dtypes[which].dtype, dtypes[which].size, ndim, shape, strides);
    }
    nds_reader_close(reader);
    nds_writer_close(writer);
    OK(nds_store_remove(store, "strides", &error));
    nds_store_close(store);
    return 0;
}
