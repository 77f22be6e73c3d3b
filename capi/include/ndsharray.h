/*
 * ndsharray: N-dimensional arrays shared between processes on one Linux machine, by name.
 *
 * One process writes an array under a tag, any number of others read the latest value, in place and always whole.
 * docs/c.md of the project has programs; this file has the rules.
 *
 * Made by cbindgen from capi/src. Do not edit it.
 *
 * Errors. A function that can fail returns an nds_status, which is less than 0 if it failed. Then *error is set to an
 * error, which the caller frees with nds_error_free; otherwise *error is set to NULL. Pass NULL for `error` if you do
 * not want it. If a function fails, or returns NDS_NONE, the places for its results get NULL, 0, -1 or false.
 *
 * Handles are opaque. Each kind has its own function that closes, frees or releases it; a loan ends by publishing or
 * abandoning it. To use a handle after that, or to pass a pointer that is not valid, is undefined. NULL where it is not
 * allowed gives NDS_INVALID_ARGUMENT. The comment of each type says which threads may use it.
 *
 * Texts end with a NUL and are UTF-8 (paths: any bytes). What a function takes is copied, and may be changed or freed
 * after the call. Text and memory that belong to a handle live as long as the handle.
 *
 * Times are in nanoseconds. A point in time counts from the start of 1970. A wait of less than 0 lasts for ever.
 *
 * Fork. A child may use stores, readers and snapshots that it inherits, and must close or release them as the parent
 * does. Writers and loans belong to the parent: in the child each call of them gives NDS_ENDED, and closing them there
 * does nothing to the parent. nds_reader_fd says what becomes of descriptors. A process with several threads may fork
 * too, within the limits that the C library sets for the child.
 */


#ifndef NDSHARRAY_H
#define NDSHARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For ever, as a time to wait. */
#define NDS_FOREVER (-1)


// For nds_writer_options.flags: the tag is removed when the writer is closed, or found to have been killed.
#define NDS_EPHEMERAL 1

// For nds_writer_options.flags: a living writer of the same user is replaced; its next write gives NDS_ENDED.
#define NDS_TAKEOVER 2

// What a call returns: 0 if it did what it says, 1 if there was nothing to return, and less than 0 if it failed.
//
// Later versions may add numbers below 0: treat those that you do not know as NDS_IO.
typedef enum nds_status {
  // Done.
  NDS_OK = 0,
  // There is nothing new, or the time is over. This is no error.
  NDS_NONE = 1,
  // There is no such store, array or file: check the names, or try again once a writer has opened and written it.
  NDS_NOT_FOUND = -1,
  // The array has no value yet: wait for the first one.
  NDS_EMPTY = -2,
  // The store has no room: remove arrays, call nds_store_gc, or make it larger. The last value stays readable.
  NDS_FULL = -3,
  // Another writer has the array: close that one first, or take over.
  NDS_BUSY = -4,
  // This writer has ended, since the array was taken over or removed, or the process was forked: open a new one.
  NDS_ENDED = -5,
  // This user may not do that: have the permissions changed, or do it as the user that the error names.
  NDS_PERMISSION = -6,
  // The file under this name is another program's, or has a format or byte order that this library cannot use. It was left as
  // it is.
  NDS_FOREIGN = -7,
  // A file of the array is damaged: remove the file that the error names, and write the array again.
  NDS_DAMAGED = -8,
  // An argument is not valid, and never will be: correct what the error names.
  NDS_INVALID_ARGUMENT = -9,
  // The elements do not have the type that was asked for.
  NDS_WRONG_TYPE = -10,
  // Others changed the array at each attempt: try again.
  NDS_CONTENDED = -11,
  // The filesystem or kernel lacks an operation: use a store on another filesystem, such as tmpfs.
  NDS_UNSUPPORTED = -12,
  // The operating system refused an operation for another reason: nds_error_errno says which.
  NDS_IO = -13,
  // A bug in ndsharray: please report it. Close the handles of the call, and use them for nothing else.
  NDS_INTERNAL = -14,
} nds_status;

