/* Stores. */

#ifndef NDSHARRAY_STORE_HPP
#define NDSHARRAY_STORE_HPP

#include "reader.hpp"
#include "stat.hpp"
#include "writer.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ndsharray {

/// The version of the library that is loaded, such as "2.0.0".
inline std::string library_version() { return nds_library_version(); }

/// What Store::gc removed, or would remove.
struct GcReport {
    /// The names of the files.
    std::vector<std::string> removed = {};
    /// The storage that they had, in bytes.
    std::uint64_t bytes = 0;
};

/// A directory of named arrays. Any thread may use it, several at once. Its writers, readers and snapshots outlive it. An empty one is
/// false, and its calls are NDS_INVALID_ARGUMENT.
class Store {
public:
    Store() noexcept = default;
    /// Takes over a handle of the C interface.
    explicit Store(nds_store *handle) noexcept : handle_(handle) {}

    /// Opens the store that the environment variable NDSHARRAY_DIR names, else /dev/shm.
    static Store open(OnError on_error = {}) { return open_in(nullptr, on_error); }

    /// Opens the store in a directory. NDS_NOT_FOUND if there is no such directory.
    static Store open(const std::string &directory, OnError on_error = {}) {
        return detail::is_text(directory, "the directory", on_error) ? open_in(directory.c_str(), on_error) : Store();
    }

    explicit operator bool() const noexcept { return handle_ != nullptr; }
    /// The handle of the C interface, which stays this object's.
    nds_store *handle() const noexcept { return handle_.get(); }

    /// Opens the one writer of a tag, which goes on where an earlier one left off.
    ///
    /// NDS_BUSY if another one lives and takeover was not asked for; NDS_PERMISSION if the tag is another user's; NDS_FOREIGN if
    /// something else has its name.
    Writer writer(const std::string &tag, const WriterOptions &options = {}, OnError on_error = {}) const {
        nds_writer_options raw = {};
        raw.size = sizeof raw;
        raw.mode = options.mode;
        raw.flags = (options.ephemeral ? NDS_EPHEMERAL : 0u) | (options.takeover ? NDS_TAKEOVER : 0u);
        raw.capacity = options.capacity;
        raw.history = options.history;
        raw.source = options.source.empty() ? nullptr : options.source.c_str();
        nds_writer *opened = nullptr;
        if (detail::is_text(tag, "the tag", on_error) && detail::is_text(options.source, "the source", on_error)) {
            detail::call(on_error, [&](nds_error **error) { return nds_writer_open(handle(), tag.c_str(), &raw, &opened, error); });
        }
        return Writer(opened);
    }

    /// Opens a reader of a tag. If there is no such tag, it waits for one: for a duration, until a time_point, or `forever`.
    ///
    /// NDS_NOT_FOUND if there is none after that. A tag exists from when its first writer is opened, and may not have a value yet.
    Reader reader(const std::string &tag, Timeout wait = std::chrono::nanoseconds(0), OnError on_error = {}) const {
        nds_reader *opened = nullptr;
        if (detail::is_text(tag, "the tag", on_error)) {
            detail::call(on_error, [&](nds_error **error) {
                return nds_reader_open(handle(), tag.c_str(), wait.nanoseconds(), &opened, error);
            });
        }
        return Reader(opened);
    }

    /// The directory, as an absolute path; empty if the store is.
    std::string directory() const { return handle_ ? nds_store_directory(handle()) : ""; }

    /// The tags of the store, in order.
    std::vector<std::string> tags(OnError on_error = {}) const {
        nds_names *found = nullptr;
        detail::call(on_error, [&](nds_error **error) { return nds_store_tags(handle(), &found, error); });
        return owned(found);
    }

    /// What there is to know of a tag, without a mapping. NDS_NOT_FOUND if there is no such tag.
    Stat stat(const std::string &tag, OnError on_error = {}) const {
        nds_stat *found = nullptr;
        if (detail::is_text(tag, "the tag", on_error)) {
            detail::call(on_error, [&](nds_error **error) { return nds_store_stat(handle(), tag.c_str(), &found, error); });
        }
        const std::unique_ptr<nds_stat, detail::Ends<nds_stat_free>> freed(found);
        return found != nullptr ? detail::owned(*found) : Stat();
    }

    /// Removes a tag with its value. Snapshots that are held stay as they are.
    ///
    /// NDS_BUSY if a writer has it, NDS_PERMISSION if it is another user's.
    void remove(const std::string &tag, OnError on_error = {}) const {
        if (detail::is_text(tag, "the tag", on_error)) {
            detail::call(on_error, [&](nds_error **error) { return nds_store_remove(handle(), tag.c_str(), error); });
        }
    }

    /// Removes a tag even if a writer has it, whose next write is NDS_ENDED, or it is damaged.
    void force_remove(const std::string &tag, OnError on_error = {}) const {
        if (detail::is_text(tag, "the tag", on_error)) {
            detail::call(on_error, [&](nds_error **error) { return nds_store_force_remove(handle(), tag.c_str(), error); });
        }
    }

    /// Removes what killed processes of this user left in the store: nothing that is in use.
    GcReport gc(OnError on_error = {}) const { return collect(nds_store_gc, on_error); }

    /// What gc would remove now. Nothing is removed.
    GcReport gc_dry_run(OnError on_error = {}) const { return collect(nds_store_gc_dry_run, on_error); }

private:
    static Store open_in(const char *directory, OnError on_error) {
        nds_store *opened = nullptr;
        detail::call(on_error, [&](nds_error **error) { return nds_store_open(directory, &opened, error); });
        return Store(opened);
    }

    static std::vector<std::string> owned(nds_names *names) {
        const std::unique_ptr<nds_names, detail::Ends<nds_names_free>> freed(names);
        if (names == nullptr) {
            return {};
        }
        return {names->items, names->items + names->count};
    }

    template <class Function> GcReport collect(Function function, OnError on_error) const {
        nds_names *removed = nullptr;
        GcReport report;
        detail::call(on_error, [&](nds_error **error) { return function(handle(), &removed, &report.bytes, error); });
        report.removed = owned(removed);
        return report;
    }

    std::unique_ptr<nds_store, detail::Ends<nds_store_close>> handle_;
};

} // namespace ndsharray

#endif
