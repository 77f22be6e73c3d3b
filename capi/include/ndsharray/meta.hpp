/* What travels with a value beside its elements. */

#ifndef NDSHARRAY_META_HPP
#define NDSHARRAY_META_HPP

#include "error.hpp"
#include "time.hpp"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

namespace ndsharray {

/// What travels with a value beside its elements.
///
///     writer.write(pixels, {480, 640}, {R"({"encoding": "mono8"})", {}, std::chrono::system_clock::now()});
struct Meta {
    /// Attributes: a JSON object as text of at most 2048 bytes. Empty: none.
    std::string attributes = {};
    /// Any bytes, at most 2048. Empty: none. A value has user data or attributes, not both.
    std::string user_data = {};
    /// When the value was acquired, such as when the shutter opened, if that is known.
    std::optional<Time> acquired_at = {};
    /// When the value was written in the store that it was copied from, if it was copied.
    std::optional<Time> source_written_at = {};
};

namespace detail {

/// As the C interface has it: true and `raw`, whose pointers are those of `meta`; or it fails.
inline bool convert(const Meta &meta, nds_meta &raw, OnError on_error) {
    raw = nds_meta();
    raw.size = sizeof raw;
    if (!is_text(meta.attributes, "attributes", on_error)) {
        return false;
    }
    if (!meta.attributes.empty()) {
        raw.attributes = meta.attributes.c_str();
    }
    if (!meta.user_data.empty()) {
        raw.user_data = meta.user_data.data();
        raw.user_data_size = meta.user_data.size();
    }
    for (const auto &[time, to] : {std::pair(&meta.acquired_at, &raw.acquired_at),
                                   std::pair(&meta.source_written_at, &raw.source_written_at)}) {
        if (!time->has_value()) {
            continue;
        }
        const auto nanoseconds = (*time)->time_since_epoch().count();
        if (nanoseconds <= 0) {
            on_error.refuse("a time in the meta is not after 1970: give a later one, or none");
            return false;
        }
        *to = static_cast<std::uint64_t>(nanoseconds);
    }
    return true;
}

} // namespace detail
} // namespace ndsharray

#endif