// The built-in dtypes as numbers, to compare the dtype of a value with. Functions take a dtype as text: nds_dtype_name gives the
// text of a number.
typedef enum nds_dtype {
  // int8_t
  NDS_INT8 = 1,
  // int16_t
  NDS_INT16 = 2,
  // int32_t
  NDS_INT32 = 3,
  // int64_t
  NDS_INT64 = 4,
  // uint8_t
  NDS_UINT8 = 5,
  // uint16_t
  NDS_UINT16 = 6,
  // uint32_t
  NDS_UINT32 = 7,
  // uint64_t
  NDS_UINT64 = 8,
  // IEEE 754 half precision
  NDS_FLOAT16 = 9,
  // float
  NDS_FLOAT32 = 10,
  // double
  NDS_FLOAT64 = 11,
  // float _Complex
  NDS_COMPLEX64 = 12,
  // double _Complex
  NDS_COMPLEX128 = 13,
  // One byte, 0 or 1.
  NDS_BOOL = 14,
  // Any other dtype: its text says which.
  NDS_OTHER_DTYPE = 255,
} nds_dtype;

// Why a call failed: its status, an errno and a text. Made by the call, freed by the caller with nds_error_free.
//
// Any thread may use it.
typedef struct nds_error nds_error;

// The memory of a value that is not published yet. It ends with nds_loan_publish or nds_loan_abandon. One thread at a time may use
// it or its writer; several may fill the memory.
typedef struct nds_loan nds_loan;

// A reader of a tag. A tag may have any number of readers, in any process. One thread at a time may use a reader; it need
// not always be the same thread.
//
// It follows its tag when the writer is replaced, and when the tag is removed and written again. A forked child may go on using
// it, but not its file descriptor: ask for a new one there.
typedef struct nds_reader nds_reader;

// A value, whole and unchanging for as long as it is held. Any thread may use it, several at once.
//
// It has a reference count, which nds_snapshot_retain raises and nds_snapshot_release lowers. It outlives its reader, its writer
// and the tag. After a fork, parent and child each release it. While it is held, it takes one slot of the store. A process that
// holds three of a tag gets copies in its own memory from then on.
typedef struct nds_snapshot nds_snapshot;

// A directory of named arrays. Any thread may use it, several at once.
typedef struct nds_store nds_store;

// The one writer of a tag. One thread at a time may use it or its loan; it need not always be the same thread.
typedef struct nds_writer nds_writer;

// A list of names, such as tags. Freed by the caller with nds_names_free. Any thread may use it.
typedef struct nds_names {
  // The number of names.
  size_t count;
  // The names, as UTF-8.
  const char *const *items;
} nds_names;

// What nds_store_stat says about a tag. The caller frees it with nds_stat_free, which also frees all that it points to. Any thread
// may use it.
//
// Only the library makes it, so later versions may add fields at its end.
typedef struct nds_stat {
  // The tag.
  const char *tag;
  // Where the values come from, as the writer said; "" for a writer of this machine.
  const char *source;
  // Storage that the tag's files take, in bytes.
  uint64_t bytes;
  // The pid of the process that writes the tag, in its own PID namespace; 0 if there is no writer.
  uint32_t pid;
  // The user that owns the tag's files.
  uint32_t uid;
  // The permissions of the header.
  uint32_t mode;
  // Whether a writer has the tag now.
  bool writer_alive;
  // Whether the tag is removed when its writer is closed.
  bool ephemeral;
  // The version of the value; 0 if there is no value: then all fields that follow are 0 or NULL.
  uint64_t version;
  // What the elements are, as numpy writes it.
  const char *dtype;
  // The dtype as a number.
  enum nds_dtype dtype_code;
  // The size of an element in bytes.
  size_t itemsize;
  // The number of axes.
  size_t ndim;
  // The length of each axis.
  const size_t *shape;
  // The length of the value in bytes.
  size_t nbytes;
  // When the value was published, in nanoseconds since 1970.
  uint64_t written_at;
  // How long ago the value was published, in nanoseconds.
  uint64_t age;
  // When the value was acquired, in nanoseconds since 1970; 0 if the writer did not say so.
  uint64_t acquired_at;
  // When the value was written in the store that it was copied from, in nanoseconds since 1970; 0 if it was not
  // copied.
  uint64_t source_written_at;
  // The user data of the value, or the text of its attributes; NULL if there are none, or if values come too fast to read
  // them.
  const void *user_data;
  // The length of the user data in bytes.
  size_t user_data_size;
  // The attributes of the value as JSON text; NULL if there are none, or if values come too fast to read them.
  const char *attributes;
  // The name of the data file.
  const char *data_file;
  // How many values the data file has room for.
  size_t slots_allocated;
  // How many of these slots are held by readers.
  size_t slots_pinned;
  // The room in each slot, in bytes.
  size_t slot_capacity;
} nds_stat;

