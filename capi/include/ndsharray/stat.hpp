/* What Store::stat says of a tag. */

#ifndef NDSHARRAY_STAT_HPP
#define NDSHARRAY_STAT_HPP

#include "../ndsharray.h"
#include "time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ndsharray {

/// What there is to know of a tag.
struct Stat {
    std::string tag = {};
    /// Where the values come from, as the writer said; empty for a writer of this machine.
    std::string source = {};
    /// Storage that the tag's files take, in bytes.
    std::uint64_t bytes = 0;
    /// The process that has the tag, in its own PID namespace; 0 if nobody has it.
    std::uint32_t pid = 0;
    /// The user that owns the tag's files.
    std::uint32_t uid = 0;
    /// The permissions of the header.
    std::uint32_t mode = 0;
    /// Whether a writer has the tag now.
    bool writer_alive = false;
    /// Whether the tag goes when its writer goes.
    bool ephemeral = false;
    /// The number of the value; 0 if there is none. Then all that follows is 0 or empty.
    std::uint64_t version = 0;
    /// What the elements are, as numpy writes it.
    std::string dtype = {};
    /// The dtype as a number.
    nds_dtype dtype_code = NDS_OTHER_DTYPE;
    /// The size of an element in bytes.
    std::size_t itemsize = 0;
    /// The length of each axis.
    std::vector<std::size_t> shape = {};
    /// The length of the value in bytes.
    std::size_t nbytes = 0;
    /// When it was published.
    std::optional<Time> written_at = {};
    /// How long ago that was.
    std::chrono::nanoseconds age = {};
    /// When it was acquired, if the writer said so.
    std::optional<Time> acquired_at = {};
    /// When it was written where it comes from, if it was brought from another store.
    std::optional<Time> source_written_at = {};
    /// Its user data, or the text of its attributes; empty if there are none, or values come faster than they can be looked at.
    std::string user_data = {};
    /// Its attributes as JSON text; empty if it has none, or as for the user data.
    std::string attributes = {};
    /// The name of the data file.
    std::string data_file = {};
    /// How many values the data file has room for.
    std::size_t slots_allocated = 0;
    /// How many of these readers hold.
    std::size_t slots_pinned = 0;
    /// The room for each, in bytes.
    std::size_t slot_capacity = 0;
};

namespace detail {

/// The same, with memory of its own.
inline Stat owned(const nds_stat &raw) {
    const auto text = [](const char *from) { return from != nullptr ? std::string(from) : std::string(); };
    Stat stat;
    stat.tag = text(raw.tag);
    stat.source = text(raw.source);
    stat.bytes = raw.bytes;
    stat.pid = raw.pid;
    stat.uid = raw.uid;
    stat.mode = raw.mode;
    stat.writer_alive = raw.writer_alive;
    stat.ephemeral = raw.ephemeral;
    stat.version = raw.version;
    if (raw.version == 0) {
        return stat;
    }
    stat.dtype = text(raw.dtype);
    stat.dtype_code = raw.dtype_code;
    stat.itemsize = raw.itemsize;
    stat.shape.assign(raw.shape, raw.shape + raw.ndim);
    stat.nbytes = raw.nbytes;
    stat.written_at = time(raw.written_at);
    stat.age = std::chrono::nanoseconds(static_cast<std::int64_t>(raw.age));
    stat.acquired_at = time(raw.acquired_at);
    stat.source_written_at = time(raw.source_written_at);
    if (raw.user_data != nullptr) {
        stat.user_data.assign(static_cast<const char *>(raw.user_data), raw.user_data_size);
    }
    stat.attributes = text(raw.attributes);
    stat.data_file = text(raw.data_file);
    stat.slots_allocated = raw.slots_allocated;
    stat.slots_pinned = raw.slots_pinned;
    stat.slot_capacity = raw.slot_capacity;
    return stat;
}

} // namespace detail
} // namespace ndsharray

#endif
