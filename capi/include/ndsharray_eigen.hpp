/*
 * Eigen matrices as values, and values as Eigen maps, without a copy. It needs Eigen 3.3 or later.
 *
 *     ndsharray::write(writer, matrix);       // also blocks, columns and expressions
 *
 *     if (auto value = reader.wait(std::chrono::seconds(1))) {
 *         auto pose = ndsharray::map<Eigen::Matrix4d>(*value);
 *         Eigen::Vector4d moved = pose * point;
 *     }
 *
 * Values lie in C order, row after row; Eigen's matrices by default column after column. Both ways are right: map finds each
 * element at its row and column. Matrices that are Eigen::RowMajor are as fast as can be.
 */

#ifndef NDSHARRAY_EIGEN_HPP
#define NDSHARRAY_EIGEN_HPP

#include "ndsharray.hpp"

#include <Eigen/Core>

#include <cstddef>
#include <string>
#include <type_traits>

/// Eigen's half precision.
template <> struct ndsharray::Dtype<Eigen::half> : ndsharray::detail::BuiltIn<NDS_FLOAT16> {};

namespace ndsharray {

namespace detail {

/// Whether the elements of such matrices lie as those of values do.
template <class Matrix> constexpr bool is_in_c_order = Matrix::IsRowMajor || Matrix::IsVectorAtCompileTime;

/// The steps of a map: known to the compiler, or not.
template <class Matrix>
using Steps = std::conditional_t<is_in_c_order<Matrix>, Eigen::Stride<0, 0>, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;

/// Whether a matrix of this type can have such a length along an axis.
inline bool fits(Eigen::Index fixed, std::size_t length) {
    return fixed == Eigen::Dynamic || static_cast<std::size_t>(fixed) == length;
}

} // namespace detail

/// A value as a matrix, to be read only. It lives as long as a snapshot of the value.
template <class Matrix> using MapOf = Eigen::Map<const Matrix, Eigen::Unaligned, detail::Steps<Matrix>>;

/// The value as a matrix of this type, such as Eigen::MatrixXf or Eigen::Matrix4d, where it lies. A value with one axis is a vector:
/// a column, unless the matrix is a row.
///
/// NDS_WRONG_TYPE as Snapshot::as; NDS_INVALID_ARGUMENT if the value has not 1 or 2 axes, or other lengths than a matrix of
/// fixed size. With an Error of the caller, the map then leads to NULL: do not use it.
template <class Matrix> MapOf<Matrix> map(const Snapshot &snapshot, OnError on_error = {}) {
    using Scalar = typename Matrix::Scalar;
    constexpr Eigen::Index fixed_rows = Matrix::RowsAtCompileTime, fixed_columns = Matrix::ColsAtCompileTime;
    const auto made = [](const Scalar *data, Eigen::Index rows, Eigen::Index columns) {
        if constexpr (detail::is_in_c_order<Matrix>) {
            return MapOf<Matrix>(data, rows, columns);
        } else {
            // From one column to the next it is an element, from one row to the next a whole row.
            return MapOf<Matrix>(data, rows, columns, {1, columns});
        }
    };
    const auto nothing = [&] {
        return made(nullptr, fixed_rows == Eigen::Dynamic ? 0 : fixed_rows,
                    fixed_columns == Eigen::Dynamic ? 0 : fixed_columns);
    };
    Error error;
    const View<const Scalar> view = snapshot.as<Scalar>(error);
    if (error) {
        on_error.fail(error);
        return nothing();
    }
    const Shape shape = view.shape();
    std::size_t rows = 0, columns = 0;
    if (shape.size() == 1) {
        rows = fixed_rows == 1 ? 1 : shape[0];
        columns = fixed_rows == 1 ? shape[0] : 1;
    } else if (shape.size() == 2) {
        rows = shape[0];
        columns = shape[1];
    }
    if (shape.size() < 1 || shape.size() > 2 || !detail::fits(fixed_rows, rows) || !detail::fits(fixed_columns, columns)) {
        std::string found;
        for (const std::size_t length : shape) {
            found += (found.empty() ? "" : ", ") + std::to_string(length);
        }
        on_error.refuse("the value has shape (" + found + "), which the matrix cannot have: look at shape() first");
        return nothing();
    }
    on_error.succeed();
    return made(view.data(), static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns));
}

/// Not of a temporary: the map would outlive it.
template <class Matrix> MapOf<Matrix> map(const Snapshot &&snapshot, OnError on_error = {}) = delete;

/// Publishes a matrix as an array with two axes, or a vector as one with one axis, and returns the number of the value. What lies in
/// memory is copied once, whatever its steps; another expression is evaluated first.
///
/// Fails as Writer::write.
template <class Derived>
std::uint64_t write(Writer &writer, const Eigen::DenseBase<Derived> &given, const Meta &meta = {}, OnError on_error = {}) {
    using Scalar = typename Derived::Scalar;
    if constexpr ((Derived::Flags & Eigen::DirectAccessBit) == 0) {
        const typename Derived::PlainObject evaluated = given.derived();
        return write(writer, evaluated, meta, on_error);
    } else {
        const Derived &matrix = given.derived();
        constexpr auto size = static_cast<std::ptrdiff_t>(sizeof(Scalar));
        const std::ptrdiff_t inner = matrix.innerStride() * size, outer = matrix.outerStride() * size;
        if constexpr (Derived::IsVectorAtCompileTime) {
            return writer.write_strided(matrix.data(), {static_cast<std::size_t>(matrix.size())}, {inner}, meta, on_error);
        } else {
            return writer.write_strided(matrix.data(),
                                        {static_cast<std::size_t>(matrix.rows()), static_cast<std::size_t>(matrix.cols())},
                                        {Derived::IsRowMajor ? outer : inner, Derived::IsRowMajor ? inner : outer}, meta,
                                        on_error);
        }
    }
}

} // namespace ndsharray

#endif