// How a writer is opened. If all but the size is 0, these are the defaults.
//
// nds_writer_options options = {.size = sizeof options, .flags = NDS_EPHEMERAL, .history = 8};
//
// Later versions may add fields at its end: `size` says which version the caller was compiled with.
typedef struct nds_writer_options {
  // sizeof(nds_writer_options).
  size_t size;
  // The permissions of the tag's files, such as 0640. 0: 0600 for a new tag; a tag that exists keeps its own.
  uint32_t mode;
  // NDS_EPHEMERAL, NDS_TAKEOVER, both (with |) or 0.
  uint32_t flags;
  // The least number of bytes that a slot has room for. 0: the size of the first value.
  size_t capacity;
  // How many of the last values stay in place, 0 to 248.
  size_t history;
  // Where the values come from, up to 128 bytes of UTF-8, for programs that copy them from another host; or NULL.
  const char *source;
} nds_writer_options;

// An array in the caller's memory.
//
// nds_array image = {pixels, "uint8", 3, (size_t[]){480, 640, 3}, NULL};
//
// Later versions add nothing to this struct.
typedef struct nds_array {
  // The first element. It may be NULL if there are no elements. It need not be aligned.
  const void *data;
  // What the elements are, as numpy writes it: "float32", "<M8[ns]", "[('x', '<f4'), ('y', '<f4')]".
  const char *dtype;
  // The number of axes, 0 to 64.
  size_t ndim;
  // The length of each axis. It may be NULL if ndim is 0.
  const size_t *shape;
  // The distance in bytes from one element to the next along each axis, as in numpy; it may be negative or 0. NULL: the elements
  // lie in C order without gaps.
  const ptrdiff_t *strides;
} nds_array;

// What travels with a value besides its elements. If all but the size is 0, nothing does.
//
// nds_meta meta = {.size = sizeof meta, .attributes = "{\"gain\": 2}"};
//
// Later versions may add fields at its end: `size` says which version the caller was compiled with.
typedef struct nds_meta {
  // sizeof(nds_meta).
  size_t size;
  // Any bytes, or NULL. A value has user data or attributes, not both.
  const void *user_data;
  // How many bytes: at most 2048.
  size_t user_data_size;
  // Attributes: a JSON object as text of at most 2048 bytes, or NULL.
  const char *attributes;
  // When the value was acquired, such as when the shutter opened: nanoseconds since 1970, or 0 if that is not known.
  uint64_t acquired_at;
  // When the value was written in the store that it was copied from: nanoseconds since 1970, or 0 if it was not copied.
  uint64_t source_written_at;
} nds_meta;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The status that the call returned; NDS_OK for NULL.
//
// # Safety
// The error is NULL, or was not freed.
enum nds_status nds_error_status(const struct nds_error *error);

// The errno of the system call that failed; 0 if no system call failed, and for NULL.
//
// # Safety
// The error is NULL, or was not freed.
int nds_error_errno(const struct nds_error *error);

// What is wrong, as one line of UTF-8 without a newline: the path, tag or argument, and what to do. It lives as long as the error.
// An empty text for NULL.
//
// # Safety
// The error is NULL, or was not freed.
const char *nds_error_message(const struct nds_error *error);

