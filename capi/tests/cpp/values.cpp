/* Values go through a store and come back as they were, with what travels with them. It is compiled with and without exceptions. */

#include "check.hpp"

#include <array>
#include <csignal>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <sys/wait.h>
#include <thread>
#include <type_traits>
#include <vector>

using namespace std::chrono_literals;
using ndsharray::Error;
using ndsharray::Meta;
using ndsharray::Reader;
using ndsharray::Snapshot;
using ndsharray::Store;
using ndsharray::Time;
using ndsharray::View;
using ndsharray::Writer;

struct Point {
    float x, y;
};
template <> struct ndsharray::Dtype<Point> {
    static constexpr const char *text = "[('x', '<f4'), ('y', '<f4')]";
};
/* As Point, with another text for the same layout. */
struct Same {
    float x, y;
};
template <> struct ndsharray::Dtype<Same> {
    static constexpr const char *text = "[('x','float32'),('y','float32')]";
};
/* Its text describes 4 bytes. */
struct Short {
    float x, y;
};
template <> struct ndsharray::Dtype<Short> {
    static constexpr const char *text = "float32";
};
struct Nonsense {
    float x;
};
template <> struct ndsharray::Dtype<Nonsense> {
    static constexpr const char *text = "float33";
};

template <class T> constexpr bool moves_only = std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T> &&
                                               !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T>;
static_assert(moves_only<Store> && moves_only<Writer> && moves_only<Reader> && moves_only<ndsharray::Loan<float>>);
static_assert(std::is_nothrow_copy_constructible_v<Snapshot> && std::is_nothrow_move_constructible_v<Snapshot> &&
              std::is_copy_assignable_v<Snapshot> && std::is_move_assignable_v<Snapshot>);
static_assert(std::is_base_of_v<std::runtime_error, Error>);

template <class T> void one(Writer &writer, Reader &reader, nds_dtype code, T first, T second) {
    const T values[2] = {first, second};
    CHECK(writer.write(values, {2, 1}) == writer.version());
    const auto value = reader.read();
    CHECK(value && value->dtype_code() == code && value->dtype() == ndsharray::Dtype<T>::text);
    CHECK(value->itemsize() == sizeof(T) && value->nbytes() == 2 * sizeof(T) && value->ndim() == 2);
    const View<const T> view = value->template as<T>();
    CHECK(view.size() == 2 && !view.empty() && view.data() == value->data() && view.end() - view.begin() == 2);
    CHECK(std::memcmp(view.data(), values, sizeof values) == 0);
    CHECK(std::memcmp(&view(1, 0), &second, sizeof(T)) == 0 && &view(1, 0) == &view[1]);
    CHECK(value->template as<const T>().size() == 2);
    if constexpr (!std::is_same_v<T, float>) {
        EXPECT(NDS_WRONG_TYPE, value->template as<float>(on_error));
    } else {
        EXPECT(NDS_WRONG_TYPE, value->template as<std::uint32_t>(on_error));
    }
}

