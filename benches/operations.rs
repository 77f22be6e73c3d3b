//! What each operation costs, next to the copy that bounds it: `cargo bench`.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndsharray::Store;

const SIZES: [usize; 4] = [64, 64 << 10, 1280 * 720 * 3, 50 << 20];

fn operations(c: &mut Criterion) {
    let dir = tempfile::tempdir_in("/dev/shm").expect("a directory in /dev/shm");
    let store = Store::open(dir.path()).expect("a store");
    for size in SIZES {
        let data = vec![7_u8; size];
        let mut warm = vec![0_u8; size];
        let mut writer = store.writer("bench").expect("a writer");
        let mut group = c.benchmark_group("alone");
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::new("copy between warm buffers", size), |b| {
            b.iter(|| black_box(&mut warm).copy_from_slice(black_box(&data)));
        });
        group.bench_function(BenchmarkId::new("write_slice", size), |b| {
            b.iter(|| writer.write_slice(black_box(&data), &[size]).expect("a write"));
        });
        group.bench_function(BenchmarkId::new("loan and publish", size), |b| {
            b.iter(|| writer.loan::<u8>(&[size]).expect("a loan").publish().expect("a publish"));
        });
        let mut reader = store.reader("bench").expect("a reader");
        group.bench_function(BenchmarkId::new("view, unchanged", size), |b| {
            b.iter(|| black_box(reader.view().expect("a value").bytes()[0]));
        });
        group.bench_function(BenchmarkId::new("latest, unchanged", size), |b| {
            b.iter(|| black_box(reader.latest().expect("a value").bytes()[0]));
        });
        group.bench_function(BenchmarkId::new("read, nothing new", size), |b| {
            reader.read().expect("a value");
            b.iter(|| black_box(reader.read().expect("no error").is_none()));
        });
        group.finish();
    }
    let mut writer = store.writer("layout").expect("a writer");
    let data = vec![7_u8; 1 << 20];
    let mut turn = false;
    c.bench_function("alone/layout change that fits", |b| {
        b.iter(|| {
            turn = !turn;
            let shape: &[usize] = if turn { &[1 << 20] } else { &[1 << 10, 1 << 10] };
            writer.write_slice(black_box(&data), shape).expect("a write")
        });
    });
}

criterion_group!(benches, operations);
criterion_main!(benches);