// Frees an error. NULL is allowed.
//
// # Safety
// The error is NULL, or was not freed: to free it twice is undefined.
void nds_error_free(struct nds_error *error);

// The text of a built-in dtype, such as "float32" for NDS_FLOAT32; NULL for any other number. It is never freed.
const char *nds_dtype_name(int code);

// The size in bytes of an element of a dtype, given as numpy writes it: 8 for "[('x', '<f4'), ('y', '<f4')]".
//
// NDS_INVALID_ARGUMENT for a dtype that numpy has not.
//
// # Safety
// `dtype` is a text. `itemsize` and `error` can be written to.
enum nds_status nds_dtype_itemsize(const char *dtype,
                                   size_t *itemsize,
                                   struct nds_error **error);

// Frees a list with its names. NULL is allowed.
//
// # Safety
// The list is NULL, or was not freed: to free it twice is undefined.
void nds_names_free(struct nds_names *names);

// Frees a stat. NULL is allowed.
//
// # Safety
// The stat is NULL, or was not freed: to free it twice is undefined.
void nds_stat_free(struct nds_stat *stat);

// The version of the library, such as "2.0.0". It is never freed.
const char *nds_library_version(void);

// Opens the store in a directory, which must exist. NULL: the one that the environment variable NDSHARRAY_DIR names, else /dev/shm.
//
// NDS_NOT_FOUND if there is no such directory.
//
// # Safety
// `directory` is NULL or a text. `store` and `error` can be written to.
enum nds_status nds_store_open(const char *directory,
                               struct nds_store **store,
                               struct nds_error **error);

// Closes a store. Its writers, readers and snapshots live on. NULL is allowed.
//
// # Safety
// The store is NULL, or was not closed: to close it twice is undefined.
void nds_store_close(struct nds_store *store);

// The directory, as an absolute path. It lives as long as the store; NULL for NULL.
//
// # Safety
// The store is NULL, or was not closed.
const char *nds_store_directory(const struct nds_store *store);

// The tags of the store, sorted. Free them with nds_names_free.
//
// # Safety
// The store was not closed. `tags` and `error` can be written to.
enum nds_status nds_store_tags(const struct nds_store *store,
                               struct nds_names **tags,
                               struct nds_error **error);

// What there is to know about a tag; no file is mapped. Free it with nds_stat_free.
//
// # Safety
// The store was not closed; `tag` is a text. `stat` and `error` can be written to.
enum nds_status nds_store_stat(const struct nds_store *store,
                               const char *tag,
                               struct nds_stat **stat,
                               struct nds_error **error);

// Removes a tag with its value. Snapshots that are held stay as they are.
//
// NDS_BUSY if a writer has it, NDS_PERMISSION if it is another user's.
//
// # Safety
// The store was not closed; `tag` is a text. `error` can be written to.
enum nds_status nds_store_remove(const struct nds_store *store,
                                 const char *tag,
                                 struct nds_error **error);

// Removes a tag even if it is damaged or has a writer. The next write of that writer gives NDS_ENDED.
//
// # Safety
// As for nds_store_remove.
enum nds_status nds_store_force_remove(const struct nds_store *store,
                                       const char *tag,
                                       struct nds_error **error);

// Removes what killed processes of this user left in the store. Files in use stay.
//
// `removed` gets the names of the files, to be freed with nds_names_free; `bytes` gets the storage that they took. Both may be
// NULL.
//
// # Safety
// The store was not closed. What is not NULL can be written to.
enum nds_status nds_store_gc(const struct nds_store *store,
                             struct nds_names **removed,
                             uint64_t *bytes,
                             struct nds_error **error);

// What nds_store_gc would remove now. Nothing is removed.
//
// # Safety
// As for nds_store_gc.
enum nds_status nds_store_gc_dry_run(const struct nds_store *store,
                                     struct nds_names **removed,
                                     uint64_t *bytes,
                                     struct nds_error **error);