static void dtypes(const Store &store) {
    Writer writer = store.writer("dtypes");
    Reader reader = store.reader("dtypes");
    one<std::int8_t>(writer, reader, NDS_INT8, -1, 2);
    one<std::int16_t>(writer, reader, NDS_INT16, -1, 2);
    one<std::int32_t>(writer, reader, NDS_INT32, -1, 2);
    one<std::int64_t>(writer, reader, NDS_INT64, -1, 2);
    one<long>(writer, reader, NDS_INT64, -1, 2);
    one<long long>(writer, reader, NDS_INT64, -1, 2);
    one<std::uint8_t>(writer, reader, NDS_UINT8, 1, 2);
    one<std::uint16_t>(writer, reader, NDS_UINT16, 1, 2);
    one<std::uint32_t>(writer, reader, NDS_UINT32, 1, 2);
    one<std::uint64_t>(writer, reader, NDS_UINT64, 1, 2);
    one<ndsharray::Float16>(writer, reader, NDS_FLOAT16, {0x3c00}, {0xc000});
    one<float>(writer, reader, NDS_FLOAT32, 1.5f, -2);
    one<double>(writer, reader, NDS_FLOAT64, 1.5, -2);
    one<std::complex<float>>(writer, reader, NDS_COMPLEX64, {1, 2}, {3, 4});
    one<std::complex<double>>(writer, reader, NDS_COMPLEX128, {1, 2}, {3, 4});
    one<bool>(writer, reader, NDS_BOOL, true, false);
    one<Point>(writer, reader, NDS_OTHER_DTYPE, {1, 2}, {3, 4});
    const Snapshot points = reader.latest();
    CHECK(points.as<Point>()[1].y == 4 && points.as<Same>()[1].y == 4);
    INVALID(points.as<Short>(on_error));
    INVALID(points.as<Nonsense>(on_error));
    const Short wrong[1] = {};
    INVALID(writer.write(wrong, {1}, {}, on_error));
    INVALID(writer.write_strided(wrong, {1}, {8}, {}, on_error));
    INVALID(writer.loan<Short>({1}, on_error));
    const Nonsense none[1] = {};
    INVALID(writer.write(none, {1}, {}, on_error));
    /* The last value is as it was. */
    CHECK(!reader.has_changed(points));

    const unsigned char two = 2;
    const std::size_t length = 1;
    INVALID(writer.write(nds_array{&two, "bool", 1, &length, nullptr}, {}, on_error));
    writer.close();
    store.remove("dtypes");
}

/* A byte that is no bool, which no writer publishes, is put into the file by hand. */
static void damaged_bools(const Store &store) {
    Writer writer = store.writer("bools");
    bool values[64] = {};
    for (std::size_t i = 0; i < 64; ++i) {
        values[i] = (i * i / 3) % 2 == 1;
    }
    writer.write(values, {64});
    const Snapshot value = store.reader("bools").latest();
    CHECK(value.as<bool>()[63] == values[63]);
    std::fstream file(store.directory() + "/" + store.stat("bools").data_file, std::ios::in | std::ios::out | std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    const std::size_t at = bytes.find(std::string(reinterpret_cast<const char *>(values), 64));
    CHECK(at != std::string::npos);
    file.seekp(static_cast<std::streamoff>(at + 9)).put(2);
    file.close();
    EXPECT(NDS_WRONG_TYPE, value.as<bool>(on_error));
    CHECK(static_cast<const unsigned char *>(value.data())[9] == 2);
    writer.close();
    store.remove("bools");
}

static void shapes(const Store &store) {
    Writer writer = store.writer("shapes", [] { ndsharray::WriterOptions o; o.ephemeral = true; return o; }());
    Reader reader = store.reader("shapes");
    std::vector<int> numbers(24);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        numbers[i] = static_cast<int>(i);
    }
    const std::vector<std::size_t> dynamic = {2, 3, 4};
    const std::array<std::size_t, 2> fixed = {4, 6};
    CHECK(writer.write(numbers.data(), dynamic) == 1);
    const Snapshot cube = reader.latest();
    CHECK(cube.as<int>()(1, 2, 3) == 23 && cube.as<int>()(1, 0, 2) == 14 && cube.shape().size() == 3);
    CHECK(std::equal(dynamic.begin(), dynamic.end(), cube.shape().begin()));
    CHECK(writer.write(numbers.data(), fixed) == 2);
    CHECK(reader.latest().ndim() == 2 && reader.latest().shape()[1] == 6);
    CHECK(writer.write(numbers.data(), cube.shape()) == 3 && reader.latest().ndim() == 3);
    /* No axes: one element. No elements. */
    CHECK(writer.write(numbers.data() + 7, {}) == 4);
    const Snapshot scalar = reader.latest();
    CHECK(scalar.ndim() == 0 && scalar.as<int>()() == 7 && scalar.as<int>().size() == 1);
    CHECK(writer.write(static_cast<const int *>(nullptr), {3, 0}) == 5);
    const Snapshot none = reader.latest();
    CHECK(none.nbytes() == 0 && none.as<int>().empty() && none.shape()[0] == 3);
    INVALID(writer.write(numbers.data(), {SIZE_MAX, 2}, {}, on_error));
    INVALID(writer.write(static_cast<const int *>(nullptr), {3}, {}, on_error));

    /* Upside down, every second column. */
    CHECK(writer.write_strided(numbers.data() + 18, {4, 3}, {-24, 8}) == 6);
    const Snapshot turned = reader.latest();
    for (std::size_t row = 0; row < 4; ++row) {
        for (std::size_t column = 0; column < 3; ++column) {
            CHECK(turned.as<int>()(row, column) == static_cast<int>((3 - row) * 6 + 2 * column));
        }
    }
    INVALID(writer.write_strided(numbers.data(), {4, 3}, {24}, {}, on_error));
    INVALID(writer.write_strided(numbers.data(), {4, 3}, {PTRDIFF_MAX, 8}, {}, on_error));

    /* What came goes on. */
    CHECK(writer.write(turned.array()) == 7);
    CHECK(std::memcmp(reader.latest().data(), turned.data(), turned.nbytes()) == 0);

#ifdef __cpp_lib_span
    CHECK(writer.write(std::span(numbers), {4, 6}) == 8);
    CHECK(writer.write(std::span<const int>(numbers).first<6>(), {2, 3}) == 9);
    CHECK(writer.write(std::span(numbers).first(0), {2, 0}) == 10 && writer.write(std::span(numbers).first(1), {}) == 11);
    INVALID(writer.write(std::span(numbers), {4, 7}, {}, on_error));
    INVALID(writer.write(std::span(numbers), {5, 4}, {}, on_error));
    INVALID(writer.write(std::span(numbers), {4, 0}, {}, on_error));
    INVALID(writer.write(std::span(numbers).first(0), {2, 2}, {}, on_error));
    INVALID(writer.write(std::span(numbers), {SIZE_MAX, SIZE_MAX}, {}, on_error));
    const std::span<const int> span = cube.as<int>();
    CHECK(span.size() == 24 && span[23] == 23);
#endif
}

