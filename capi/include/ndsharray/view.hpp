/* Memory that belongs to something else, as lists and arrays. */

#ifndef NDSHARRAY_VIEW_HPP
#define NDSHARRAY_VIEW_HPP

#include <cassert>
#include <cstddef>
#include <initializer_list>
#include <type_traits>
#include <utility>

namespace ndsharray {

/// A list that lies elsewhere, such as in a vector, a std::array or between braces. It does not keep that alive: take it as an
/// argument, and store it only if you know how long the list lives.
template <class T> class Slice {
public:
    /// No items.
    constexpr Slice() noexcept = default;

    /// So many items from here.
    constexpr Slice(T *data, std::size_t size) noexcept : data_(data), size_(size) {}

    /// What stands between braces: `{480, 640}`. It lives until the end of the call that it is an argument of.
    template <class Item = T, class = std::enable_if_t<std::is_const_v<Item>>>
    constexpr Slice(std::initializer_list<std::remove_const_t<T>> items) noexcept : Slice(items.begin(), items.size()) {}

    /// The items of a container.
    template <class Container, class = std::enable_if_t<std::is_convertible_v<
                                   decltype(std::declval<Container &>().data()), T *>>>
    constexpr Slice(Container &&items) noexcept : Slice(items.data(), items.size()) {}

    constexpr T *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr T *begin() const noexcept { return data_; }
    constexpr T *end() const noexcept { return data_ + size_; }
    constexpr T &operator[](std::size_t index) const { return assert(index < size_), data_[index]; }

private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};

/// The length of each axis.
using Shape = Slice<const std::size_t>;

/// The way from one element to the next along each axis, in bytes, as numpy has it: negative or 0, too.
using Strides = Slice<const std::ptrdiff_t>;

/// The elements of an array in C order. It lives as long as what it was asked of: a Snapshot, or a Loan.
///
/// It has the members of a range, so that C++20 makes a std::span of it.
template <class T> class View {
public:
    /// No elements.
    constexpr View() noexcept = default;

    /// So many elements from here, in this shape.
    constexpr View(T *data, std::size_t size, Shape shape) noexcept : data_(data), size_(size), shape_(shape) {}

    /// The first element.
    constexpr T *data() const noexcept { return data_; }
    /// How many elements there are.
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    /// The length of each axis.
    constexpr Shape shape() const noexcept { return shape_; }
    constexpr T *begin() const noexcept { return data_; }
    constexpr T *end() const noexcept { return data_ + size_; }

    /// An element by its place in C order.
    constexpr T &operator[](std::size_t place) const { return assert(place < size_), data_[place]; }

    /// An element by its index along each axis: `image(y, x, 2)`. What is out of range is undefined, and asserted.
    template <class... Index> constexpr T &operator()(Index... index) const {
        assert(sizeof...(Index) == shape_.size());
        std::size_t place = 0, axis = 0;
        ((assert(static_cast<std::size_t>(index) < shape_[axis]),
          place = place * shape_[axis++] + static_cast<std::size_t>(index)),
         ...);
        (void)axis;
        return (*this)[place];
    }

private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
    Shape shape_;
};

} // namespace ndsharray

#endif