// Opens the one writer of a tag, which goes on where an earlier one left off. `options` may be NULL: the defaults.
//
// NDS_BUSY if another writer lives and NDS_TAKEOVER is not set; NDS_PERMISSION if the tag is another user's; NDS_FOREIGN if
// something else has its name.
//
// # Safety
// The store was not closed; `tag` is a text; `options` is NULL or as long as its size says. `writer` and `error` can be written to.
enum nds_status nds_writer_open(const struct nds_store *store,
                                const char *tag,
                                const struct nds_writer_options *options,
                                struct nds_writer **writer,
                                struct nds_error **error);

// Publishes an array; `version`, which may be NULL, gets its number. `meta` may be NULL.
//
// The array is copied once, whatever its strides; the caller may change it afterwards. It never waits for a reader.
//
// NDS_FULL if the store is full; NDS_ENDED if the tag was taken over or removed, or the process forked; NDS_BUSY while a loan is
// open; NDS_INVALID_ARGUMENT for a dtype that numpy does not know, a shape that overflows, more than 64 axes, strides that reach
// beyond the address space, and a bool that is neither 0 nor 1. The last value stays readable in each case.
//
// # Safety
// The writer was not closed; `array`, and `meta` if it is not NULL, have valid pointers. Every element that shape and strides
// describe can be read, and nobody changes it meanwhile. `version` is NULL or can be written to, and `error` too.
enum nds_status nds_writer_write(struct nds_writer *writer,
                                 const struct nds_array *array,
                                 const struct nds_meta *meta,
                                 uint64_t *version,
                                 struct nds_error **error);

// The version of the last value, from this writer or an earlier one; 0 before the first value, and for NULL.
//
// # Safety
// The writer is NULL, or was not closed.
uint64_t nds_writer_version(const struct nds_writer *writer);

// The tag. It lives as long as the writer; NULL for NULL.
//
// # Safety
// The writer is NULL, or was not closed.
const char *nds_writer_tag(const struct nds_writer *writer);

// Closes a writer. The last value stays, unless the writer is ephemeral. While a loan is open, the writer closes with the loan. NULL
// is allowed.
//
// # Safety
// The writer is NULL, or was not closed: to close it twice is undefined.
void nds_writer_close(struct nds_writer *writer);

// Lends the memory of the next value, to be filled in place: no copy at all.
//
// The elements lie in C order. At first they are those of some earlier value, or zero; with dtype bool they are all 0. While the
// loan is open, other calls of its writer give NDS_BUSY. The other errors are those of nds_writer_write.
//
// # Safety
// The writer was not closed; `dtype` is a text; `shape` has `ndim` lengths. `loan` and `error` can be written to.
enum nds_status nds_writer_loan(struct nds_writer *writer,
                                const char *dtype,
                                size_t ndim,
                                const size_t *shape,
                                struct nds_loan **loan,
                                struct nds_error **error);

// The memory to fill: nds_loan_nbytes bytes, aligned to a page. It is the caller's until the loan ends. NULL for NULL, and in a
// forked child, since the memory is the parent's.
//
// # Safety
// The loan is NULL, or has not ended.
void *nds_loan_data(struct nds_loan *loan);

// The length of the value in bytes; 0 for NULL.
//
// # Safety
// The loan is NULL, or has not ended.
size_t nds_loan_nbytes(const struct nds_loan *loan);

// Sets what travels with the value, in place of what was set before. If `meta` is NULL, nothing travels with it.
//
// # Safety
// The loan has not ended; `meta` is NULL or has valid pointers. `error` can be written to.
enum nds_status nds_loan_set_meta(struct nds_loan *loan,
                                  const struct nds_meta *meta,
                                  struct nds_error **error);

// Makes this the latest value; `version`, which may be NULL, gets its number. The loan ends even if this fails; then nothing
// is published.
//
// The errors are those of nds_writer_write.
//
// # Safety
// The loan has not ended, and nobody writes to its memory any more. `version` is NULL or can be written to, and `error` too.
enum nds_status nds_loan_publish(struct nds_loan *loan,
                                 uint64_t *version,
                                 struct nds_error **error);