static void metas(const Store &store) {
    Writer writer = store.writer("meta");
    Reader reader = store.reader("meta");
    const double number = 1.5;
    const auto now = std::chrono::system_clock::now();
    const Time before = now;
    Meta meta;
    meta.attributes = "{\"gain\": 2}";
    meta.acquired_at = now;
    meta.source_written_at = Time(34ns);
    CHECK(writer.write(&number, {}, meta) == 1);
    Snapshot value = reader.read().value();
    CHECK(value.attributes() == "{\"gain\": 2}" && value.user_data() == "{\"gain\": 2}");
    CHECK(value.acquired_at() == before && value.source_written_at() == Time(34ns));
    CHECK(value.written_at() > before - 1h && value.age() >= 0ns && value.age() < 1h);
    CHECK(value.version() == 1 && !value.is_copy());

    const ndsharray::Stat stat = store.stat("meta");
    CHECK(stat.tag == "meta" && stat.source.empty() && stat.bytes > 0 && stat.pid == static_cast<unsigned>(getpid()));
    CHECK(stat.uid == getuid() && stat.mode == 0600 && stat.writer_alive && !stat.ephemeral);
    CHECK(stat.version == 1 && stat.dtype == "float64" && stat.dtype_code == NDS_FLOAT64 && stat.itemsize == 8);
    CHECK(stat.shape.empty() && stat.nbytes == 8 && stat.written_at == value.written_at() && stat.age >= 0ns);
    CHECK(stat.acquired_at == before && stat.source_written_at == Time(34ns) && stat.attributes == "{\"gain\": 2}");
    CHECK(stat.user_data == stat.attributes && stat.data_file.find("meta") == 0);
    CHECK(stat.slots_allocated >= 1 && stat.slots_pinned == 1 && stat.slot_capacity >= 8);

    meta = Meta();
    meta.user_data = std::string("a\0b", 3);
    CHECK(writer.write(&number, {}, meta) == 2);
    value = reader.read().value();
    CHECK(value.user_data() == std::string("a\0b", 3) && value.attributes().empty());
    CHECK(!value.acquired_at() && !value.source_written_at());
    CHECK(writer.write(&number, {}) == 3 && reader.read()->user_data().empty());

    meta.attributes = "{}";
    INVALID(writer.write(&number, {}, meta, on_error));
    meta.user_data.clear();
    meta.attributes = "no JSON";
    INVALID(writer.write(&number, {}, meta, on_error));
    meta.attributes = std::string("{}\0", 3);
    INVALID(writer.write(&number, {}, meta, on_error));
    meta.attributes.clear();
    meta.acquired_at = Time(-1ns);
    INVALID(writer.write(&number, {}, meta, on_error));
    meta.acquired_at.reset();
    meta.user_data.assign(2049, 'a');
    INVALID(writer.write(&number, {}, meta, on_error));
    CHECK(!reader.read());
    writer.close();
    store.remove("meta");
}

