/* Loans. */

#ifndef NDSHARRAY_LOAN_HPP
#define NDSHARRAY_LOAN_HPP

#include "meta.hpp"
#include "view.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace ndsharray {

/// The memory of a value that is not published yet. If it ends without publish, nothing happened.
///
/// One thread at a time may use it or its writer; the memory may be filled by several. An empty one is false.
template <class T> class Loan {
public:
    Loan() noexcept = default;
    /// Takes over a handle of the C interface, of this shape.
    Loan(nds_loan *handle, Shape shape) : handle_(handle), shape_(shape.begin(), shape.end()) {}

    explicit operator bool() const noexcept { return handle_ != nullptr; }
    /// The handle of the C interface, which stays this object's.
    nds_loan *handle() const noexcept { return handle_.get(); }

    /// The elements, to be filled. They are those of some earlier value, or zero. It lives as long as the loan.
    ///
    /// It is empty in a child that was forked: the memory is the parent's.
    View<T> view() const noexcept {
        T *first = data();
        return first != nullptr ? View<T>(first, nds_loan_nbytes(handle()) / sizeof(T), shape_) : View<T>();
    }
    /// The first element, aligned to a page.
    T *data() const noexcept { return static_cast<T *>(nds_loan_data(handle())); }

    /// Sets what travels with the value, in place of what was set before.
    void set_meta(const Meta &meta, OnError on_error = {}) {
        nds_meta raw;
        if (detail::convert(meta, raw, on_error)) {
            detail::call(on_error, [&](nds_error **error) { return nds_loan_set_meta(handle(), &raw, error); });
        }
    }

    /// Makes this the latest value, and returns its number. The loan ends, also if this fails: nothing was published then.
    ///
    /// Fails as Writer::write.
    std::uint64_t publish(OnError on_error = {}) {
        std::uint64_t version = 0;
        detail::call(on_error, [&](nds_error **error) { return nds_loan_publish(handle_.release(), &version, error); });
        return version;
    }

    /// Ends the loan without publishing.
    void abandon() noexcept { handle_.reset(); }

private:
    std::unique_ptr<nds_loan, detail::Ends<nds_loan_abandon>> handle_;
    std::vector<std::size_t> shape_;
};

} // namespace ndsharray

#endif