// Ends a loan without publishing anything. NULL is allowed.
//
// # Safety
// The loan is NULL, or has not ended: to end it twice is undefined.
void nds_loan_abandon(struct nds_loan *loan);

// Raises the reference count of a snapshot, and returns the snapshot, which must be released once more then. NULL for
// NULL.
//
// # Safety
// The snapshot is NULL, or was not released as often as it was held.
struct nds_snapshot *nds_snapshot_retain(const struct nds_snapshot *snapshot);

// Lowers the reference count of a snapshot. At 0, its value is let go. NULL is allowed.
//
// # Safety
// The snapshot is NULL, or was not released as often as it was held: once more is undefined.
void nds_snapshot_release(struct nds_snapshot *snapshot);

// The elements, in C order, aligned to a page or, if they are a copy, to 8 bytes at least. NULL for NULL. They must not be written
// to.
//
// # Safety
// The snapshot is NULL, or is held.
const void *nds_snapshot_data(const struct nds_snapshot *snapshot);

// The length of the elements in bytes; 0 for NULL.
//
// # Safety
// The snapshot is NULL, or is held.
size_t nds_snapshot_nbytes(const struct nds_snapshot *snapshot);

// What the elements are, as numpy writes it: "float32", "<M8[ns]", "[('x', '<f4'), ('y', '<f4')]". nds_writer_write takes the same
// text, unless it is the name of a type that numpy alone does not know, such as bfloat16. It lives as long as the snapshot; NULL
// for NULL.
//
// # Safety
// The snapshot is NULL, or is held.
const char *nds_snapshot_dtype(const struct nds_snapshot *snapshot);

// The dtype as a number; NDS_OTHER_DTYPE for one that is not built in, and for NULL.
//
// # Safety
// The snapshot is NULL, or is held.
enum nds_dtype nds_snapshot_dtype_code(const struct nds_snapshot *snapshot);

// Whether the elements are laid out as this dtype says, however its text is written: "float32" and "<f4" are the same. False for
// NULL, and for a dtype that numpy has not.
//
// # Safety
// The snapshot is NULL, or is held; `dtype` is NULL or a text.
bool nds_snapshot_has_dtype(const struct nds_snapshot *snapshot,
                            const char *dtype);

// The size of an element in bytes; 0 for NULL.
//
// # Safety
// The snapshot is NULL, or is held.
size_t nds_snapshot_itemsize(const struct nds_snapshot *snapshot);

// The number of axes, 0 to 64; 0 for NULL.
//
// # Safety
// The snapshot is NULL, or is held.
size_t nds_snapshot_ndim(const struct nds_snapshot *snapshot);

// The length of each axis, as many as nds_snapshot_ndim says. It lives as long as the snapshot; NULL for NULL.
//
// # Safety
// The snapshot is NULL, or is held.
const size_t *nds_snapshot_shape(const struct nds_snapshot *snapshot);

// The value as an array, such as for nds_writer_write. Its pointers live as long as the snapshot. All zeros for NULL.
//
// # Safety
// The snapshot is NULL, or is held.
struct nds_array nds_snapshot_array(const struct nds_snapshot *snapshot);

// The number of the value: 1 for the first that was written under the tag, one more at each write; 0 for NULL.
//
// # Safety
// The snapshot is NULL, or is held.
uint64_t nds_snapshot_version(const struct nds_snapshot *snapshot);

// When the value was published, in nanoseconds since 1970; 0 for NULL.
//
// # Safety
// The snapshot is NULL, or is held.
uint64_t nds_snapshot_written_at(const struct nds_snapshot *snapshot);

// How long ago the value was published, in nanoseconds. A clock that is set does not change it. 0 for NULL.
//
// # Safety
// The snapshot is NULL, or is held.
uint64_t nds_snapshot_age(const struct nds_snapshot *snapshot);

// When the value was acquired, in nanoseconds since 1970; 0 if the writer did not say so, and for NULL.
//
// # Safety
// The snapshot is NULL, or is held.
uint64_t nds_snapshot_acquired_at(const struct nds_snapshot *snapshot);