static void loans(const Store &store) {
    Writer writer = store.writer("loans");
    Reader reader = store.reader("loans");
    ndsharray::Loan<float> loan = writer.loan<float>({2, 3});
    View<float> view = loan.view();
    CHECK(loan && view.size() == 6 && view.data() == loan.data() && view.shape()[1] == 3);
    const float one = 1;
    EXPECT(NDS_BUSY, writer.write(&one, {}, {}, on_error));
    EXPECT(NDS_BUSY, writer.loan<float>({}, on_error));
    for (std::size_t i = 0; i < view.size(); ++i) {
        view[i] = static_cast<float>(i);
    }
    view(1, 2) = 50;
    INVALID(loan.set_meta({"no JSON", {}, {}, {}}, on_error));
    loan.set_meta({"{\"a\": 1}", {}, {}, {}});
    /* A view outlives a move of its loan. */
    ndsharray::Loan<float> moved = std::move(loan);
    CHECK(!loan && loan.view().empty() && view.shape()[0] == 2);
    CHECK(moved.publish() == 1 && !moved);
    const Snapshot value = reader.read().value();
    CHECK(value.as<float>()(1, 2) == 50 && value.as<float>()(1, 1) == 4 && value.attributes() == "{\"a\": 1}");
    INVALID(moved.publish(on_error));
    INVALID(moved.set_meta({}, on_error));
    { auto dropped = writer.loan<float>({1}); }
    writer.loan<float>({1}).abandon();
    CHECK(!reader.read() && writer.version() == 1);

    ndsharray::Loan<std::byte> bytes = writer.loan_bytes("<M8[s]", {2});
    CHECK(bytes.view().size() == 16 && bytes.view().shape().size() == 1 && bytes.view().shape()[0] == 16);
    std::memset(bytes.data(), 0, 16);
    CHECK(bytes.publish() == 2 && reader.read()->dtype() == "<M8[s]");
    INVALID(writer.loan_bytes("float33", {2}, on_error));
    INVALID(writer.loan_bytes(std::string("uint8\0", 6), {2}, on_error));
    writer.close();
    store.remove("loans");
}

