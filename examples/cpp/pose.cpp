/*
 * Moves a point by the pose that is published under a tag, and publishes one first, so that it runs alone.
 *
 *   c++ -std=c++17 pose.cpp -o pose -I/usr/include/eigen3 -lndsharray && ./pose [TAG]
 */

#include <ndsharray_eigen.hpp>

#include <cstdio>

int main(int count, char **arguments) try {
    const std::string tag = count > 1 ? arguments[1] : "pose";
    const auto store = ndsharray::Store::open();
    ndsharray::WriterOptions options;
    options.ephemeral = true;
    auto writer = store.writer(tag, options);

    // Column after column in memory, as Eigen has it; other programs get rows and columns as they are.
    Eigen::Matrix4d pose = Eigen::Matrix4d::Identity();
    pose.topRightCorner<3, 1>() = Eigen::Vector3d(1, 2, 3);
    ndsharray::write(writer, pose);

    auto reader = store.reader(tag);
    const ndsharray::Snapshot value = reader.latest();
    const auto read = ndsharray::map<Eigen::Matrix4d>(value);
    const Eigen::Vector4d moved = read * Eigen::Vector4d(10, 20, 30, 1);
    std::printf("%g %g %g\n", moved.x(), moved.y(), moved.z());
} catch (const ndsharray::Error &error) {
    std::fprintf(stderr, "pose: %s\n", error.what());
    return 1;
}