// When the value was written in the store that it was copied from, in nanoseconds since 1970; 0 if it was not copied, and for
// NULL.
//
// # Safety
// The snapshot is NULL, or is held.
uint64_t nds_snapshot_source_written_at(const struct nds_snapshot *snapshot);

// The user data of the value, or the JSON text of its attributes. `size`, which may be NULL, gets the length in bytes, 0 to
// 2048. It lives as long as the snapshot; NULL if there is nothing, and for NULL.
//
// # Safety
// The snapshot is NULL, or is held; `size` is NULL or can be written to.
const void *nds_snapshot_user_data(const struct nds_snapshot *snapshot,
                                   size_t *size);

// The attributes of the value as JSON text, an object. It lives as long as the snapshot; NULL if it has none or they are not
// UTF-8, and for NULL.
//
// # Safety
// The snapshot is NULL, or is held.
const char *nds_snapshot_attributes(const struct nds_snapshot *snapshot);

// Whether the value was copied into this process's memory, rather than held in the store; false for NULL.
//
// # Safety
// The snapshot is NULL, or is held.
bool nds_snapshot_is_copy(const struct nds_snapshot *snapshot);

// Opens a reader of a tag. If there is no such tag, it waits for one for up to `wait` nanoseconds: 0 does not wait, less than 0 waits
// for ever.
//
// NDS_NOT_FOUND if there is none after that. A tag exists as soon as its first writer is opened; it may not have a value yet.
//
// # Safety
// The store was not closed; `tag` is a text. `reader` and `error` can be written to.
enum nds_status nds_reader_open(const struct nds_store *store,
                                const char *tag,
                                int64_t wait,
                                struct nds_reader **reader,
                                struct nds_error **error);

// Makes another reader of the same tag, such as for another thread. What this reader has returned counts as returned by the clone
// too. The clone has no file descriptor.
//
// # Safety
// The reader was not closed, and no other thread uses it. `clone` and `error` can be written to.
enum nds_status nds_reader_clone(const struct nds_reader *reader,
                                 struct nds_reader **clone,
                                 struct nds_error **error);

// The latest value if it is newer than what this reader returned last, from nds_reader_read, _wait, _read_next or _wait_next.
// NDS_NONE and a NULL snapshot if it is not newer, and while the tag is removed. Release it with nds_snapshot_release.
//
// NDS_NOT_FOUND if somebody removed the data file by hand; NDS_CONTENDED if the writer was faster at each attempt (rare, except
// where readers must copy); NDS_DAMAGED if a file is damaged.
//
// # Safety
// The reader was not closed, and no other thread uses it. `snapshot` and `error` can be written to.
enum nds_status nds_reader_read(struct nds_reader *reader,
                                struct nds_snapshot **snapshot,
                                struct nds_error **error);

// Waits for what nds_reader_read returns, for up to `wait` nanoseconds; NDS_NONE after that. Less than 0 waits for ever.
//
// # Safety
// As for nds_reader_read.
enum nds_status nds_reader_wait(struct nds_reader *reader,
                                int64_t wait,
                                struct nds_snapshot **snapshot,
                                struct nds_error **error);

// The oldest value that is still there and newer than what this reader returned last; NDS_NONE if there is none. With a writer that
// keeps a history, a reader that stalls while fewer values are written loses none; nds_reader_missed counts those that it lost.
//
// The first call returns the oldest value after which there is no gap. Call nds_reader_read first to begin with the values that
// come from now on.
//
// # Safety
// As for nds_reader_read.
enum nds_status nds_reader_read_next(struct nds_reader *reader,
                                     struct nds_snapshot **snapshot,
                                     struct nds_error **error);

// Waits for what nds_reader_read_next returns, for up to `wait` nanoseconds; NDS_NONE after that. Less than 0 waits for ever.
//
// # Safety
// As for nds_reader_read.
enum nds_status nds_reader_wait_next(struct nds_reader *reader,
                                     int64_t wait,
                                     struct nds_snapshot **snapshot,
                                     struct nds_error **error);