static void readers(const Store &store) {
    ndsharray::WriterOptions options;
    options.ephemeral = true;
    options.history = 4;
    options.mode = 0640;
    options.capacity = 8192;
    options.source = "elsewhere";
    Writer writer = store.writer("line", options);
    Reader reader = store.reader("line", ndsharray::forever);
    CHECK(writer.tag() == "line" && reader.tag() == "line" && reader.writer_alive());
    const ndsharray::Stat stat = store.stat("line");
    CHECK(stat.ephemeral && stat.mode == 0640 && stat.source == "elsewhere" && stat.version == 0 && stat.shape.empty());
    EXPECT(NDS_BUSY, store.writer("line", {}, on_error));

    EXPECT(NDS_EMPTY, reader.latest(on_error));
    CHECK(!reader.read() && !reader.wait(0s) && !reader.wait(-5s) && !reader.wait(1.5ms) && !reader.wait_next(1us));
    CHECK(!reader.wait(std::chrono::steady_clock::now() + 1ms) && !reader.wait(std::chrono::system_clock::now() - 1h));
    CHECK(!reader.wait(std::chrono::steady_clock::time_point::min()));
    CHECK(!reader.nearest(Time(1ns)));
    /* Durations without end. */
    CHECK(ndsharray::Timeout(std::chrono::hours::max()).nanoseconds() == NDS_FOREVER);
    CHECK(ndsharray::Timeout(ndsharray::forever).nanoseconds() == NDS_FOREVER);
    CHECK(ndsharray::Timeout(std::chrono::duration<double>(1e300)).nanoseconds() == NDS_FOREVER);
    CHECK(ndsharray::Timeout(std::chrono::duration<double>(0.5)).nanoseconds() == 500000000);
    CHECK(ndsharray::Timeout(std::chrono::hours::min()).nanoseconds() == 0);
    CHECK(ndsharray::Timeout(1s).nanoseconds() == 1000000000);

    pollfd polled = {reader.fd(), POLLIN, 0};
    CHECK(polled.fd >= 0 && polled.fd == reader.fd() && poll(&polled, 1, 0) == 0);
    for (std::int64_t number = 1; number <= 4; ++number) {
        CHECK(writer.write(&number, {}, {{}, {}, Time(number * 1000ns), {}}) == static_cast<unsigned>(number));
    }
    CHECK(poll(&polled, 1, 60000) == 1);
    Reader every = reader.clone();
    for (std::int64_t number = 1; number <= 4; ++number) {
        const auto value = number % 2 ? every.read_next() : every.wait_next(60s);
        CHECK(value->as<std::int64_t>()[0] == number);
    }
    CHECK(!every.read_next() && every.missed() == 0);
    CHECK(reader.read()->version() == 4);
    CHECK(reader.nearest(Time(2100ns))->version() == 2);
    CHECK(reader.nearest(Time(2100ns), 200ns)->version() == 2 && !reader.nearest(Time(2100ns), 50ns));
    CHECK(reader.nearest(Time(-5ns))->version() == 1);

    Snapshot latest = reader.latest();
    CHECK(!reader.has_changed(latest) && reader.has_changed(Snapshot()));
    std::thread other([&] {
        for (std::int64_t number = 5; number <= 7; ++number) {
            writer.write(&number, {});
        }
    });
    other.join();
    CHECK(reader.has_changed(latest));
    const auto waited = reader.wait(ndsharray::forever);
    CHECK(waited->as<std::int64_t>()[0] == 7 && reader.missed() == 2);

    /* Copies hold the same value; it outlives all else. */
    Snapshot copy = *waited, moved = std::move(latest);
    CHECK(copy.data() == waited->data() && !latest && moved.version() == 4);
    latest = copy;
    const Snapshot &itself = latest;
    latest = itself;
    CHECK(latest.version() == 7);

    Writer right = store.writer("right", options);
    Reader right_reader = store.reader("right");
    const std::vector<Reader *> list = {&reader, &right_reader};
    CHECK(!ndsharray::wait_any({&reader, &right_reader}, 1ms) && !ndsharray::wait_any({}, ndsharray::forever));
    right.write(copy.array());
    CHECK(ndsharray::wait_any({&reader, &right_reader}, 60s) == 1u && ndsharray::wait_any(list, 60s) == 1u);
    INVALID(ndsharray::wait_any({&reader, &reader}, 0s, on_error));
    INVALID(ndsharray::wait_any({&reader, nullptr}, 0s, on_error));

    Writer taker;
    CHECK(!taker);
    options.takeover = true;
    taker = store.writer("line", options);
    const int number = 1;
    EXPECT(NDS_ENDED, writer.write(&number, {}, {}, on_error));
    writer.close();
    taker.close();
    CHECK(!reader.writer_alive());
    EXPECT(NDS_NOT_FOUND, store.reader("line", 0s, on_error));
    EXPECT(NDS_NOT_FOUND, store.reader("line", 1ms, on_error));
    reader.close();
    every.close();
    CHECK(copy.as<std::int64_t>()[0] == 7);
}

