/* Which dtype the elements of a C++ type have. */

#ifndef NDSHARRAY_DTYPE_HPP
#define NDSHARRAY_DTYPE_HPP

#include "error.hpp"

#include <complex>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace ndsharray {

/// A number of half precision, as its bits: dtype float16.
struct Float16 {
    /// Sign, exponent (5 bits) and fraction (10 bits).
    std::uint16_t bits;
};

namespace detail {

/// The texts, in the order of the codes, which begin with 1.
inline constexpr const char *texts[] = {"int8",   "int16",   "int32",   "int64",   "uint8",     "uint16",     "uint32",
                                        "uint64", "float16", "float32", "float64", "complex64", "complex128", "bool"};

/// A built-in dtype.
template <nds_dtype number> struct BuiltIn {
    static constexpr nds_dtype code = number;
    static constexpr const char *text = texts[number - 1];
};

template <class T, class... Others> constexpr bool is_one_of = (std::is_same_v<T, Others> || ...);

/// The integers. `char` is none: whether it has a sign depends on the machine.
template <class T>
constexpr bool is_integer = is_one_of<T, signed char, short, int, long, long long, unsigned char, unsigned short,
                                      unsigned, unsigned long, unsigned long long>;

template <class T> constexpr nds_dtype integer_code() {
    constexpr int power = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3;
    return static_cast<nds_dtype>((std::is_signed_v<T> ? NDS_INT8 : NDS_UINT8) + power);
}

} // namespace detail

/// The dtype of a C++ type: `text` is what numpy writes for it.
///
/// Those of numbers, bool, std::complex and Float16 are here. For a struct of your own, say it:
///
///     struct Point { float x, y; };
///     template <> struct ndsharray::Dtype<Point> {
///         static constexpr const char *text = "[('x', '<f4'), ('y', '<f4')]";
///     };
///
/// The struct must be trivially copyable. Gaps between its members are fields as well: "('', '|V4')". Declare what is
/// a bool in numpy as std::uint8_t, as other processes may write any byte there.
template <class T, class = void> struct Dtype;

template <class T>
struct Dtype<T, std::enable_if_t<detail::is_integer<T>>> : detail::BuiltIn<detail::integer_code<T>()> {};
template <> struct Dtype<bool> : detail::BuiltIn<NDS_BOOL> {};
template <> struct Dtype<Float16> : detail::BuiltIn<NDS_FLOAT16> {};
template <> struct Dtype<float> : detail::BuiltIn<NDS_FLOAT32> {};
template <> struct Dtype<double> : detail::BuiltIn<NDS_FLOAT64> {};
template <> struct Dtype<std::complex<float>> : detail::BuiltIn<NDS_COMPLEX64> {};
template <> struct Dtype<std::complex<double>> : detail::BuiltIn<NDS_COMPLEX128> {};

namespace detail {

template <class T, class = void> constexpr bool is_built_in = false;
template <class T> constexpr bool is_built_in<T, std::void_t<decltype(Dtype<T>::code)>> = true;

/// Whether the elements that the dtype of T describes are as long as T; if not, fails.
template <class T> bool has_its_size(OnError on_error) {
    static_assert(std::is_trivially_copyable_v<T>, "elements are copied between processes byte by byte");
    static_assert(alignof(T) <= 8, "elements are aligned to 8 bytes at most");
    if constexpr (is_built_in<T>) {
        static_assert(sizeof(bool) == 1);
        return true;
    } else {
        // Asked once for each type. 0 if the text is no dtype.
        static const std::size_t described = [] {
            std::size_t size = 0;
            nds_dtype_itemsize(Dtype<T>::text, &size, nullptr);
            return size;
        }();
        if (described == sizeof(T)) {
            return true;
        }
        on_error.refuse("the dtype " + std::string(Dtype<T>::text) + " has elements of " + std::to_string(described) +
                        " bytes (0 if it is none), and the C++ type has " + std::to_string(sizeof(T)) +
                        ": correct ndsharray::Dtype of that type");
        return false;
    }
}

} // namespace detail
} // namespace ndsharray

#endif