// The latest value, new or not. This does not change what nds_reader_read returns next.
//
// NDS_EMPTY if nothing was ever written; NDS_NOT_FOUND if the tag was removed and its value cannot be reached any more; and
// the errors of nds_reader_read.
//
// # Safety
// As for nds_reader_read.
enum nds_status nds_reader_latest(struct nds_reader *reader,
                                  struct nds_snapshot **snapshot,
                                  struct nds_error **error);

// The value that was acquired nearest to a time (nanoseconds since 1970), of those that are still there. NDS_NONE if none is at
// most `within` nanoseconds away; a `within` of less than 0 sets no limit. A value without a time of acquisition counts by when it
// was written. This does not change what nds_reader_read returns next.
//
// # Safety
// As for nds_reader_read.
enum nds_status nds_reader_nearest(struct nds_reader *reader,
                                   uint64_t time,
                                   int64_t within,
                                   struct nds_snapshot **snapshot,
                                   struct nds_error **error);

// Whether the latest value is another one than that of the snapshot. It costs a few nanoseconds. A loop that runs much more often
// than something is written keeps its snapshot and asks this. True if the snapshot is NULL; false if the reader is.
//
// # Safety
// The reader is NULL, or was not closed and no other thread uses it; the snapshot is NULL, or is held.
bool nds_reader_has_changed(const struct nds_reader *reader,
                            const struct nds_snapshot *snapshot);

// How many values were published between those that nds_reader_read, _wait, _read_next and _wait_next returned; 0 for NULL.
//
// # Safety
// The reader is NULL, or was not closed.
uint64_t nds_reader_missed(const struct nds_reader *reader);

// Whether a writer has the tag now.
//
// # Safety
// The reader was not closed, and no other thread uses it. `alive` and `error` can be written to.
enum nds_status nds_reader_writer_alive(struct nds_reader *reader,
                                        bool *alive,
                                        struct nds_error **error);

// A file descriptor that is readable while there is a value newer than what this reader returned last: for poll, select and epoll,
// by level or by edge.
//
// Each nds_reader_read, _wait, _read_next or _wait_next updates it: it is readable, with a new edge, if there is a value that is
// newer still, and else not readable. So a loop may take one value each time, or read until NDS_NONE. It does not become readable
// when a writer leaves: ask nds_reader_writer_alive now and then. If waiting fails, because no thread can be started, it stays
// readable.
//
// The descriptor belongs to the reader, and closes with it: remove it from an epoll set before you close the reader. Only wait for
// it: do not read it, write to it or close it. Each call returns the same one. A thread of this process does the waiting, one for
// every 127 tags. In a forked child the inherited descriptor still follows the parent's reader: call this function again there,
// which closes it and returns a new one.
//
// NDS_IO if there are no descriptors left, or no thread can be started.
//
// # Safety
// The reader was not closed, and no other thread uses it. `fd` and `error` can be written to.
enum nds_status nds_reader_fd(struct nds_reader *reader,
                              int *fd,
                              struct nds_error **error);

// The tag. It lives as long as the reader; NULL for NULL.
//
// # Safety
// The reader is NULL, or was not closed.
const char *nds_reader_tag(const struct nds_reader *reader);

// Closes a reader and its file descriptor. Its snapshots live on. NULL is allowed.
//
// # Safety
// The reader is NULL, or was not closed: to close it twice is undefined.
void nds_reader_close(struct nds_reader *reader);

// Waits until at least one of these readers has a newer value than it returned last, for up to `wait` nanoseconds; `index` gets
// its place in `readers`. NDS_NONE when the time is over, and at once if there are no readers. Less than 0 waits for ever.
//
// Other readers may have a newer value too: call nds_reader_read on each. A reader may be in `readers` only once.
//
// # Safety
// `readers` has `count` readers that were not closed, and no other thread uses them. `index` and `error` can be written to.
enum nds_status nds_wait_any(struct nds_reader *const *readers,
                             size_t count,
                             int64_t wait,
                             size_t *index,
                             struct nds_error **error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* NDSHARRAY_H */