static void stores(const char *directory) {
    Store store = Store::open(directory);
    CHECK(store && store.directory() == directory && store.tags().empty() && ndsharray::library_version() == "2.0.0");
    Store moved = std::move(store);
    CHECK(!store && store.directory().empty() && moved.handle() != nullptr);
    store = std::move(moved);
    Writer left = store.writer("left"), right = store.writer("right");
    CHECK(store.tags() == std::vector<std::string>{"left", "right"});
    EXPECT(NDS_BUSY, (store.remove("left", on_error), 0));
    left.close();
    store.remove("left");
    store.force_remove("right");
    const int number = 1;
    EXPECT(NDS_ENDED, right.write(&number, {}, {}, on_error));
    CHECK(store.tags().empty());
    CHECK(store.gc_dry_run().removed.empty() && store.gc().bytes == 0);

    EXPECT(NDS_NOT_FOUND, Store::open("/no/such/directory", on_error));
    EXPECT(NDS_NOT_FOUND, store.stat("none", on_error));
    EXPECT(NDS_NOT_FOUND, (store.remove("none", on_error), 0));
    INVALID(store.writer("a/b", {}, on_error));
    /* A text of C would end there. */
    const std::string cut("left\0over", 9);
    ndsharray::WriterOptions options;
    options.source = cut;
    INVALID(Store::open(std::string("/tmp\0", 5), on_error));
    INVALID(store.writer(cut, {}, on_error));
    INVALID(store.writer("left", options, on_error));
    INVALID(store.reader(cut, 0s, on_error));
    INVALID(store.stat(cut, on_error));
    INVALID((store.remove(cut, on_error), 0));
    INVALID((store.force_remove(cut, on_error), 0));
    CHECK(store.tags().empty());
    setenv("NDSHARRAY_DIR", directory, 1);
    CHECK(Store::open().directory() == directory);
}

static void errors(const Store &store) {
    Error error;
    CHECK(!error && error.status() == NDS_OK && error.system_errno() == 0 && *error.what() == '\0');
    CHECK(!Store::open("/no/such/directory", error) && error && error.system_errno() == 0);
    CHECK(std::strstr(error.what(), "/no/such/directory") != nullptr);
    /* One that succeeds clears it. */
    Writer writer = store.writer("errors", {}, error);
    CHECK(writer && !error && error.status() == NDS_OK);
    CHECK(!store.reader("none", 0s, error) && error.status() == NDS_NOT_FOUND);
    const double number = 1;
    CHECK(writer.write(&number, {}, {}, error) == 1 && !error);
    Reader reader = store.reader("errors", 0s, error);
    CHECK(reader.read()->as<int>(error).empty() && error.status() == NDS_WRONG_TYPE);
    const Snapshot value = reader.latest(error);
    CHECK(!error && value.as<double>(error)[0] == 1 && !error);

    /* Empty handles. */
    Store no_store;
    Writer no_writer;
    Reader no_reader;
    const Snapshot no_value;
    INVALID(no_store.writer("a", {}, on_error));
    INVALID(no_store.reader("a", 0s, on_error));
    INVALID(no_store.tags(on_error));
    INVALID(no_store.gc(on_error));
    INVALID(no_writer.write(&number, {}, {}, on_error));
    INVALID(no_writer.loan<float>({}, on_error));
    INVALID(no_reader.read(on_error));
    INVALID(no_reader.latest(on_error));
    INVALID(no_reader.clone(on_error));
    INVALID(no_reader.fd(on_error));
    INVALID(no_reader.writer_alive(on_error));
    INVALID(no_value.as<float>(on_error));
    CHECK(no_reader.fd(error) == -1 && !no_value && no_value.dtype().empty() && no_value.nbytes() == 0);
    CHECK(no_value.shape().empty() && no_value.attributes().empty() && no_value.user_data().empty());
    CHECK(no_value.version() == 0 && no_value.data() == nullptr && no_value.written_at() == Time());
    CHECK(no_writer.tag().empty() && no_reader.tag().empty() && no_writer.version() == 0);
    writer.close();
    store.remove("errors");
}

/* Without exceptions and without an Error, a call that fails ends the process. */
static void ends() {
#ifndef __cpp_exceptions
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        /* It prints why: nobody needs to read that here. */
        close(STDERR_FILENO);
        Store::open("/no/such/directory");
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
#endif
}

int main(int count, char **arguments) {
    const char *directory = directory_of(count, arguments);
    ends();
    stores(directory);
    const Store store = Store::open(directory);
    dtypes(store);
    damaged_bools(store);
    shapes(store);
    metas(store);
    loans(store);
    readers(store);
    errors(store);
    return 0;
}
