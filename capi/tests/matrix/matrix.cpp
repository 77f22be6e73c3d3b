/*
 * The side of C++ in the matrix.
 *   matrix write DIRECTORY CASES    writes each case under the tag of its number; the odd ones by a loan
 *   matrix read DIRECTORY CASES     prints what is under the tag of each case, in the form of the cases
 */

#include <ndsharray.hpp>

#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

std::vector<std::string> split(const std::string &text, char at) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, at);) {
        parts.push_back(part);
    }
    return parts;
}

std::string from_hex(const std::string &text) {
    std::string bytes;
    for (std::size_t at = 0; text != "-" && at < text.size(); at += 2) {
        bytes.push_back(static_cast<char>(std::stoi(text.substr(at, 2), nullptr, 16)));
    }
    return bytes;
}

std::string hex(const void *data, std::size_t size) {
    static const char digits[] = "0123456789abcdef";
    std::string text;
    for (std::size_t at = 0; at < size; ++at) {
        const unsigned byte = static_cast<const unsigned char *>(data)[at];
        text += {digits[byte / 16], digits[byte % 16]};
    }
    return text.empty() ? "-" : text;
}

std::optional<ndsharray::Time> time(const std::string &nanoseconds) {
    if (nanoseconds == "0") {
        return std::nullopt;
    }
    return ndsharray::Time(std::chrono::nanoseconds(std::stoll(nanoseconds)));
}

long long nanoseconds(const std::optional<ndsharray::Time> &time) {
    return time ? static_cast<long long>(time->time_since_epoch().count()) : 0;
}

void write(const ndsharray::Store &store, const std::vector<std::string> &columns) {
    std::vector<std::size_t> shape;
    for (const auto &axis : columns[2] == "-" ? std::vector<std::string>() : split(columns[2], ',')) {
        shape.push_back(std::stoul(axis));
    }
    const std::string data = from_hex(columns[3]);
    ndsharray::Meta meta;
    meta.attributes = columns[4] == "-" ? "" : columns[4];
    meta.user_data = from_hex(columns[5]);
    meta.acquired_at = time(columns[6]);
    meta.source_written_at = time(columns[7]);
    auto writer = store.writer(columns[0]);
    if (std::stoi(columns[0]) % 2 == 0) {
        writer.write(nds_array{data.data(), columns[1].c_str(), shape.size(), shape.data(), nullptr}, meta);
    } else {
        auto loan = writer.loan_bytes(columns[1], shape);
        if (!data.empty()) {
            std::memcpy(loan.data(), data.data(), loan.view().size());
        }
        loan.set_meta(meta);
        loan.publish();
    }
}

void read(const ndsharray::Store &store, const std::string &tag) {
    const auto value = store.reader(tag).latest();
    std::string shape;
    for (const std::size_t length : value.shape()) {
        shape += (shape.empty() ? "" : ",") + std::to_string(length);
    }
    const auto attributes = value.attributes();
    const auto user_data = attributes.empty() ? value.user_data() : std::string_view();
    std::cout << tag << '\t' << value.dtype() << '\t' << (shape.empty() ? "-" : shape) << '\t'
              << hex(value.data(), value.nbytes()) << '\t' << (attributes.empty() ? "-" : attributes) << '\t'
              << hex(user_data.data(), user_data.size()) << '\t' << nanoseconds(value.acquired_at()) << '\t'
              << nanoseconds(value.source_written_at()) << '\n';
}

} // namespace

int main(int count, char **arguments) {
    if (count != 4) {
        std::cerr << "usage: matrix write|read DIRECTORY CASES\n";
        return 2;
    }
    try {
        const auto store = ndsharray::Store::open(arguments[2]);
        std::ifstream cases(arguments[3]);
        for (std::string line; std::getline(cases, line);) {
            const auto columns = split(line, '\t');
            if (std::strcmp(arguments[1], "write") == 0) {
                write(store, columns);
            } else {
                read(store, columns.at(0));
            }
        }
    } catch (const std::exception &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
    return 0;
}
