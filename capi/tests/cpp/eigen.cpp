/* Matrices of Eigen go through a store. */

#include "check.hpp"

#include <ndsharray_eigen.hpp>

using ndsharray::map;
using ndsharray::Snapshot;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

int main(int count, char **arguments) {
    const auto store = ndsharray::Store::open(directory_of(count, arguments));
    ndsharray::WriterOptions options;
    options.ephemeral = true;
    auto writer = store.writer("matrix", options);
    auto reader = store.reader("matrix");

    Eigen::MatrixXd matrix(3, 4);
    matrix << 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12;
    ndsharray::write(writer, matrix);
    const Snapshot value = reader.read().value();
    CHECK(value.shape().size() == 2 && value.as<double>()(1, 0) == 5);
    /* In place, whatever the order of the type. */
    const auto by_column = map<Eigen::MatrixXd>(value);
    const auto by_row = map<RowMajor>(value);
    const auto fixed = map<Eigen::Matrix<double, 3, 4>>(value);
    CHECK(by_column == matrix && by_row == matrix && fixed == matrix);
    CHECK(by_column.data() == value.data() && by_row.data() == value.data());
    CHECK((fixed * Eigen::Vector4d::Ones()).sum() == 78);
    ndsharray::write(writer, RowMajor(matrix));
    CHECK(std::memcmp(reader.latest().data(), value.data(), value.nbytes()) == 0);

    /* Parts and expressions. */
    const auto is_written = [&](const auto &part, const RowMajor &expected) {
        ndsharray::write(writer, part);
        const Snapshot found = reader.read().value();
        return found.nbytes() == sizeof(double) * static_cast<std::size_t>(expected.size()) &&
               std::memcmp(found.data(), expected.data(), found.nbytes()) == 0;
    };
    const RowMajor rows = matrix;
    CHECK(is_written(matrix.block(1, 1, 2, 2), matrix.block(1, 1, 2, 2)) && is_written(rows.block(1, 1, 2, 2), rows.block(1, 1, 2, 2)));
    CHECK(is_written(matrix.transpose(), matrix.transpose()) && is_written(2 * matrix, 2 * matrix));
    CHECK(is_written(matrix.row(1), matrix.row(1)) && reader.latest().ndim() == 1);
    CHECK(is_written(matrix.col(2), matrix.col(2)) && is_written(matrix.array().sqrt(), matrix.array().sqrt().matrix()));

    /* Vectors. */
    ndsharray::write(writer, Eigen::Vector3f(1, 2, 3));
    const Snapshot vector = reader.latest();
    CHECK(vector.ndim() == 1 && map<Eigen::Vector3f>(vector) == Eigen::Vector3f(1, 2, 3));
    CHECK(map<Eigen::VectorXf>(vector).rows() == 3 && map<Eigen::RowVectorXf>(vector).cols() == 3);
    CHECK(map<Eigen::MatrixXf>(vector).cols() == 1);
    ndsharray::write(writer, Eigen::Matrix<Eigen::half, 2, 1>(Eigen::half(1.5f), Eigen::half(2.0f)));
    const Snapshot halves = reader.latest();
    CHECK(halves.dtype_code() == NDS_FLOAT16 && map<Eigen::Matrix<Eigen::half, 2, 1>>(halves)(0) == Eigen::half(1.5f));
    ndsharray::write(writer, Eigen::MatrixXcd::Identity(2, 2));
    const Snapshot identity = reader.latest();
    CHECK(map<Eigen::MatrixXcd>(identity)(1, 1) == std::complex<double>(1));
    ndsharray::write(writer, Eigen::MatrixXd(0, 3));
    const Snapshot empty = reader.latest();
    CHECK(map<Eigen::MatrixXd>(empty).rows() == 0 && map<Eigen::MatrixXd>(empty).cols() == 3);

    EXPECT(NDS_WRONG_TYPE, map<Eigen::MatrixXf>(value, on_error));
    INVALID(map<Eigen::Matrix3d>(value, on_error));
    INVALID(map<Eigen::VectorXd>(value, on_error));
    INVALID(map<Eigen::Vector4f>(vector, on_error));
    const Snapshot none;
    INVALID(map<Eigen::Matrix3d>(none, on_error));
    const float number = 1;
    writer.write(&number, {});
    const Snapshot scalar = reader.latest();
    INVALID(map<Eigen::MatrixXf>(scalar, on_error));
    writer.write(&number, {1, 1, 1});
    const Snapshot cube = reader.latest();
    INVALID(map<Eigen::MatrixXf>(cube, on_error));
    ndsharray::Writer closed;
    INVALID(ndsharray::write(closed, matrix, {}, on_error));
    return 0;
}
